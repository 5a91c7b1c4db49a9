/* The disks as a sqlite3_vfs: names, and what is no file. */
#include <errno.h>
#include <string.h>

#include "chaos/sim/disk_private.h"

#define ROOT "/" SIM_DISKS_VFS "/"

/* The disk of a path and the name on it, or NULL: it is none of ours. */
static struct sim_disk *disk_of(sqlite3_vfs *vfs, const char *path, const char **name)
{
    struct sim_disks *disks = vfs->pAppData;
    unsigned number = 0;
    const char *at = path + sizeof(ROOT) - 1;

    if (strncmp(path, ROOT, sizeof(ROOT) - 1) != 0 || *at < '0' || *at > '9')
        return NULL;
    for (; *at >= '0' && *at <= '9' && number < disks->options.count; at++)
        number = number * 10 + (unsigned)(*at - '0');
    if (*at != '/' || number >= disks->options.count || strlen(at + 1) >= DISK_NAME_SIZE)
        return NULL;
    *name = at + 1;
    return &disks->disks[number];
}

static int open_inode(struct sim_file *file, struct inode *inode, const char *name)
{
    inode->handles++;
    file->inode = inode;
    file->life = file->disk->life;
    memcpy(file->name, name, strlen(name) + 1);
    file->base.pMethods = &disk_file_methods;
    return SQLITE_OK;
}

static int create(struct sim_file *file, const char *name, int flags)
{
    struct sim_disk *disk = file->disk;
    const struct sim_disk_fault *met = disk_meets(disk, DISK_GROWS, disk_kind(name));
    int rc;

    if (met != NULL) {
        int error = met->fault == SIM_FAULT_NO_SPACE ? ENOSPC : met->number != 0 ? (int)met->number : EDQUOT;

        disk_hit(disk, met->fault, disk_kind(name), 0);
        return disk_fail(disk, error, SQLITE_CANTOPEN);
    }
    (void)open_inode(file, disk_create(disk, name), name);
    file->syncs_names = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    rc = disk_done(disk, SQLITE_OK, SQLITE_CANTOPEN);
    if (rc != SQLITE_OK)
        file->base.pMethods = NULL;
    return rc;
}

/* One that has no name: it dies with its process, and nothing of it is ever durable. */
static int open_temporary(sqlite3_vfs *vfs, struct sim_file *file)
{
    struct sim_disks *disks = vfs->pAppData;

    file->disk = &disks->disks[disks->options.count];
    return open_inode(file, disk_new_inode(file->disk, ""), "");
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
    struct sim_file *file = (struct sim_file *)base;
    const char *name = NULL;
    struct inode *inode;

    memset(file, 0, sizeof(*file));
    file->is_temporary = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (out_flags != NULL)
        *out_flags = flags;
    if (path == NULL)
        return open_temporary(vfs, file);
    file->disk = disk_of(vfs, path, &name);
    if (file->disk == NULL)
        return SQLITE_CANTOPEN;
    if (!file->disk->is_on)
        return disk_fail(file->disk, EIO, SQLITE_IOERR);
    inode = names_find(&file->disk->names, name);
    if (inode != NULL)
        return (flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? disk_fail(file->disk, EEXIST, SQLITE_CANTOPEN)
                                                    : open_inode(file, inode, name);
    return (flags & SQLITE_OPEN_CREATE) != 0 ? create(file, name, flags)
                                             : disk_fail(file->disk, ENOENT, SQLITE_CANTOPEN);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int also_sync)
{
    const char *name = NULL;
    struct sim_disk *disk = disk_of(vfs, path, &name);
    int rc;

    if (disk == NULL)
        return SQLITE_IOERR_DELETE;
    if (!disk->is_on)
        return disk_fail(disk, EIO, SQLITE_IOERR_DELETE);
    if (names_find(&disk->names, name) == NULL)
        return disk_fail(disk, ENOENT, SQLITE_IOERR_DELETE_NOENT);
    disk_remove(disk, name);
    rc = disk_done(disk, SQLITE_OK, SQLITE_IOERR_DELETE);
    return rc == SQLITE_OK && (also_sync & 1) != 0 ? disk_sync_directory(disk) : rc;
}

/* As in the unix VFS an empty file does not count as there. */
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    const char *name = NULL;
    struct sim_disk *disk = disk_of(vfs, path, &name);
    const struct inode *inode;

    *result = 0;
    if (disk == NULL)
        return SQLITE_OK;
    if (!disk->is_on)
        return disk_fail(disk, EIO, SQLITE_IOERR_ACCESS);
    inode = names_find(&disk->names, name);
    *result = inode != NULL && (flags != SQLITE_ACCESS_EXISTS || inode->size > 0);
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    size_t len = strlen(path);

    (void)vfs;
    if (len >= (size_t)size)
        return SQLITE_CANTOPEN;
    memcpy(out, path, len + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    struct sim_disks *disks = vfs->pAppData;

    for (int i = 0; i < len; i++)
        out[i] = (char)(vow_jitter_next(&disks->random) >> 32);
    return len;
}

/* SQLite does not say on whose disk it waits: everyone's operations have become later. */
static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    struct sim_disks *disks = vfs->pAppData;

    for (unsigned i = 0; i < disks->options.count; i++)
        disks->disks[i].cost_us += (uint64_t)us;
    return us;
}

static int vfs_current_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
    static const sqlite3_int64 unix_epoch_ms = INT64_C(24405875) * 8640000;
    struct sim_disks *disks = vfs->pAppData;
    uint64_t us = disks->options.wall_us != NULL ? disks->options.wall_us(disks->options.ctx) : 0;

    *ms = unix_epoch_ms + (sqlite3_int64)(us / 1000);
    return SQLITE_OK;
}

static int vfs_current_time(sqlite3_vfs *vfs, double *days)
{
    sqlite3_int64 ms = 0;

    (void)vfs_current_time_ms(vfs, &ms);
    *days = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)len, (void)out;
    return ((struct sim_disks *)vfs->pAppData)->error;
}

void disk_vfs_init(struct sim_disks *disks)
{
    disks->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct sim_file),
        .mxPathname = 256,
        .zName = SIM_DISKS_VFS,
        .pAppData = disks,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xCurrentTimeInt64 = vfs_current_time_ms,
        .xGetLastError = vfs_last_error,
    };
    VOW_ASSERT(sqlite3_vfs_register(&disks->vfs, 1) == SQLITE_OK);
}
