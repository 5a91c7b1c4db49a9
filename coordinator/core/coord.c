/* The outside of the core: its step, its deadline. Its memory is memory.c. */
#include "coordinator/core/coord.h"

#include "coordinator/core/dispatch.h"
#include "coordinator/core/memory.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

const struct vow_coord_limits vow_coord_default_limits = {
    .txns_max = 16384,
    .branches_max = 65536,
    .peers_max = 256,
    .keys_max = 65536,
    .ended_max = 16384,
    .ids_window = 1u << 20,
    .txn_timeout_ms = 30000,
    .vote_timeout_ms = 5000,
    .ack_timeout_ms = 1000,
    .ack_timeout_max_ms = 60000,
    .auto_forget = false,
    .notes = true,
};

static void take_looked_up(struct vow_coord *core, const struct vow_coord_lookup *lookup)
{
    struct input in = {
        .event = TXN_ON_LOOKED_UP, .gtrid = &lookup->question.gtrid, .session = lookup->session, .lookup = lookup};

    core->lookups -= core->lookups > 0;
    /* Who asked because it is prepared asked in NONE, and no id of the past begins: what is in memory now is a question
     * or a report, which it does not see (2.2-presume). */
    if (lookup->question.is_inquiry)
        in.header = &lookup->question.header;
    else
        in.txn = txn_find(core, in.gtrid);
    coord_dispatch(core, &in);
}

static void take_event(struct vow_coord *core, const struct vow_coord_event *event)
{
    switch (event->kind) {
    case VOW_COORD_MESSAGE:
        coord_take_message(core, event);
        break;
    case VOW_COORD_LOG_DONE:
        coord_take_log_done(core, event->token);
        break;
    case VOW_COORD_LOOKED_UP:
        take_looked_up(core, &event->lookup);
        break;
    case VOW_COORD_TIMER:
        coord_take_timer(core);
        break;
    case VOW_COORD_PEER_UP:
        coord_take_peer_up(core, event->session, &event->peer);
        break;
    case VOW_COORD_SESSION_DOWN:
        coord_take_session_down(core, event->session);
        break;
    case VOW_COORD_PEER_FULL:
    case VOW_COORD_PEER_READY:
        coord_take_peer_full(core, event->session, event->kind == VOW_COORD_PEER_FULL);
        break;
    case VOW_COORD_RECOVERED:
        coord_take_recovered(core, event->record, event->age_ms);
        break;
    case VOW_COORD_RECOVERY_DONE:
        core->recovering = false;
        break;
    case VOW_COORD_SHED:
        core->shedding = event->shed;
        break;
    case VOW_COORD_DRAIN:
        core->draining = true;
        break;
    case VOW_COORD_FORGET:
        coord_take_forget(core, &event->forget);
        break;
    case VOW_COORD_LIMITS:
        coord_take_limits(core, event->limits);
        break;
    }
}

void vow_coord_step(struct vow_coord *core, const struct vow_coord_event *event, struct vow_coord_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->effects_len = 0;
    core->no_new_work = event->no_new_work;
    coord_ids_expire(&core->ids, core->now_ms, core->limits.txn_timeout_ms);
    take_event(core, event);
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_coord_deadline_ms(const struct vow_coord *core)
{
    const struct vow_heap_entry *first = vow_heap_first(&core->deadlines);

    return first != NULL ? first->key.major : UINT64_MAX;
}
