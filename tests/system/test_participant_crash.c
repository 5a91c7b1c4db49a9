/* A participant dies at each of its store and send effects, comes back, and the outcome is what docs/faults.md demands.
 */
#include <criterion/criterion.h>

#include "crash.h"

TestSuite(participant_crash, .timeout = 60);

/* Runs one transaction of n services that kills s0 at `point`, starts it again, and checks outcome, books and life. */
static void crash(uint32_t n, const char *point, const char *last, int expected)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, n, NULL, point);
    commit_start(&cluster, &commit, last);
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    expect_crash_survived(&cluster, &commit, point, expected);
}

Test(participant_crash, F030_before_the_work)
{
    crash(2, "recv.before.PREPARE", "add", ABORT);
}

Test(participant_crash, F031_F032_work_done_not_prepared)
{
    crash(2, "store.before.PREPARE", "add", ABORT);
}

Test(participant_crash, F033_prepared_yes_not_sent)
{
    crash(2, "store.after.PREPARE", "add", ABORT);
    crash(2, "send.before.VOTE", "add", ABORT);
}

Test(participant_crash, F034_yes_sent_no_decision)
{
    crash(2, "send.after.VOTE", "add", COMMIT);
    crash(3, "send.after.VOTE", "add", COMMIT);
}

Test(participant_crash, F035_commit_received)
{
    crash(2, "recv.before.DECISION", "add", COMMIT);
    crash(2, "store.before.COMMIT", "add", COMMIT);
}

Test(participant_crash, F036_B05_in_mid_commit)
{
    crash(2, "store.mid.COMMIT", "add", COMMIT);
}

Test(participant_crash, F037_committed_ack_lost)
{
    crash(2, "store.after.COMMIT", "add", COMMIT);
    crash(2, "send.before.ACK", "add", COMMIT);
    crash(2, "send.after.ACK", "add", COMMIT);
}

/* An abort that overtakes the work ends it before the store has begun it (F050), and never meets the point: once more.
 */
static void crash_in_abort(const char *point)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, NULL, point);
    do {
        commit_start(&cluster, &commit, "refuse");
        cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    } while (!process_has_ended(&cluster.services[0]));
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 0);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(participant_crash, F038_abort_received)
{
    crash_in_abort("store.before.ABORT");
    crash_in_abort("store.after.ABORT");
}

Test(participant_crash, F015_one_phase)
{
    crash(1, "recv.before.COMMIT_ONE_PHASE", "add", ABORT);
    crash(1, "store.before.ONE_PHASE", "add", ABORT);
    crash(1, "store.after.ONE_PHASE", "add", COMMIT);
    crash(1, "send.before.ONE_PHASE_DONE", "add", COMMIT);
    crash(1, "send.after.ONE_PHASE_DONE", "add", COMMIT);
}

/* In doubt, and dead again at each step of finding out. */
Test(participant_crash, F040_B22_in_recovery_repeatedly)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, NULL, "send.after.VOTE");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.services[0]);
    static const char *const points[] = {"store.before.COMMIT", "store.mid.COMMIT", "store.after.COMMIT",
                                         "send.before.ACK"};
    for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        service_spawn(&cluster, 0, points[i]);
        process_wait_killed(&cluster.services[0]);
        if (i == 2)
            break; /* from here on the commit is durable: the next life acknowledges from its tombstone */
    }
    service_spawn(&cluster, 0, "send.before.ACK");
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* Coordinator and participant down together, back in both orders (F228). In doubt until both are up, then uniform. */
static void both_down(bool vowd_first)
{
    struct cluster cluster;
    struct commit commit;
    cluster_start(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    process_kill(&cluster.services[0]);
    cr_expect_eq(service_number(&cluster, 0, "SELECT count(*) FROM vow_lock") > 0, 1,
                 "the lock must outlive its process");
    if (vowd_first)
        vowd_start(&cluster, NULL);
    service_spawn(&cluster, 0, NULL);
    if (!vowd_first)
        vowd_start(&cluster, NULL);
    service_wait_ready(&cluster, 0);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(participant_crash, F228_both_down_coordinator_first)
{
    both_down(true);
}

Test(participant_crash, F228_both_down_participant_first)
{
    both_down(false);
}
