/* Files that are read while they are written. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/judge/files.h"
#include "chaos/kill/directory.h"

static char directory[64];
static struct judge *judge;
static struct judge_files *files;
static char why[MEASURE_ERROR_SIZE];

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void begin(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/judge-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(mkdir(path_of("nodes"), 0700), 0);
    cr_assert_eq(mkdir(path_of("nodes/stock"), 0700), 0);
    cr_assert_eq(mkdir(path_of("nodes/load"), 0700), 0);
    cr_assert_eq(mkdir(path_of("traces"), 0700), 0);
    judge = judge_new(false);
    files = judge_files_new(judge, directory);
}

static void end(void)
{
    judge_files_free(files);
    judge_free(judge);
    cr_assert_eq(real_directory_empty(directory), 0);
    cr_assert_eq(rmdir(directory), 0);
}

TestSuite(judge_files, .init = begin, .fini = end);

static void add(const char *name, const char *text, const char *mode)
{
    FILE *file = fopen(path_of(name), mode);

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

#define DECIDED "{\"t_us\":5,\"what\":\"decided\",\"id\":\"a\",\"outcome\":\"commit\"}\n"
#define ABORT "{\"t_us\":6,\"what\":\"applied\",\"id\":\"a\",\"outcome\":\"abort\"}\n"
#define COST "{\"t_us\":1,\"what\":\"parted\"}\n"
#define TOLD "{\"op\":1,\"due_us\":1,\"start_us\":1,\"end_us\":9,\"id\":\"a\",\"outcome\":\"aborted\"}\n"

/* A buffer of a client, or of a pipe, ends anywhere: the second half comes with the next look. */
Test(judge_files, half_a_line_at_the_end_of_a_look_is_read_with_its_other_half)
{
    for (size_t cut = 1; cut < strlen(DECIDED); cut++) {
        char half[128];
        (void)snprintf(half, sizeof(half), "%.*s", (int)cut, DECIDED);
        add("traces/vowd.jsonl", COST, "w");
        add("traces/vowd.jsonl", half, "a");
        cr_assert(judge_files_poll(files, why), "%s", why);
        add("traces/vowd.jsonl", &DECIDED[cut], "a");
        add("nodes/stock/trace-1.jsonl", ABORT, "w");
        cr_assert(judge_files_poll(files, why), "%s", why);
        cr_assert_not_null(judge_violation(judge), "cut behind %zu bytes", cut);
        cr_assert_eq(judge_violation(judge)->law, JUDGE_OUTCOME);
        cr_assert_eq(judge_lines(judge), 3);
        end();
        begin();
    }
}

Test(judge_files, what_shows_it_is_told_with_its_files_and_lines)
{
    add("traces/vowd.jsonl", COST DECIDED COST, "w");
    cr_assert(judge_files_poll(files, why), "%s", why);
    cr_assert_null(judge_violation(judge));
    add("nodes/load/history.jsonl", TOLD, "w");
    cr_assert(judge_files_poll(files, why), "%s", why);
    json_t *violation = judge_files_violation(files);
    const json_t *lines = json_object_get(violation, "lines");
    cr_expect_str_eq(json_string_value(json_object_get(violation, "law")), "told");
    cr_assert_eq(json_array_size(lines), 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(lines, 0), "file")), "traces/vowd.jsonl");
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(lines, 0), "line")), 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(lines, 1), "file")), "nodes/load/history.jsonl");
    cr_expect(strstr(json_string_value(json_object_get(json_array_get(lines, 0), "text")), "decided") != NULL);
    json_decref(violation);
}

/* The directory of a node may be emptied, or be an old copy. */
Test(judge_files, a_file_that_is_another_one_begins_anew)
{
    add("nodes/stock/trace.jsonl", COST COST ABORT, "w");
    cr_assert(judge_files_poll(files, why), "%s", why);
    cr_assert_eq(unlink(path_of("nodes/stock/trace.jsonl")), 0);
    cr_assert(judge_files_poll(files, why), "%s", why);
    add("nodes/stock/trace.jsonl", DECIDED, "w");
    cr_assert(judge_files_poll(files, why), "%s", why);
    cr_assert_not_null(judge_violation(judge));
    cr_expect_eq(judge_violation(judge)->lines[1].number, 1);
}

Test(judge_files, what_cannot_be_read_is_told_once_and_all_else_is_read)
{
    add("nodes/stock/trace.jsonl", "{\"what\":\"no such thing\",\"t_us\":1}\n" COST, "w");
    add("traces/vowd.jsonl", DECIDED ABORT, "w");
    cr_expect_not(judge_files_poll(files, why));
    cr_expect(strstr(why, "nodes/stock/trace.jsonl:1: ") != NULL, "%s", why);
    cr_expect(judge_files_poll(files, why));
    cr_expect_not_null(judge_violation(judge));
}

/* Online and after: the same files, the same words. */
Test(judge_files, an_archive_is_judged_as_the_run_was)
{
    FILE *decided = fopen(path_of("traces/vowd.jsonl"), "w"), *applied = fopen(path_of("traces/stock.jsonl"), "w");

    for (int i = 0; i < 3 * (int)JUDGE_STORIES_MAX; i++) {
        (void)fprintf(decided, "{\"t_us\":5,\"what\":\"decided\",\"id\":\"a%d\",\"outcome\":\"commit\"}\n", i);
        (void)fprintf(applied, "{\"t_us\":6,\"what\":\"applied\",\"id\":\"a%d\",\"outcome\":\"%s\"}\n", i,
                      i == 50000 ? "abort" : "commit");
    }
    (void)fclose(decided);
    (void)fclose(applied);
    cr_assert(judge_files_all(files, why), "%s", why);
    cr_assert_not_null(judge_violation(judge), "two files that do not fit into memory are read together");
    cr_expect_eq(judge_violation(judge)->law, JUDGE_OUTCOME);
}
