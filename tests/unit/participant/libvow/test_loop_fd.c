/*
 * Clients and participants behind a descriptor, in a loop made of poll(2) by hand. The fake coordinator has a thread of
 * its own here, so that this thread runs nothing but that loop.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vow/vow.h>

#include "fake.h"

TestSuite(loop_fd, .timeout = 60);

static const struct vow_call pair[] = {{"stock", "take", "apple 2", 7}, {"payment", "pay", "ann 10", 6}};

/* --- The fake on its thread --- */

struct stage {
    struct fake *fake;
    pthread_t thread;
    atomic_bool over;
};

static void *run_fake(void *ctx)
{
    struct stage *stage = ctx;

    fake_until(stage->fake, &stage->over);
    return NULL;
}

static void stage_open(struct stage *stage)
{
    stage->fake = fake_open();
    stage->fake->commits_all = true;
    atomic_store(&stage->over, false);
    cr_assert_eq(pthread_create(&stage->thread, NULL, run_fake, stage), 0);
}

static void stage_close(struct stage *stage)
{
    atomic_store(&stage->over, true);
    fake_wake(stage->fake);
    cr_assert_eq(pthread_join(stage->thread, NULL), 0);
    fake_close(stage->fake);
}

/* --- The loop --- */

static struct vow_client *open_client(const char *address, uint32_t timeout_ms)
{
    const struct vow_client_options options = {
        .size = sizeof(options), .coordinator = address, .timeout_ms = timeout_ms, .loop = VOW_LOOP_FD};
    struct vow_error_detail detail;
    struct vow_client *client;

    cr_assert_eq(vow_client_open(&options, &client, &detail), 0, "%s", detail.text);
    return client;
}

static struct vow_participant *open_participant(const char *address, const char *name)
{
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = name,
                                                    .coordinator = address,
                                                    .store = VOW_STORE_KIND_NULL,
                                                    .loop = VOW_LOOP_FD};
    struct vow_participant *participant;

    cr_assert_eq(vow_participant_open(&options, &participant, NULL), 0);
    return participant;
}

/* Waits for the descriptor and for nothing else: a time-out of poll()'s would hide one that does not show. */
static int turn(struct vow_client *client)
{
    struct pollfd item = {.fd = vow_client_fd(client), .events = POLLIN};

    cr_assert_geq(item.fd, 0);
    cr_assert_eq(poll(&item, 1, -1), 1);
    return vow_client_process(client);
}

static void poll_until(struct vow_client *client, const bool *flag)
{
    while (!*flag)
        cr_assert_eq(turn(client), 0);
}

struct outcome {
    struct vow_client *client;
    struct vow_result result;
    pthread_t thread;
    bool done;
    int inside; /* what a function said that was called from the callback */
};

static void take(void *ctx, const struct vow_result *result)
{
    struct outcome *outcome = ctx;

    outcome->result = *result;
    outcome->thread = pthread_self();
    outcome->done = true;
}

Test(loop_fd, a_commit_in_a_loop_of_ones_own)
{
    struct stage stage;
    struct vow_client *client;
    struct outcome outcome = {.done = false};

    stage_open(&stage);
    client = open_client(stage.fake->address, 0);
    cr_assert_eq(vow_commit_async(client, pair, 2, take, &outcome), 0);
    poll_until(client, &outcome.done);
    cr_assert_eq(outcome.result.outcome, VOW_COMMITTED);
    cr_assert(pthread_equal(outcome.thread, pthread_self()));
    vow_client_close(client);
    stage_close(&stage);
}

/* A loop that waits without a time-out of its own must still hear of a commit that gets no answer. */
Test(loop_fd, a_time_out_makes_it_readable)
{
    struct vow_client *client = open_client("127.0.0.1:1", 20);
    struct outcome outcome = {.done = false};

    cr_assert_eq(vow_commit_async(client, pair, 2, take, &outcome), 0);
    poll_until(client, &outcome.done);
    cr_assert_eq(outcome.result.error, VOW_E_UNREACHABLE);
    vow_client_close(client);
}

/* Nothing to do: nothing is readable, or the loop would spin. */
Test(loop_fd, it_is_quiet_when_there_is_nothing_to_do)
{
    struct stage stage;
    struct vow_client *client;
    struct outcome outcome = {.done = false};
    struct pollfd item = {.events = POLLIN};
    unsigned spurious = 0;

    stage_open(&stage);
    client = open_client(stage.fake->address, 0);
    item.fd = vow_client_fd(client);
    cr_assert_eq(vow_commit_async(client, pair, 2, take, &outcome), 0);
    poll_until(client, &outcome.done);
    /* Work may still come in, but it must come to an end. */
    while (poll(&item, 1, 0) == 1 && spurious++ < 1000)
        cr_assert_eq(vow_client_process(client), 0);
    cr_assert_lt(spurious, 1000, "readable for ever");
    cr_assert_eq(vow_client_process(client), 0, "not harmless without work");
    vow_client_close(client);
    stage_close(&stage);
}

