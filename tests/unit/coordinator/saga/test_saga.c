/* The core of sagas: its tables, what it refuses, and many small worlds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/saga/saga.h"
#include "proto/error.h"
#include "world.h"

Test(saga, the_tables_are_whole)
{
    char why[256];

    cr_assert_null(vow_fsm_check(vow_saga_fsm(), why, sizeof(why)), "%s", why);
    cr_assert_null(vow_fsm_check(vow_step_fsm(), why, sizeof(why)), "%s", why);
    cr_assert_null(vow_fsm_check(vow_breaker_fsm(), why, sizeof(why)), "%s", why);
}

static struct vow_msg_saga_step step_of(enum vow_step_kind kind, uint32_t stage, const char *compensation)
{
    return (struct vow_msg_saga_step){
        .kind = kind, .stage = stage, .participant = "a", .action = "do", .compensation = compensation};
}

static void expect_fault(const struct vow_msg_saga_step *steps, uint32_t len, uint32_t step, const char *wanted)
{
    const struct vow_msg_saga_request request = {.steps = steps, .steps_len = len};
    uint32_t at = 99;
    const char *fault = vow_saga_fault(&request, &at);

    if (wanted == NULL) {
        cr_assert_null(fault, "%s", fault);
        return;
    }
    cr_assert_not_null(fault, "%s", wanted);
    cr_assert_str_eq(fault, wanted);
    cr_assert_eq(at, step);
}

Test(saga, an_order_without_sense_is_refused)
{
    const struct vow_msg_saga_step undone = step_of(VOW_STEP_COMPENSATABLE, 0, "undo"),
                                   bare = step_of(VOW_STEP_COMPENSATABLE, 0, ""),
                                   late = step_of(VOW_STEP_COMPENSATABLE, 1, "undo"),
                                   pivot = step_of(VOW_STEP_PIVOT, 1, ""), twin = step_of(VOW_STEP_PIVOT, 2, ""),
                                   last = step_of(VOW_STEP_RETRIABLE, 2, ""),
                                   undone_last = step_of(VOW_STEP_RETRIABLE, 2, "undo");

    expect_fault((struct vow_msg_saga_step[]){undone, pivot, last}, 3, 0, NULL);
    expect_fault((struct vow_msg_saga_step[]){undone, undone, pivot, last, last}, 5, 0, NULL);
    expect_fault(&undone, 0, VOW_STEP_NONE, "a saga has 1 to 64 steps");
    expect_fault(&bare, 1, 0, "a step before the pivot needs a compensation");
    expect_fault(&late, 1, 0, "the first stage is 0");
    expect_fault((struct vow_msg_saga_step[]){undone, last}, 2, 1, "stages come in order, without a gap");
    expect_fault((struct vow_msg_saga_step[]){undone, pivot, undone_last}, 3, 2,
                 "the pivot, and what comes after it, is never compensated");
    expect_fault((struct vow_msg_saga_step[]){undone, pivot, twin}, 3, 2, "a saga has one pivot at most");
    expect_fault((struct vow_msg_saga_step[]){undone, pivot, pivot}, 3, 2, "the pivot is alone in its stage");
    expect_fault((struct vow_msg_saga_step[]){undone, pivot, late}, 3, 2,
                 "compensatable steps come first, then the pivot, then retriable ones");
    expect_fault((struct vow_msg_saga_step[]){undone, late, pivot}, 3, 2, "steps of one stage are of one kind");
}

/* ---- one saga, step by step ---- */

static struct vow_sagas *core;
static uint64_t last_token;
static enum vow_saga_state last_told;
static int last_error;
static struct vow_gtrid last_named; /* by a key */
static struct vow_record last_key;  /* the last SAGA_KEY that was logged */
static bool asks_journal;

static void feed(struct vow_sagas_event event)
{
    struct vow_sagas_effects effects;

    last_told = 0;
    last_error = 0;
    asks_journal = false;
    vow_sagas_step(core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        asks_journal = asks_journal || effects.items[i].kind == VOW_SAGAS_LOOKUP;
        if (effects.items[i].kind == VOW_SAGAS_LOG && effects.items[i].log.record.kind == VOW_RECORD_SAGA_KEY)
            last_key = effects.items[i].log.record;
        else if (effects.items[i].kind == VOW_SAGAS_LOG)
            last_token = effects.items[i].log.token;
        if (effects.items[i].kind == VOW_SAGAS_REPLY) {
            last_told = effects.items[i].msg.saga_state.state;
            last_error = effects.items[i].msg.saga_state.error;
            last_named = effects.items[i].msg.saga_state.named;
        }
    }
}

