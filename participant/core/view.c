/* Looking in; changes nothing. */
#include "participant/core/core.h"

void vow_branches_counts(const struct vow_branches *core, uint64_t now_ms, struct vow_branches_counts *counts)
{
    *counts = core->counts;
    counts->open = core->open;
    counts->in_doubt = core->in_doubt;
    for (uint32_t i = 0; i < core->timers.len && core->in_doubt > 0; i++) {
        const struct vow_branch_entry *entry = &core->entries[core->timers.entries[i].item];
        if (entry->state != VOW_BRANCH_PREPARED)
            continue;
        const uint64_t yes_ms = entry->yes_ms;
        const uint64_t doubt_ms = now_ms > yes_ms ? now_ms - yes_ms : 0;
        if (doubt_ms > counts->in_doubt_max_ms)
            counts->in_doubt_max_ms = doubt_ms;
    }
}

const uint64_t *vow_branches_edge_hits(const struct vow_branches *core)
{
    return core->edge_hits;
}
