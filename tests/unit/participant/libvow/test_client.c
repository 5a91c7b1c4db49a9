#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vow/client.h>

#include "fake.h"

TestSuite(client, .timeout = 60);

/* A timeout for what is to time out: long enough for what comes before it on a busy machine. */
#define SHORT_MS 2000

static const struct vow_call pair[] = {{"stock", "take", "apple 2", 7}, {"payment", "pay", "ann 10", 6}};
static const struct vow_call single[] = {{"stock", "take", "apple 2", 7}, {"stock", "log", "x", 1}};

static struct vow_client *open_client_with(const char *address, uint32_t timeout_ms, uint32_t in_flight_max)
{
    const struct vow_client_options options = {.size = sizeof(options),
                                               .coordinator = address,
                                               .name = "tester",
                                               .timeout_ms = timeout_ms,
                                               .in_flight_max = in_flight_max,
                                               .loop = fake_loop(),
                                               .base = fake_loop_base()};
    struct vow_error_detail detail;
    struct vow_client *client;

    cr_assert_eq(vow_client_open(&options, &client, &detail), 0, "%s", detail.text);
    return client;
}

static struct vow_client *open_client(const struct fake *fake)
{
    return open_client_with(fake->address, 0, 0);
}

static void commit(struct vow_client *client, const struct vow_call calls[2], struct fake *fake, struct answer *answer)
{
    *answer = (struct answer){.fake = fake};
    cr_assert_eq(vow_commit_async(client, calls, 2, answer_take, answer), 0);
}

/* A blocking call on a thread of its own, while the test plays the coordinator. */
struct call {
    struct vow_client *client;
    struct fake *fake;
    const struct vow_gtrid *id; /* of vow_status(); NULL: vow_commit() */
    const char *participant;
    pthread_t thread;
    atomic_bool done;
    int error;
    struct vow_result result;
};

static void *run_call(void *ctx)
{
    struct call *call = ctx;

    if (call->id == NULL)
        call->error = vow_commit(call->client, pair, 2, &call->result);
    else
        call->error = vow_status(call->client, call->id, call->participant, &call->result);
    atomic_store(&call->done, true);
    fake_wake(call->fake);
    return NULL;
}

static void call_start(struct call *call)
{
    cr_assert_eq(pthread_create(&call->thread, NULL, run_call, call), 0);
}

static int call_await(struct call *call)
{
    fake_until(call->fake, &call->done);
    cr_assert_eq(pthread_join(call->thread, NULL), 0);
    return call->error;
}

/* --- Outcomes --- */

Test(client, a_commit_is_committed)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct call call = {.client = client, .fake = fake};
    struct vow_gtrid id;

    call_start(&call);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    cr_assert_eq(fake->hello.role, VOW_ROLE_CLIENT);
    cr_assert_eq(vow_gtrid_coord(&id), FAKE_COORD);
    cr_assert_eq(vow_gtrid_epoch(&id), fake->epoch);
    fake_outcome(fake, &id, VOW_COMMITTED);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_COMMITTED);
    cr_assert_eq(call.result.error, 0);
    cr_assert(vow_gtrid_equal(&call.result.id, &id));
    vow_client_close(client);
    fake_close(fake);
}

Test(client, an_abort_names_cause_participant_and_words)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;

    commit(client, pair, fake, &answer);
    fake_aborted(fake, &fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id, VOW_CAUSE_HANDLER_REFUSED, "stock", "no apples");
    answer_await(&answer);
    cr_assert_eq(answer.result.outcome, VOW_ABORTED);
    cr_assert_eq(answer.result.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(answer.result.error, 0);
    cr_assert_str_eq(answer.result.participant, "stock");
    cr_assert_str_eq(answer.result.text, "no apples");
    vow_client_close(client);
    fake_close(fake);
}

