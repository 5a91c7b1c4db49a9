/* The disks: what can be done to one from outside, and what they count. */
#include "chaos/sim/disk_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- A disk --- */

const char *sim_disk_path(const struct sim_disk *disk)
{
    return disk->path;
}

bool sim_disk_is_on(const struct sim_disk *disk)
{
    return disk->is_on;
}

void sim_disk_kill(struct sim_disk *disk)
{
    disk->is_on = false;
    disk->kill_at = 0;
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        disk->inodes[i].handles = 0;
        disk_unlock_all(&disk->inodes[i]);
    }
    disk_sweep(disk);
}

void sim_disk_boot(struct sim_disk *disk)
{
    sim_disk_kill(disk);
    disk->life++;
    disk->is_on = true;
}

void sim_disk_wipe(struct sim_disk *disk)
{
    disk->names.len = disk->durable.len = disk->name_changes_len = 0;
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        VOW_ASSERT(disk->inodes[i].handles == 0);
        if (disk->inodes[i].is_used)
            content_clear(&disk->inodes[i]);
        disk->inodes[i].is_used = false;
    }
}

void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from)
{
    VOW_ASSERT(to != from);
    sim_disk_wipe(to);
    for (uint32_t i = 0; i < from->names.len; i++) {
        const struct inode *inode = from->names.entries[i].inode;
        struct inode *copy = disk_create(to, from->names.entries[i].name);

        if (inode->used > 0)
            content_put(copy, 0, inode->bytes, inode->used);
        content_set_size(copy, inode->size);
    }
    disk_sync_names(to);
}

void sim_disk_refill(struct sim_disk *to, const struct sim_disk *from, const char *name)
{
    const struct inode *inode = names_find(&from->names, name);
    struct inode *copy = names_find(&to->names, name);

    VOW_ASSERT(to != from);
    to->is_refilled = true;
    if (copy == NULL)
        copy = disk_create(to, name);
    content_set_size(copy, 0);
    if (inode != NULL && inode->used > 0)
        content_put(copy, 0, inode->bytes, inode->used);
    if (inode != NULL)
        content_set_size(copy, inode->size);
    disk_shm_clear(copy);
}

static struct inode *same_inode(struct sim_disk *to, const struct sim_disk *from, const struct inode *inode)
{
    return &to->inodes[inode - from->inodes];
}

static void copy_names(struct sim_disk *to, struct names *copy, const struct sim_disk *from, const struct names *names)
{
    *copy = *names;
    for (uint32_t i = 0; i < names->len; i++)
        copy->entries[i].inode = same_inode(to, from, names->entries[i].inode);
}

void sim_disk_image(struct sim_disk *to, const struct sim_disk *from)
{
    VOW_ASSERT(to != from && to->plan_len == 0 && from->plan_len == 0);
    sim_disk_kill(to);
    sim_disk_wipe(to);
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        to->inodes[i].is_used = from->inodes[i].is_used;
        to->inodes[i].kind = from->inodes[i].kind;
        if (from->inodes[i].is_used)
            content_copy(&to->inodes[i], &from->inodes[i]);
    }
    copy_names(to, &to->names, from, &from->names);
    copy_names(to, &to->durable, from, &from->durable);
    to->name_changes_len = from->name_changes_len;
    for (uint32_t i = 0; i < from->name_changes_len; i++) {
        to->name_changes[i] = from->name_changes[i];
        to->name_changes[i].inode = same_inode(to, from, from->name_changes[i].inode);
    }
    disk_sweep(to);
}

int64_t sim_disk_size(const struct sim_disk *disk, const char *name)
{
    const struct inode *inode = names_find(&disk->names, name);

    return inode != NULL ? (int64_t)inode->size : -1;
}

size_t sim_disk_read(const struct sim_disk *disk, const char *name, uint64_t offset, void *out, size_t len)
{
    const struct inode *inode = names_find(&disk->names, name);

    return inode != NULL ? (size_t)content_read(inode, offset, out, len) : 0;
}

void sim_disk_write(struct sim_disk *disk, const char *name, uint64_t offset, const void *bytes, size_t len)
{
    struct inode *inode = names_find(&disk->names, name);

    if (inode == NULL)
        inode = disk_create(disk, name);
    content_put(inode, offset, bytes, len);
    content_sync(inode);
    disk_sync_names(disk);
}

