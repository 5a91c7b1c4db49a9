/* The outside of the saga core: its memory, its step, its deadline. */
#include "coordinator/core/saga/core.h"

#include <stddef.h>
#include <string.h>

#include "proto/assert.h"
#include "proto/error.h"
#include "proto/layout.h"

const struct vow_sagas_limits vow_sagas_default_limits = {
    .sagas_max = 16384,
    .steps_max = 65536,
    .peers_max = 256,
    .keys_max = 65536,
    .attempts_max = 10,
    .attempt_ms = 5000,
    .deadline_ms = 60000,
    .backoff_ms = 100,
    .backoff_max_ms = 30000,
};

static bool is_within(uint32_t value, uint32_t max)
{
    return value >= 1 && value <= max;
}

static bool are_valid(const struct vow_sagas_limits *limits)
{
    const uint32_t day_ms = 24u * 60u * 60u * 1000u;

    return is_within(limits->sagas_max, VOW_SAGAS_HIGHEST) && is_within(limits->steps_max, 4 * VOW_SAGAS_HIGHEST) &&
           is_within(limits->peers_max, 1u << 14) && is_within(limits->keys_max, 1u << 20) &&
           is_within(limits->attempts_max, 1000000) && is_within(limits->attempt_ms, day_ms) &&
           is_within(limits->deadline_ms, day_ms) && is_within(limits->backoff_ms, day_ms) &&
           is_within(limits->backoff_max_ms, day_ms);
}

/* ---- memory ---- */

/* There is always room for the key of a saga for which there is room. */
static uint32_t keys_room(const struct vow_sagas_limits *limits)
{
    return limits->keys_max + limits->sagas_max;
}

static void lay_out(struct vow_layout *layout, struct vow_sagas *core, const struct vow_sagas_limits *limits)
{
    VOW_LAYOUT_TAKE(layout, core->sagas, limits->sagas_max);
    VOW_LAYOUT_TAKE(layout, core->steps, limits->steps_max);
    VOW_LAYOUT_TAKE(layout, core->peers, limits->peers_max);
    VOW_LAYOUT_TAKE(layout, core->peer_heads, vow_gtrid_table_heads(limits->peers_max));
    VOW_LAYOUT_TAKE(layout, core->keys.items, keys_room(limits));
    VOW_LAYOUT_TAKE(layout, core->keys.heads, vow_gtrid_table_heads(keys_room(limits)));
    vow_layout_take_table(layout, &core->table, limits->sagas_max);
    vow_layout_take_heap(layout, &core->deadlines, limits->sagas_max);
    vow_layout_take_heap(layout, &core->due, limits->steps_max);
    VOW_LAYOUT_TAKE(layout, core->effects, (size_t)SAGA_EFFECTS_MAX);
    VOW_LAYOUT_TAKE(layout, core->saga_hits, vow_saga_fsm()->edges_len);
    VOW_LAYOUT_TAKE(layout, core->step_hits, vow_step_fsm()->edges_len);
    VOW_LAYOUT_TAKE(layout, core->breaker_hits, vow_breaker_fsm()->edges_len);
}

size_t vow_sagas_size(const struct vow_sagas_limits *limits)
{
    struct vow_sagas nowhere;
    struct vow_layout layout = {NULL, 0};

    if (!are_valid(limits))
        return 0;
    vow_layout_take(&layout, 1, sizeof(struct vow_sagas));
    lay_out(&layout, &nowhere, limits);
    return layout.used;
}

static void chain_free_lists(struct vow_sagas *core)
{
    core->sagas_free = core->steps_free = SAGA_NIL;
    for (uint32_t i = core->limits.sagas_max; i > 0; i--) {
        core->sagas[i - 1] = (struct saga){.state = SAGA_NONE, .next_free = core->sagas_free};
        core->sagas_free = i - 1;
    }
    for (uint32_t i = core->limits.steps_max; i > 0; i--) {
        core->steps[i - 1] = (struct step){.next = core->steps_free};
        core->steps_free = i - 1;
    }
    core->steps_left = core->limits.steps_max;
}