Test(client, one_phase_is_allowed_for_one_participant_alone)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answers[2];

    commit(client, single, fake, &answers[0]);
    cr_assert_eq(vow_gtrid_flags(&fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id), VOW_GTRID_ONE_PHASE);
    commit(client, pair, fake, &answers[1]);
    cr_assert_eq(vow_gtrid_flags(&fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id), 0);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, ids_are_asked_once_for_many)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;

    fake->commits_all = true;
    cr_assert_eq(fake_hear(fake, VOW_MSG_IDS_REQUEST)->msg.ids_request.count, 16);
    for (unsigned i = 0; i < 64; i++) {
        commit(client, pair, fake, &answer);
        cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    }
    /* Half a stock of 16 at a time. */
    cr_assert_leq(fake->counts[VOW_MSG_IDS_REQUEST], 1 + 64 / 8);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, ids_that_are_not_given_are_asked_for_again)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;

    fake->commits_all = true;
    fake->gives_no_ids = true;
    commit(client, pair, fake, &answer);
    fake_hear(fake, VOW_MSG_IDS_REQUEST);
    fake->gives_no_ids = false;
    fake_hear(fake, VOW_MSG_IDS_REQUEST);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

/* --- Lost connections (faults F062, F066) --- */

Test(client, after_a_lost_connection_the_same_request_is_sent_again)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id;

    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_drop(fake);
    cr_assert(vow_gtrid_equal(&fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id, &id));
    fake_outcome(fake, &id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, after_a_restart_of_the_coordinator_only_the_outcome_is_asked_for)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    const struct heard *asked;
    struct answer answer;
    struct vow_gtrid id;

    commit(client, single, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_restart(fake);
    asked = fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    cr_assert(vow_gtrid_equal(&asked->id, &id));
    cr_assert_str_eq(asked->participant, "stock", "a one-phase id names who may know alone");
    fake_unknown(fake, &id, VOW_E_RECOVERING);
    fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    fake_outcome(fake, &id, VOW_PENDING);
    fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    fake_outcome(fake, &id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    cr_assert_eq(fake->counts[VOW_MSG_COMMIT_REQUEST], 1);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, ids_of_the_old_epoch_are_not_used_in_the_new_one)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;

    fake_hear(fake, VOW_MSG_IDS_REQUEST);
    fake_restart(fake);
    fake_until_up(fake, 2);
    commit(client, pair, fake, &answer);
    cr_assert_eq(vow_gtrid_epoch(&fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id), fake->epoch);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, a_refused_transaction_takes_a_new_id_in_a_new_epoch)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id, again;
    unsigned requests;

    /* Refused until a refusal is the last word on the old connection: the client had no time to send again. */
    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    for (unsigned i = 0; i < 6; i++) {
        fake_unknown(fake, &id, VOW_E_BUSY);
        fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    }
    requests = fake->counts[VOW_MSG_COMMIT_REQUEST];
    fake_unknown(fake, &id, VOW_E_BUSY);
    vow_channel_flush(fake->channel);
    fake_restart(fake);
    again = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    cr_assert_eq(fake->counts[VOW_MSG_COMMIT_REQUEST], requests + 1);
    cr_assert_eq(fake->counts[VOW_MSG_STATUS_REQUEST], 0);
    cr_assert_eq(vow_gtrid_epoch(&again), fake->epoch);
    fake_outcome(fake, &again, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

/* --- Nothing happened, and not known --- */

Test(client, a_refused_request_is_sent_again_with_the_same_id)
{
    static const int refusals[] = {VOW_E_BUSY, VOW_E_RECOVERING, VOW_E_NO_MEMORY, VOW_E_SHUTTING_DOWN};
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id;

    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    for (unsigned i = 0; i < 4; i++) {
        fake_unknown(fake, &id, refusals[i]);
        cr_assert(vow_gtrid_equal(&fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id, &id));
    }
    fake_outcome(fake, &id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, an_expired_id_is_changed_for_a_new_one)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id, again;

    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_unknown(fake, &id, VOW_E_ID_EXPIRED);
    again = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    cr_assert_not(vow_gtrid_equal(&again, &id));
    fake_outcome(fake, &again, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, a_request_without_an_answer_in_time_is_unknown)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct call call = {.client = client, .fake = fake};
    struct vow_gtrid id;

    call_start(&call);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_UNKNOWN);
    cr_assert_eq(call.result.error, VOW_E_IN_DOUBT);
    cr_assert(vow_gtrid_equal(&call.result.id, &id));
    vow_client_close(client);
    fake_close(fake);
}

