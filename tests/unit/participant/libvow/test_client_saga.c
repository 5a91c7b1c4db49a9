/* Sagas as a client runs them, against a coordinator that says what the test tells it to. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <vow/saga.h>

#include "fake.h"

TestSuite(client_saga, .timeout = 60);

/* A timeout for what is to time out: long enough for what comes before it on a busy machine. */
#define SHORT_MS 2000

static const struct vow_saga_step take = {.size = sizeof(take),
                                          .participant = "stock",
                                          .action = "take",
                                          .compensation = "give_back",
                                          .payload = "apple 2",
                                          .len = 7};
static const struct vow_saga_step pay = {.size = sizeof(pay),
                                         .participant = "payment",
                                         .action = "pay",
                                         .compensation = NULL,
                                         .payload = "ann 10",
                                         .len = 6,
                                         .kind = VOW_STEP_PIVOT};
static const struct vow_saga_step note = {.size = sizeof(note),
                                          .participant = "order",
                                          .action = "note",
                                          .compensation = NULL,
                                          .payload = NULL,
                                          .len = 0,
                                          .kind = VOW_STEP_RETRIABLE};

static struct vow_client *open_client(const struct fake *fake)
{
    const struct vow_client_options options = {.size = sizeof(options),
                                               .coordinator = fake->address,
                                               .name = "tester",
                                               .loop = fake_loop(),
                                               .base = fake_loop_base()};
    struct vow_client *client;

    cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
    return client;
}

static struct vow_saga *new_saga(struct vow_client *client)
{
    const struct vow_saga_options options = {.size = sizeof(options), .deadline_ms = 9000, .key = "order 1"};
    struct vow_saga *saga;

    cr_assert_eq(vow_saga_new(client, &options, &saga), 0);
    cr_assert_eq(vow_saga_step(saga, &take), 0);
    cr_assert_eq(vow_saga_step(saga, &pay), 0);
    cr_assert_eq(vow_saga_step(saga, &note), 0);
    return saga;
}

/* --- Running it on a thread of its own, while the test plays the coordinator --- */

enum what { RUN, STATUS, WAIT, CANCEL };

struct call {
    struct fake *fake;
    enum what what;
    struct vow_client *client;
    struct vow_saga *saga;
    struct vow_gtrid id;
    uint32_t timeout_ms;
    pthread_t thread;
    atomic_bool done;
    int error;
    struct vow_saga_result result;
};

static void *make_call(void *ctx)
{
    struct call *call = ctx;

    if (call->what == RUN)
        call->error = vow_saga_run(call->saga, call->timeout_ms, &call->result);
    else if (call->what == STATUS)
        call->error = vow_saga_status(call->client, &call->id, &call->result);
    else if (call->what == WAIT)
        call->error = vow_saga_wait(call->client, &call->id, call->timeout_ms, &call->result);
    else
        call->error = vow_saga_cancel(call->client, &call->id, call->timeout_ms, &call->result);
    atomic_store(&call->done, true);
    fake_wake(call->fake);
    return NULL;
}

static void call_start(struct call *call)
{
    atomic_store(&call->done, false);
    cr_assert_eq(pthread_create(&call->thread, NULL, make_call, call), 0);
}

static int call_await(struct call *call)
{
    fake_until(call->fake, &call->done);
    cr_assert_eq(pthread_join(call->thread, NULL), 0);
    return call->error;
}

/* --- Without waiting --- */

struct taken {
    struct fake *fake;
    atomic_bool done;
    struct vow_saga *to_free;
    struct vow_saga_result result;
};

static void take_it(void *ctx, const struct vow_saga_result *result)
{
    struct taken *taken = ctx;

    taken->result = *result;
    vow_saga_free(taken->to_free);
    atomic_store(&taken->done, true);
    fake_wake(taken->fake);
}

/* --- The bed --- */

struct bed {
    struct fake *fake;
    struct vow_client *client;
    struct vow_saga *saga;
    struct call call;
};

