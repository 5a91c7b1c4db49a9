/* The participant's driver, with the store that keeps nothing. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "participant/participant_internal.h"
#include "service.h"

TestSuite(participant, .timeout = 60);

static int accept_all(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)db, (void)payload, (void)len, (void)ctx;
    return 0;
}

Test(participant, it_says_who_it_is)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    cr_assert_eq(fake->hello.role, VOW_ROLE_PARTICIPANT);
    cr_assert_neq(fake->hello.incarnation, 0);
    cr_assert_eq(fake->hello.coord, 0, "it has met no coordinator");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant, a_branch_is_prepared_and_committed)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    struct vow_gtrid id = service_id(fake, 1);
    struct vow_participant_stats stats;
    const struct heard *vote;

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    vote = service_vote(fake, &id, "take", "apple", VOW_VOTE_YES);
    cr_assert_eq(vote->msg.vote.header.incarnation, fake->hello.incarnation);
    cr_assert_eq(vote->msg.vote.header.epoch, fake->epoch);
    service_commit(fake, &id);
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_eq(stats.prepared, 1);
    cr_assert_geq(stats.store_commits, 2);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant, many_branches_of_one_turn_share_a_batch)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    const unsigned branches = 200;
    struct vow_participant_stats stats;

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    for (unsigned i = 1; i <= branches; i++) {
        struct vow_gtrid id = service_id(fake, i);

        service_prepare(fake, &id, "take", "apple");
    }
    for (unsigned i = 1; i <= branches; i++)
        fake_hear(fake, VOW_MSG_VOTE);
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_lt(stats.store_commits, branches / 2);
    vow_participant_close(participant);
    fake_close(fake);
}

/* The numbers may become more: a caller compiled with other headers has a smaller or a larger struct. */
Test(participant, stats_are_written_as_far_as_the_caller_has_room)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    struct {
        struct vow_participant_stats stats;
        unsigned char beyond[8];
    } newer;
    struct vow_participant_stats *older = &newer.stats;
    const unsigned char nothing[sizeof(newer.beyond)] = {0};

    memset(&newer, 0x5a, sizeof(newer));
    vow_participant_stats(participant, older, offsetof(struct vow_participant_stats, in_doubt));
    cr_assert_eq(older->one_phase, 0);
    cr_assert_eq(older->in_doubt, 0x5a5a5a5a5a5a5a5a, "written where an older caller has something else");
    vow_participant_stats(participant, &newer.stats, sizeof(newer));
    cr_assert_eq(newer.stats.in_doubt, 0);
    cr_assert_arr_eq(newer.beyond, nothing, sizeof(nothing), "what only a newer caller knows is not zero");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant, after_a_lost_connection_a_prepared_branch_asks)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    struct vow_gtrid id = service_id(fake, 1);

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    service_vote(fake, &id, "take", "apple", VOW_VOTE_YES);
    fake_restart(fake);
    cr_assert(vow_gtrid_equal(&fake_hear(fake, VOW_MSG_INQUIRY)->id, &id));
    cr_assert_eq(fake->hello.coord, FAKE_COORD);
    cr_assert_eq(fake->hello.epoch, fake->epoch - 1, "the highest epoch it had seen");
    service_commit(fake, &id);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant, it_is_closed_with_work_under_way)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    for (unsigned i = 1; i <= 100; i++) {
        struct vow_gtrid id = service_id(fake, i);

        service_prepare(fake, &id, "take", "apple");
    }
    fake_hear(fake, VOW_MSG_VOTE);
    vow_participant_close(participant);
    fake_close(fake);
}

struct waiting {
    struct vow_participant *participant;
    struct fake *fake;
    pthread_t thread;
    atomic_bool done;
    int error;
};

static void *wait_for_connection(void *ctx)
{
    struct waiting *waiting = ctx;

    waiting->error = vow_participant_wait(waiting->participant, 30000);
    atomic_store(&waiting->done, true);
    fake_wake(waiting->fake);
    return NULL;
}

Test(participant, wait_returns_when_it_is_connected)
{
    struct fake *fake = fake_open();
    struct waiting waiting = {.participant = service_open(fake, NULL), .fake = fake};

    cr_assert_eq(vow_participant_start(waiting.participant), 0);
    cr_assert_eq(pthread_create(&waiting.thread, NULL, wait_for_connection, &waiting), 0);
    fake_until(fake, &waiting.done);
    cr_assert_eq(pthread_join(waiting.thread, NULL), 0);
    cr_assert_eq(waiting.error, 0);
    vow_participant_close(waiting.participant);
    fake_close(fake);
}

Test(participant, wait_gives_up_when_nobody_is_there)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);

    fake_vanish(fake);
    cr_assert_eq(vow_participant_start(participant), 0);
    /* Whoever runs the loop would wait for itself. */
    cr_assert_eq(vow_participant_wait(participant, 20), fake_loop() == VOW_LOOP_BASE ? VOW_E_STATE : VOW_E_UNREACHABLE);
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- The store fails: nobody knows what is on the disk (guarantee 4) --- */