Test(client, a_late_outcome_disturbs_nobody)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct answer first, second;
    struct vow_gtrid id;

    commit(client, pair, fake, &first);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    cr_assert_eq(answer_await(&first)->outcome, VOW_UNKNOWN);
    fake_outcome(fake, &id, VOW_COMMITTED);
    commit(client, pair, fake, &second);
    fake_outcome(fake, &fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&second)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, a_lost_request_stays_in_doubt_though_it_is_refused_later)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id;

    /* What was sent on the first connection may still be read after the refusal on the second. */
    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_drop(fake);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    fake_unknown(fake, &id, VOW_E_BUSY);
    vow_channel_flush(fake->channel);
    fake_vanish(fake);
    vow_client_close(client);
    cr_assert(atomic_load(&answer.done));
    cr_assert_eq(answer.result.outcome, VOW_UNKNOWN);
    cr_assert_eq(answer.result.error, VOW_E_IN_DOUBT);
    fake_close(fake);
}

Test(client, a_lost_request_is_unknown_when_the_coordinator_stays_away)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct call call = {.client = client, .fake = fake};

    call_start(&call);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    fake_vanish(fake);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_UNKNOWN);
    vow_client_close(client);
    fake_close(fake);
}

/* The error of a commit whose last answer was BUSY when the coordinator vanished; 0 if the client sent again in
 * between. */
static int busy_and_gone(void)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct call call = {.client = client, .fake = fake};
    struct vow_gtrid id;
    int error;

    call_start(&call);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_unknown(fake, &id, VOW_E_BUSY);
    vow_channel_flush(fake->channel);
    fake_vanish(fake);
    error = call_await(&call);
    cr_assert(error != 0 || call.result.outcome == VOW_UNKNOWN);
    vow_client_close(client);
    fake_close(fake);
    return error;
}

Test(client, nothing_happened_is_certain_after_nothing_but_refusals)
{
    int error = 0;

    for (unsigned i = 0; i < 10 && error == 0; i++)
        error = busy_and_gone();
    cr_assert_eq(error, VOW_E_BUSY);
}

Test(client, without_a_coordinator_nothing_happened)
{
    struct fake *fake = fake_open();
    struct vow_client *client;
    struct call call = {.fake = fake};

    fake_vanish(fake);
    call.client = client = open_client_with(fake->address, 100, 0);
    call_start(&call);
    cr_assert_eq(call_await(&call), VOW_E_UNREACHABLE);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, a_coordinator_that_gives_no_ids_is_busy)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct answer answer;

    fake->gives_no_ids = true;
    commit(client, pair, fake, &answer);
    answer_await(&answer);
    cr_assert_eq(answer.result.outcome, VOW_ABORTED);
    cr_assert_eq(answer.result.cause, VOW_CAUSE_NONE);
    cr_assert_eq(answer.result.error, VOW_E_BUSY);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, an_answer_that_decides_nothing_is_followed_by_questions)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id;

    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    fake_unknown(fake, &id, VOW_E_IN_DOUBT);
    fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    fake_unknown(fake, &id, VOW_E_BUSY);
    fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    vow_client_close(client);
    cr_assert_eq(answer.result.outcome, VOW_UNKNOWN, "a refused question makes nothing certain");
    fake_close(fake);
}

/* --- Status --- */

static int ask(struct fake *fake, struct vow_client *client, const struct vow_gtrid *id, enum vow_outcome outcome,
               int error, struct vow_result *result)
{
    struct call call = {.client = client, .fake = fake, .id = id, .participant = "stock"};
    const struct heard *heard;

    call_start(&call);
    heard = fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    cr_assert(vow_gtrid_equal(&heard->id, id));
    cr_assert_str_eq(heard->participant, "stock");
    if (outcome == VOW_UNKNOWN)
        fake_unknown(fake, id, error);
    else
        fake_outcome(fake, id, outcome);
    error = call_await(&call);
    *result = call.result;
    return error;
}