static void bed_init(struct bed *bed)
{
    *bed = (struct bed){.fake = fake_open()};
    bed->client = open_client(bed->fake);
    bed->saga = new_saga(bed->client);
    bed->call = (struct call){.fake = bed->fake, .client = bed->client, .saga = bed->saga};
}

static void bed_deinit(struct bed *bed)
{
    vow_saga_free(bed->saga);
    vow_client_close(bed->client);
    fake_close(bed->fake);
}

/* The saga has begun: its id. */
static struct vow_gtrid begin(struct bed *bed)
{
    struct vow_gtrid id;

    call_start(&bed->call);
    id = fake_hear(bed->fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_saga(bed->fake, &id, VOW_SAGA_RUNNING, 0);
    return id;
}

static struct vow_gtrid any_id(const struct fake *fake)
{
    return vow_gtrid_make(FAKE_COORD, fake->epoch, 77, 0, 5);
}

/* --- Ends --- */

static void expect_id(struct vow_saga *saga, const struct vow_gtrid *wanted)
{
    struct vow_gtrid id;

    cr_assert_eq(vow_saga_id(saga, &id), 0);
    cr_assert(vow_gtrid_equal(&id, wanted));
}

Test(client_saga, a_saga_completes)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    id = begin(&bed);
    cr_assert_eq(vow_gtrid_epoch(&id), bed.fake->epoch);
    expect_id(bed.saga, &id);
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    cr_assert_eq(bed.call.result.error, 0);
    cr_assert_eq(bed.call.result.step, VOW_STEP_NONE);
    cr_assert(vow_gtrid_equal(&bed.call.result.id, &id));
    bed_deinit(&bed);
}

Test(client_saga, a_compensated_saga_names_step_cause_and_words)
{
    struct bed bed;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};

    bed_init(&bed);
    msg.saga_state = (struct vow_msg_saga_state){.gtrid = begin(&bed),
                                                 .state = VOW_SAGA_COMPENSATED,
                                                 .cause = VOW_CAUSE_HANDLER_REFUSED,
                                                 .step = 1,
                                                 .text = "ann has 3"};
    fake_send(bed.fake, &msg);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATED);
    cr_assert_eq(bed.call.result.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(bed.call.result.step, 1);
    cr_assert_str_eq(bed.call.result.text, "ann has 3");
    bed_deinit(&bed);
}

/* The key names another saga, of which nothing else is told: it is asked about, and its end is the answer. */
Test(client_saga, F063_a_key_that_names_another_saga_leads_to_it)
{
    struct bed bed;
    struct vow_gtrid other;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};
    const struct heard *heard;

    bed_init(&bed);
    other = any_id(bed.fake);
    call_start(&bed.call);
    msg.saga_state = (struct vow_msg_saga_state){.gtrid = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id,
                                                 .error = VOW_E_DUPLICATE,
                                                 .step = VOW_STEP_NONE,
                                                 .text = "",
                                                 .named = other};
    fake_send(bed.fake, &msg);
    heard = fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    cr_assert(vow_gtrid_equal(&heard->id, &other));
    cr_assert(heard->msg.saga_query.follow);
    expect_id(bed.saga, &other);
    fake_saga(bed.fake, &other, VOW_SAGA_COMPENSATED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATED);
    cr_assert(vow_gtrid_equal(&bed.call.result.id, &other));
    bed_deinit(&bed);
}

/* F001: it was named before it was durable, and its coordinator has died: the order begins anew. */
Test(client_saga, F063_a_key_whose_saga_was_lost_is_used_again)
{
    struct bed bed;
    struct vow_gtrid other, mine;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};

    bed_init(&bed);
    other = any_id(bed.fake);
    call_start(&bed.call);
    msg.saga_state = (struct vow_msg_saga_state){.gtrid = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id,
                                                 .error = VOW_E_DUPLICATE,
                                                 .step = VOW_STEP_NONE,
                                                 .text = "",
                                                 .named = other};
    fake_send(bed.fake, &msg);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_restart(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &other, VOW_SAGA_UNKNOWN, VOW_E_NOT_FOUND);
    mine = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    cr_assert_eq(vow_gtrid_epoch(&mine), bed.fake->epoch);
    fake_saga(bed.fake, &mine, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    bed_deinit(&bed);
}