static void init_tables(struct vow_sagas *core)
{
    core->table.items = (const unsigned char *)core->sagas;
    core->table.stride = sizeof(struct saga);
    vow_gtrid_table_init(&core->table, core->limits.sagas_max);
    vow_key_table_init(&core->keys, keys_room(&core->limits));
    vow_heap_init(&core->deadlines, core->limits.sagas_max);
    vow_heap_init(&core->due, core->limits.steps_max);
    for (uint32_t i = 0; i < vow_gtrid_table_heads(core->limits.peers_max); i++)
        core->peer_heads[i] = SAGA_NIL;
    memset(core->saga_hits, 0, vow_saga_fsm()->edges_len * sizeof(*core->saga_hits));
    memset(core->step_hits, 0, vow_step_fsm()->edges_len * sizeof(*core->step_hits));
    memset(core->breaker_hits, 0, vow_breaker_fsm()->edges_len * sizeof(*core->breaker_hits));
}

struct vow_sagas *vow_sagas_init(void *mem, const struct vow_sagas_limits *limits, uint32_t epoch, uint64_t seed)
{
    struct vow_layout layout = {mem, 0};
    struct vow_sagas *core = vow_layout_take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_valid(limits));
    memset(core, 0, sizeof(*core));
    core->limits = *limits;
    lay_out(&layout, core, limits);
    core->epoch = epoch;
    core->jitter = seed;
    core->recovering = true;
    saga_fill_handlers(core);
    chain_free_lists(core);
    init_tables(core);
    return core;
}

/* ---- messages ---- */

static enum step_event event_of_result(enum vow_step_result result)
{
    switch (result) {
    case VOW_STEP_DONE:
        return STEP_ON_DONE;
    case VOW_STEP_NOT_YET:
        return STEP_ON_NOT_YET;
    case VOW_STEP_REJECTED:
    case VOW_STEP_TOO_LATE:
    case VOW_STEP_UNABLE:
        break;
    }
    return STEP_ON_REFUSED;
}

/* Whoever answers so would answer another attempt of its own accord. */
static bool is_remembered(const struct step *step, enum vow_step_result result)
{
    return result == VOW_STEP_DONE || result == VOW_STEP_TOO_LATE ||
           (result == VOW_STEP_REJECTED && step_may_be_refused(step));
}

/* Only from whom it was ordered, and about the direction that it goes in. */
static void take_step_done(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    const struct vow_msg_step_done *answer = &event->msg->step_done;
    const struct saga *saga = saga_find(core, &answer->gtrid);
    struct step_input in = {.event = event_of_result(answer->result), .answer = answer};

    if (saga != NULL && saga->state != SAGA_ENDING && saga_goes_on(core, saga))
        in.step = saga_step(core, saga, answer->step);
    if (in.step == NULL || in.step->direction != answer->direction ||
        step_peer(core, in.step)->session != event->session) {
        core->counts.late++;
        return;
    }
    /* An attempt that could not be done, and is not remembered, says nothing of those after it. */
    if (!is_remembered(in.step, answer->result) && answer->attempt != in.step->attempts) {
        core->counts.late++;
        return;
    }
    step_dispatch(core, &in);
}

static void take_unsent(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    const struct saga *saga = saga_find(core, &event->unsent.gtrid);
    struct step_input in = {.event = STEP_ON_UNSENT};

    in.step = saga != NULL ? saga_step(core, saga, event->unsent.step) : NULL;
    VOW_ASSERT(in.step != NULL && step_peer(core, in.step)->session == event->session);
    peer_take_full(core, event->session, true);
    if (saga->state != SAGA_ENDING)
        step_dispatch(core, &in);
}

static void take_client(struct vow_sagas *core, const struct vow_sagas_event *event, enum saga_event kind,
                        const struct vow_gtrid *gtrid)
{
    struct saga_input in = {.event = kind, .gtrid = gtrid, .saga = saga_find(core, gtrid), .from = event};

    if (core->recovering || saga_is_resuming(core)) {
        saga_reply_error(core, event->session, gtrid, VOW_E_RECOVERING, VOW_STEP_NONE, "");
        return;
    }
    saga_dispatch(core, &in);
}

