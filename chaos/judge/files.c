#include "chaos/judge/files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chaos/judge/tail.h"
#include "chaos/kill/memory.h"

#define PATH_SIZE 4096
#define TURN_BYTES 65536u /* of a file, at a time, if all is there already */

struct file {
    char *path, *node;
    enum judge_kind kind;
    struct judge_tail tail;
    uint32_t source;
    bool is_bad;
};

struct judge_files {
    struct judge *judge;
    char directory[PATH_SIZE];
    struct file *of;
    size_t len;
    uint64_t turns, turn; /* this much of every file; 0 turns = all */
    bool is_well;
    char *why;
};

struct judge_files *judge_files_new(struct judge *judge, const char *directory)
{
    struct judge_files *files = real_need(calloc(1, sizeof(*files)));

    files->judge = judge;
    (void)snprintf(files->directory, sizeof(files->directory), "%.2000s", directory);
    return files;
}

void judge_files_free(struct judge_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->len; i++) {
        judge_tail_free(&files->of[i].tail);
        free(files->of[i].path);
        free(files->of[i].node);
    }
    free(files->of);
    free(files);
}

/* --- Which there are --- */

/* As the archive has it. */
static const char *short_name(const struct judge_files *files, const char *path)
{
    return path + strlen(files->directory) + 1;
}

static void begin_source(struct judge_files *files, struct file *file)
{
    judge_tail_free(&file->tail);
    file->source = judge_source(files->judge, short_name(files, file->path), file->node, file->kind);
}

static void add(struct judge_files *files, const char *path, const char *node, enum judge_kind kind)
{
    for (size_t i = 0; i < files->len; i++)
        if (strcmp(files->of[i].path, path) == 0)
            return;
    files->of = real_need(realloc(files->of, (files->len + 1) * sizeof(*files->of)));
    files->of[files->len] =
        (struct file){.path = real_need(strdup(path)), .node = real_need(strdup(node)), .kind = kind};
    begin_source(files, &files->of[files->len++]);
}

static bool kind_of(const char *name, enum judge_kind *kind)
{
    *kind = fnmatch("history*.jsonl", name, 0) == 0 ? JUDGE_HISTORY : JUDGE_TRACE;
    return *kind == JUDGE_HISTORY || fnmatch("trace*.jsonl", name, 0) == 0 || fnmatch("audit*.jsonl", name, 0) == 0;
}

typedef void found_fn(struct judge_files *files, const char *path, const char *name, const char *node);

/* In the order of their names, so that an archive is read in one order. */
static void for_each(struct judge_files *files, const char *directory, const char *node, found_fn *found)
{
    struct dirent **entries;
    char path[PATH_SIZE];
    const int len = scandir(directory, &entries, NULL, alphasort);

    for (int i = 0; i < len; i++) {
        (void)snprintf(path, sizeof(path), "%.3000s/%s", directory, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            found(files, path, entries[i]->d_name, node);
        free(entries[i]);
    }
    if (len >= 0)
        free((void *)entries);
}

static void found_file(struct judge_files *files, const char *path, const char *name, const char *node)
{
    enum judge_kind kind;

    if (kind_of(name, &kind))
        add(files, path, node, kind);
}

static void found_node(struct judge_files *files, const char *path, const char *name, const char *node)
{
    (void)node;
    for_each(files, path, name, found_file);
}

static void found_trace(struct judge_files *files, const char *path, const char *name, const char *node)
{
    char own[256];
    const char *end = strstr(name, ".jsonl");

    (void)node;
    (void)snprintf(own, sizeof(own), "%.*s", end != NULL ? (int)(end - name) : 0, name);
    if (end != NULL && end[strlen(".jsonl")] == '\0')
        add(files, path, own, JUDGE_TRACE);
}

static void look_around(struct judge_files *files)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%.3000s/nodes", files->directory);
    for_each(files, path, NULL, found_node);
    (void)snprintf(path, sizeof(path), "%.3000s/" JUDGE_TRACES, files->directory);
    for_each(files, path, NULL, found_trace);
}

/* --- Reading --- */

