/* Faults by plan, and damage between two lives. */
#include <string.h>

#include "chaos/sim/disk_private.h"
#include "proto/bytes.h"

/* A WAL begins with a header of 32 bytes, each frame with one of 24; numbers are big-endian. */
#define WAL_HEAD 32u
#define FRAME_HEAD 24u

static unsigned operations_of(enum sim_fault fault)
{
    if (fault == SIM_FAULT_NO_SPACE || fault == SIM_FAULT_QUOTA)
        return DISK_GROWS;
    if (fault == SIM_FAULT_WRITE_ERROR || fault == SIM_FAULT_STALE_PAGE)
        return DISK_WRITES;
    if (fault == SIM_FAULT_READ_ERROR)
        return DISK_READS;
    if (fault == SIM_FAULT_SYNC_ERROR || fault == SIM_FAULT_LYING_SYNC || fault == SIM_FAULT_SLOW_SYNC)
        return DISK_SYNCS;
    return 0;
}

void sim_disk_plan(struct sim_disk *disk, const struct sim_disk_fault *fault)
{
    struct plan_entry *entry = &disk->plan[disk->plan_len];

    VOW_ASSERT(disk->plan_len < SIM_DISK_FAULTS_MAX);
    VOW_ASSERT(operations_of(fault->fault) != 0);
    *entry = (struct plan_entry){.fault = *fault};
    if (entry->fault.files == 0)
        entry->fault.files = SIM_FILES_ALL;
    disk->plan_len++;
}

void sim_disk_clear_plan(struct sim_disk *disk)
{
    disk->plan_len = 0;
    disk->room = 0;
}

void sim_disk_set_room(struct sim_disk *disk, uint64_t bytes)
{
    disk->room = bytes;
}

bool disk_has_room(const struct sim_disk *disk, uint64_t more)
{
    return disk->room == 0 || sim_disk_used(disk) + more <= disk->room;
}

static bool fires(struct sim_disk *disk, struct plan_entry *entry)
{
    const struct sim_disk_fault *fault = &entry->fault;

    entry->seen++;
    if (entry->seen <= fault->after || (fault->times > 0 && entry->hits >= fault->times))
        return false;
    if (fault->one_in > 1 && vow_jitter_next(&disk->random) % fault->one_in != 0)
        return false;
    entry->hits++;
    return true;
}

/* Each entry counts the operations of its kind, also those that an earlier one has taken. */
const struct sim_disk_fault *disk_meets(struct sim_disk *disk, unsigned what, enum sim_file_kind file)
{
    const struct sim_disk_fault *met = NULL;

    for (uint32_t i = 0; i < disk->plan_len; i++) {
        struct plan_entry *entry = &disk->plan[i];

        if ((operations_of(entry->fault.fault) & what) != 0 && (entry->fault.files & SIM_FILES(file)) != 0 &&
            met == NULL && fires(disk, entry))
            met = &entry->fault;
    }
    return met;
}

void disk_hit(struct sim_disk *disk, enum sim_fault fault, enum sim_file_kind file, uint64_t amount)
{
    const struct sim_disks_options *options = &disk->disks->options;

    disk->disks->hits[fault]++;
    if (options->hit != NULL)
        options->hit(options->ctx, disk->number, fault, file, amount);
}

/* --- Damage --- */

static uint64_t below(uint64_t *random, uint64_t n)
{
    return vow_jitter_next(random) % n;
}

static uint32_t number_at(const struct inode *inode, uint64_t offset)
{
    return (uint32_t)vow_bytes_take(inode->bytes + offset, 4);
}

/* Where the frames end that belong to the header, by their salts: what is behind is of an earlier round, and nothing
 * reads it. 0: no frame. */
static uint64_t wal_end(const struct inode *wal)
{
    uint64_t end = WAL_HEAD, frame;

    if (wal->used < WAL_HEAD + FRAME_HEAD)
        return 0;
    frame = FRAME_HEAD + number_at(wal, 8);
    if (frame > FRAME_HEAD + 65536)
        return 0;
    while (end + frame <= wal->used && number_at(wal, end + 8) == number_at(wal, 16) &&
           number_at(wal, end + 12) == number_at(wal, 20))
        end += frame;
    return end > WAL_HEAD ? end : 0;
}

