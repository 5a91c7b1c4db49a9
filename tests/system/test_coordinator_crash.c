/*
 * The coordinator dies at each of its log and send effects, comes back, and the outcome is what docs/faults.md demands.
 * Test names carry the fault's number.
 */
#include <criterion/criterion.h>

#include "crash.h"

TestSuite(coordinator_crash, .timeout = 60);

/* Runs one transaction of n services that kills vowd at `point`, starts it again, and checks outcome, books and life.
 */
static void crash(uint32_t n, const char *point, const char *last, int expected)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, n, point, NULL);
    commit_start(&cluster, &commit, last);
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    expect_crash_survived(&cluster, &commit, point, expected);
}

/* A client whose request was never begun sends it again: either end is right, as long as it is one. */
Test(coordinator_crash, F001_after_accept_before_begin)
{
    crash(2, "recv.before.COMMIT_REQUEST", "add", EITHER);
}

Test(coordinator_crash, F002_begun_in_memory)
{
    crash(2, "send.before.PREPARE", "add", ABORT);
}

Test(coordinator_crash, F003_F004_prepare_sent_to_some)
{
    crash(2, "send.after.PREPARE", "add", ABORT);
    crash(3, "send.after.PREPARE@2", "add", ABORT);
}

Test(coordinator_crash, F004_prepare_sent_to_all)
{
    crash(2, "send.after.PREPARE@2", "add", ABORT);
}

Test(coordinator_crash, F005_some_yes)
{
    crash(2, "recv.after.VOTE", "add", ABORT);
    crash(3, "recv.after.VOTE@2", "add", ABORT);
}

Test(coordinator_crash, F006_all_yes_before_the_commit_write)
{
    crash(2, "log.before.COMMIT", "add", ABORT);
    crash(5, "log.before.COMMIT", "add", ABORT);
}

Test(coordinator_crash, F007_B03_inside_the_commit_write)
{
    crash(2, "journal.before.LOG_SYNC@2", "add", EITHER);
    crash(2, "journal.before.WITNESS_SYNC@2", "add", EITHER);
}

Test(coordinator_crash, F008_B14_commit_durable_nothing_sent)
{
    crash(2, "log.after.COMMIT", "add", COMMIT);
    crash(2, "send.before.OUTCOME", "add", COMMIT);
}

Test(coordinator_crash, F009_B02_B34_B37_commit_sent_to_some)
{
    crash(2, "send.after.COMMIT", "add", COMMIT);
    crash(3, "send.after.COMMIT@2", "add", COMMIT);
}

Test(coordinator_crash, F009_commit_about_to_be_sent)
{
    crash(2, "send.before.COMMIT", "add", COMMIT);
    crash(3, "send.before.COMMIT@3", "add", COMMIT);
}

Test(coordinator_crash, F010_client_told_phase_two_not_started)
{
    crash(2, "send.after.OUTCOME", "add", COMMIT);
}

Test(coordinator_crash, F011_all_acknowledged_before_end)
{
    crash(2, "recv.after.ACK", "add", COMMIT);
    crash(2, "log.before.END", "add", COMMIT);
    crash(2, "log.after.END", "add", COMMIT);
}

/* A start checkpoints the log: dying around that loses no decision. */
Test(coordinator_crash, F012_B08_around_a_checkpoint)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, "journal.before.CHECKPOINT");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, "journal.after.CHECKPOINT");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(coordinator_crash, F013_in_recovery_three_times)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    static const char *const points[] = {"send.before.COMMIT", "send.after.COMMIT", "recv.before.ACK",
                                         "log.before.END"};
    for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        vowd_start(&cluster, points[i]);
        process_wait_killed(&cluster.vowd);
    }
    vowd_start(&cluster, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(coordinator_crash, F014_after_a_no_vote)
{
    crash(2, "send.before.ABORT", "refuse", ABORT);
    crash(2, "send.after.ABORT", "refuse", ABORT);
}

/* All refuse, so that the first vote is a NO in whatever order they come. */
Test(coordinator_crash, F014_right_after_the_no_came)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, "recv.after.VOTE", NULL);
    commit_start_all(&cluster, &commit, "refuse");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

/* The participant owns the outcome: whatever it did is what the client hears. */
Test(coordinator_crash, F015_B29_B50_one_phase)
{
    crash(1, "send.before.COMMIT_ONE_PHASE", "add", EITHER);
    crash(1, "send.after.COMMIT_ONE_PHASE", "add", EITHER);
    crash(1, "recv.before.ONE_PHASE_DONE", "add", EITHER);
    crash(1, "send.before.OUTCOME", "add", EITHER);
    crash(1, "send.before.FORGET", "add", EITHER);
}

/* A read-only voter hears nothing more, and its locks are free. */
Test(coordinator_crash, F016_with_a_read_only_voter)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "look");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    while (service_number(&cluster, 0, "SELECT value FROM counter") != 1)
        continue;
    cr_expect_eq(service_number(&cluster, 1, "SELECT count(*) FROM vow_branch"), 0);
    cr_expect_eq(service_number(&cluster, 1, "SELECT value FROM counter"), 0);
    cluster_end(&cluster);
}
