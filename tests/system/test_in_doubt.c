/* A coordinator that starts with very much, or with something hopeless, in doubt: the rest goes on. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kit.h"

TestSuite(in_doubt, .timeout = 240);

static struct run run;

static json_int_t figure(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    cr_assert(json_is_integer(value), "no %s", key);
    return json_integer_value(value);
}

/* vow-bench makes the files of a coordinator and two participants that died, starts them, and reads the rows. */
Test(in_doubt, F028_all_are_resolved_and_each_branch_commits_once)
{
    const char *argv[] = {VOW_BIN "/vow-bench", "--in-doubt", "2000", "--json", NULL};
    run_program(&run, argv);
    cr_assert_eq(run.status, 0, "exit status %d: %s", run.status, run.err);
    json_t *row = json_loads(run.out, 0, NULL);
    cr_assert_not_null(row, "%s", run.out);
    cr_expect_eq(figure(row, "in_doubt"), 2000);
    cr_expect_eq(figure(row, "committed_rows"), 4000);
    cr_expect_eq(figure(row, "wrong_rows"), 0);
    json_decref(row);
}

/* ---- what never ends ---- */

/* Asks vowctl until its answer has the word; what it waits for comes with time. */
static void wait_for_list(const struct cluster *cluster, const char *filter, const char *word)
{
    const char *argv[] = {VOW_BIN "/vowctl", "--coordinator", cluster->address, "list", filter, NULL};
    do {
        run_program(&run, argv);
        cr_assert_eq(run.status, 0, "%s", run.err);
    } while (strstr(run.out, word) == NULL);
}

static void wait_for_log(const struct cluster *cluster, const char *word, const char *other)
{
    bool is_there = false;
    while (!is_there) {
        char *log = cluster_log(cluster);
        is_there = lines_with(log, word, other) > 0;
        free(log);
    }
}

/* One participant never comes back, its transaction never ends: it stands in the list and in the log, over restarts,
 * and all the others go on (B36: one bad transaction stopped the start of the whole manager). */
Test(in_doubt, F027_B36_B17_one_that_never_ends_stops_nobody)
{
    struct cluster cluster;
    char id[VOW_GTRID_TEXT_SIZE];
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 3, NULL, STRAND_AT);
    struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    for (int restarts = 0; restarts < 2; restarts++) {
        process_kill(&cluster.vowd);
        vowd_start(&cluster, NULL);
        for (int i = 0; i < 3; i++) {
            struct vow_call calls[] = {{"s1", "add", "", 0}, {"s2", "add", "", 0}};
            struct vow_result result = {.outcome = VOW_ABORTED};
            while (result.outcome != VOW_COMMITTED)
                cr_assert_eq(vow_commit(cluster.client, calls, 2, &result), 0);
        }
    }
    wait_for_list(&cluster, "--stuck", id);
    wait_for_log(&cluster, "decided transactions do not come to an end", id);
    wait_for_log(&cluster, "decided transactions do not come to an end", "participant=s0");
    service_start(&cluster, 0, NULL);
    wait_for_log(&cluster, "nothing_is_stuck", "");
    cluster_end(&cluster);
}

/* ---- other formats ---- */

static void alter_journal(const struct cluster *cluster, const char *sql)
{
    char path[160];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/vowd/journal.db", cluster->directory);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A journal that an older program left, with a decision that a participant has not heard: the same outcome. One of a
 * newer program is left alone, and its transactions with it. */
Test(in_doubt, F026_other_formats_with_a_transaction_in_doubt)
{
    struct cluster cluster;
    char data[160];
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    cluster_strand(&cluster);
    cr_assert_eq(process_end(&cluster.vowd), 3, "it is left open");
    alter_journal(&cluster, "PRAGMA user_version = 7");
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    const char *argv[] = {VOW_BIN "/vowd", "--data", data, "--listen", "127.0.0.1:0", "--http", "off", NULL};
    run_program(&run, argv);
    cr_assert_eq(run.status, 1);
    cr_assert_not_null(strstr(run.err, "use the version that wrote it"), "%s", run.err);
    alter_journal(&cluster, "DROP TABLE open; DROP TABLE snapshot; DROP TABLE life; PRAGMA user_version = 1");
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* ---- no space ---- */

/* Runs transactions until one is refused; none may end in any other way. The time is for what hangs, not for what is
 * slow. */
static void commit_until_busy(const struct cluster *cluster)
{
    struct vow_client *client;
    struct vow_call calls[] = {{"s0", "add", "", 0}, {"s1", "add", "", 0}};
    struct vow_result result;
    struct vow_client_options options = {.size = sizeof(options), .coordinator = cluster->address, .timeout_ms = 60000};
    int error = 0;
    cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
    while (error == 0) {
        error = vow_commit(client, calls, 2, &result);
        cr_assert(error != 0 || result.outcome == VOW_COMMITTED || result.outcome == VOW_ABORTED, "outcome %d",
                  (int)result.outcome);
    }
    cr_assert_eq(error, VOW_E_BUSY, "%s", vow_error_name(error));
    vow_client_close(client);
}

/* A limit on the size of files is a full disk as well, and one that a test can set. New work is refused before a record
 * could fail: vowd goes on, what is in flight ends, and with space all goes on. */
Test(in_doubt, F100_F103_new_work_is_refused_while_space_is_low)
{
    struct cluster cluster;
    struct rlimit limit, all;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    limit = (struct rlimit){.rlim_cur = (32u << 20) + (256u << 10), .rlim_max = all.rlim_max};
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cluster_run(&cluster, 2, NULL, NULL);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    commit_until_busy(&cluster);
    wait_for_log(&cluster, "space_is_low", "");
    run_program(&run, (const char *const[]){VOW_BIN "/vowctl", "--coordinator", cluster.address, "status", NULL});
    cr_expect_eq(lines_with(run.out, "limit ", "space_min 33554432:"), 1, "%s", run.out);
    cr_expect_eq(lines_with(run.out, "limit ", "txns_max") + lines_with(run.out, "limit ", "branches_max"), 0, "%s",
                 run.out);
    cr_assert_eq(process_end(&cluster.vowd), 0, "nothing is left open");
    vowd_start(&cluster, NULL);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}
