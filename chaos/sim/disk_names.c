/* The names on a disk, and which files they keep. */
#include <string.h>

#include "chaos/sim/disk_private.h"

static uint32_t names_index(const struct names *names, const char *name)
{
    uint32_t i = 0;

    while (i < names->len && strcmp(names->entries[i].name, name) != 0)
        i++;
    return i;
}

struct inode *names_find(const struct names *names, const char *name)
{
    uint32_t i = names_index(names, name);

    return i < names->len ? names->entries[i].inode : NULL;
}

/* The order of names depends on what was done alone, so a disk's hash does, too. */
static void names_take(struct names *names, const char *name)
{
    uint32_t i = names_index(names, name);

    if (i == names->len)
        return;
    names->len--;
    memmove(&names->entries[i], &names->entries[i + 1], (names->len - i) * sizeof(names->entries[0]));
}

void names_apply(struct names *names, const struct name_change *change)
{
    uint32_t i;

    if (change->from[0] != '\0')
        names_take(names, change->from);
    if (change->to[0] == '\0')
        return;
    i = names_index(names, change->to);
    VOW_ASSERT(i < DISK_NAMES_MAX);
    memcpy(names->entries[i].name, change->to, DISK_NAME_SIZE);
    names->entries[i].inode = change->inode;
    names->len += i == names->len;
}

enum sim_file_kind disk_kind(const char *name)
{
    size_t len = strlen(name);

    if (len > 4 && strcmp(name + len - 4, "-wal") == 0)
        return SIM_FILE_WAL;
    if (len > 8 && strcmp(name + len - 8, "-journal") == 0)
        return SIM_FILE_ROLLBACK;
    if (strncmp(name, "witness", 7) == 0)
        return SIM_FILE_WITNESS;
    return strcmp(name, "lock") == 0 ? SIM_FILE_LOCK : SIM_FILE_DB;
}

static uint32_t free_inode(const struct sim_disk *disk)
{
    uint32_t i = 0;

    while (i < DISK_INODES_MAX && disk->inodes[i].is_used)
        i++;
    return i;
}

/* Files that were removed and are named by no durable directory any more are kept until the names are synced; if that
 * has not come for so many of them, the file system writes the names by itself. */
struct inode *disk_new_inode(struct sim_disk *disk, const char *name)
{
    uint32_t i = free_inode(disk);

    if (i == DISK_INODES_MAX) {
        disk_sync_names(disk);
        i = free_inode(disk);
    }
    VOW_ASSERT(i < DISK_INODES_MAX);
    disk->inodes[i].is_used = true;
    disk->inodes[i].kind = disk_kind(name);
    disk->inodes[i].handles = 0;
    content_clear(&disk->inodes[i]);
    disk_unlock_all(&disk->inodes[i]);
    return &disk->inodes[i];
}

/* A directory that has changed so often was written meanwhile, as file systems do. */
static void change_name(struct sim_disk *disk, const char *from, const char *to, struct inode *inode)
{
    struct name_change *change;

    if (disk->name_changes_len == DISK_NAME_OPS_MAX)
        disk_sync_names(disk);
    change = &disk->name_changes[disk->name_changes_len++];
    memset(change, 0, sizeof(*change));
    VOW_ASSERT(strlen(from) < DISK_NAME_SIZE && strlen(to) < DISK_NAME_SIZE);
    memcpy(change->from, from, strlen(from));
    memcpy(change->to, to, strlen(to));
    change->inode = inode;
    names_apply(&disk->names, change);
    disk_sweep(disk);
}

struct inode *disk_create(struct sim_disk *disk, const char *name)
{
    struct inode *inode = disk_new_inode(disk, name);

    change_name(disk, "", name, inode);
    return inode;
}

void disk_remove(struct sim_disk *disk, const char *name)
{
    struct inode *inode = names_find(&disk->names, name);

    if (inode != NULL)
        change_name(disk, name, "", inode);
}

void disk_rename(struct sim_disk *disk, const char *from, const char *to)
{
    struct inode *inode = names_find(&disk->names, from);

    if (inode != NULL)
        change_name(disk, from, to, inode);
}

void disk_sync_names(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < disk->name_changes_len; i++)
        names_apply(&disk->durable, &disk->name_changes[i]);
    disk->name_changes_len = 0;
    disk_sweep(disk);
}

static bool is_named(const struct names *names, const struct inode *inode)
{
    for (uint32_t i = 0; i < names->len; i++) {
        if (names->entries[i].inode == inode)
            return true;
    }
    return false;
}

static bool is_changing(const struct sim_disk *disk, const struct inode *inode)
{
    for (uint32_t i = 0; i < disk->name_changes_len; i++) {
        if (disk->name_changes[i].inode == inode)
            return true;
    }
    return false;
}

void disk_sweep(struct sim_disk *disk)
{
    for (uint32_t i = 0; i < DISK_INODES_MAX; i++) {
        struct inode *inode = &disk->inodes[i];

        if (inode->is_used && inode->handles == 0 && !is_named(&disk->names, inode) &&
            !is_named(&disk->durable, inode) && !is_changing(disk, inode)) {
            content_clear(inode);
            inode->is_used = false;
        }
    }
}