Test(client, status_says_what_the_coordinator_says)
{
    const struct vow_gtrid id = vow_gtrid_make(FAKE_COORD, 3, 9, 0, 1);
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct vow_result result;

    cr_assert_eq(ask(fake, client, &id, VOW_COMMITTED, 0, &result), 0);
    cr_assert_eq(result.outcome, VOW_COMMITTED);
    cr_assert_eq(ask(fake, client, &id, VOW_PENDING, 0, &result), 0);
    cr_assert_eq(result.outcome, VOW_PENDING);
    cr_assert_eq(ask(fake, client, &id, VOW_UNKNOWN, VOW_E_IN_DOUBT, &result), 0);
    cr_assert_eq(result.outcome, VOW_UNKNOWN);
    cr_assert_eq(ask(fake, client, &id, VOW_UNKNOWN, VOW_E_NOT_MINE, &result), VOW_E_NOT_MINE);
    cr_assert_eq(ask(fake, client, &id, VOW_UNKNOWN, VOW_E_EXPIRED, &result), VOW_E_EXPIRED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, status_is_asked_again_after_a_lost_connection)
{
    const struct vow_gtrid id = vow_gtrid_make(FAKE_COORD, 3, 9, 0, 1);
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct call call = {.client = client, .fake = fake, .id = &id};

    call_start(&call);
    cr_assert_str_eq(fake_hear(fake, VOW_MSG_STATUS_REQUEST)->participant, "");
    fake_drop(fake);
    fake_hear(fake, VOW_MSG_STATUS_REQUEST);
    fake_outcome(fake, &id, VOW_ABORTED);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_ABORTED);
    vow_client_close(client);
    fake_close(fake);
}

/* What a program does that knows nothing of phases: it hands the participant of each answer that is not final back. */
Test(client, F015_an_unknown_outcome_names_whom_to_ask)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct answer answer;

    commit(client, single, fake, &answer);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_UNKNOWN);
    cr_assert_str_eq(answer.result.participant, "stock");

    struct call call = {
        .client = client, .fake = fake, .id = &answer.result.id, .participant = answer.result.participant};
    call_start(&call);
    cr_assert_str_eq(fake_hear(fake, VOW_MSG_STATUS_REQUEST)->participant, "stock");
    fake_outcome(fake, &answer.result.id, VOW_PENDING);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_PENDING);
    cr_assert_str_eq(call.result.participant, "stock", "it can be handed back again");
    vow_client_close(client);
    fake_close(fake);
}

Test(client, an_unknown_outcome_of_two_phases_names_nobody)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct answer answer;

    commit(client, pair, fake, &answer);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_UNKNOWN);
    cr_assert_str_eq(answer.result.participant, "");

    struct call call = {.client = client, .fake = fake, .id = &answer.result.id, .participant = ""};
    call_start(&call);
    cr_assert_str_eq(fake_hear(fake, VOW_MSG_STATUS_REQUEST)->participant, "");
    fake_outcome(fake, &answer.result.id, VOW_ABORTED);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_ABORTED);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, status_without_a_coordinator_is_an_error)
{
    const struct vow_gtrid id = vow_gtrid_make(FAKE_COORD, 3, 9, 0, 1);
    struct fake *fake = fake_open();
    struct call call = {.fake = fake, .id = &id};

    fake_vanish(fake);
    call.client = open_client_with(fake->address, 100, 0);
    call_start(&call);
    cr_assert_eq(call_await(&call), VOW_E_UNREACHABLE);
    vow_client_close(call.client);
    fake_close(fake);
}

