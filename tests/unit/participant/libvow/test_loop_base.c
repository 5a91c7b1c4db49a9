/* Clients and participants on the caller's base: what differs from a thread of their own. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <pthread.h>

#include <vow/vow.h>

#include "fake.h"

TestSuite(loop_base, .timeout = 60);

static const struct vow_call pair[] = {{"stock", "take", "apple 2", 7}, {"payment", "pay", "ann 10", 6}};

static struct vow_client *open_client(const struct fake *fake, struct event_base *base)
{
    const struct vow_client_options options = {
        .size = sizeof(options), .coordinator = fake->address, .loop = VOW_LOOP_BASE, .base = base};
    struct vow_error_detail detail;
    struct vow_client *client;

    cr_assert_eq(vow_client_open(&options, &client, &detail), 0, "%s", detail.text);
    return client;
}

/* --- Options that contradict each other --- */

static int try_client(enum vow_loop_kind loop, struct event_base *base)
{
    const struct vow_client_options options = {.size = sizeof(options), .loop = loop, .base = base};
    struct vow_error_detail detail = {.error = 0};
    struct vow_client *client;
    int error = vow_client_open(&options, &client, &detail);

    cr_assert_eq(detail.error, error);
    cr_assert_null(client);
    return error;
}

static int try_participant(enum vow_loop_kind loop, struct event_base *base)
{
    const struct vow_participant_options options = {
        .size = sizeof(options), .name = "stock", .store = VOW_STORE_KIND_NULL, .loop = loop, .base = base};
    struct vow_error_detail detail = {.error = 0};
    struct vow_participant *participant;
    int error = vow_participant_open(&options, &participant, &detail);

    cr_assert_eq(detail.error, error);
    cr_assert_null(participant);
    return error;
}

Test(loop_base, options_that_contradict_are_refused)
{
    struct event_base *base = event_base_new();
    const enum vow_loop_kind none = (enum vow_loop_kind)7;

    cr_assert_eq(try_client(VOW_LOOP_BASE, NULL), VOW_E_ARGUMENT);
    cr_assert_eq(try_client(VOW_LOOP_OWN_THREAD, base), VOW_E_ARGUMENT);
    cr_assert_eq(try_client(VOW_LOOP_FD, base), VOW_E_ARGUMENT);
    cr_assert_eq(try_client(none, NULL), VOW_E_ARGUMENT);
    cr_assert_eq(try_participant(VOW_LOOP_BASE, NULL), VOW_E_ARGUMENT);
    cr_assert_eq(try_participant(VOW_LOOP_OWN_THREAD, base), VOW_E_ARGUMENT);
    cr_assert_eq(try_participant(VOW_LOOP_FD, base), VOW_E_ARGUMENT);
    cr_assert_eq(try_participant(none, NULL), VOW_E_ARGUMENT);
    event_base_free(base);
}

/* --- Closing --- */

struct outcome {
    struct vow_client *client;
    bool done;
    int inside;
    struct vow_result result;
};

static void take(void *ctx, const struct vow_result *result)
{
    struct outcome *outcome = ctx;

    outcome->result = *result;
    outcome->done = true;
}

static void close_it(void *ctx, const struct vow_result *result)
{
    struct outcome *outcome = ctx;

    take(ctx, result);
    vow_client_close(outcome->client);
    outcome->inside = vow_commit_async(outcome->client, pair, 2, take, outcome);
}

Test(loop_base, a_callback_closes_the_client)
{
    struct fake *fake = fake_open();
    struct outcome outcome = {.done = false}, other = {.done = false};

    fake->commits_all = true;
    outcome.client = open_client(fake, fake->base);
    cr_assert_eq(vow_commit_async(outcome.client, pair, 2, close_it, &outcome), 0);
    cr_assert_eq(vow_commit_async(outcome.client, pair, 2, take, &other), 0);
    while (fake->channel == NULL)
        fake_turn(fake);
    while (fake->channel != NULL) /* until the client is gone */
        fake_turn(fake);
    cr_assert(outcome.done && other.done);
    cr_assert_eq(outcome.inside, VOW_E_CLOSED, "a closed client took work");
    fake_close(fake);
}

/* What libevent gives back later lies in no memory of the client's: the base may be freed without another turn. */
Test(loop_base, the_base_may_be_freed_right_after_the_close)
{
    struct fake *fake = fake_open();
    struct event_base *base = event_base_new();
    struct vow_client *client = open_client(fake, base);
    struct outcome outcome = {.done = false};

    cr_assert_eq(vow_commit_async(client, pair, 2, take, &outcome), 0);
    while (fake->counts[VOW_MSG_COMMIT_REQUEST] == 0) {
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
        (void)event_base_loop(fake->base, EVLOOP_NONBLOCK);
    }
    vow_client_close(client);
    cr_assert(outcome.done);
    cr_assert_eq(outcome.result.outcome, VOW_UNKNOWN);
    event_base_free(base);
    fake_close(fake);
}

/* A base that never ran: all is taken out of it again. */
Test(loop_base, a_base_that_never_runs_is_left_as_it_was)
{
    struct fake *fake = fake_open();
    struct event_base *base = event_base_new();
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "stock",
                                                    .coordinator = fake->address,
                                                    .store = VOW_STORE_KIND_NULL,
                                                    .loop = VOW_LOOP_BASE,
                                                    .base = base};
    struct vow_client *client = open_client(fake, base);
    struct vow_participant *participant;
    struct vow_result result;

    cr_assert_eq(vow_participant_open(&options, &participant, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    cr_assert_eq(vow_commit(client, pair, 2, &result), VOW_E_STATE, "it would wait for itself");
    cr_assert_eq(vow_participant_wait(participant, 1), VOW_E_STATE);
    vow_participant_close(participant);
    vow_client_close(client);
    cr_assert_eq(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
    event_base_free(base);
    fake_close(fake);
}

/* --- On a thread of its own, that callback cannot close it --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool called;
} own = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void try_to_close(void *ctx, const struct vow_result *result)
{
    (void)result;
    vow_client_close(*(struct vow_client **)ctx);
    (void)pthread_mutex_lock(&own.lock);
    own.called = true;
    (void)pthread_cond_signal(&own.changed);
    (void)pthread_mutex_unlock(&own.lock);
}

Test(loop_base, a_client_with_its_own_thread_is_not_closed_there)
{
    const struct vow_client_options options = {.size = sizeof(options), .coordinator = "127.0.0.1:1", .timeout_ms = 1};
    struct vow_client *client;
    struct vow_result result;

    cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
    cr_assert_eq(vow_commit_async(client, pair, 2, try_to_close, &client), 0);
    (void)pthread_mutex_lock(&own.lock);
    while (!own.called)
        (void)pthread_cond_wait(&own.changed, &own.lock);
    (void)pthread_mutex_unlock(&own.lock);
    cr_assert_eq(vow_commit(client, pair, 2, &result), VOW_E_UNREACHABLE, "it was closed");
    vow_client_close(client);
}
