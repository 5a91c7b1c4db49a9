/* Looking in; changes nothing. */
#include "participant/core/core.h"

void vow_branches_counts(const struct vow_branches *core, uint64_t now_ms, struct vow_branches_counts *counts)
{
    *counts = core->counts;
    counts->open = core->open;
    counts->in_doubt = core->in_doubt;
    counts->blocked = core->blocked;
    counts->heuristics = core->heuristics;
    for (uint32_t i = 0; i < core->timers.len && core->in_doubt > 0; i++) {
        const struct vow_branch_entry *entry = &core->entries[core->timers.entries[i].item];
        if (entry->state != VOW_BRANCH_PREPARED)
            continue;
        const uint64_t yes_ms = entry->yes_ms;
        const uint64_t doubt_ms = (now_ms > yes_ms ? now_ms - yes_ms : 0) + entry->doubt_ms;
        if (doubt_ms > counts->in_doubt_max_ms)
            counts->in_doubt_max_ms = doubt_ms;
    }
}

static bool is_durable(const struct vow_branch_entry *entry)
{
    return (vow_branches_fsm()->states[entry->state].flags & VOW_FSM_DURABLE) != 0;
}

static void view_branch(const struct vow_branches *core, const struct vow_branch_entry *entry,
                        struct vow_branch_view *view)
{
    *view = (struct vow_branch_view){
        .gtrid = entry->gtrid,
        .branch = entry->branch,
        .state = vow_branches_fsm()->states[entry->state].name,
        .since_ms = entry->yes_ms,
        .asked = entry->inquiries,
        .asked_ms = entry->asked_ms,
        .answer = (enum vow_wait)entry->answer,
        .answer_ms = entry->answer_ms,
        .next_ms = entry->due_ms,
        .heuristic = (enum vow_verdict)entry->heuristic,
        .decided = (enum vow_verdict)entry->decided,
        .who = entry->record != BRANCH_NONE ? branch_record(core, entry)->who : "",
        .why = entry->record != BRANCH_NONE ? branch_record(core, entry)->why : "",
        .has_asked_peers = entry->asked,
        .is_blocked = entry->blocked,
        .heard_heuristic = entry->heard_heuristic,
        .is_foreign = core->keep.now.coord != 0 && vow_gtrid_coord(&entry->gtrid) != core->keep.now.coord,
    };
}

bool vow_branches_next(const struct vow_branches *core, uint32_t *cursor, struct vow_branch_view *view)
{
    while (*cursor < core->entries_max) {
        const struct vow_branch_entry *entry = &core->entries[(*cursor)++];
        if (!is_durable(entry))
            continue;
        view_branch(core, entry, view);
        return true;
    }
    return false;
}

const uint64_t *vow_branches_edge_hits(const struct vow_branches *core)
{
    return core->edge_hits;
}