static void log_done(void)
{
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = last_token});
}

/* An only step that may not be refused, and is. */
static void get_stuck(const struct vow_gtrid *gtrid)
{
    const struct vow_msg_saga_step step = step_of(VOW_STEP_RETRIABLE, 0, "");
    const struct vow_msg_saga_request request = {.gtrid = *gtrid, .key = "", .steps_len = 1, .steps = &step};
    const struct vow_msg refused = {.kind = VOW_MSG_STEP_DONE,
                                    .step_done = {.gtrid = *gtrid,
                                                  .direction = VOW_STEP_ACTION,
                                                  .attempt = 1,
                                                  .result = VOW_STEP_UNABLE,
                                                  .cause = VOW_CAUSE_HANDLER_REFUSED,
                                                  .text = ""}};

    feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 2, .peer = "a"});
    feed((struct vow_sagas_event){
        .kind = VOW_SAGAS_REQUEST, .session = 1, .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}});
    log_done();
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 2, .msg = &refused});
    log_done();
    cr_assert_eq(last_told, VOW_SAGA_STUCK_FORWARD);
}

Test(saga, F197_a_query_hears_of_a_close_when_that_is_durable)
{
    const struct vow_gtrid gtrid = vow_gtrid_make(77, 1, 1, 0, 0);
    const struct vow_msg query = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = gtrid, .follow = true}};
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 1, 7);
    get_stuck(&gtrid);
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_ORDER, .order = {.gtrid = gtrid, .order = VOW_SAGA_CLOSE}});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 1, .msg = &query});
    cr_assert_eq(last_told, VOW_SAGA_STUCK_FORWARD, "a crash now, and it goes on");
    log_done();
    cr_assert_eq(last_told, VOW_SAGA_CLOSED);
    free(mem);
}

/* Nothing may be told of it yet, and a question is answered at once all the same. */
Test(saga, a_question_before_the_order_is_durable_is_answered)
{
    const struct vow_gtrid gtrid = vow_gtrid_make(77, 1, 1, 0, 0);
    const struct vow_msg_saga_step step = step_of(VOW_STEP_COMPENSATABLE, 0, "undo");
    const struct vow_msg_saga_request request = {.gtrid = gtrid, .key = "", .steps_len = 1, .steps = &step};
    const struct vow_msg query = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = gtrid}};
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 1, 7);
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
    feed((struct vow_sagas_event){
        .kind = VOW_SAGAS_REQUEST, .session = 1, .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 3, .msg = &query});
    cr_assert_eq(last_error, VOW_E_BUSY);
    cr_assert_eq(last_told, 0);
    free(mem);
}

/* ---- keys ---- */

static const struct vow_msg_saga_step only_step = {
    .kind = VOW_STEP_COMPENSATABLE, .participant = "a", .action = "do", .compensation = "undo"};

static struct vow_msg_saga_request keyed(uint64_t seq, const char *key)
{
    return (struct vow_msg_saga_request){
        .gtrid = vow_gtrid_make(77, 1, seq, 0, 0), .key = key, .steps_len = 1, .steps = &only_step};
}

static void ask_for(uint64_t seq, const char *key)
{
    const struct vow_msg_saga_request request = keyed(seq, key);

    feed((struct vow_sagas_event){
        .kind = VOW_SAGAS_REQUEST, .session = seq, .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}});
}

static void recover(void)
{
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
}

/* Ends the only saga under way, which is at its only step. */
static void complete(uint64_t seq)
{
    const struct vow_msg done = {.kind = VOW_MSG_STEP_DONE,
                                 .step_done = {.gtrid = vow_gtrid_make(77, 1, seq, 0, 0),
                                               .direction = VOW_STEP_ACTION,
                                               .attempt = 1,
                                               .result = VOW_STEP_DONE,
                                               .text = ""}};

    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 900, .msg = &done});
    log_done();
    cr_assert_eq(last_told, VOW_SAGA_COMPLETED);
    log_done();
}

static void expect_named(uint64_t seq, const char *key, uint64_t named)
{
    const struct vow_gtrid expected = vow_gtrid_make(77, 1, named, 0, 0);
    struct vow_sagas_counts before, after;

    vow_sagas_counts(core, &before);
    ask_for(seq, key);
    vow_sagas_counts(core, &after);
    cr_assert_eq(after.begun, before.begun, "it began a second one");
    cr_assert_eq(last_told, 0);
    cr_assert_eq(last_error, VOW_E_DUPLICATE);
    cr_assert(vow_gtrid_equal(&last_named, &expected));
}

