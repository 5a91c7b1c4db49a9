/* The traces of all processes of a cluster, put together: what happened before what (docs/trace.md). */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

TestSuite(trace, .timeout = 60);

#define LINES_MAX 4096

struct line {
    char node[16]; /* whose file it is in */
    int64_t t_us;
    char what[16], id[VOW_GTRID_TEXT_SIZE], key[80], outcome[16];
    int64_t found;
};
static struct line lines[LINES_MAX];
static size_t lines_len;

static void take(const json_t *row, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(row, key));
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

/* Each line is whole, and JSON. */
static void read_trace(const struct cluster *cluster, const char *node)
{
    char path[160], text[2048];
    (void)snprintf(path, sizeof(path), "%s/%s.trace", cluster->directory, node);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    while (fgets(text, sizeof(text), file) != NULL) {
        struct line *line = &lines[lines_len++];
        json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(row, "%s: %s", path, text);
        cr_assert_lt(lines_len, LINES_MAX);
        (void)snprintf(line->node, sizeof(line->node), "%s", node);
        line->t_us = json_integer_value(json_object_get(row, "t_us"));
        line->found = json_integer_value(json_object_get(row, "found"));
        take(row, "what", line->what, sizeof(line->what));
        take(row, "id", line->id, sizeof(line->id));
        take(row, "key", line->key, sizeof(line->key));
        take(row, "outcome", line->outcome, sizeof(line->outcome));
        cr_assert_gt(line->t_us, 0);
        cr_assert_neq(line->what[0], '\0');
        json_decref(row);
    }
    (void)fclose(file);
}

static void read_all(const struct cluster *cluster)
{
    lines_len = 0;
    read_trace(cluster, "vowd");
    for (uint32_t i = 0; i < cluster->services_len; i++) {
        char node[16];
        (void)snprintf(node, sizeof(node), "s%u", i);
        read_trace(cluster, node);
    }
}

/* The only one of this kind. */
static const struct line *find(const char *node, const char *what, const char *id)
{
    const struct line *found = NULL;
    for (size_t i = 0; i < lines_len; i++)
        if (strcmp(lines[i].node, node) == 0 && strcmp(lines[i].what, what) == 0 && strcmp(lines[i].id, id) == 0) {
            cr_assert_null(found, "%s says %s of %s twice", node, what, id);
            found = &lines[i];
        }
    cr_assert_not_null(found, "%s does not say %s of %s", node, what, id);
    return found;
}

/* The first of this kind. */
static const struct line *first(const char *node, const char *what)
{
    size_t i = 0;
    while (i < lines_len && (strcmp(lines[i].node, node) != 0 || strcmp(lines[i].what, what) != 0))
        i++;
    cr_assert_lt(i, lines_len, "%s does not say %s", node, what);
    return &lines[i];
}

static void expect_order(const struct line *first, const struct line *then)
{
    cr_assert_leq(first->t_us, then->t_us, "%s of %s is after %s of %s", first->what, first->node, then->what,
                  then->node);
}

/* Starts a cluster with traces. */
static void traced(struct cluster *cluster, uint32_t services, const char *vowd_crash, const char *service_crash)
{
    cluster_init(cluster);
    cluster->keeps_traces = true;
    cluster_run(cluster, services, vowd_crash, service_crash);
}

/* Ends all processes, so that their traces are whole. */
static void end_all(struct cluster *cluster)
{
    cr_assert_eq(process_end(&cluster->vowd), 0);
    for (uint32_t i = 0; i < cluster->services_len; i++)
        cr_assert_eq(process_end(&cluster->services[i]), 0);
}

/* A participant's own part: it takes, votes, hears, carries out, frees. */
static void expect_branch(const char *node, const char *id)
{
    expect_order(find(node, "lock", id), find(node, "yes", id));
    expect_order(find("vowd", "begin", id), find(node, "lock", id));
    expect_order(find(node, "yes", id), find("vowd", "decided", id));
    expect_order(find("vowd", "decided", id), find(node, "applied", id));
    expect_order(find(node, "applied", id), find(node, "free", id));
    expect_order(find(node, "applied", id), find("vowd", "ended", id));
    cr_assert_str_eq(find(node, "lock", id)->key, "counter/1");
    cr_assert_str_eq(find(node, "free", id)->key, "counter/1");
    cr_assert_str_eq(find(node, "applied", id)->outcome, "commit");
}

