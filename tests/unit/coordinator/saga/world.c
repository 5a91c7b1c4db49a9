#include "world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/jitter.h"

enum { MAIL_MAX = 4096, TURNS_MAX = 200000, CHAOS_TURNS = 300 };

static const char *const names[] = {"a", "b"};

static uint32_t below(struct world *world, uint32_t limit)
{
    return (uint32_t)(vow_jitter_next(&world->random) % limit);
}

static bool chance(struct world *world, uint32_t of_100)
{
    return !world->calm && below(world, 100) < of_100;
}

static struct world_saga *saga_of(struct world *world, const struct vow_gtrid *gtrid)
{
    for (int i = 0; i < WORLD_SAGAS; i++) {
        if (vow_gtrid_equal(&world->sagas[i].request.gtrid, gtrid))
            return &world->sagas[i];
    }
    cr_assert_fail("a saga that nobody asked for");
    return NULL;
}

/* ---- effects ---- */

static void post(struct world *world, const struct vow_sagas_effect *effect)
{
    cr_assert_lt(world->mail_len, MAIL_MAX);
    world->mail[world->mail_len++] = *effect;
}

/* Like vowd: one that is full is sent nothing, and the core hears of it after its step. */
static void send(struct world *world, const struct vow_sagas_effect *effect)
{
    const int peer = effect->session == world->session_of[0] ? 0 : 1;

    world->is_full[peer] = world->is_full[peer] || chance(world, world->options.full);
    if (!world->is_full[peer]) {
        post(world, effect);
        return;
    }
    cr_assert_lt(world->unsent_len, sizeof(world->unsent) / sizeof(world->unsent[0]));
    world->unsent[world->unsent_len++] = (struct vow_sagas_event){
        .kind = VOW_SAGAS_UNSENT, .session = effect->session, .unsent = {effect->gtrid, effect->msg.step.step}};
}

static void log_record(struct world *world, const struct vow_sagas_effect *effect)
{
    cr_assert_lt(world->log_len, 16384);
    world->log[world->log_len] = effect->log.record;
    world->tokens[world->log_len++] = effect->log.token;
}

static void carry_out(struct world *world, const struct vow_sagas_effect *effect)
{
    switch (effect->kind) {
    case VOW_SAGAS_SEND:
        send(world, effect);
        break;
    case VOW_SAGAS_REPLY:
        if (effect->msg.saga_state.error == 0 && effect->msg.saga_state.state != 0)
            saga_of(world, &effect->gtrid)->told = effect->msg.saga_state.state;
        break;
    case VOW_SAGAS_LOG:
        log_record(world, effect);
        break;
    case VOW_SAGAS_ALARM:
        world->alarms++;
        break;
    case VOW_SAGAS_LOOKUP:
    case VOW_SAGAS_TRACE:
    case VOW_SAGAS_ORDERED:
    case VOW_SAGAS_FREED:
        break;
    }
}

static void step(struct world *world, struct vow_sagas_event *event)
{
    struct vow_sagas_effects effects;

    event->now_ms = world->now_ms;
    vow_sagas_step(world->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, &effects.items[i]);
    while (world->unsent_len > 0) {
        struct vow_sagas_event unsent = world->unsent[--world->unsent_len];

        unsent.now_ms = world->now_ms;
        vow_sagas_step(world->core, &unsent, &effects);
        for (size_t i = 0; i < effects.len; i++)
            cr_assert_eq(effects.items[i].kind, VOW_SAGAS_TRACE);
    }
}

/* ---- the coordinator ---- */

static void connect(struct world *world, int peer)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_PEER_UP, .peer = names[peer]};

    event.session = world->session_of[peer] = ++world->sessions;
    world->is_full[peer] = false;
    world->up[peer] = true;
    step(world, &event);
}

static void disconnect(struct world *world, int peer)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_SESSION_DOWN, .session = world->session_of[peer]};

    world->up[peer] = false;
    step(world, &event);
}

static void drain(struct world *world, int peer)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_PEER_READY, .session = world->session_of[peer]};

    if (!world->is_full[peer])
        return;
    world->is_full[peer] = false;
    step(world, &event);
}