static void expect_begins(uint64_t seq, const char *key)
{
    ask_for(seq, key);
    log_done();
    cr_assert_eq(last_told, VOW_SAGA_RUNNING);
}

/* Before its order is durable, on its way, ended; a request that is repeated under its own id is none of these. */
Test(saga, F063_a_key_names_the_first_saga_that_began_with_it)
{
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 1, 7);
    recover();
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 900, .peer = "a"});
    ask_for(1, "order 1");
    cr_assert_str_eq(last_key.text, "order 1");
    expect_named(2, "order 1", 1);
    log_done();
    expect_named(3, "order 1", 1);
    ask_for(1, "order 1");
    cr_assert_eq(last_told, VOW_SAGA_RUNNING);
    complete(1);
    expect_named(4, "order 1", 1);
    expect_begins(5, "order 2");
    expect_begins(6, "");
    expect_begins(7, "");
    free(mem);
}

/* F001: of what has not ended the order has it, of what has ended its own record. */
Test(saga, F001_a_key_is_known_after_a_restart)
{
    const struct vow_msg_saga_request open = keyed(1, "order 1");
    struct vow_record begin = {.kind = VOW_RECORD_SAGA_BEGIN, .gtrid = open.gtrid};
    struct vow_record keys[] = {
        {.kind = VOW_RECORD_SAGA_KEY, .gtrid = vow_gtrid_make(77, 1, 2, 0, 0), .text = "order 2"},
        {.kind = VOW_RECORD_SAGA_KEY, .gtrid = open.gtrid, .text = "order 1"}};
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 2, 7);
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERED, .recovered = {.record = &begin, .msg = &open}});
    for (size_t i = 0; i < 2; i++)
        feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERED, .recovered = {.record = &keys[i]}});
    ask_for(3, "order 1");
    cr_assert_eq(last_error, VOW_E_RECOVERING);
    recover();
    expect_named(4, "order 1", 1);
    expect_named(5, "order 2", 2);
    expect_begins(6, "order 3");
    free(mem);
}

/* The window moves over what has ended; a saga under way keeps its key, however many come after it. */
Test(saga, the_key_of_a_saga_under_way_is_never_given_up)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;
    char key[16];
    void *mem;

    limits.sagas_max = 2;
    limits.keys_max = 3;
    mem = malloc(vow_sagas_size(&limits));
    core = vow_sagas_init(mem, &limits, 1, 7);
    recover();
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 900, .peer = "a"});
    expect_begins(1, "order 1");
    for (uint64_t seq = 2; seq < 12; seq++) {
        (void)snprintf(key, sizeof(key), "order %u", (unsigned)seq);
        expect_begins(seq, key);
        complete(seq);
    }
    expect_named(20, "order 1", 1);
    expect_named(21, "order 11", 11);
    expect_named(22, "order 9", 9);
    expect_begins(23, "order 2");
    free(mem);
}

/* Nobody remembers that answer: an attempt that is still on its way may be done after all. */
Test(saga, F195_what_a_participant_is_unable_to_do_is_undone)
{
    const struct vow_gtrid gtrid = vow_gtrid_make(77, 1, 1, 0, 0);
    const struct vow_msg_saga_step step = step_of(VOW_STEP_COMPENSATABLE, 0, "undo");
    const struct vow_msg_saga_request request = {.gtrid = gtrid, .key = "", .steps_len = 1, .steps = &step};
    struct vow_msg answer = {.kind = VOW_MSG_STEP_DONE,
                             .step_done = {.gtrid = gtrid,
                                           .direction = VOW_STEP_ACTION,
                                           .attempt = 1,
                                           .result = VOW_STEP_UNABLE,
                                           .cause = VOW_CAUSE_NO_SUCH_HANDLER,
                                           .text = ""}};
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 1, 7);
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 2, .peer = "a"});
    feed((struct vow_sagas_event){
        .kind = VOW_SAGAS_REQUEST, .session = 1, .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}});
    log_done();
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 2, .msg = &answer});
    log_done();
    cr_assert_neq(last_told, VOW_SAGA_COMPENSATED, "its compensation is not done");
    answer.step_done.direction = VOW_STEP_COMPENSATION;
    answer.step_done.result = VOW_STEP_DONE;
    feed((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 2, .msg = &answer});
    log_done();
    cr_assert_eq(last_told, VOW_SAGA_COMPENSATED);
    free(mem);
}