static int fail_to_run(void *store, struct vow_job **jobs, struct vow_error_detail *detail)
{
    (void)store;
    if (*jobs == NULL) /* the tick */
        return 0;
    detail->error = VOW_E_IO;
    strcpy(detail->text, "planted: fdatasync says EIO");
    return VOW_E_IO;
}

Test(participant, a_store_that_fails_stops_the_process, .exit_code = 70)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    struct vow_store_ops failing = *participant->store_ops;
    struct vow_gtrid id = service_id(fake, 1);

    failing.run = fail_to_run;
    participant->store_ops = &failing;
    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    service_vote(fake, &id, "take", "apple", VOW_VOTE_YES);
}

/* --- Crash points --- */

/* Runs a participant in a process of its own until it is killed at the point, in the middle of one branch. */
static void crash_at(struct fake *fake, const char *point)
{
    struct vow_gtrid id = service_id(fake, 1);
    pid_t child = fork();
    int status;

    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)setenv("VOW_CRASH_AT", point, 1);
        (void)unsetenv("VOW_TEST_LOOP"); /* the fake's loop is the parent's */
        if (vow_participant_start(service_open(fake, NULL)) == 0)
            pause();
        _exit(1);
    }
    fake_until_up(fake, 1);
    service_prepare(fake, &id, "take", "apple");
    while (fake->channel != NULL)
        fake_turn(fake);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(WTERMSIG(status), SIGKILL);
}

Test(participant, it_can_be_killed_before_a_message_is_sent)
{
    struct fake *fake = fake_open();

    crash_at(fake, "send.before.VOTE");
    cr_assert_eq(fake->counts[VOW_MSG_VOTE], 0);
    fake_close(fake);
}

Test(participant, it_can_be_killed_after_a_message_is_sent)
{
    struct fake *fake = fake_open();

    crash_at(fake, "send.after.VOTE");
    cr_assert_eq(fake->counts[VOW_MSG_VOTE], 1);
    fake_close(fake);
}

/* --- Set-up --- */

Test(participant, handlers_have_one_name_each_and_come_before_start)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    static const char *const names[] = {"m", "c", "x", "a", "d", "z", "b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_assert_eq(vow_participant_handle(participant, names[i], accept_all, (void *)names[i]), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_assert_eq(vow_participant_handle(participant, names[i], accept_all, NULL), VOW_E_DUPLICATE);
        cr_assert_eq(vow_handler_find(participant, names[i], NULL)->ctx, (void *)names[i]);
    }
    cr_assert_null(vow_handler_find(participant, "y", NULL));
    cr_assert_eq(vow_participant_handle(participant, "a b", accept_all, NULL), VOW_E_NAME);
    cr_assert_eq(vow_participant_handle(participant, NULL, accept_all, NULL), VOW_E_NAME);
    cr_assert_eq(vow_participant_handle(participant, "y", NULL, NULL), VOW_E_ARGUMENT);
    cr_assert_null(vow_participant_db(participant), "the null store has none");
    cr_assert_eq(vow_participant_start(participant), 0);
    cr_assert_eq(vow_participant_handle(participant, "y", accept_all, NULL), VOW_E_STATE);
    cr_assert_eq(vow_participant_start(participant), VOW_E_STATE);
    vow_participant_close(participant);
    vow_participant_close(NULL);
    fake_close(fake);
}

static int try_open(const struct vow_participant_options *options)
{
    struct vow_error_detail detail = {.error = 0};
    struct vow_participant *participant = (struct vow_participant *)&detail;
    int error = vow_participant_open(options, &participant, &detail);

    cr_assert_null(participant);
    cr_assert_eq(detail.error, error);
    cr_assert_str_neq(detail.text, "");
    return error;
}

Test(participant, options_that_are_wrong_are_named)
{
    const struct vow_participant_options good = {.size = sizeof(good), .name = "stock", .store = VOW_STORE_KIND_NULL};
    struct vow_participant_options bad = good;

    cr_assert_eq(try_open(NULL), VOW_E_ARGUMENT);
    bad.size = 0;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad = good;
    bad.name = NULL;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad.name = "st ock";
    cr_assert_eq(try_open(&bad), VOW_E_NAME);
    bad = good;
    bad.coordinator = "nowhere";
    cr_assert_eq(try_open(&bad), VOW_E_ADDRESS);
    bad = good;
    bad.store = (enum vow_store_kind)7;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad.store = VOW_STORE_KIND_NULL;
    bad.lock_policy = (enum vow_lock_policy)2;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad.lock_policy = VOW_LOCK_WAIT_DIE;
    bad.branches_max = (1u << 22) + 1;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad.branches_max = 0;
    bad.decision_timeout_ms = 3600001;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT);
    bad.decision_timeout_ms = 0;
    bad.store = VOW_STORE_KIND_SQLITE;
    cr_assert_eq(try_open(&bad), VOW_E_ARGUMENT, "no path");
}
