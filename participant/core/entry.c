/* From an event to its cell of the table, and the one function that moves a branch. */
#include "participant/core/core.h"

/* --- the dispatch matrix --- */

static void fill_handler(struct vow_branches *core, unsigned state, unsigned event, vow_branch_handler_fn *handler)
{
    struct vow_branch_cell *cell = &core->cells[state][event];
    VOW_ASSERT(cell->verdict == 0);
    VOW_ASSERT(cell->handler == NULL || cell->handler == handler);
    cell->handler = handler;
}

static void fill_verdict(struct vow_branches *core, const struct vow_fsm_cell *from)
{
    struct vow_branch_cell *cell = &core->cells[from->state][from->event];
    VOW_ASSERT(cell->verdict == 0 && cell->handler == NULL);
    cell->verdict = from->verdict;
    cell->why = from->why;
}

void branch_cells_init(struct vow_branches *core)
{
    static vow_branch_handler_fn *const handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) branch_##handler,
#include "participant/core/branch.def"
    };
    const struct vow_fsm *fsm = vow_branches_fsm();
    for (size_t i = 0; i < fsm->edges_len; i++)
        fill_handler(core, fsm->edges[i].from, fsm->edges[i].event, handlers[i]);
    for (size_t i = 0; i < fsm->cells_len; i++)
        fill_verdict(core, &fsm->cells[i]);
    for (size_t state = 0; state < VOW_BRANCH_STATES; state++) {
        for (size_t event = 0; event < VOW_BRANCH_EVENTS; event++)
            VOW_ASSERT(core->cells[state][event].handler != NULL || core->cells[state][event].verdict != 0);
    }
}

/* --- dispatch --- */

static void judge(struct vow_branches *core, const struct vow_gtrid *gtrid, const struct vow_branch_cell *cell)
{
    if (cell->verdict == VOW_FSM_PROTOCOL_ERROR)
        branch_violation(core, gtrid, cell->why);
    else
        core->counts.ignored++;
}

static struct vow_branch_entry blank_entry(const struct vow_gtrid *gtrid, uint32_t branch)
{
    return (struct vow_branch_entry){
        .gtrid = *gtrid,
        .branch = branch,
        .state = VOW_BRANCH_UNKNOWN,
        .due_ms = BRANCH_NEVER_MS,
        .end_ms = BRANCH_NEVER_MS,
        .heur_ms = BRANCH_NEVER_MS,
        .record = BRANCH_NONE,
    };
}

/* After a handler: what is UNKNOWN has no entry, all else has one. */
static void settle(struct vow_branches *core, struct vow_branch_entry *entry, bool is_blank)
{
    const bool stays = entry->state != VOW_BRANCH_UNKNOWN;
    if (stays && is_blank)
        entry = branch_table_add(core, entry);
    if (stays)
        branch_timer_settle(core, entry);
    else if (!is_blank)
        branch_table_remove(core, entry);
}

/*
 * A coordinator gives a participant one branch of a transaction. Peers, and the ring of ended ids, know transactions
 * alone: with a second branch at work a peer could be told that the one is aborted, and the other be voted YES on
 * (protocol 2.6). What the store has of another branch is told all the same: the file may be another participant's
 * (F044).
 */
static bool works_on_second_branch(struct vow_branches *core, const struct vow_gtrid *gtrid,
                                   enum vow_branch_event event)
{
    const bool works =
        event == VOW_BRANCH_EV_PREPARE || event == VOW_BRANCH_EV_COMMIT_ONE_PHASE || event == VOW_BRANCH_EV_ABORT;
    return works && branch_table_find(core, gtrid, BRANCH_UNNUMBERED) != NULL;
}

void branch_dispatch(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t branch,
                     enum vow_branch_event event)
{
    struct vow_branch_entry blank = blank_entry(gtrid, branch);
    struct vow_branch_entry *found = branch_table_find(core, gtrid, branch);
    struct vow_branch_entry *entry = found != NULL ? found : &blank;
    const struct vow_branch_cell *cell = &core->cells[entry->state][event];
    if (found == NULL && works_on_second_branch(core, gtrid, event)) {
        branch_violation(core, gtrid, "work on a second branch of a transaction");
        return;
    }
    if (cell->handler == NULL) {
        judge(core, gtrid, cell);
        return;
    }
    /* An answer that the table has no use for counts as none: the operation stays under way. */
    if (core->input->kind == VOW_BRANCHES_STORE_DONE)
        entry->op = BRANCH_NO_OP;
    core->event = event;
    core->moved = false;
    cell->handler(core, entry);
    VOW_ASSERT(core->moved);
    settle(core, entry, found == NULL);
}