Test(client, the_status_of_a_commit_under_way_here_is_pending)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer answer;
    struct vow_gtrid id;
    struct call call = {.client = client, .fake = fake, .id = &id};

    commit(client, pair, fake, &answer);
    id = fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id;
    call_start(&call);
    cr_assert_eq(call_await(&call), 0);
    cr_assert_eq(call.result.outcome, VOW_PENDING);
    cr_assert_eq(fake->counts[VOW_MSG_STATUS_REQUEST], 0);
    fake_outcome(fake, &id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

/* Made into an id with coordinator 0 and epoch 0 it would be all zero, and the client would not know where the
 * transaction is. */
Test(client, an_id_of_zeros_is_no_id)
{
    const uint64_t zero = 0;
    struct fake *fake = fake_open();
    struct vow_client *client;
    struct answer answer;

    fake->coord = fake->epoch = 0;
    fake->gives_no_ids = true;
    client = open_client(fake);
    fake_until_up(fake, 1);
    commit(client, pair, fake, &answer);
    fake_hear(fake, VOW_MSG_IDS_REQUEST);
    fake_send(fake, &(struct vow_msg){.kind = VOW_MSG_IDS, .ids = {.count = 1, .rand = &zero}});
    fake->gives_no_ids = false;
    fake->commits_all = true;
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    cr_assert_eq(fake->ups, 2, "who sends such a grant is dropped");
    vow_client_close(client);
    fake_close(fake);
}

/* --- Threads, callbacks, closing --- */

Test(client, closing_says_what_is_certain)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer sent, lonely;

    commit(client, pair, fake, &sent);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    vow_client_close(client);
    cr_assert_eq(sent.result.outcome, VOW_UNKNOWN);
    cr_assert_eq(sent.result.error, VOW_E_IN_DOUBT);
    fake_vanish(fake);
    client = open_client(fake);
    commit(client, pair, fake, &lonely);
    vow_client_close(client);
    cr_assert_eq(lonely.result.outcome, VOW_ABORTED);
    cr_assert_eq(lonely.result.error, VOW_E_UNREACHABLE);
    fake_close(fake);
}

struct chain {
    struct vow_client *client;
    struct answer *last;
    int blocking_error;
};

static void start_next(void *ctx, const struct vow_result *result)
{
    struct chain *chain = ctx;
    struct vow_result unused;

    cr_assert_eq(result->outcome, VOW_COMMITTED);
    chain->blocking_error = vow_commit(chain->client, pair, 2, &unused);
    cr_assert_eq(vow_commit_async(chain->client, pair, 2, answer_take, chain->last), 0);
}

Test(client, a_callback_may_start_the_next_at_the_limit_but_not_wait)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, 0, 1);
    struct answer last = {.fake = fake};
    struct chain chain = {.client = client, .last = &last};

    fake->commits_all = true;
    cr_assert_eq(vow_commit_async(client, pair, 2, start_next, &chain), 0);
    cr_assert_eq(answer_await(&last)->outcome, VOW_COMMITTED);
    cr_assert_eq(chain.blocking_error, VOW_E_STATE);
    vow_client_close(client);
    fake_close(fake);
}

Test(client, more_than_in_flight_max_is_refused_at_once)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, 0, 2);
    struct answer answers[3];

    commit(client, pair, fake, &answers[0]);
    commit(client, pair, fake, &answers[1]);
    answers[2] = (struct answer){.fake = fake};
    cr_assert_eq(vow_commit_async(client, pair, 2, answer_take, &answers[2]), VOW_E_BUSY);
    fake->commits_all = true;
    answer_await(&answers[0]);
    answer_await(&answers[1]);
    commit(client, pair, fake, &answers[2]);
    cr_assert_eq(answer_await(&answers[2])->outcome, VOW_COMMITTED);
    vow_client_close(client);
    fake_close(fake);
}

#define THREADS 8
#define COMMITS 50

struct crowd {
    struct vow_client *client;
    struct fake *fake;
    atomic_uint left, committed;
    atomic_bool done;
};

static void *commit_many(void *ctx)
{
    struct crowd *crowd = ctx;
    struct vow_result result;

    for (unsigned i = 0; i < COMMITS; i++) {
        if (vow_commit(crowd->client, pair, 2, &result) == 0 && result.outcome == VOW_COMMITTED)
            atomic_fetch_add(&crowd->committed, 1);
    }
    if (atomic_fetch_sub(&crowd->left, 1) == 1) {
        atomic_store(&crowd->done, true);
        fake_wake(crowd->fake);
    }
    return NULL;
}

Test(client, many_threads_commit_at_once)
{
    struct fake *fake = fake_open();
    struct crowd crowd = {.client = open_client(fake), .fake = fake, .left = THREADS};
    pthread_t threads[THREADS];

    fake->commits_all = true;
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, commit_many, &crowd), 0);
    fake_until(fake, &crowd.done);
    for (unsigned i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    cr_assert_eq(crowd.committed, THREADS * COMMITS);
    vow_client_close(crowd.client);
    fake_close(fake);
}