Test(trace, a_commit_happens_in_the_order_of_the_rules)
{
    struct cluster cluster;
    static struct commit commit;
    char id[VOW_GTRID_TEXT_SIZE];
    traced(&cluster, 2, NULL, NULL);
    commit_start(&cluster, &commit, "add");
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    end_all(&cluster);
    read_all(&cluster);
    vow_gtrid_to_text(&commit.result.id, id);
    expect_branch("s0", id);
    expect_branch("s1", id);
    cr_assert_str_eq(lines[0].what, "life");
    cluster_end(&cluster);
}

Test(trace, an_abort_is_decided_when_it_is_made)
{
    struct cluster cluster;
    static struct commit commit;
    char id[VOW_GTRID_TEXT_SIZE];
    traced(&cluster, 2, NULL, NULL);
    commit_start(&cluster, &commit, "refuse");
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cluster_expect_counters(&cluster, 0);
    end_all(&cluster);
    read_all(&cluster);
    vow_gtrid_to_text(&commit.result.id, id);
    cr_assert_str_eq(find("vowd", "decided", id)->outcome, "abort");
    expect_order(find("vowd", "begin", id), find("vowd", "decided", id));
    expect_order(find("vowd", "decided", id), find("vowd", "ended", id));
    cluster_end(&cluster);
}

/* It dies with its YES sent (F034): what others have heard of is in its trace, and its next life tells what it found.
 */
Test(trace, F034_a_participant_that_dies_prepared_has_told_its_yes)
{
    struct cluster cluster;
    static struct commit commit;
    char id[VOW_GTRID_TEXT_SIZE];
    traced(&cluster, 2, NULL, "send.after.VOTE");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    end_all(&cluster);
    read_all(&cluster);
    vow_gtrid_to_text(&commit.result.id, id);
    expect_order(find("s0", "yes", id), find("vowd", "decided", id));
    expect_order(find("s0", "yes", id), find("s0", "found", id));
    expect_order(find("s0", "found", id), find("s0", "applied", id));
    expect_order(find("s0", "applied", id), find("s0", "free", id));
    expect_order(first("vowd", "parted"), find("s0", "applied", id));
    cluster_end(&cluster);
}

/* Dead with the decision on disk (F008): the next life has found it. */
Test(trace, F008_a_decision_that_outlives_its_coordinator_is_told_as_found)
{
    struct cluster cluster;
    static struct commit commit;
    char id[VOW_GTRID_TEXT_SIZE];
    traced(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    end_all(&cluster);
    read_all(&cluster);
    vow_gtrid_to_text(&commit.result.id, id);
    cr_assert_eq(find("vowd", "decided", id)->found, 1);
    expect_order(find("vowd", "decided", id), find("s1", "applied", id));
    expect_order(first("s0", "parted"), find("s0", "applied", id));
    expect_order(first("s1", "parted"), find("s1", "applied", id));
    cluster_end(&cluster);
}

static void expect_not_started(const char *const argv[], const char *path, int status)
{
    static struct run run;
    setenv("VOW_TRACE", "/nowhere/at/all", 1);
    run_program(&run, argv);
    unsetenv("VOW_TRACE");
    cr_assert_eq(run.status, status, "%s ends with %d: %s", path, run.status, run.err);
    cr_assert_not_null(strstr(run.err, "VOW_TRACE=/nowhere/at/all: No such file or directory"), "%s: %s", path,
                       run.err);
}

Test(trace, a_bad_path_is_an_error_at_the_start)
{
    struct cluster cluster;
    char data[160], file[160];
    cluster_init(&cluster);
    (void)snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    (void)snprintf(file, sizeof(file), "%s/s0.db", cluster.directory);
    const char *const vowd[] = {VOW_BIN "/vowd", "--listen", "127.0.0.1:0", "--http", "off", "--data", data, NULL};
    const char *const service[] = {VOW_TESTS_BIN "/test-service", "s0", file, "127.0.0.1:1", NULL};
    expect_not_started(vowd, vowd[0], 1);
    expect_not_started(service, service[0], 1);
    cluster_end(&cluster);
}