/* Stuck is told, and is not an end: the same saga is waited for again, and then it ends. */
Test(client_saga, F197_a_stuck_saga_is_told_and_followed_on)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    id = begin(&bed);
    fake_saga(bed.fake, &id, VOW_SAGA_STUCK_COMPENSATING, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_STUCK_COMPENSATING);
    cr_assert_eq(bed.call.result.error, 0);
    call_start(&bed.call);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_COMPENSATED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATED);
    bed_deinit(&bed);
}

/* --- Once, and never called off when it may have begun --- */

Test(client_saga, F066_a_lost_request_is_sent_again_under_the_same_id)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_drop(bed.fake);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    bed_deinit(&bed);
}

/* It was lost once; that it is refused now says nothing of what became of the first. */
Test(client_saga, F066_a_lost_request_stays_in_doubt_though_it_is_refused_later)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    bed.call.timeout_ms = SHORT_MS;
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_drop(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST);
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_SHUTTING_DOWN);
    fake_vanish(bed.fake);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_UNKNOWN);
    cr_assert_eq(bed.call.result.error, VOW_E_IN_DOUBT);
    cr_assert(vow_gtrid_equal(&bed.call.result.id, &id));
    bed_deinit(&bed);
}

Test(client_saga, F066_a_second_run_goes_on_with_the_same_saga)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    bed.call.timeout_ms = 300;
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.error, VOW_E_IN_DOUBT);
    cr_assert_eq(vow_saga_step(bed.saga, &note), VOW_E_STATE);

    bed.call.timeout_ms = 0;
    call_start(&bed.call);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    bed_deinit(&bed);
}

Test(client_saga, F198_after_a_restart_of_the_coordinator_it_is_asked_about)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    id = begin(&bed);
    fake_restart(bed.fake);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_QUERY)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_RECOVERING);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_QUERY)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_COMPENSATED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATED);
    cr_assert_eq(bed.fake->counts[VOW_MSG_SAGA_REQUEST], 1);
    bed_deinit(&bed);
}

/* Its request died with the coordinator: under its id nothing can begin any more, so it begins under another. */
Test(client_saga, a_saga_that_a_restart_has_lost_begins_under_a_new_id)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_restart(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_NOT_FOUND);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    cr_assert_eq(vow_gtrid_epoch(&id), bed.fake->epoch);
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert(vow_gtrid_equal(&bed.call.result.id, &id));
    bed_deinit(&bed);
}

/* So it is in the same life of the coordinator, if the id was used up meanwhile and nothing began under it. Before, the
 * client asked for ever, and its saga stayed in doubt. */
Test(client_saga, F066_an_id_that_was_used_for_nothing_is_exchanged)
{
    struct bed bed;
    struct vow_gtrid id, next;

    bed_init(&bed);
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_drop(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST);
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_NOT_FOUND);
    next = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    cr_assert(!vow_gtrid_equal(&next, &id));
    fake_saga(bed.fake, &next, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    bed_deinit(&bed);
}

/* The address has changed hands. Whoever answers there now has not heard of the saga, which may be under way. */
Test(client_saga, F044_another_coordinator_does_not_make_it_begin_anew)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    bed.fake->coord++;
    fake_restart(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_NOT_FOUND);
    cr_assert(vow_gtrid_equal(&fake_hear(bed.fake, VOW_MSG_SAGA_QUERY)->id, &id));
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.fake->counts[VOW_MSG_SAGA_REQUEST], 1);
    bed_deinit(&bed);
}

/* It was told that it had begun: a coordinator that does not know it any more has forgotten it. */
Test(client_saga, I24_a_saga_that_began_never_begins_again)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    id = begin(&bed);
    /* It has heard so: it follows. */
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_restart(bed.fake);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_NOT_FOUND);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_UNKNOWN);
    cr_assert_eq(bed.call.result.error, VOW_E_EXPIRED);
    cr_assert_eq(bed.fake->counts[VOW_MSG_SAGA_REQUEST], 1);
    bed_deinit(&bed);
}

