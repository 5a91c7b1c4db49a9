/*
 * What a power cut leaves of a disk.
 *
 * A file is taken back to what was durable, and then some of its changes are made again. A sector of the disk is
 * written as it was in the page cache at some moment, so of the changes that touched one sector a first part is there
 * and the rest is not: once a sector has missed one it takes no later one.
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/disk_private.h"

struct cut {
    struct sim_disk *disk;
    struct inode *inode;
    enum sim_power mode;
    uint64_t *random;
    uint32_t first;  /* FIRST: so many of the pending changes are whole, */
    bool has_torn;   /* and a part of the next one was taken */
    uint8_t *missed; /* by sector */
    uint64_t sectors;
    uint64_t lost, torn;
    bool reordered;
};

static uint64_t below(uint64_t *random, uint64_t n)
{
    return vow_jitter_next(random) % n;
}

static uint64_t end_of(const struct change *change)
{
    uint64_t end = change->offset + change->len;

    return end > change->size ? end : change->size;
}

static uint64_t sectors_of(const struct inode *inode)
{
    uint64_t end = inode->size;

    for (uint32_t i = 0; i < inode->changes_len; i++) {
        if (end_of(&inode->changes[i]) > end)
            end = end_of(&inode->changes[i]);
    }
    return end / SIM_DISK_SECTOR + 1;
}

/* How much of a change is taken, when each of its sectors is taken for itself. */
enum take { TAKE_NONE, TAKE_ALL, TAKE_SOME };

static enum take take_of(struct cut *cut, const struct change *change, uint32_t pending)
{
    if (change->state != CHANGE_PENDING)
        return change->state == CHANGE_DURABLE ? TAKE_ALL : TAKE_NONE;
    switch (cut->mode) {
    case SIM_POWER_ALL:
        return TAKE_ALL;
    case SIM_POWER_FIRST:
        if (pending == cut->first)
            return TAKE_SOME;
        return pending < cut->first ? TAKE_ALL : TAKE_NONE;
    case SIM_POWER_ANY:
        return (enum take)below(cut->random, 3);
    case SIM_POWER_NOTHING:
    case SIM_POWER_MODES:
        break;
    }
    return TAKE_NONE;
}

/* FIRST: the sectors up to one of them; ANY: each by itself. */
static bool takes_sector(struct cut *cut, enum take take, uint64_t sector, uint64_t torn_at)
{
    if (take != TAKE_SOME)
        return take == TAKE_ALL;
    return cut->mode == SIM_POWER_FIRST ? sector < torn_at : below(cut->random, 2) == 0;
}

/* A durable change is whole, wherever one before it was dropped: it was written later. */
static void redo_write(struct cut *cut, const struct change *change, enum take take)
{
    uint64_t end = change->offset + change->len, at = change->offset, kept = 0;
    uint64_t first = at / SIM_DISK_SECTOR, last = (end - 1) / SIM_DISK_SECTOR;
    uint64_t torn_at = take == TAKE_SOME ? first + below(cut->random, last - first + 1) : 0;

    for (uint64_t sector = first; sector <= last; sector++) {
        uint64_t stop = (sector + 1) * SIM_DISK_SECTOR < end ? (sector + 1) * SIM_DISK_SECTOR : end;

        if (change->state == CHANGE_DURABLE || (!cut->missed[sector] && takes_sector(cut, take, sector, torn_at))) {
            content_put(cut->inode, at, cut->inode->log + change->new_at + (at - change->offset), stop - at);
            kept += stop - at;
        } else {
            cut->missed[sector] = change->state == CHANGE_PENDING;
        }
        at = stop;
    }
    cut->reordered = cut->reordered || (kept > 0 && cut->lost > 0 && change->state == CHANGE_PENDING);
    cut->lost += kept == 0;
    cut->torn += kept > 0 && kept < change->len;
}

static void redo_resize(struct cut *cut, const struct change *change, enum take take)
{
    bool taken = take == TAKE_ALL || (take == TAKE_SOME && below(cut->random, 2) == 0);

    if (taken)
        content_set_size(cut->inode, change->size);
    cut->lost += !taken;
}

static uint32_t count_pending(const struct inode *inode)
{
    uint32_t pending = 0;

    for (uint32_t i = 0; i < inode->changes_len; i++)
        pending += inode->changes[i].state == CHANGE_PENDING;
    return pending;
}

static void tell(const struct cut *cut)
{
    enum sim_file_kind kind = cut->inode->kind;

    if (cut->lost > 0)
        disk_hit(cut->disk, SIM_FAULT_UNSYNCED_LOST, kind, cut->lost);
    if (cut->torn > 0)
        disk_hit(cut->disk, SIM_FAULT_TORN, kind, cut->torn);
    if (cut->reordered)
        disk_hit(cut->disk, SIM_FAULT_UNSYNCED_REORDERED, kind, 1);
}

static void cut_inode(struct sim_disk *disk, struct inode *inode, enum sim_power mode, uint64_t *random)
{
    struct cut cut = {.disk = disk, .inode = inode, .mode = mode, .random = random};
    uint32_t pending = 0;

    if (inode->changes_len == 0)
        return;
    cut.sectors = sectors_of(inode);
    cut.missed = calloc(cut.sectors, 1);
    VOW_ASSERT(cut.missed != NULL);
    if (mode == SIM_POWER_FIRST)
        cut.first = (uint32_t)below(random, count_pending(inode) + 1);
    content_undo(inode);
    for (uint32_t i = 0; i < inode->changes_len; i++) {
        const struct change *change = &inode->changes[i];
        enum take take = take_of(&cut, change, pending);

        if (change->len > 0)
            redo_write(&cut, change, take);
        else
            redo_resize(&cut, change, take);
        pending += change->state == CHANGE_PENDING;
    }
    free(cut.missed);
    content_forget(inode);
    tell(&cut);
}

static bool takes_name(enum sim_power mode, uint32_t i, uint32_t first, uint64_t *random)
{
    if (mode == SIM_POWER_NOTHING)
        return false;
    if (mode == SIM_POWER_FIRST)
        return i < first;
    return mode == SIM_POWER_ALL || below(random, 2) == 0;
}

static void cut_names(struct sim_disk *disk, enum sim_power mode, uint64_t *random)
{
    uint32_t first = disk->name_changes_len > 0 ? (uint32_t)below(random, disk->name_changes_len + 1) : 0;

    for (uint32_t i = 0; i < disk->name_changes_len; i++) {
        const struct name_change *change = &disk->name_changes[i];

        if (takes_name(mode, i, first, random))
            names_apply(&disk->durable, change);
        else
            disk_hit(disk, SIM_FAULT_NAME_LOST, change->inode->kind, 1);
    }
    disk->name_changes_len = 0;
    disk->names = disk->durable;
}

void sim_disk_power_cut(struct sim_disk *disk, enum sim_power mode, uint64_t *random)
{
    VOW_ASSERT(mode >= SIM_POWER_NOTHING && mode < SIM_POWER_MODES);
    sim_disk_kill(disk);
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        if (disk->inodes[i].is_used)
            cut_inode(disk, &disk->inodes[i], mode, random);
    }
    cut_names(disk, mode, random);
    disk_sweep(disk);
}