static bool has_ended(const struct world *world, const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        if (world->log[i].kind == VOW_RECORD_SAGA_END && vow_gtrid_equal(&world->log[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static void start(struct world *world)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;

    limits.sagas_max = WORLD_SAGAS;
    limits.steps_max = WORLD_SAGAS * WORLD_STEPS;
    limits.peers_max = 4;
    limits.keys_max = 1; /* beside one for each saga; there is a core for each start */
    free(world->memory);
    world->memory = malloc(vow_sagas_size(&limits));
    world->core = vow_sagas_init(world->memory, &limits, 1 + world->options.crashes - world->crashes_left, 7);
    for (size_t i = 0; i < world->log_durable; i++) {
        struct vow_sagas_event event = {.kind = VOW_SAGAS_RECOVERED, .recovered = {.record = &world->log[i]}};

        if (has_ended(world, &world->log[i].gtrid))
            continue;
        event.recovered.msg = &saga_of(world, &world->log[i].gtrid)->request;
        step(world, &event);
    }
    step(world, &(struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
}

/* What the log had not made durable is lost; so is what was under way. */
static void crash(struct world *world)
{
    world->crashes_left--;
    world->log_durable +=
        world->log_len > world->log_durable ? below(world, (uint32_t)(world->log_len - world->log_durable + 1)) : 0;
    world->log_len = world->log_durable;
    world->up[0] = world->up[1] = false;
    start(world);
}

static void log_one(struct world *world)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_LOG_DONE};

    if (world->log_durable == world->log_len)
        return;
    event.token = world->tokens[world->log_durable++];
    step(world, &event);
}

static void fire(struct world *world)
{
    uint64_t deadline = vow_sagas_deadline_ms(world->core);

    if (deadline == UINT64_MAX)
        return;
    if (deadline > world->now_ms)
        world->now_ms = deadline;
    step(world, &(struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
}

/* ---- participants ---- */

static enum vow_step_result act(struct world *world, struct world_effect *effect, const struct vow_msg_saga_step *order)
{
    if (effect->blocked)
        return VOW_STEP_TOO_LATE;
    if (effect->done)
        return VOW_STEP_DONE;
    if (effect->rejected)
        return VOW_STEP_REJECTED;
    if (chance(world, 10))
        return VOW_STEP_NOT_YET;
    if (order->kind != VOW_STEP_RETRIABLE && below(world, 100) < world->options.rejected) {
        effect->rejected = true;
        return VOW_STEP_REJECTED;
    }
    if (order->kind == VOW_STEP_RETRIABLE && chance(world, world->options.refused))
        return VOW_STEP_REJECTED; /* it may not, and so is not remembered */
    effect->done = true;
    effect->done_at = ++world->moment;
    return VOW_STEP_DONE;
}

static enum vow_step_result undo(struct world *world, struct world_effect *effect)
{
    if (effect->blocked)
        return VOW_STEP_DONE;
    if (chance(world, world->options.refused))
        return VOW_STEP_UNABLE;
    effect->blocked = true;
    effect->undone = effect->done;
    effect->undone_at = ++world->moment;
    return VOW_STEP_DONE;
}

static void answer(struct world *world, const struct vow_sagas_effect *ask)
{
    const struct vow_msg_step *msg = &ask->msg.step;
    struct world_saga *saga = saga_of(world, &msg->gtrid);
    struct world_effect *effect = &saga->effects[msg->step];
    struct vow_sagas_effect reply = {.kind = VOW_SAGAS_SEND, .session = ask->session, .gtrid = msg->gtrid};

    reply.msg.kind = VOW_MSG_STEP_DONE;
    reply.msg.step_done = (struct vow_msg_step_done){
        .gtrid = msg->gtrid, .step = msg->step, .direction = msg->direction, .attempt = msg->attempt, .text = ""};
    reply.msg.step_done.result =
        msg->direction == VOW_STEP_ACTION ? act(world, effect, &saga->steps[msg->step]) : undo(world, effect);
    post(world, &reply);
}

/* Delivers, loses or repeats one of the messages under way, in any order. */
static void deliver(struct world *world)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_MESSAGE};
    struct vow_sagas_effect mail;
    uint32_t at;

    if (world->mail_len == 0)
        return;
    at = below(world, (uint32_t)world->mail_len);
    mail = world->mail[at];
    if (!chance(world, 10))
        world->mail[at] = world->mail[--world->mail_len];
    if (chance(world, world->options.lost))
        return;
    if (mail.msg.kind == VOW_MSG_STEP) {
        answer(world, &mail);
        return;
    }
    event.session = mail.session;
    event.msg = &mail.msg;
    step(world, &event);
}

/* ---- clients ---- */

static void ask(struct world *world, struct world_saga *saga)
{
    struct vow_sagas_event event = {
        .kind = VOW_SAGAS_REQUEST, .session = 1000, .request = {.msg = &saga->request, .grant = VOW_SAGA_ID_NEW}};

    for (size_t i = 0; i < world->log_len; i++) {
        if (vow_gtrid_equal(&world->log[i].gtrid, &saga->request.gtrid))
            event.request.grant = VOW_SAGA_ID_USED;
    }
    saga->asked = true;
    step(world, &event);
}

static void cancel(struct world *world, const struct world_saga *saga)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_CANCEL, .saga_cancel = {saga->request.gtrid}};

    step(world, &(struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 1000, .msg = &msg});
}

static void requeue_stuck(struct world *world)
{
    struct vow_saga_view view;

    for (uint32_t cursor = 0; vow_sagas_next(world->core, &cursor, &view);) {
        struct vow_sagas_event event = {.kind = VOW_SAGAS_ORDER, .order = {view.gtrid, VOW_SAGA_RETRY, 1}};

        if (view.told == VOW_SAGA_STUCK_FORWARD || view.told == VOW_SAGA_STUCK_COMPENSATING)
            step(world, &event);
    }
}

/* ---- the run ---- */

/* Compensatable ones, perhaps a pivot, retriable ones; some stages have two steps. */
static void draw_saga(struct world *world, struct world_saga *saga, uint64_t number)
{
    uint32_t before = 1 + below(world, 3), pivot = below(world, 2), after = below(world, 3);
    uint32_t stage = 0, len = before + pivot + after;

    for (uint32_t i = 0; i < len; i++) {
        enum vow_step_kind kind = i < before           ? VOW_STEP_COMPENSATABLE
                                  : i < before + pivot ? VOW_STEP_PIVOT
                                                       : VOW_STEP_RETRIABLE;
        bool is_parallel = i > 0 && kind != VOW_STEP_PIVOT && saga->steps[i - 1].kind == kind && below(world, 2) == 0;

        stage += i > 0 && !is_parallel;
        saga->steps[i] = (struct vow_msg_saga_step){.kind = kind,
                                                    .stage = stage,
                                                    .participant = names[below(world, 2)],
                                                    .action = "do",
                                                    .compensation = kind == VOW_STEP_COMPENSATABLE ? "undo" : "",
                                                    .attempts_max = 1 + below(world, 3)};
    }
    saga->request = (struct vow_msg_saga_request){
        .gtrid = vow_gtrid_make(1, 1, number, 0, 1), .key = "", .steps_len = len, .steps = saga->steps};
    if (below(world, 4) == 0)
        saga->request.deadline_ms = 1 + below(world, 20000);
}

static void turn(struct world *world)
{
    switch (below(world, 8)) {
    case 0:
    case 1:
    case 2:
        deliver(world);
        break;
    case 3:
    case 4:
        log_one(world);
        break;
    case 5:
        fire(world);
        break;
    case 6:
        drain(world, (int)below(world, 2));
        if (!world->up[0] || chance(world, 10))
            (world->up[0] ? disconnect : connect)(world, 0);
        else if (!world->up[1] || chance(world, 10))
            (world->up[1] ? disconnect : connect)(world, 1);
        break;
    default: {
        struct world_saga *saga = &world->sagas[below(world, WORLD_SAGAS)];

        if (!saga->asked || chance(world, 20))
            ask(world, saga);
        else if (world->options.is_cancelled && chance(world, 20))
            cancel(world, saga);
        else if (world->crashes_left > 0 && chance(world, 5))
            crash(world);
        break;
    }
    }
}

static bool is_over(const struct world *world)
{
    uint32_t cursor = 0;
    struct vow_saga_view view;

    for (int i = 0; i < WORLD_SAGAS; i++) {
        if (!world->sagas[i].asked)
            return false;
    }
    return world->log_durable == world->log_len && !vow_sagas_next(world->core, &cursor, &view);
}

void world_run(struct world *world, const struct world_options *options)
{
    *world = (struct world){.options = *options, .random = options->seed, .crashes_left = options->crashes};
    world->mail = malloc(MAIL_MAX * sizeof(*world->mail));
    for (uint64_t i = 0; i < WORLD_SAGAS; i++)
        draw_saga(world, &world->sagas[i], i + 1);
    start(world);
    for (int i = 0; i < CHAOS_TURNS; i++)
        turn(world);
    world->calm = true;
    for (int i = 0; i < TURNS_MAX && !is_over(world); i++) {
        turn(world);
        requeue_stuck(world);
    }
}

void world_free(struct world *world)
{
    free(world->memory);
    free(world->mail);
}

/* ---- S1 to S6 ---- */

/* A saga whose order was never durable did nothing; its client asks again, or knows. */
static bool was_begun(const struct world *world, const struct world_saga *saga)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        if (world->log[i].kind == VOW_RECORD_SAGA_BEGIN && vow_gtrid_equal(&world->log[i].gtrid, &saga->request.gtrid))
            return true;
    }
    return false;
}

