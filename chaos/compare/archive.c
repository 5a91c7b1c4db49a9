#include "chaos/compare/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/timeline.h"

#define PATH_SIZE 4096

struct archive {
    const char *directory;
    struct measure_run *run;
    size_t traces, histories;
    char *why;
};

static int fail(const struct archive *archive, const char *what, const char *text)
{
    (void)snprintf(archive->why, MEASURE_ERROR_SIZE, "%.300s: %.200s", what, text);
    return -1;
}

/* --- Files of a node --- */

typedef int read_fn(struct archive *archive, const char *node, FILE *file, const char *path);

static int read_trace(struct archive *archive, const char *node, FILE *file, const char *path)
{
    archive->traces++;
    return measure_read_trace(archive->run, node, file, path, archive->why);
}

static int read_history(struct archive *archive, const char *node, FILE *file, const char *path)
{
    (void)node;
    archive->histories++;
    return measure_read_history(archive->run, file, path, archive->why);
}

/* An auditor is a process with a trace of its own kind. */
static int read_audit(struct archive *archive, const char *node, FILE *file, const char *path)
{
    return measure_read_trace(archive->run, node, file, path, archive->why);
}

static read_fn *reader_of(const char *name)
{
    static const struct {
        const char *pattern;
        read_fn *read;
    } readers[] = {{"trace*.jsonl", read_trace}, {"history*.jsonl", read_history}, {"audit*.jsonl", read_audit}};

    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (fnmatch(readers[i].pattern, name, 0) == 0)
            return readers[i].read;
    return NULL;
}

static int read_file(struct archive *archive, const char *node, const char *path, read_fn *read)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fail(archive, path, strerror(errno));
    const int error = read(archive, node, file, path);
    (void)fclose(file);
    return error;
}

/* In the order of their names, so that the same archive gives the same numbers. */
static int for_each(struct archive *archive, const char *directory,
                    int (*do_it)(struct archive *archive, const char *path, const char *name, void *ctx), void *ctx)
{
    struct dirent **entries;
    char path[PATH_SIZE];
    int error = 0;
    const int len = scandir(directory, &entries, NULL, alphasort);

    if (len < 0)
        return fail(archive, directory, strerror(errno));
    for (int i = 0; i < len; i++) {
        (void)snprintf(path, sizeof(path), "%.3000s/%s", directory, entries[i]->d_name);
        if (error == 0 && entries[i]->d_name[0] != '.')
            error = do_it(archive, path, entries[i]->d_name, ctx);
        free(entries[i]);
    }
    free((void *)entries);
    return error;
}

static int take_file(struct archive *archive, const char *path, const char *name, void *ctx)
{
    read_fn *read = reader_of(name);

    return read != NULL ? read_file(archive, ctx, path, read) : 0;
}

static int take_node(struct archive *archive, const char *path, const char *name, void *ctx)
{
    char node[256];

    (void)ctx;
    (void)snprintf(node, sizeof(node), "%s", name);
    return for_each(archive, path, take_file, node);
}

/* --- The whole --- */

static int read_timeline(struct archive *archive, uint64_t zero_us)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/timeline.jsonl", archive->directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(archive, path, strerror(errno));
    const int error = measure_read_timeline(archive->run, zero_us, file, path, archive->why);
    (void)fclose(file);
    return error;
}

static json_t *read_verdict(struct archive *archive, uint64_t *zero_us)
{
    json_int_t zero = 0, took = 0;
    json_error_t error;
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/verdict.json", archive->directory);
    json_t *verdict = json_load_file(path, 0, &error);
    if (verdict == NULL || json_unpack_ex(verdict, &error, 0, "{s:I, s:I}", "zero_us", &zero, "took_us", &took) != 0) {
        json_decref(verdict);
        (void)fail(archive, path, error.text);
        return NULL;
    }
    *zero_us = (uint64_t)zero;
    archive->run->end_us = (uint64_t)(zero + took);
    return verdict;
}

static int read_all(struct archive *archive, uint64_t zero_us)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/nodes", archive->directory);
    if (read_timeline(archive, zero_us) != 0 || for_each(archive, path, take_node, NULL) != 0)
        return -1;
    if (archive->histories == 0 || archive->run->ops_len == 0)
        return fail(archive, path, "no load has left a history: nothing can be measured");
    if (archive->traces == 0)
        return fail(archive, path, "no node has left a trace: nothing can be measured; see VOW_TRACE");
    return 0;
}

int compare_archive_read(const char *directory, struct measure_run *run, json_t **verdict, char why[MEASURE_ERROR_SIZE])
{
    struct archive archive = {.directory = directory, .run = run, .why = why};
    uint64_t zero_us = 0;

    *verdict = read_verdict(&archive, &zero_us);
    if (*verdict == NULL)
        return -1;
    const int error = read_all(&archive, zero_us);
    measure_run_settle(run);
    if (error == 0)
        return 0;
    json_decref(*verdict);
    *verdict = NULL;
    return -1;
}