/* The socket of the next connection has the number of the last one: it must be waited for all the same. */
Test(loop_fd, a_connection_that_comes_back_is_seen)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake->address, 0);
    struct pollfd item = {.fd = vow_client_fd(client), .events = POLLIN};

    for (unsigned nth = 1; nth <= 5; nth++) {
        while (fake->ups < nth) {
            (void)event_base_loop(fake->base, EVLOOP_NONBLOCK);
            if (poll(&item, 1, 1) == 1)
                cr_assert_eq(vow_client_process(client), 0);
        }
        fake_drop(fake);
    }
    vow_client_close(client);
    fake_close(fake);
}

/* --- Misuse --- */

static void look_around(void *ctx, const struct vow_result *result)
{
    struct outcome *outcome = ctx;
    struct vow_result inner;

    take(ctx, result);
    outcome->inside = vow_client_process(outcome->client);
    cr_assert_eq(vow_commit(outcome->client, pair, 2, &inner), VOW_E_STATE);
    cr_assert_eq(vow_status(outcome->client, &result->id, NULL, &inner), VOW_E_STATE);
}

Test(loop_fd, what_would_wait_for_itself_is_refused)
{
    struct stage stage;
    struct outcome outcome = {.done = false};
    struct vow_result result;

    stage_open(&stage);
    outcome.client = open_client(stage.fake->address, 0);
    cr_assert_eq(vow_commit(outcome.client, pair, 2, &result), VOW_E_STATE, "before the first turn");
    cr_assert_eq(vow_commit_async(outcome.client, pair, 2, look_around, &outcome), 0);
    poll_until(outcome.client, &outcome.done);
    cr_assert_eq(outcome.inside, VOW_E_STATE, "process() inside process()");
    vow_client_close(outcome.client);
    stage_close(&stage);
}

Test(loop_fd, only_this_kind_has_a_descriptor)
{
    const struct vow_client_options options = {.size = sizeof(options), .coordinator = "127.0.0.1:1"};
    struct vow_client *client;
    struct vow_participant *participant = open_participant("127.0.0.1:1", "stock");

    cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
    cr_assert_eq(vow_client_fd(client), VOW_E_STATE);
    cr_assert_eq(vow_client_process(client), VOW_E_STATE);
    cr_assert_eq(vow_client_fd(NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_client_process(NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_participant_fd(participant), VOW_E_STATE, "before start");
    cr_assert_eq(vow_participant_process(participant), VOW_E_STATE, "before start");
    cr_assert_eq(vow_participant_fd(NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_participant_process(NULL), VOW_E_ARGUMENT);
    vow_client_close(client);
    vow_participant_close(participant);
}

/* --- The end --- */

static void close_it(void *ctx, const struct vow_result *result)
{
    struct outcome *outcome = ctx;

    take(ctx, result);
    vow_client_close(outcome->client);
    outcome->inside = vow_commit_async(outcome->client, pair, 2, take, outcome);
}

Test(loop_fd, a_callback_closes_the_client)
{
    struct stage stage;
    struct outcome outcome = {.done = false}, other = {.done = false};
    int error = 0;

    stage_open(&stage);
    outcome.client = open_client(stage.fake->address, 0);
    cr_assert_eq(vow_commit_async(outcome.client, pair, 2, close_it, &outcome), 0);
    cr_assert_eq(vow_commit_async(outcome.client, pair, 2, take, &other), 0);
    while (error == 0)
        error = turn(outcome.client);
    cr_assert_eq(error, VOW_E_CLOSED);
    cr_assert_eq(outcome.inside, VOW_E_CLOSED, "a closed client took work");
    cr_assert(other.done, "a transaction under way was forgotten");
    stage_close(&stage);
}

Test(loop_fd, work_under_way_is_unknown_when_it_is_closed)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake->address, 0);
    struct outcome outcome = {.done = false};
    struct pollfd item = {.fd = vow_client_fd(client), .events = POLLIN};

    cr_assert_eq(vow_commit_async(client, pair, 2, take, &outcome), 0);
    while (fake->counts[VOW_MSG_COMMIT_REQUEST] == 0) {
        (void)event_base_loop(fake->base, EVLOOP_NONBLOCK);
        if (poll(&item, 1, 1) == 1)
            cr_assert_eq(vow_client_process(client), 0);
    }
    vow_client_close(client);
    cr_assert(outcome.done);
    cr_assert_eq(outcome.result.outcome, VOW_UNKNOWN);
    fake_close(fake);
}

/* --- A thread that waits, while this one runs the loop --- */

static void *commit_and_wait(void *ctx)
{
    struct outcome *outcome = ctx;
    struct vow_result result;

    outcome->inside = vow_commit(outcome->client, pair, 2, &result);
    /* Tells the loop's thread, through the loop. */
    cr_assert_eq(vow_commit_async(outcome->client, pair, 2, take, outcome), 0);
    return NULL;
}

Test(loop_fd, another_thread_may_wait)
{
    struct stage stage;
    struct outcome outcome = {.done = false};
    pthread_t thread;

    stage_open(&stage);
    outcome.client = open_client(stage.fake->address, 0);
    cr_assert_eq(pthread_create(&thread, NULL, commit_and_wait, &outcome), 0);
    poll_until(outcome.client, &outcome.done);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(outcome.inside, 0);
    cr_assert_eq(outcome.result.outcome, VOW_COMMITTED);
    vow_client_close(outcome.client);
    stage_close(&stage);
}
