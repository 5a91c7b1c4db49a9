/*
 * The store of the world. It trusts the core blindly where a real one would look twice, so that the core's own care
 * is tested.
 */
#include "world_inside.h"

/* A PREPARE that waits for a lock ends by this; one that was done before it is not undone by it. */
static void cancel(struct world *w, int number)
{
    struct txn *txn = &w->txns[number];
    for (int i = 0; i < w->ops_len; i++) {
        if (w->ops[i].txn != number || w->ops[i].kind == VOW_STORE_RECALL)
            continue;
        world_check(w, w->ops[i].kind == VOW_STORE_PREPARE || w->ops[i].kind == VOW_STORE_WORK,
                    "cancelled what is no work");
        if (!w->ops[i].is_done) {
            if (w->ops[i].kind == VOW_STORE_PREPARE && txn->held == HELD_ACTIVE)
                txn->held = HELD_NONE;
            w->ops[i].is_done = true;
            w->ops[i].result = VOW_STORE_REFUSED;
        }
        return;
    }
    world_check(w, false, "cancelled what is not under way");
}

void store_submit(struct world *w, const struct vow_branches_effect *effect)
{
    const bool is_watermark = effect->store.op == VOW_STORE_WATERMARK;
    struct txn *txn = is_watermark ? NULL : world_txn(w, &effect->store.gtrid);
    const int number = is_watermark ? -1 : (int)(txn - w->txns);
    if (effect->store.op == VOW_STORE_CANCEL) {
        cancel(w, number);
        return;
    }
    const bool is_recall = effect->store.op == VOW_STORE_RECALL;
    for (int i = 0; i < w->ops_len; i++)
        world_check(w, w->ops[i].txn != number || is_recall || w->ops[i].kind == VOW_STORE_RECALL,
                    "two operations of one branch under way");
    if (effect->store.op == VOW_STORE_ABORT)
        world_check(w, (txn->abort_arrived || txn->held != HELD_PREPARED) && !txn->committed,
                    "dropped a branch without an ABORT of the coordinator's or a peer's");
    world_check(w, w->ops_len < OPS_MAX, "more operations under way than branches");
    if (w->ops_len == OPS_MAX)
        return;
    w->ops[w->ops_len++] = (struct op){.kind = effect->store.op,
                                       .txn = number,
                                       .epoch = effect->store.epoch,
                                       .coord = effect->store.coord,
                                       .watermark = effect->store.watermark};
}

static enum vow_store_result prepare(struct world *w, struct txn *txn)
{
    world_check(w, (txn->held == HELD_NONE || txn->held == HELD_ACTIVE) && txn->applied == 0,
                "did the work of one PREPARE twice");
    txn->held = HELD_NONE;
    if (world_chance(w, 15))
        return VOW_STORE_REFUSED;
    if (world_chance(w, 15))
        return VOW_STORE_READ_ONLY;
    txn->held = HELD_PREPARED;
    return VOW_STORE_DONE;
}

static enum vow_store_result do_work(struct world *w, struct txn *txn)
{
    world_check(w, txn->enlisted, "wrote before the coordinator knew of it");
    world_check(w, txn->held == HELD_NONE || txn->held == HELD_ACTIVE, "worked in a branch that is prepared");
    world_check(w, (txn->held == HELD_NONE) == (txn->ops == 0), "works on, and the earlier work is gone");
    if (world_chance(w, 20))
        return VOW_STORE_REFUSED;
    txn->held = HELD_ACTIVE;
    txn->ops++;
    return VOW_STORE_DONE;
}

static enum vow_store_result commit(struct world *w, struct txn *txn)
{
    world_check(w, txn->committed, "committed without the coordinator's decision");
    if (txn->held != HELD_PREPARED)
        return txn->held == HELD_TOMBSTONE ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    txn->held = HELD_TOMBSTONE;
    txn->applied++;
    return VOW_STORE_DONE;
}

static enum vow_store_result one_phase(struct world *w, struct txn *txn)
{
    if (txn->held == HELD_MEMO)
        return VOW_STORE_DONE;
    world_check(w, txn->applied == 0, "did the work of one COMMIT_ONE_PHASE twice");
    world_check(w, txn->told == TOLD_NOTHING, "did the work of a one-phase commit after its outcome was told");
    if (world_chance(w, 20))
        return VOW_STORE_REFUSED;
    if (world_chance(w, 20)) {
        txn->ran_read_only = true;
        return VOW_STORE_READ_ONLY;
    }
    txn->held = HELD_MEMO;
    txn->applied++;
    return VOW_STORE_DONE;
}

static void keep(struct world *w, const struct op *op)
{
    w->durable.coord = op->coord;
    w->durable.epoch = op->epoch;
    w->durable.watermark = op->watermark;
    for (int i = 0; i < w->begun; i++) {
        if (w->txns[i].held == HELD_TOMBSTONE && vow_gtrid_below(&w->txns[i].gtrid, op->watermark))
            w->txns[i].held = HELD_NONE;
    }
}

void store_work(struct world *w, struct op *op)
{
    op->is_done = true;
    op->result = VOW_STORE_DONE;
    if (op->txn < 0) {
        keep(w, op);
        return;
    }
    struct txn *txn = &w->txns[op->txn];
    switch (op->kind) {
    case VOW_STORE_PREPARE:
        op->result = prepare(w, txn);
        return;
    case VOW_STORE_WORK:
        op->result = do_work(w, txn);
        return;
    case VOW_STORE_COMMIT:
        op->result = commit(w, txn);
        return;
    case VOW_STORE_ABORT:
        txn->abort_is_lazy = txn->held == HELD_PREPARED;
        txn->held = HELD_NONE;
        return;
    case VOW_STORE_ONE_PHASE:
        op->result = one_phase(w, txn);
        return;
    case VOW_STORE_MEMO:
        op->result = txn->held == HELD_MEMO ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
        return;
    case VOW_STORE_FORGET:
        txn->held = HELD_NONE;
        return;
    case VOW_STORE_RECALL:
        op->result = txn->held == HELD_TOMBSTONE ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
        return;
    case VOW_STORE_HEURISTIC_COMMIT: /* no operator lives in this world */
    case VOW_STORE_HEURISTIC_ABORT:
    case VOW_STORE_SETTLE:
    case VOW_STORE_CANCEL:
    case VOW_STORE_WATERMARK:
    case VOW_STORE_DESCRIBE:
    case VOW_STORE_STEP:  /* nor does a saga */
    case VOW_STORE_EVENT: /* nor an event */
    case VOW_STORE_OUTBOX_READ:
    case VOW_STORE_OUTBOX_DONE:
        return;
    }
}

/* What was not begun is lost, and an ABORT that was not forced may be. */
void store_crash(struct world *w)
{
    w->ops_len = 0;
    for (int i = 0; i < w->begun; i++) {
        struct txn *txn = &w->txns[i];
        if (txn->held == HELD_ACTIVE)
            txn->held = HELD_NONE;
        if (txn->held == HELD_NONE)
            txn->ops = 0;
        if (txn->abort_is_lazy && world_chance(w, 50))
            txn->held = HELD_PREPARED;
        txn->abort_is_lazy = false;
    }
}