static enum vow_saga_state end_of(const struct world *world, const struct world_saga *saga)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        if (world->log[i].kind == VOW_RECORD_SAGA_END && vow_gtrid_equal(&world->log[i].gtrid, &saga->request.gtrid))
            return (enum vow_saga_state)world->log[i].detail;
    }
    return 0;
}

static void check_step(const struct world *world, const struct world_saga *saga, uint32_t i, enum vow_saga_state end)
{
    const struct world_effect *effect = &saga->effects[i];
    unsigned long long seed = world->options.seed;

    if (end == VOW_SAGA_COMPLETED)
        cr_assert(effect->done && !effect->blocked, "seed %llu: S2: step %u of a completed saga", seed, i);
    else
        cr_assert(!effect->done || effect->undone, "seed %llu: S2: step %u of a compensated saga", seed, i);
    if (saga->steps[i].kind != VOW_STEP_COMPENSATABLE)
        cr_assert(!effect->blocked, "seed %llu: S5: step %u was undone", seed, i);
    /* Undone in the reverse of the order of the stages. */
    for (uint32_t j = 0; j < i; j++) {
        if (saga->steps[j].stage < saga->steps[i].stage && effect->undone_at != 0 && saga->effects[j].undone_at != 0)
            cr_assert_lt(effect->undone_at, saga->effects[j].undone_at, "seed %llu: I22: steps %u and %u", seed, j, i);
        if (saga->steps[j].stage < saga->steps[i].stage && effect->done)
            cr_assert(saga->effects[j].done && saga->effects[j].done_at < effect->done_at,
                      "seed %llu: step %u before step %u", seed, i, j);
    }
}

void world_check(const struct world *world)
{
    unsigned long long seed = world->options.seed;

    cr_assert(is_over(world), "seed %llu: S1: a saga has not ended", seed);
    for (int n = 0; n < WORLD_SAGAS; n++) {
        const struct world_saga *saga = &world->sagas[n];
        enum vow_saga_state end = end_of(world, saga);

        if (!was_begun(world, saga)) {
            for (uint32_t i = 0; i < saga->request.steps_len; i++)
                cr_assert(!saga->effects[i].done, "seed %llu: a step of a saga that was never begun", seed);
            continue;
        }
        cr_assert(end == VOW_SAGA_COMPLETED || end == VOW_SAGA_COMPENSATED, "seed %llu: S1: end %d", seed, (int)end);
        for (uint32_t i = 0; i < saga->request.steps_len; i++)
            check_step(world, saga, i, end);
        if (saga->told == VOW_SAGA_COMPLETED || saga->told == VOW_SAGA_COMPENSATED)
            cr_assert_eq(saga->told, end, "seed %llu: a client was told otherwise", seed);
    }
}