Test(client_saga, a_time_out_says_what_was_heard_last)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    bed.call.timeout_ms = SHORT_MS;
    id = begin(&bed);
    fake_saga(bed.fake, &id, VOW_SAGA_COMPENSATING, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATING);
    cr_assert_eq(bed.call.result.error, VOW_E_IN_DOUBT);
    bed_deinit(&bed);
}

/* --- Its id --- */

Test(client_saga, its_id_is_known_while_it_runs)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    cr_assert_eq(vow_saga_id(bed.saga, &id), VOW_E_NOT_FOUND, "nothing was sent");
    id = begin(&bed);
    expect_id(bed.saga, &id);
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    expect_id(bed.saga, &id);
    cr_assert_eq(vow_saga_id(bed.saga, NULL), VOW_E_ARGUMENT);
    bed_deinit(&bed);
}

Test(client_saga, what_did_not_begin_has_no_id)
{
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    call_start(&bed.call);
    msg.saga_state = (struct vow_msg_saga_state){.gtrid = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id,
                                                 .error = VOW_E_ARGUMENT,
                                                 .step = VOW_STEP_NONE,
                                                 .text = "no such thing"};
    fake_send(bed.fake, &msg);
    cr_assert_eq(call_await(&bed.call), VOW_E_ARGUMENT);
    cr_assert_eq(vow_saga_id(bed.saga, &id), VOW_E_NOT_FOUND);
    bed_deinit(&bed);
}

/* --- What did not begin --- */

Test(client_saga, refused_and_nothing_else_nothing_happened)
{
    struct bed bed;
    struct vow_gtrid id;

    bed_init(&bed);
    bed.call.timeout_ms = SHORT_MS;
    call_start(&bed.call);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_saga(bed.fake, &id, VOW_SAGA_UNKNOWN, VOW_E_SHUTTING_DOWN);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST);
    fake_vanish(bed.fake);
    /* The second one is lost: from then on it may have begun. */
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.error, VOW_E_IN_DOUBT);
    bed_deinit(&bed);
}

Test(client_saga, a_coordinator_that_is_busy_throughout_has_done_nothing)
{
    struct bed bed;

    bed_init(&bed);
    bed.fake->gives_no_ids = true;
    bed.call.timeout_ms = 300;
    call_start(&bed.call);
    cr_assert_eq(call_await(&bed.call), VOW_E_BUSY);
    bed_deinit(&bed);
}

Test(client_saga, an_order_that_the_coordinator_refuses_did_not_begin)
{
    struct bed bed;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE};

    bed_init(&bed);
    call_start(&bed.call);
    msg.saga_state = (struct vow_msg_saga_state){.gtrid = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id,
                                                 .error = VOW_E_ARGUMENT,
                                                 .step = 2,
                                                 .text = "no such thing"};
    fake_send(bed.fake, &msg);
    cr_assert_eq(call_await(&bed.call), VOW_E_ARGUMENT);
    cr_assert_str_eq(vow_saga_why(bed.saga), "no such thing");
    bed_deinit(&bed);
}

