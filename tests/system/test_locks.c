/* Rows of prepared branches, against other programs and other transactions, with real processes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

#define SHELL "/usr/bin/sqlite3"

TestSuite(locks, .timeout = 120);

static void shell(const struct cluster *cluster, const char *sql, struct run *run)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/s0.db", cluster->directory);
    const char *const argv[] = {SHELL, "-batch", path, ".timeout 60000", sql, NULL};
    run_program(run, argv);
}

static void expect_locked(const struct cluster *cluster, const char *sql)
{
    struct run run;
    shell(cluster, sql, &run);
    cr_expect_neq(run.status, 0, "%s", sql);
    cr_expect_not_null(strstr(run.err, "VOW_LOCKED"), "%s: %s", sql, run.err);
}

static void expect_done(const struct cluster *cluster, const char *sql)
{
    struct run run;
    shell(cluster, sql, &run);
    cr_expect_eq(run.status, 0, "%s: %s", sql, run.err);
}

/* vowd dies with the decision on its disk and has told nobody: both services hold their row. */
Test(locks, the_sqlite3_shell_cannot_change_a_held_row_and_can_once_the_branch_has_ended)
{
    struct cluster cluster;
    struct commit commit;
    if (access(SHELL, X_OK) != 0)
        cr_skip_test("no " SHELL " here");
    cluster_start(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    expect_locked(&cluster, "UPDATE counter SET value = 99");
    expect_locked(&cluster, "DELETE FROM counter WHERE id = 1");
    expect_locked(&cluster, "INSERT OR REPLACE INTO counter VALUES (1, 99)");
    expect_done(&cluster, "INSERT INTO counter VALUES (2, 5); DELETE FROM counter WHERE id = 2");
    /* Not by a restart of the service either. */
    process_kill(&cluster.services[0]);
    expect_locked(&cluster, "UPDATE counter SET value = 99");
    service_spawn(&cluster, 0, NULL);
    vowd_start(&cluster, NULL);
    service_wait_ready(&cluster, 0);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    expect_done(&cluster, "UPDATE counter SET value = value + 0 WHERE id = 1");
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* All want the same rows of both services at once. On a slow machine one may be refused, but for nothing else. */
Test(locks, transactions_on_one_row_wait_for_each_other)
{
    enum { COMMITS = 6 };
    struct cluster cluster;
    static struct commit commits[COMMITS];
    int64_t committed = 0;
    cluster_start(&cluster, 2, NULL, NULL);
    for (int i = 0; i < COMMITS; i++)
        commit_start(&cluster, &commits[i], "add");
    for (int i = 0; i < COMMITS; i++) {
        const bool is_committed = commit_wait(&cluster, &commits[i]) == VOW_COMMITTED;
        committed += is_committed;
        cr_expect(is_committed || commits[i].result.cause == VOW_CAUSE_LOCK_CONFLICT, "%d: %s %s", i,
                  vow_cause_name((int)commits[i].result.cause), commits[i].result.text);
    }
    cr_expect_gt(committed, 0);
    cluster_expect_counters(&cluster, committed);
    cluster_end(&cluster);
}
