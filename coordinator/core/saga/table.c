/* The slots of sagas and steps. */
#include "coordinator/core/saga/core.h"

#include "proto/assert.h"

struct saga *saga_find(const struct vow_sagas *core, const struct vow_gtrid *gtrid)
{
    uint32_t index = vow_gtrid_table_find(&core->table, gtrid);

    return index != SAGA_NIL ? &core->sagas[index] : NULL;
}

enum vow_sagas_lack saga_lacks(const struct vow_sagas *core, const struct vow_msg_saga_request *request)
{
    if (core->sagas_free == SAGA_NIL)
        return VOW_SAGAS_LACK_SAGAS;
    if (core->steps_left < request->steps_len)
        return VOW_SAGAS_LACK_STEPS;
    return peer_has_room(core, request) ? VOW_SAGAS_LACK_NOTHING : VOW_SAGAS_LACK_PEERS;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void fill_step(const struct vow_sagas *core, struct step *step, const struct vow_msg_saga_step *order)
{
    const struct vow_sagas_limits *limits = &core->limits;

    step->stage = order->stage;
    step->kind = (uint8_t)order->kind;
    step->attempts_max = or_default(order->attempts_max, limits->attempts_max);
    step->attempt_ms = or_default(order->attempt_ms, limits->attempt_ms);
    step->deadline_after_ms = or_default(order->deadline_ms, limits->deadline_ms);
    step->backoff_ms = or_default(order->backoff_ms, limits->backoff_ms);
    step->backoff_max_ms = or_default(order->backoff_max_ms, limits->backoff_max_ms);
    if (step->backoff_max_ms < step->backoff_ms)
        step->backoff_max_ms = step->backoff_ms;
}

static uint32_t new_step(struct vow_sagas *core, const struct saga *saga, const struct vow_msg_saga_step *order,
                         uint32_t number)
{
    uint32_t index = core->steps_free;
    struct step *step = &core->steps[index];
    uint32_t serial = step->serial;

    core->steps_free = step->next;
    core->steps_left--;
    *step = (struct step){.saga = (uint32_t)(saga - core->sagas),
                          .number = number,
                          .next = SAGA_NIL,
                          .serial = serial + 1,
                          .state = STEP_IDLE,
                          .direction = VOW_STEP_ACTION,
                          .deadline_ms = SAGA_NEVER_MS,
                          .patience_ms = SAGA_NEVER_MS};
    fill_step(core, step, order);
    step->peer = peer_intern(core, order->participant);
    VOW_ASSERT(step->peer != SAGA_NIL);
    peer_link(core, step);
    return index;
}

static void add_steps(struct vow_sagas *core, struct saga *saga, const struct vow_msg_saga_request *request)
{
    uint32_t *link = &saga->first;

    saga->first = SAGA_NIL;
    saga->steps_len = request->steps_len;
    saga->stages_len = request->steps[request->steps_len - 1].stage + 1;
    for (uint32_t i = 0; i < request->steps_len; i++) {
        *link = new_step(core, saga, &request->steps[i], i);
        link = &core->steps[*link].next;
    }
}

/* Of two sagas in the journal that have one key the first has it. */
static uint32_t bind_key(struct vow_sagas *core, const struct vow_msg_saga_request *request)
{
    if (vow_key_is_none(request->key) || vow_key_table_find(&core->keys, request->key) != KEY_NIL)
        return SAGA_NIL;
    return vow_key_table_add(&core->keys, request->key, &request->gtrid);
}

struct saga *saga_new(struct vow_sagas *core, const struct vow_msg_saga_request *request)
{
    uint32_t index = core->sagas_free;
    struct saga *saga = &core->sagas[index];
    uint32_t serial = saga->serial;

    VOW_ASSERT(saga_lacks(core, request) == VOW_SAGAS_LACK_NOTHING);
    core->sagas_free = saga->next_free;
    core->sagas_open++;
    *saga = (struct saga){.gtrid = request->gtrid,
                          .state = SAGA_NONE,
                          .serial = serial + 1,
                          .key = bind_key(core, request),
                          .failed_step = VOW_STEP_NONE,
                          .begun_ms = core->now_ms,
                          .deadline_ms = SAGA_NEVER_MS};
    if (request->deadline_ms != 0)
        saga->deadline_ms = core->now_ms + request->deadline_ms;
    vow_gtrid_table_add(&core->table, index);
    add_steps(core, saga, request);
    return saga;
}

void saga_free(struct vow_sagas *core, struct saga *saga)
{
    uint32_t index = (uint32_t)(saga - core->sagas);

    saga_emit(core, VOW_SAGAS_FREED, &saga->gtrid);
    if (saga->key != SAGA_NIL)
        vow_key_table_keep(&core->keys, saga->key);
    while (saga->first != SAGA_NIL) {
        uint32_t at = saga->first;
        struct step *step = &core->steps[at];

        saga->first = step->next;
        pace_stop(core, step);
        peer_unlink(core, step);
        step->serial++;
        step->next = core->steps_free;
        core->steps_free = at;
        core->steps_left++;
    }
    vow_heap_remove(&core->deadlines, index);
    vow_gtrid_table_remove(&core->table, index);
    saga->serial++;
    saga->next_free = core->sagas_free;
    core->sagas_free = index;
    core->sagas_open--;
}

struct step *saga_step(const struct vow_sagas *core, const struct saga *saga, uint32_t number)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->number == number)
            return step;
    }
    return NULL;
}
