/* Sagas as their users have them: <vow/saga.h> against a real vowd, real services and vowctl. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kit.h"

TestSuite(saga_api, .timeout = 120);

static struct cluster cluster;

static void add_step(struct vow_saga *saga, const char *participant, const char *action, enum vow_step_kind kind)
{
    const struct vow_saga_step step = {.size = sizeof(step),
                                       .participant = participant,
                                       .action = action,
                                       .compensation = kind == VOW_STEP_COMPENSATABLE ? "take_back" : NULL,
                                       .kind = kind};
    cr_assert_eq(vow_saga_step(saga, &step), 0, "%s", vow_saga_why(saga));
}

/* "add" at s0, and then this at s1. */
static struct vow_saga *make(const char *key, const char *last, enum vow_step_kind kind)
{
    const struct vow_saga_options options = {.size = sizeof(options), .key = key};
    struct vow_saga *saga;
    cr_assert_eq(vow_saga_new(cluster.client, &options, &saga), 0);
    add_step(saga, "s0", "add", VOW_STEP_COMPENSATABLE);
    add_step(saga, "s1", last, kind);
    return saga;
}

/* Runs it, again and again, until it has ended or is stuck. */
static struct vow_saga_result insist(struct vow_saga *saga)
{
    struct vow_saga_result result = {.error = VOW_E_IN_DOUBT};
    int error;
    do {
        error = vow_saga_run(saga, 0, &result);
        cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "%s", vow_error_text(error));
    } while (error != 0 || result.error != 0);
    vow_saga_free(saga);
    return result;
}

static void expect_state(const struct vow_gtrid *id, enum vow_saga_state state)
{
    struct vow_saga_result result;
    cr_assert_eq(vow_saga_status(cluster.client, id, &result), 0);
    cr_expect_eq(result.state, state, "%d", (int)result.state);
    cr_expect_eq(result.error, 0);
}

static void expect_counters(int64_t s0, int64_t s1)
{
    cluster_expect_counter(&cluster, 0, s0);
    cluster_expect_counter(&cluster, 1, s1);
}

/* ---- keys ---- */