Test(client_saga, faults_of_the_order_are_named_when_the_step_is_added)
{
    static char large[64 * 1024];
    const struct vow_saga_step none = {.size = sizeof(none),
                                       .participant = "stock",
                                       .action = "take",
                                       .compensation = NULL,
                                       .payload = NULL,
                                       .len = 0};
    const struct vow_saga_step undone = {.size = sizeof(undone),
                                         .participant = "order",
                                         .action = "note",
                                         .compensation = "unnote",
                                         .payload = NULL,
                                         .len = 0,
                                         .kind = VOW_STEP_RETRIABLE};
    const struct vow_saga_step beside = {.size = sizeof(beside),
                                         .participant = "order",
                                         .action = "note",
                                         .compensation = NULL,
                                         .payload = NULL,
                                         .len = 0,
                                         .kind = VOW_STEP_RETRIABLE,
                                         .parallel = true};
    const struct vow_saga_step name = {.size = sizeof(name),
                                       .participant = "stock!",
                                       .action = "take",
                                       .compensation = "give_back",
                                       .payload = NULL,
                                       .len = 0};
    const struct vow_saga_step much = {.size = sizeof(much),
                                       .participant = "stock",
                                       .action = "take",
                                       .compensation = "give_back",
                                       .payload = large,
                                       .len = sizeof(large) - 1500};
    const struct vow_saga_step kind = {.size = sizeof(kind),
                                       .participant = "stock",
                                       .action = "take",
                                       .compensation = "give_back",
                                       .payload = NULL,
                                       .len = 0,
                                       .kind = (enum vow_step_kind)9};
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct vow_saga *saga;

    cr_assert_eq(vow_saga_new(client, NULL, &saga), 0);
    cr_assert_eq(vow_saga_start(saga, 0, take_it, NULL), VOW_E_ARGUMENT);
    cr_assert_str_eq(vow_saga_why(saga), "a saga has 1 to 64 steps");
    cr_assert_eq(vow_saga_step(saga, &none), VOW_E_ARGUMENT);
    cr_assert_str_eq(vow_saga_why(saga), "a step before the pivot needs a compensation");
    cr_assert_eq(vow_saga_step(saga, &undone), VOW_E_ARGUMENT);
    cr_assert_eq(vow_saga_step(saga, &name), VOW_E_NAME);
    cr_assert_eq(vow_saga_step(saga, &much), VOW_E_TOO_LARGE);
    cr_assert_eq(vow_saga_step(saga, &kind), VOW_E_ARGUMENT);
    cr_assert_eq(vow_saga_step(saga, &take), 0);
    cr_assert_eq(vow_saga_step(saga, &pay), 0);
    cr_assert_eq(vow_saga_step(saga, &pay), VOW_E_ARGUMENT);
    cr_assert_str_eq(vow_saga_why(saga), "a saga has one pivot at most");
    cr_assert_eq(vow_saga_step(saga, &take), VOW_E_ARGUMENT);
    cr_assert_eq(vow_saga_step(saga, &beside), VOW_E_ARGUMENT);
    for (unsigned i = 2; i < VOW_STEPS_MAX; i++)
        cr_assert_eq(vow_saga_step(saga, &note), 0);
    cr_assert_eq(vow_saga_step(saga, &note), VOW_E_ARGUMENT);
    vow_saga_free(saga);
    vow_client_close(client);
    fake_close(fake);
}

/* --- Questions --- */

Test(client_saga, status_asks_once_and_wait_until_the_end)
{
    struct bed bed;
    const struct heard *heard;

    bed_init(&bed);
    bed.call.id = any_id(bed.fake);
    bed.call.what = STATUS;
    call_start(&bed.call);
    heard = fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    cr_assert_not(heard->msg.saga_query.follow);
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_RUNNING, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_RUNNING);
    cr_assert_eq(bed.call.result.error, 0);

    bed.call.what = WAIT;
    call_start(&bed.call);
    cr_assert(fake_hear(bed.fake, VOW_MSG_SAGA_QUERY)->msg.saga_query.follow);
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_RUNNING, 0);
    /* Another follower may have taken its place: it asks again by itself. */
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_CLOSED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_CLOSED);
    bed_deinit(&bed);
}

Test(client_saga, a_question_without_an_answer_is_an_error)
{
    const int errors[] = {VOW_E_NOT_FOUND, VOW_E_EXPIRED, VOW_E_NOT_MINE};
    struct bed bed;

    bed_init(&bed);
    bed.call.id = any_id(bed.fake);
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        bed.call.what = i == 0 ? STATUS : i == 1 ? WAIT : CANCEL;
        call_start(&bed.call);
        (void)fake_hear(bed.fake, bed.call.what == CANCEL ? VOW_MSG_SAGA_CANCEL : VOW_MSG_SAGA_QUERY);
        fake_saga(bed.fake, &bed.call.id, VOW_SAGA_UNKNOWN, errors[i]);
        cr_assert_eq(call_await(&bed.call), errors[i]);
    }
    bed_deinit(&bed);
}

