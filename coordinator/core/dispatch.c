#include "coordinator/core/dispatch.h"

#include "coordinator/core/emit.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

/* Somebody else has to say how it ends, or that it has: the yes-list, or the one participant that decides alone. */
static bool is_in_doubt(enum txn_state state)
{
    return state == TXN_COMMITTING || state == TXN_DELEGATED;
}

static bool is_damaged(enum txn_state state)
{
    return state == TXN_DAMAGING || state == TXN_HEUR || state == TXN_FORGIVING;
}

void txn_move(struct vow_coord *core, struct txn *txn, enum txn_state to)
{
    struct input *in = core->in;
    enum txn_state from = (enum txn_state)txn->state;
    struct vow_coord_effect *effect;

    VOW_ASSERT(in != NULL && !in->moved && in->txn == txn);
    in->moved = true;
    vow_fsm_count(core->fsm, core->edge_hits, from, in->event, to);
    core->in_doubt += (uint32_t)is_in_doubt(to) - (uint32_t)is_in_doubt(from);
    core->damaged += (uint32_t)is_damaged(to) - (uint32_t)is_damaged(from);
    core->abandoned += (uint32_t)(to == TXN_ABANDONED) - (uint32_t)(from == TXN_ABANDONED);
    txn->state = (uint8_t)to;
    txn->state_since_ms = core->now_ms;
    if (from == TXN_ACTIVE)
        txn_leave_active(core, txn);
    if (to == TXN_ACTIVE)
        txn_enter_active(core, txn);
    effect = coord_emit(core, VOW_COORD_TRACE, txn->opener);
    effect->trace.gtrid = txn->gtrid;
    effect->trace.from = (uint8_t)from;
    effect->trace.event = (uint8_t)in->event;
    effect->trace.to = (uint8_t)to;
}

static void hit_cell(struct vow_coord *core, const struct input *in, enum txn_state state)
{
    const struct vow_fsm_cell *cell = vow_fsm_cell_of(core->fsm, state, in->event);

    if (cell->verdict == VOW_FSM_IGNORE) {
        core->counts.ignored++;
        return;
    }
    core->counts.protocol_errors++;
    coord_alarm(core, in->gtrid, cell->why, in->branch != NULL ? branch_peer(core, in->branch)->name : "");
}

void coord_dispatch(struct vow_coord *core, struct input *in)
{
    enum txn_state from = in->txn != NULL ? (enum txn_state)in->txn->state : TXN_NONE;
    coord_handler_fn *handler = core->handlers[from][in->event];

    if (handler == NULL) {
        hit_cell(core, in, from);
        return;
    }
    core->in = in;
    handler(core, in);
    core->in = NULL;
    /* A handler that does not move takes the edge back to where it is. */
    if (!in->moved)
        vow_fsm_count(core->fsm, core->edge_hits, from, in->event, from);
    if (in->txn == NULL)
        return;
    if (in->txn->state == TXN_NONE)
        txn_free(core, in->txn);
    else
        txn_check(core, in->txn);
}