struct reader {
    struct judge_files *files;
    struct file *file;
};

static void fail(struct judge_files *files, struct file *file, const char *why)
{
    file->is_bad = true;
    if (files->is_well)
        (void)snprintf(files->why, MEASURE_ERROR_SIZE, "%s", why);
    files->is_well = false;
}

static bool take(void *ctx, char *line)
{
    const struct reader *reader = ctx;
    char why[MEASURE_ERROR_SIZE];

    if (!judge_take(reader->files->judge, reader->file->source, line, why))
        fail(reader->files, reader->file, why);
    return !reader->file->is_bad && judge_violation(reader->files->judge) == NULL;
}

static uint64_t up_to(const struct judge_files *files, const struct file *file)
{
    struct stat now;

    if (files->turns == 0 || stat(file->path, &now) != 0)
        return UINT64_MAX;
    return (uint64_t)now.st_size * (files->turn + 1) / files->turns;
}

static void read_file(struct judge_files *files, struct file *file)
{
    struct reader reader = {files, file};
    char text[MEASURE_ERROR_SIZE];

    if (file->is_bad)
        return;
    if (judge_tail_is_another(&file->tail, file->path))
        begin_source(files, file);
    const int error = judge_tail_read(&file->tail, file->path, up_to(files, file), take, &reader);
    if (error != 0) {
        (void)snprintf(text, sizeof(text), "%.300s: %s", short_name(files, file->path), strerror(error));
        fail(files, file, text);
    }
}

bool judge_files_poll(struct judge_files *files, char why[MEASURE_ERROR_SIZE])
{
    files->is_well = true;
    files->why = why;
    look_around(files);
    for (size_t i = 0; i < files->len && judge_violation(files->judge) == NULL; i++)
        read_file(files, &files->of[i]);
    return files->is_well;
}

bool judge_files_all(struct judge_files *files, char why[MEASURE_ERROR_SIZE])
{
    struct stat now;
    bool is_well = true;

    look_around(files);
    files->turns = 1;
    for (size_t i = 0; i < files->len; i++)
        if (stat(files->of[i].path, &now) == 0 && (uint64_t)now.st_size / TURN_BYTES >= files->turns)
            files->turns = (uint64_t)now.st_size / TURN_BYTES + 1;
    for (files->turn = 0; files->turn < files->turns && is_well; files->turn++)
        is_well = judge_files_poll(files, why);
    files->turns = 0;
    return is_well;
}

/* --- What was found --- */

/* The line itself, or nothing if it cannot be read any more. */
static json_t *line_of(const struct judge_files *files, const struct judge_line *at)
{
    const char *name = judge_source_name(files->judge, at->source);
    char path[PATH_SIZE], *line = NULL;
    size_t size = 0;
    ssize_t len = 0;

    (void)snprintf(path, sizeof(path), "%.2000s/%.1000s", files->directory, name);
    FILE *file = fopen(path, "re");
    for (uint32_t i = 0; i < at->number && file != NULL && len >= 0; i++)
        len = getline(&line, &size, file);
    if (file != NULL)
        (void)fclose(file);
    while (len > 0 && line[len - 1] == '\n')
        line[--len] = '\0';
    json_t *text = len > 0 ? json_string(line) : NULL;
    json_t *found = real_need(
        json_pack("{s:s, s:i, s:o}", "file", name, "line", (int)at->number, "text", text != NULL ? text : json_null()));
    free(line);
    return found;
}

json_t *judge_files_violation(const struct judge_files *files)
{
    const struct judge_violation *violation = judge_violation(files->judge);
    json_t *lines = real_need(json_array());

    for (size_t i = 0; i < 2; i++)
        if (violation->lines[i].number > 0)
            (void)json_array_append_new(lines, line_of(files, &violation->lines[i]));
    return real_need(json_pack("{s:s, s:s, s:s, s:s, s:o}", "law", judge_law_word(violation->law), "invariant",
                               judge_law_invariant(violation->law), "what", judge_law_text(violation->law), "found",
                               violation->text, "lines", lines));
}