Test(client_saga, a_cancel_waits_until_all_is_undone)
{
    struct bed bed;

    bed_init(&bed);
    bed.call.id = any_id(bed.fake);
    bed.call.what = CANCEL;
    call_start(&bed.call);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_CANCEL);
    /* What another question has heard is no answer to it. */
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_RUNNING, 0);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_CANCEL);
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_COMPENSATING, 0);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_QUERY);
    fake_saga(bed.fake, &bed.call.id, VOW_SAGA_COMPENSATED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPENSATED);
    bed_deinit(&bed);
}

Test(client_saga, F199_a_cancel_after_the_pivot_is_refused_and_the_saga_goes_on)
{
    struct bed bed;
    struct call cancel;

    bed_init(&bed);
    cancel = bed.call;
    cancel.id = begin(&bed);
    cancel.what = CANCEL;
    call_start(&cancel);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_CANCEL);
    fake_saga(bed.fake, &cancel.id, VOW_SAGA_RUNNING, VOW_E_STATE);
    cr_assert_eq(call_await(&cancel), VOW_E_STATE);
    fake_saga(bed.fake, &cancel.id, VOW_SAGA_COMPLETED, 0);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_COMPLETED);
    bed_deinit(&bed);
}

/* The lost cancel may have come through. */
Test(client_saga, F066_a_lost_cancel_is_in_doubt)
{
    struct bed bed;

    bed_init(&bed);
    bed.call.id = any_id(bed.fake);
    bed.call.what = CANCEL;
    bed.call.timeout_ms = SHORT_MS;
    call_start(&bed.call);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_CANCEL);
    fake_vanish(bed.fake);
    cr_assert_eq(call_await(&bed.call), 0);
    cr_assert_eq(bed.call.result.state, VOW_SAGA_UNKNOWN);
    cr_assert_eq(bed.call.result.error, VOW_E_IN_DOUBT);
    bed_deinit(&bed);
}

/* --- Callbacks, and time --- */

Test(client_saga, a_saga_may_be_freed_while_it_runs_and_in_its_callback)
{
    struct bed bed;
    struct taken first = {0}, second = {0};
    struct vow_gtrid id;

    bed_init(&bed);
    first.fake = second.fake = bed.fake;
    second.to_free = new_saga(bed.client);
    cr_assert_eq(vow_saga_start(bed.saga, 0, take_it, &first), 0);
    cr_assert_eq(vow_saga_start(bed.saga, 0, take_it, &first), VOW_E_STATE);
    vow_saga_free(bed.saga);
    bed.saga = NULL;
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_saga(bed.fake, &id, VOW_SAGA_COMPLETED, 0);
    fake_until(bed.fake, &first.done);
    cr_assert_eq(first.result.state, VOW_SAGA_COMPLETED);

    cr_assert_eq(vow_saga_start(second.to_free, 0, take_it, &second), 0);
    id = fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST)->id;
    fake_saga(bed.fake, &id, VOW_SAGA_COMPENSATED, 0);
    fake_until(bed.fake, &second.done);
    cr_assert_eq(second.result.state, VOW_SAGA_COMPENSATED);
    bed_deinit(&bed);
}

/* Time-outs of sagas are their own: a short one behind a long one, and before a transaction's. */
Test(client_saga, a_short_time_out_does_not_wait_for_a_longer_one)
{
    struct bed bed;
    struct taken first = {0}, second = {0};
    struct vow_saga *other;

    bed_init(&bed);
    other = new_saga(bed.client);
    first.fake = second.fake = bed.fake;
    cr_assert_eq(vow_saga_start(bed.saga, 3600 * 1000, take_it, &first), 0);
    (void)fake_hear(bed.fake, VOW_MSG_SAGA_REQUEST);
    cr_assert_eq(vow_saga_start(other, 100, take_it, &second), 0);
    fake_until(bed.fake, &second.done);
    cr_assert_not(atomic_load(&first.done));
    vow_saga_free(other);
    bed_deinit(&bed);
    cr_assert(atomic_load(&first.done));
    cr_assert_eq(first.result.error, VOW_E_IN_DOUBT);
}