static struct inode *find_kind(struct sim_disk *disk, enum sim_file_kind kind, const char **name)
{
    for (uint32_t i = 0; i < disk->names.len; i++) {
        if (disk->names.entries[i].inode->kind == kind) {
            *name = disk->names.entries[i].name;
            return disk->names.entries[i].inode;
        }
    }
    return NULL;
}

static bool flip(struct inode *inode, uint64_t end, uint64_t *random)
{
    uint64_t bit;

    if (end == 0)
        return false;
    bit = below(random, end * 8);
    inode->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    return true;
}

static bool zero(struct inode *inode, uint64_t end, uint64_t *random)
{
    static const uint8_t zeros[SIM_DISK_SECTOR];
    uint64_t sector = below(random, end / SIM_DISK_SECTOR), count = 1 + below(random, 8);
    bool changed = false;

    for (; count > 0 && sector < end / SIM_DISK_SECTOR; count--, sector++) {
        changed = changed || memcmp(inode->bytes + sector * SIM_DISK_SECTOR, zeros, SIM_DISK_SECTOR) != 0;
        memset(inode->bytes + sector * SIM_DISK_SECTOR, 0, SIM_DISK_SECTOR);
    }
    return changed;
}

static bool misdirect(struct inode *inode, uint64_t *random)
{
    uint64_t pages = inode->used / 4096, from, to;

    if (pages < 2)
        return false;
    from = below(random, pages);
    to = (from + 1 + below(random, pages - 1)) % pages;
    if (memcmp(inode->bytes + to * 4096, inode->bytes + from * 4096, 4096) == 0)
        return false;
    memcpy(inode->bytes + to * 4096, inode->bytes + from * 4096, 4096);
    return true;
}

static bool damage_wal(struct sim_disk *disk, enum sim_fault fault, uint64_t *random)
{
    const char *name = NULL;
    struct inode *wal = find_kind(disk, SIM_FILE_WAL, &name);
    uint64_t end = wal != NULL ? wal_end(wal) : 0;

    if (end == 0)
        return false;
    if (fault == SIM_FAULT_WAL_FLIP)
        return flip(wal, end, random);
    if (fault == SIM_FAULT_WAL_ZERO)
        return zero(wal, end, random);
    if (fault == SIM_FAULT_WAL_CUT)
        content_set_size(wal, below(random, end));
    else
        disk_remove(disk, name);
    return true;
}

/* After damage the file is as it is: nothing of it can be taken back any more. */
static bool damage_file(struct sim_disk *disk, enum sim_fault fault, enum sim_file_kind kind, uint64_t *random)
{
    const char *name = NULL;
    struct inode *inode = find_kind(disk, kind, &name);

    if (inode == NULL)
        return false;
    return fault == SIM_FAULT_STALE_PAGE ? misdirect(inode, random) : flip(inode, inode->used, random);
}

static enum sim_file_kind kind_of_damage(enum sim_fault fault)
{
    if (fault == SIM_FAULT_WITNESS_FLIP)
        return SIM_FILE_WITNESS;
    return fault == SIM_FAULT_PAGE_FLIP || fault == SIM_FAULT_STALE_PAGE ? SIM_FILE_DB : SIM_FILE_WAL;
}

bool sim_disk_damage(struct sim_disk *disk, enum sim_fault fault, uint64_t *random)
{
    enum sim_file_kind kind = kind_of_damage(fault);
    bool changed = kind == SIM_FILE_WAL ? damage_wal(disk, fault, random) : damage_file(disk, fault, kind, random);

    if (!changed)
        return false;
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        if (disk->inodes[i].is_used && disk->inodes[i].kind == kind)
            content_forget(&disk->inodes[i]);
    }
    disk_sync_names(disk);
    disk_hit(disk, fault, kind, 1);
    return true;
}
