/* The core's outside: its memory, the step, the deadline. */
#include "participant/core/branch.h"

#include <string.h>

#include "participant/core/core.h"
#include "proto/layout.h"

const struct vow_branches_limits vow_branches_default_limits = {
    .branches_max = 65536,
    .ended_max = 16384,
    .enlist_timeout_ms = 5000,
    .idle_timeout_ms = 60000,
    .decision_timeout_ms = 2000,
    .decision_timeout_max_ms = 30000,
    .termination_after = 2,
    .heuristic_timeout_ms = 0,
    .heuristic_verdict = VOW_ABORT,
    .heuristics_max = 1024,
};

/* --- memory --- */

/* More would not be a table in memory any more; and no size below can overflow. */
#define LIMIT_MAX (UINT32_C(1) << 24)

/* What an entry can count; by then the back-off has long ended. */
#define TERMINATION_AFTER_MAX 255

static bool are_limits_good(const struct vow_branches_limits *limits)
{
    return limits->branches_max >= 1 && limits->branches_max <= LIMIT_MAX && limits->ended_max >= 1 &&
           limits->ended_max <= LIMIT_MAX && limits->enlist_timeout_ms >= 1 && limits->idle_timeout_ms >= 1 &&
           limits->decision_timeout_ms >= 1 && limits->decision_timeout_max_ms >= limits->decision_timeout_ms &&
           limits->decision_timeout_max_ms <= UINT32_MAX / 2 && limits->termination_after >= 1 &&
           limits->termination_after <= TERMINATION_AFTER_MAX && limits->heuristics_max >= 1 &&
           limits->heuristics_max <= LIMIT_MAX &&
           (limits->heuristic_verdict == VOW_COMMIT || limits->heuristic_verdict == VOW_ABORT);
}

static void lay_out(struct vow_layout *layout, struct vow_branches *core, const struct vow_branches_limits *limits)
{
    const uint32_t entries_max = limits->branches_max + BRANCH_RECALLS_MAX;

    core->entries_max = entries_max;
    VOW_LAYOUT_TAKE(layout, core->entries, entries_max);
    vow_layout_take_table(layout, &core->table, entries_max);
    vow_layout_take_heap(layout, &core->timers, entries_max);
    VOW_LAYOUT_TAKE(layout, core->ended, limits->ended_max);
    vow_layout_take_table(layout, &core->ended_table, limits->ended_max);
    VOW_LAYOUT_TAKE(layout, core->records, limits->heuristics_max);
}

size_t vow_branches_size(const struct vow_branches_limits *limits)
{
    struct vow_branches nowhere;
    struct vow_layout layout = {NULL, 0};

    if (!are_limits_good(limits))
        return 0;
    vow_layout_take(&layout, 1, sizeof(nowhere));
    lay_out(&layout, &nowhere, limits);
    return layout.used;
}

struct vow_branches *vow_branches_init(void *mem, const struct vow_branches_limits *limits,
                                       const struct vow_branches_identity *identity)
{
    struct vow_layout layout = {mem, 0};
    struct vow_branches *core = vow_layout_take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_limits_good(limits));
    memset(core, 0, sizeof(*core));
    lay_out(&layout, core, limits);
    core->limits = *limits;
    core->incarnation = identity->incarnation;
    core->random = identity->seed;
    core->table.items = (const unsigned char *)core->entries;
    core->table.stride = sizeof(struct vow_branch_entry);
    core->ended_table.items = (const unsigned char *)core->ended;
    core->ended_table.stride = sizeof(struct vow_branch_ended);
    branch_records_init(core);
    branch_table_init(core);
    branch_ended_init(core);
    branch_keep_init(core, identity);
    branch_cells_init(core);
    return core;
}

/* --- the step --- */

static void take_event(struct vow_branches *core, const struct vow_branches_event *event)
{
    switch (event->kind) {
    case VOW_BRANCHES_MESSAGE:
        branch_on_message(core, event->msg);
        return;
    case VOW_BRANCHES_STORE_DONE:
        branch_on_store_done(core, &event->done);
        return;
    case VOW_BRANCHES_TIMER:
        branch_on_timer(core);
        return;
    case VOW_BRANCHES_COORD_UP:
        branch_on_coord_up(core, event);
        return;
    case VOW_BRANCHES_COORD_DOWN:
        branch_on_coord_down(core);
        return;
    case VOW_BRANCHES_JOIN:
        branch_on_join(core, &event->join.gtrid);
        return;
    case VOW_BRANCHES_PEER:
        branch_on_peer(core, event->peer.msg);
        return;
    case VOW_BRANCHES_RECOVERED:
        branch_dispatch(core, &event->recovered.gtrid, event->recovered.branch,
                        event->recovered.heuristic != 0 ? VOW_BRANCH_EV_RECOVERED_HEURISTIC : VOW_BRANCH_EV_RECOVERED);
        return;
    case VOW_BRANCHES_RESOLVE:
        branch_on_resolve(core, event->resolve.tag, &event->resolve.msg->resolve);
        return;
    }
    VOW_UNREACHABLE("an event of no kind");
}

void vow_branches_step(struct vow_branches *core, const struct vow_branches_event *event,
                       struct vow_branches_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->input = event;
    core->header = NULL;
    core->effects_len = 0;
    take_event(core, event);
    branch_keep_flush(core);
    core->input = NULL;
    core->header = NULL;
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_branches_deadline_ms(const struct vow_branches *core)
{
    const struct vow_branch_entry *first = branch_timer_first(core);
    const uint64_t keep_ms = branch_keep_due_ms(core);
    return first != NULL && first->due_ms < keep_ms ? first->due_ms : keep_ms;
}