Test(saga_api, F063_the_same_key_is_the_same_saga)
{
    struct vow_saga_result first, again;
    cluster_start(&cluster, 2, NULL, NULL);
    first = insist(make("order 1", "add", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(first.state, VOW_SAGA_COMPLETED);
    again = insist(make("order 1", "add", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(again.state, VOW_SAGA_COMPLETED);
    cr_expect(vow_gtrid_equal(&again.id, &first.id));
    expect_counters(1, 1);
    /* F062, after a restart. */
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    again = insist(make("order 1", "add", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(again.state, VOW_SAGA_COMPLETED);
    cr_expect(vow_gtrid_equal(&again.id, &first.id));
    expect_counters(1, 1);
    again = insist(make("order 2", "add", VOW_STEP_COMPENSATABLE));
    cr_expect(!vow_gtrid_equal(&again.id, &first.id));
    expect_counters(2, 2);
    cluster_end(&cluster);
}

/* However it ends: under its key it is not tried again. */
Test(saga_api, F063_a_compensated_saga_keeps_its_key)
{
    struct vow_saga_result first, again;
    cluster_start(&cluster, 2, NULL, NULL);
    first = insist(make("order 1", "refuse", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(first.state, VOW_SAGA_COMPENSATED);
    again = insist(make("order 1", "add", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(again.state, VOW_SAGA_COMPENSATED);
    cr_expect(vow_gtrid_equal(&again.id, &first.id));
    expect_counters(0, 0);
    cluster_end(&cluster);
}

struct lost {
    int ended; /* eventfd */
    struct vow_saga_result result;
};

static void take_result(void *ctx, const struct vow_saga_result *result)
{
    struct lost *lost = ctx;
    lost->result = *result;
    cr_assert_eq(eventfd_write(lost->ended, 1), 0);
}

/* vowd dies somewhere in the first try, whose client goes on by itself; another one comes with the same key. */
static void crash_and_insist(const char *crash)
{
    struct lost lost = {.ended = eventfd(0, EFD_CLOEXEC)};
    struct vow_saga_result done;
    eventfd_t one;
    cluster_start(&cluster, 2, crash, NULL);
    struct vow_saga *saga = make("order 1", "add", VOW_STEP_COMPENSATABLE);
    cr_assert_eq(vow_saga_start(saga, 60000, take_result, &lost), 0);
    vow_saga_free(saga);
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    done = insist(make("order 1", "add", VOW_STEP_COMPENSATABLE));
    cr_expect_eq(done.state, VOW_SAGA_COMPLETED);
    cr_assert_eq(eventfd_read(lost.ended, &one), 0);
    cr_expect_eq(lost.result.state, VOW_SAGA_COMPLETED);
    cr_expect(vow_gtrid_equal(&lost.result.id, &done.id), "one key, two sagas");
    expect_counters(1, 1);
    cluster_end(&cluster);
}

Test(saga_api, F001_a_crash_before_the_order_is_durable)
{
    crash_and_insist("log.before.SAGA_KEY");
    crash_and_insist("log.before.SAGA_BEGIN");
    crash_and_insist("journal.before.LOG_SYNC@2");
}

Test(saga_api, F001_a_crash_with_the_order_durable)
{
    crash_and_insist("log.after.SAGA_BEGIN");
    crash_and_insist("log.after.SAGA_STEP@2");
    crash_and_insist("log.after.SAGA_END");
}

Test(saga_api, a_key_has_a_form)
{
    const char *const bad[] = {"", "a\nb", "\xff", "12345678901234567890123456789012345678901234567890123456789012345"};
    struct vow_saga *saga;
    cluster_start(&cluster, 0, NULL, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vow_saga_options options = {.size = sizeof(options), .key = bad[i]};
        cr_expect_eq(vow_saga_new(cluster.client, &options, &saga), VOW_E_NAME);
        cr_expect_null(saga);
    }
    cluster_end(&cluster);
}

/* ---- cancel ---- */

/* Until it has begun; then it goes on without the caller. */
static struct vow_gtrid begin(struct vow_saga *saga)
{
    struct vow_saga_result result;
    int error;
    do {
        error = vow_saga_run(saga, 1, &result);
        cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "%s", vow_error_text(error));
    } while (error != 0 || result.state != VOW_SAGA_RUNNING);
    cr_expect_eq(result.error, VOW_E_IN_DOUBT, "its end was waited for");
    vow_saga_free(saga);
    return result.id;
}

static void await_counter(uint32_t i, int64_t expected)
{
    while (service_number(&cluster, i, "SELECT value FROM counter WHERE id = 1") != expected)
        sched_yield(); /* the suite's time-out is the bound */
}

/* Its second participant is away, so it waits for it, and would for ever. */
static struct vow_gtrid begin_and_wait_for_s1(const char *last)
{
    cluster_start(&cluster, 2, NULL, NULL);
    cr_assert_eq(process_end(&cluster.services[1]), 0);
    struct vow_gtrid id = begin(make(NULL, last, VOW_STEP_COMPENSATABLE));
    await_counter(0, 1);
    return id;
}

Test(saga_api, F203_a_cancel_undoes_what_was_done)
{
    struct vow_saga_result result;
    struct vow_gtrid id = begin_and_wait_for_s1("add");
    expect_state(&id, VOW_SAGA_RUNNING);
    /* What the step that waits has done is known when its participant is back. */
    cr_assert_eq(vow_saga_cancel(cluster.client, &id, 1, &result), 0);
    service_start(&cluster, 1, NULL);
    cr_assert_eq(vow_saga_cancel(cluster.client, &id, 60000, &result), 0);
    cr_expect_eq(result.state, VOW_SAGA_COMPENSATED);
    cr_expect_eq(result.error, 0);
    cr_expect_eq(result.cause, VOW_CAUSE_CLIENT_ROLLBACK);
    expect_counters(0, 0);
    expect_state(&id, VOW_SAGA_COMPENSATED);
    cluster_end(&cluster);
}

Test(saga_api, F203_a_cancel_that_comes_too_late_changes_nothing)
{
    struct vow_saga_result result;
    cluster_start(&cluster, 2, NULL, NULL);
    const struct vow_gtrid id = insist(make(NULL, "add", VOW_STEP_COMPENSATABLE)).id;
    cr_assert_eq(vow_saga_cancel(cluster.client, &id, 0, &result), 0);
    cr_expect_eq(result.state, VOW_SAGA_COMPLETED);
    expect_counters(1, 1);
    cluster_end(&cluster);
}

/* ---- stuck ---- */

static struct run run;

static int vowctl_saga(const char *command, const struct vow_gtrid *id)
{
    char text[VOW_GTRID_TEXT_SIZE];
    const char *const argv[] = {VOW_BIN "/vowctl", "--coordinator", cluster.address, "saga", command, text,
                                "--reason",        "a test",        "--yes",         NULL};
    vow_gtrid_to_text(id, text);
    run_program(&run, argv);
    return run.status;
}

static int vowctl_show(const struct vow_gtrid *id)
{
    char text[VOW_GTRID_TEXT_SIZE];
    const char *const argv[] = {VOW_BIN "/vowctl", "--coordinator", cluster.address, "saga", "show", text, NULL};
    vow_gtrid_to_text(id, text);
    run_program(&run, argv);
    return run.status;
}

/* It is spoken of as what it is; what has ended is no more in the list. */
Test(saga_api, an_operator_hears_of_sagas_in_their_own_words)
{
    cluster_start(&cluster, 2, NULL, NULL);
    const char *const list[] = {VOW_BIN "/vowctl", "--coordinator", cluster.address, "saga", "list", NULL};
    const struct vow_gtrid id = insist(make(NULL, "add", VOW_STEP_COMPENSATABLE)).id;
    struct vow_gtrid nobody = id;
    nobody.bytes[sizeof(nobody.bytes) - 1] ^= 1;
    run_program(&run, list);
    cr_expect_eq(run.status, 0);
    cr_expect_str_eq(run.out, "no sagas\n");
    do /* its end is not forced, so it may take a moment */
        cr_assert_eq(vowctl_show(&id), 0);
    while (strstr(run.out, "SAGA_END") == NULL);
    cr_expect_eq(vowctl_show(&nobody), 3);
    cr_expect_not_null(strstr(run.err, "no saga of this id"), "%s", run.err);
    cr_expect_null(strstr(run.err, "transaction"), "%s", run.err);
    cluster_end(&cluster);
}

/* No handler has that name, or one that refuses, and it is past the point where the saga could turn round. */
static struct vow_gtrid get_stuck(void)
{
    cluster_start(&cluster, 2, NULL, NULL);
    const struct vow_saga_result result = insist(make(NULL, "late", VOW_STEP_RETRIABLE));
    cr_expect_eq(result.state, VOW_SAGA_STUCK_FORWARD);
    cr_expect_eq(result.error, 0);
    cr_expect_eq(result.step, 1);
    cr_expect_neq(result.cause, VOW_CAUSE_NONE);
    cr_expect_str_not_empty(result.text);
    expect_counters(1, 0);
    expect_state(&result.id, VOW_SAGA_STUCK_FORWARD);
    return result.id;
}

/* The next version of the service can do it, and an operator has it tried again. */
static void mend_and_retry(const struct vow_gtrid *id)
{
    struct vow_saga_result result;
    cr_assert_eq(process_end(&cluster.services[1]), 0);
    cr_assert_eq(setenv("SERVICE_HAS_LATE", "1", 1), 0);
    service_start(&cluster, 1, NULL);
    expect_state(id, VOW_SAGA_STUCK_FORWARD);
    cr_assert_eq(vowctl_saga("retry", id), 0, "%s%s", run.out, run.err);
    do
        cr_assert_eq(vow_saga_wait(cluster.client, id, 60000, &result), 0);
    while (result.state == VOW_SAGA_RUNNING);
    cr_expect_eq(result.state, VOW_SAGA_COMPLETED);
    expect_counters(1, 1);
    cluster_end(&cluster);
}

Test(saga_api, F197_a_stuck_saga_goes_on_when_it_can)
{
    struct vow_saga_result result;
    const struct vow_gtrid id = get_stuck();
    /* Past the point of no return: a cancel is refused, and changes nothing. */
    cr_expect_eq(vow_saga_cancel(cluster.client, &id, 0, &result), VOW_E_STATE);
    mend_and_retry(&id);
}

/* It must be done, so that its handler has refused it is not for good. */
Test(saga_api, F199_a_retriable_step_that_was_refused_is_done_when_it_can)
{
    cr_assert_eq(setenv("SERVICE_HAS_LATE", "refuses", 1), 0);
    const struct vow_gtrid id = get_stuck();
    mend_and_retry(&id);
}

Test(saga_api, F197_a_stuck_saga_is_closed_as_it_is)
{
    struct vow_saga_result result;
    const struct vow_gtrid id = get_stuck();
    cr_assert_eq(vowctl_saga("close", &id), 0, "%s%s", run.out, run.err);
    cr_assert_eq(vow_saga_wait(cluster.client, &id, 60000, &result), 0);
    cr_expect_eq(result.state, VOW_SAGA_CLOSED);
    expect_counters(1, 0);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    expect_state(&id, VOW_SAGA_CLOSED);
    cluster_end(&cluster);
}