void branch_take_header(struct vow_branches *core, struct vow_branch_entry *entry)
{
    VOW_ASSERT(core->header != NULL);
    entry->epoch = core->header->epoch;
    entry->attempt = core->header->attempt;
}

void branch_take_newer_header(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_msg_header *header = core->header;
    if (header->epoch > entry->epoch || (header->epoch == entry->epoch && header->attempt > entry->attempt))
        branch_take_header(core, entry);
}

/* --- the mover --- */

static bool op_fits_state(const struct vow_branch_entry *entry)
{
    switch ((enum vow_branch_state)entry->state) {
    case VOW_BRANCH_UNKNOWN:
    case VOW_BRANCH_ENLISTING:
    case VOW_BRANCH_ACTIVE:
    case VOW_BRANCH_PREPARED:
    case VOW_BRANCH_HEURISTIC_COMMITTED:
    case VOW_BRANCH_HEURISTIC_ABORTED:
    case VOW_BRANCH_DAMAGED:
        return entry->op == BRANCH_NO_OP;
    case VOW_BRANCH_HEURISTIC_COMMITTING:
        return entry->op == VOW_STORE_HEURISTIC_COMMIT;
    case VOW_BRANCH_HEURISTIC_ABORTING:
        return entry->op == VOW_STORE_HEURISTIC_ABORT;
    case VOW_BRANCH_SETTLING:
        return entry->op == VOW_STORE_SETTLE;
    case VOW_BRANCH_WORKING:
    case VOW_BRANCH_SPOILED:
        return entry->op == VOW_STORE_WORK;
    case VOW_BRANCH_PREPARING:
    case VOW_BRANCH_DOOMED:
        return entry->op == VOW_STORE_PREPARE;
    case VOW_BRANCH_COMMITTING:
        return entry->op == VOW_STORE_COMMIT;
    case VOW_BRANCH_ABORTING:
        return entry->op == VOW_STORE_ABORT;
    case VOW_BRANCH_ONE_PHASE:
        return entry->op == VOW_STORE_ONE_PHASE;
    case VOW_BRANCH_RECALLING:
        return entry->op == VOW_STORE_COMMIT || entry->op == VOW_STORE_MEMO;
    case VOW_BRANCH_STATES:
        break;
    }
    return false;
}

/* Work under way has a timer only if the connection was lost (F042): the next TIMER drops it, and until then others may
 * ask about it. */
static bool timer_fits_state(const struct vow_branch_entry *entry)
{
    const bool runs = entry->due_ms != BRANCH_NEVER_MS;
    switch ((int)entry->state) {
    case VOW_BRANCH_ENLISTING:
    case VOW_BRANCH_ACTIVE:
    case VOW_BRANCH_PREPARED:
    case VOW_BRANCH_HEURISTIC_COMMITTED:
    case VOW_BRANCH_HEURISTIC_ABORTED:
    case VOW_BRANCH_DAMAGED:
        return runs;
    case VOW_BRANCH_WORKING:
        return !runs || entry->lost;
    default:
        return !runs;
    }
}

/* Exactly the states of a heuristic have its record, and only damage has another decision. */
static bool record_fits_state(const struct vow_branch_entry *entry)
{
    const bool has = entry->record != BRANCH_NONE;
    switch ((int)entry->state) {
    case VOW_BRANCH_HEURISTIC_COMMITTING:
    case VOW_BRANCH_HEURISTIC_COMMITTED:
        return has && entry->heuristic == VOW_COMMIT && entry->decided == 0;
    case VOW_BRANCH_HEURISTIC_ABORTING:
    case VOW_BRANCH_HEURISTIC_ABORTED:
        return has && entry->heuristic == VOW_ABORT && entry->decided == 0;
    case VOW_BRANCH_SETTLING:
        return has && entry->decided != 0;
    case VOW_BRANCH_DAMAGED:
        return has && entry->decided != 0 && entry->decided != entry->heuristic;
    default:
        return !has && entry->heuristic == 0;
    }
}

/* The store works exactly where the state says so, and a timer runs exactly while something is waited for that may not
 * come. Only what is not prepared ends by it (F043). */
static void check_invariant(const struct vow_branch_entry *entry)
{
    VOW_ASSERT(op_fits_state(entry));
    VOW_ASSERT(record_fits_state(entry));
    VOW_ASSERT(timer_fits_state(entry));
}

void branch_move(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_branch_state to)
{
    VOW_ASSERT(!core->moved);
    core->moved = true;
    vow_fsm_count(vow_branches_fsm(), core->edge_hits, entry->state, core->event, to);
    branch_trace(core, &entry->gtrid, entry->state, (uint8_t)to);
    core->in_doubt -= entry->state == VOW_BRANCH_PREPARED;
    core->in_doubt += to == VOW_BRANCH_PREPARED;
    entry->state = (uint8_t)to;
    check_invariant(entry);
}