static void take_message(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    switch ((int)event->msg->kind) {
    case VOW_MSG_SAGA_QUERY:
        take_client(core, event, SAGA_ON_QUERY, &event->msg->saga_query.gtrid);
        break;
    case VOW_MSG_SAGA_CANCEL:
        take_client(core, event, SAGA_ON_CANCEL, &event->msg->saga_cancel.gtrid);
        break;
    case VOW_MSG_STEP_DONE:
        take_step_done(core, event);
        break;
    default:
        core->counts.protocol_errors++;
        break;
    }
}

static void take_order(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    const struct vow_gtrid *gtrid = &event->order.gtrid;
    struct saga_input in = {.gtrid = gtrid, .saga = saga_find(core, gtrid), .from = event};

    in.event = event->order.order == VOW_SAGA_RETRY ? SAGA_ON_REQUEUE : SAGA_ON_CLOSE;
    if (core->recovering || saga_is_resuming(core))
        saga_ordered(core, &in, VOW_E_RECOVERING, "");
    else
        saga_dispatch(core, &in);
}

/* What the journal knows of a saga that is not in memory. */
static void take_looked_up(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    struct vow_sagas_effect *effect;

    VOW_ASSERT(core->lookups > 0);
    core->lookups--;
    if (event->looked_up.error != 0) {
        saga_reply_error(core, event->session, &event->looked_up.gtrid, event->looked_up.error, VOW_STEP_NONE, "");
        return;
    }
    effect = saga_emit(core, VOW_SAGAS_REPLY, &event->looked_up.gtrid);
    effect->session = event->session;
    effect->msg.kind = VOW_MSG_SAGA_STATE;
    effect->msg.saga_state = (struct vow_msg_saga_state){.gtrid = event->looked_up.gtrid,
                                                         .state = event->looked_up.state,
                                                         .cause = event->looked_up.cause,
                                                         .step = VOW_STEP_NONE,
                                                         .text = ""};
}

/* ---- the step ---- */

static void take_event(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    switch (event->kind) {
    case VOW_SAGAS_REQUEST:
        take_client(core, event, SAGA_ON_REQUEST, &event->request.msg->gtrid);
        break;
    case VOW_SAGAS_MESSAGE:
        take_message(core, event);
        break;
    case VOW_SAGAS_LOOKED_UP:
        take_looked_up(core, event);
        break;
    case VOW_SAGAS_LOG_DONE:
        saga_take_logged(core, event->token);
        break;
    case VOW_SAGAS_TIMER:
        saga_resume_some(core);
        if (!saga_is_resuming(core))
            pace_take_timer(core);
        break;
    case VOW_SAGAS_PEER_UP:
        peer_take_up(core, event->peer, event->session);
        break;
    case VOW_SAGAS_SESSION_DOWN:
        peer_take_down(core, event->session);
        break;
    case VOW_SAGAS_UNSENT:
        take_unsent(core, event);
        break;
    case VOW_SAGAS_PEER_READY:
        peer_take_full(core, event->session, false);
        break;
    case VOW_SAGAS_ORDER:
        take_order(core, event);
        break;
    case VOW_SAGAS_RECOVERED:
        saga_take_recovered(core, event);
        break;
    case VOW_SAGAS_RECOVERY_DONE:
        core->recovering = false;
        core->resumed = 0;
        break;
    case VOW_SAGAS_SHED:
        core->shedding = event->shed;
        break;
    case VOW_SAGAS_DRAIN:
        core->draining = true;
        break;
    }
}

void vow_sagas_step(struct vow_sagas *core, const struct vow_sagas_event *event, struct vow_sagas_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->effects_len = 0;
    take_event(core, event);
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_sagas_deadline_ms(const struct vow_sagas *core)
{
    const struct vow_heap_entry *due = vow_heap_first(&core->due), *deadline = vow_heap_first(&core->deadlines);
    uint64_t first = due != NULL ? due->key.major : UINT64_MAX;

    if (!core->recovering && saga_is_resuming(core))
        return core->now_ms;
    return deadline != NULL && deadline->key.major < first ? deadline->key.major : first;
}