/* ---- a participant that comes back ---- */

#define CROWD 2000u

static struct vow_msg_step crowd[2 * CROWD];
static size_t crowd_len;
static uint64_t tokens[2 * CROWD];
static size_t tokens_len;

static void collect(struct vow_sagas_event event, uint64_t now_ms)
{
    struct vow_sagas_effects effects;

    event.now_ms = now_ms;
    vow_sagas_step(core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        if (effects.items[i].kind == VOW_SAGAS_SEND)
            crowd[crowd_len++] = effects.items[i].msg.step;
        if (effects.items[i].kind == VOW_SAGAS_LOG)
            tokens[tokens_len++] = effects.items[i].log.token;
    }
}

static void log_all(uint64_t now_ms)
{
    while (tokens_len > 0)
        collect((struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = tokens[--tokens_len]}, now_ms);
}

static void begin_crowd(void)
{
    const struct vow_msg_saga_step step = step_of(VOW_STEP_COMPENSATABLE, 0, "undo");

    collect((struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE}, 0);
    collect((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER}, 0);
    collect((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 1, .peer = "a"}, 0);
    for (uint64_t i = 1; i <= CROWD; i++) {
        const struct vow_msg_saga_request request = {
            .gtrid = vow_gtrid_make(77, 1, i, 0, 0), .key = "", .steps_len = 1, .steps = &step};

        collect(
            (struct vow_sagas_event){.kind = VOW_SAGAS_REQUEST, .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}},
            0);
        log_all(0);
    }
}

static void answer_all(uint64_t now_ms)
{
    while (crowd_len > 0) {
        const struct vow_msg_step step = crowd[--crowd_len];
        const struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE,
                                    .step_done = {.gtrid = step.gtrid,
                                                  .direction = step.direction,
                                                  .attempt = step.attempt,
                                                  .result = VOW_STEP_DONE,
                                                  .text = ""}};

        collect((struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 2, .msg = &msg}, now_ms);
        log_all(now_ms);
    }
}

/* Its connection was lost with all of it under way; then it answers at once. Nothing is undone for want of budget. */
Test(saga, F147_who_is_well_again_is_soon_done_with_what_was_under_way)
{
    struct vow_sagas_counts counts;
    uint64_t now_ms = 0;
    void *mem = malloc(vow_sagas_size(&vow_sagas_default_limits));

    core = vow_sagas_init(mem, &vow_sagas_default_limits, 1, 7);
    begin_crowd();
    cr_assert_eq(crowd_len, CROWD);
    crowd_len = 0;
    collect((struct vow_sagas_event){.kind = VOW_SAGAS_SESSION_DOWN, .session = 1}, now_ms);
    collect((struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = 2, .peer = "a"}, now_ms);
    do {
        uint64_t deadline_ms = vow_sagas_deadline_ms(core);

        now_ms = deadline_ms > now_ms ? deadline_ms : now_ms;
        cr_assert_lt(now_ms, 30000);
        collect((struct vow_sagas_event){.kind = VOW_SAGAS_TIMER}, now_ms);
        answer_all(now_ms);
        vow_sagas_counts(core, &counts);
    } while (counts.open > 0);
    cr_assert_eq(counts.completed, CROWD);
    free(mem);
}

static uint64_t worlds(void)
{
    const char *text = getenv("VOW_WORLDS");

    return text != NULL ? strtoull(text, NULL, 10) : 2000;
}

static void run_worlds(struct world_options options)
{
    static struct world world;

    for (uint64_t seed = 1; seed <= worlds(); seed++) {
        options.seed = seed;
        world_run(&world, &options);
        world_check(&world);
        world_free(&world);
    }
}

Test(saga_worlds, S1_to_S6_without_a_fault, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 10});
}

Test(saga_worlds, F193_F194_F196_lost_and_repeated_messages, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 20, .lost = 30});
}

Test(saga_worlds, F029_participants_for_whom_much_waits, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 20, .lost = 10, .crashes = 1, .full = 20});
}

Test(saga_worlds, F198_F202_crashes_of_the_coordinator, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 20, .lost = 10, .crashes = 4});
}

Test(saga_worlds, F203_cancelled_and_out_of_time, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 10, .lost = 20, .crashes = 3, .is_cancelled = true});
}

Test(saga_worlds, F197_F199_what_may_not_be_refused_and_is_at_first, .timeout = 600)
{
    run_worlds((struct world_options){.rejected = 40, .lost = 10, .crashes = 2, .refused = 30});
}