void sim_disk_truncate(struct sim_disk *disk, const char *name, uint64_t size)
{
    struct inode *inode = names_find(&disk->names, name);

    if (inode == NULL)
        return;
    content_set_size(inode, size);
    content_sync(inode);
}

void sim_disk_remove(struct sim_disk *disk, const char *name)
{
    disk_remove(disk, name);
    disk_sync_names(disk);
}

uint64_t sim_disk_used(const struct sim_disk *disk)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < DISK_INODES_MAX; i++)
        bytes += disk->inodes[i].is_used ? disk->inodes[i].size : 0;
    return bytes;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t sim_disk_hash(const struct sim_disk *disk)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (uint32_t i = 0; i < disk->names.len; i++) {
        const struct inode *inode = disk->names.entries[i].inode;

        hash = hash_bytes(hash, disk->names.entries[i].name, strlen(disk->names.entries[i].name) + 1);
        hash = hash_bytes(hash, &inode->size, sizeof(inode->size));
        hash = inode->used > 0 ? hash_bytes(hash, inode->bytes, inode->used) : hash;
        hash = hash_bytes(hash, &inode->changes_len, sizeof(inode->changes_len));
    }
    return hash;
}

void sim_disk_watch(struct sim_disk *disk, sim_disk_watch_fn *watch, void *ctx)
{
    disk->watch = watch;
    disk->watch_ctx = ctx;
}

uint64_t sim_disk_ops(const struct sim_disk *disk)
{
    return disk->ops;
}

void sim_disk_kill_at(struct sim_disk *disk, uint64_t nth)
{
    disk->kill_at = nth > 0 ? disk->ops + nth : 0;
}

struct sim_disk_stats sim_disk_stats(const struct sim_disk *disk)
{
    return disk->stats;
}

uint64_t sim_disk_take_cost_us(struct sim_disk *disk)
{
    uint64_t cost = disk->cost_us;

    disk->cost_us = 0;
    return cost;
}

void sim_disk_set_sync_us(struct sim_disk *disk, uint64_t us)
{
    disk->sync_us = us;
}

/* --- All disks --- */

struct sim_disks *sim_disks_new(const struct sim_disks_options *options)
{
    struct sim_disks *disks = calloc(1, sizeof(*disks));

    VOW_ASSERT(disks != NULL && options->count > 0);
    disks->options = *options;
    disks->disks = calloc(options->count + 1, sizeof(*disks->disks));
    VOW_ASSERT(disks->disks != NULL);
    for (unsigned i = 0; i <= options->count; i++) {
        disks->disks[i].disks = disks;
        disks->disks[i].number = i;
        (void)snprintf(disks->disks[i].path, sizeof(disks->disks[i].path), "/" SIM_DISKS_VFS "/%u", i);
    }
    disk_vfs_init(disks);
    sim_disks_reset(disks, 0);
    return disks;
}

static void reset_disk(struct sim_disk *disk, uint64_t seed)
{
    sim_disk_boot(disk);
    sim_disk_wipe(disk);
    disk->random = seed + disk->number * UINT64_C(0x9e3779b97f4a7c15);
    disk->plan_len = 0;
    disk->watch = NULL;
    disk->room = disk->ops = disk->kill_at = disk->cost_us = disk->sync_us = 0;
    disk->error = 0;
    disk->stats = (struct sim_disk_stats){0};
}

void sim_disks_reset(struct sim_disks *disks, uint64_t seed)
{
    disks->random = seed ^ UINT64_C(0x5173e);
    disks->error = 0;
    memset(disks->hits, 0, sizeof(disks->hits));
    for (unsigned i = 0; i <= disks->options.count; i++) {
        if (!disks->disks[i].is_refilled)
            reset_disk(&disks->disks[i], seed);
    }
    sqlite3_randomness(0, NULL);
}

struct sim_disk *sim_disks_at(struct sim_disks *disks, unsigned disk)
{
    VOW_ASSERT(disk < disks->options.count);
    return &disks->disks[disk];
}

uint64_t sim_disks_hits(const struct sim_disks *disks, enum sim_fault fault)
{
    return disks->hits[fault];
}
