/* The branches in memory: found by (gtrid, branch), in the caller's memory. */
#include "participant/core/core.h"

void branch_table_init(struct vow_branches *core)
{
    vow_gtrid_table_init(&core->table, core->entries_max);
    vow_heap_init(&core->timers, core->entries_max);
    for (uint32_t i = 0; i < core->entries_max; i++) {
        core->entries[i].state = VOW_BRANCH_UNKNOWN;
        core->entries[i].next_free = i + 1 < core->entries_max ? i + 1 : BRANCH_NONE;
    }
    core->free = 0;
    core->open = 0;
}

struct vow_branch_entry *branch_table_find(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t branch)
{
    uint32_t at = vow_gtrid_table_find(&core->table, gtrid);
    while (at != BRANCH_NONE && branch != BRANCH_UNNUMBERED && core->entries[at].branch != BRANCH_UNNUMBERED &&
           core->entries[at].branch != branch)
        at = vow_gtrid_table_find_next(&core->table, at);
    return at != BRANCH_NONE ? &core->entries[at] : NULL;
}

struct vow_branch_entry *branch_table_add(struct vow_branches *core, const struct vow_branch_entry *blank)
{
    VOW_ASSERT(core->free != BRANCH_NONE);
    const uint32_t at = core->free;
    struct vow_branch_entry *entry = &core->entries[at];
    core->free = entry->next_free;
    core->open++;
    *entry = *blank;
    vow_gtrid_table_add(&core->table, at);
    return entry;
}

void branch_table_remove(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const uint32_t at = (uint32_t)(entry - core->entries);
    vow_gtrid_table_remove(&core->table, at);
    vow_heap_remove(&core->timers, at);
    entry->next_free = core->free;
    core->free = at;
    core->open--;
}

bool branch_table_has_room(const struct vow_branches *core)
{
    return core->open < core->limits.branches_max;
}

bool branch_table_has_recall_room(const struct vow_branches *core)
{
    return core->open < core->entries_max;
}