Test(client, a_burst_larger_than_the_write_buffer_keeps_its_connection)
{
    const size_t len = 60000, burst = 400;
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake);
    struct answer *answers = calloc(burst, sizeof(*answers));
    void *payload = calloc(1, len);
    const struct vow_call large = {"stock", "take", payload, len};

    fake->commits_all = true;
    fake_until_up(fake, 1);
    for (size_t i = 0; i < burst; i++) {
        answers[i].fake = fake;
        cr_assert_eq(vow_commit_async(client, &large, 1, answer_take, &answers[i]), 0);
    }
    for (size_t i = 0; i < burst; i++)
        cr_assert_eq(answer_await(&answers[i])->outcome, VOW_COMMITTED);
    cr_assert_eq(fake->ups, 1);
    vow_client_close(client);
    fake_close(fake);
    free(answers);
    free(payload);
}

/* --- What is not well-formed --- */

static int try_call(struct vow_client *client, const char *participant, const char *handler, const void *payload,
                    size_t len)
{
    const struct vow_call call = {participant, handler, payload, len};
    struct vow_result result;

    return vow_commit(client, &call, 1, &result);
}

Test(client, calls_that_are_not_well_formed_are_refused)
{
    static const char large[VOW_TEXT_SIZE * 400];
    struct vow_client *client = open_client_with("127.0.0.1:1", 50, 0);
    const struct vow_gtrid none = {{0}}, some = {{1}};
    struct vow_result result;
    struct vow_call many[VOW_CALLS_MAX + 1];

    for (size_t i = 0; i <= VOW_CALLS_MAX; i++)
        many[i] = pair[0];
    cr_assert_eq(try_call(client, "st ock", "take", NULL, 0), VOW_E_NAME);
    cr_assert_eq(try_call(client, "stock", "", NULL, 0), VOW_E_NAME);
    cr_assert_eq(try_call(client, NULL, "take", NULL, 0), VOW_E_ARGUMENT);
    cr_assert_eq(try_call(client, "stock", "take", NULL, 1), VOW_E_ARGUMENT);
    cr_assert_eq(try_call(client, "stock", "take", large, sizeof(large)), VOW_E_TOO_LARGE);
    cr_assert_eq(vow_commit(client, many, VOW_CALLS_MAX + 1, &result), VOW_E_TOO_LARGE);
    cr_assert_eq(vow_commit(client, NULL, 1, &result), VOW_E_ARGUMENT);
    cr_assert_eq(vow_commit(client, pair, 2, NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_commit_async(client, pair, 2, NULL, NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_status(client, &none, NULL, &result), VOW_E_ARGUMENT);
    cr_assert_eq(vow_status(client, &some, "st ock", &result), VOW_E_NAME);
    vow_client_close(client);
    vow_client_close(NULL);
}

static int try_open(struct vow_client_options options)
{
    struct vow_error_detail detail = {.error = 0};
    struct vow_client *client = (struct vow_client *)&detail;
    int error = vow_client_open(&options, &client, &detail);

    cr_assert_null(client);
    cr_assert_eq(detail.error, error);
    cr_assert_str_neq(detail.text, "");
    return error;
}

Test(client, options_that_are_wrong_are_named)
{
    const size_t size = sizeof(struct vow_client_options);

    cr_assert_eq(try_open((struct vow_client_options){.size = 0}), VOW_E_ARGUMENT);
    cr_assert_eq(try_open((struct vow_client_options){.size = size + 8}), VOW_E_ARGUMENT);
    cr_assert_eq(try_open((struct vow_client_options){.size = sizeof(size_t) + 1}), VOW_E_ARGUMENT);
    cr_assert_eq(try_open((struct vow_client_options){.size = size, .name = "a b"}), VOW_E_NAME);
    cr_assert_eq(try_open((struct vow_client_options){.size = size, .coordinator = "nowhere"}), VOW_E_ADDRESS);
    cr_assert_eq(try_open((struct vow_client_options){.size = size, .coordinator = "127.0.0.1:0"}), VOW_E_ADDRESS);
    cr_assert_eq(try_open((struct vow_client_options){.size = size, .in_flight_max = UINT32_MAX}), VOW_E_ARGUMENT);
}

/* --- Transactions that stay open --- */

struct begin {
    struct fake *fake;
    atomic_bool done;
    int error;
    struct vow_txn *txn;
};

static void take_begun(void *ctx, int error, struct vow_txn *txn)
{
    struct begin *begin = ctx;
    struct fake *fake = begin->fake;

    begin->error = error;
    begin->txn = txn;
    atomic_store(&begin->done, true); /* the last touch: the test goes on, and begin is gone */
    fake_wake(fake);
}

static struct vow_txn *begin_txn(struct vow_client *client, struct fake *fake)
{
    struct begin begin = {.fake = fake};

    cr_assert_eq(vow_begin_async(client, NULL, take_begun, &begin), 0);
    fake_outcome(fake, &fake_hear(fake, VOW_MSG_BEGIN)->msg.begin.gtrid, VOW_PENDING);
    fake_until(fake, &begin.done);
    cr_assert_eq(begin.error, 0);
    return begin.txn;
}

static void commit_txn(struct vow_txn *txn, struct fake *fake, struct answer *answer)
{
    *answer = (struct answer){.fake = fake};
    cr_assert_eq(vow_txn_commit_async(txn, NULL, 0, answer_take, answer), 0);
}

/* Refuses a commit, and is gone before the client comes back to it. */
static void refuse_and_vanish(struct fake *fake, struct vow_client *client, const struct vow_txn *txn)
{
    struct vow_msg busy = {.kind = VOW_MSG_OUTCOME};
    struct answer marker;

    commit(client, pair, fake, &marker);
    busy.outcome = (struct vow_msg_outcome){.gtrid = *vow_txn_id(txn),
                                            .outcome = VOW_UNKNOWN,
                                            .error = VOW_E_BUSY,
                                            .retry_after_ms = 500,
                                            .participant = "",
                                            .text = ""};
    fake_send(fake, &busy);
    fake_outcome(fake, &fake_hear(fake, VOW_MSG_COMMIT_REQUEST)->id, VOW_COMMITTED);
    cr_assert_eq(answer_await(&marker)->outcome, VOW_COMMITTED);
    fake_vanish(fake);
}

/* It may have committed by the first request, so the second must not be said to have changed nothing (guarantee 3). */
Test(client, a_second_commit_of_one_in_doubt_is_never_called_off)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct vow_txn *txn = begin_txn(client, fake);
    struct answer first, second;

    commit_txn(txn, fake, &first);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    fake_vanish(fake);
    cr_assert_eq(answer_await(&first)->outcome, VOW_UNKNOWN);
    commit_txn(txn, fake, &second);
    cr_assert_eq(answer_await(&second)->outcome, VOW_UNKNOWN);
    vow_txn_free(txn);
    vow_client_close(client);
    fake_close(fake);
}

/* An answer does not say which of them was refused. */
Test(client, of_two_commits_at_once_none_is_called_off)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct vow_txn *txn = begin_txn(client, fake);
    struct answer first, second;

    commit_txn(txn, fake, &first);
    commit_txn(txn, fake, &second);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    refuse_and_vanish(fake, client, txn);
    cr_assert_eq(answer_await(&first)->outcome, VOW_UNKNOWN);
    cr_assert_eq(answer_await(&second)->outcome, VOW_UNKNOWN);
    vow_txn_free(txn);
    vow_client_close(client);
    fake_close(fake);
}

/* One that was called off may be asked for again, and called off again. */
Test(client, a_commit_that_was_refused_is_called_off)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client_with(fake->address, SHORT_MS, 0);
    struct vow_txn *txn = begin_txn(client, fake);
    struct answer answer;

    commit_txn(txn, fake, &answer);
    fake_hear(fake, VOW_MSG_COMMIT_REQUEST);
    refuse_and_vanish(fake, client, txn);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_ABORTED);
    cr_assert_eq(answer.result.error, VOW_E_BUSY);
    commit_txn(txn, fake, &answer);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_ABORTED);
    cr_assert_eq(answer.result.error, VOW_E_UNREACHABLE);
    vow_txn_free(txn);
    vow_client_close(client);
    fake_close(fake);
}
