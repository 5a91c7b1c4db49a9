/* The disks as a sqlite3_vfs. What fails does so with the codes that SQLite's own unix VFS has for it. */
#include <errno.h>
#include <string.h>

#include "chaos/sim/disk_private.h"
#include "proto/net/filesystem.h"

#define ROOT "/" SIM_DISKS_VFS "/"

static int fail(struct sim_disk *disk, int error, int rc)
{
    disk->error = disk->disks->error = error;
    return rc;
}

/* Ends an operation that changed something: it may have been the last one of its process. */
static int done(struct sim_disk *disk, int rc, int rc_if_dead)
{
    disk->ops++;
    if (disk->watch != NULL)
        disk->watch(disk->watch_ctx);
    if (disk->kill_at > 0 && disk->ops >= disk->kill_at)
        sim_disk_kill(disk);
    return disk->is_on ? rc : fail(disk, EIO, rc_if_dead);
}

/* --- Files --- */

static int file_close(sqlite3_file *base)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return SQLITE_OK;
    (void)disk_shm_unmap(base, 0);
    (void)disk_unlock(base, SQLITE_LOCK_NONE);
    file->inode->handles--;
    if (file->is_temporary && file->name[0] != '\0')
        disk_remove(file->disk, file->name);
    disk_sweep(file->disk);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int len, sqlite3_int64 offset)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return fail(file->disk, EIO, SQLITE_IOERR_READ);
    file->disk->stats.reads++;
    if (file->disk->plan_len > 0 && disk_meets(file->disk, DISK_READS, file->inode->kind) != NULL) {
        disk_hit(file->disk, SIM_FAULT_READ_ERROR, file->inode->kind, (uint64_t)len);
        return fail(file->disk, EIO, SQLITE_IOERR_CORRUPTFS);
    }
    return content_read(file->inode, (uint64_t)offset, out, (uint64_t)len) == (uint64_t)len ? SQLITE_OK
                                                                                            : SQLITE_IOERR_SHORT_READ;
}

/* The reason why a file cannot get longer, hit and told; 0 if it can. */
static int refuse_growth(struct sim_file *file, const struct sim_disk_fault *met, uint64_t more)
{
    struct sim_disk *disk = file->disk;
    int error = 0;

    if (met != NULL && met->fault == SIM_FAULT_QUOTA)
        error = met->number != 0 ? (int)met->number : EDQUOT;
    else if ((met != NULL && met->fault == SIM_FAULT_NO_SPACE) || (more > 0 && !disk_has_room(disk, more)))
        error = ENOSPC;
    if (error != 0)
        disk_hit(disk, error == ENOSPC ? SIM_FAULT_NO_SPACE : SIM_FAULT_QUOTA, file->inode->kind, more);
    return error;
}

/* What a write that failed has left: a first part of it. */
static void write_some(struct sim_file *file, const void *bytes, uint64_t len, uint64_t offset)
{
    uint64_t part = vow_jitter_next(&file->disk->random) % (len / SIM_DISK_SECTOR + 1) * SIM_DISK_SECTOR;

    if (part > 0 && part < len && disk_has_room(file->disk, part))
        content_write(file->inode, offset, bytes, part, CHANGE_PENDING);
}

/* A write that something is in the way of; true if that was so, with its result. */
static bool write_met(struct sim_file *file, const void *bytes, uint64_t len, uint64_t offset, int *rc)
{
    struct sim_disk *disk = file->disk;
    uint64_t size = file->inode->size, more = offset + len > size ? offset + len - size : 0;
    const struct sim_disk_fault *met = disk_meets(disk, DISK_WRITES | (more > 0 ? DISK_GROWS : 0), file->inode->kind);
    int error = refuse_growth(file, met, more);

    if (error == 0 && met == NULL)
        return false;
    if (error == 0 && met->fault == SIM_FAULT_STALE_PAGE) {
        content_write(file->inode, offset, bytes, len, CHANGE_DROPPED);
        disk_hit(disk, SIM_FAULT_STALE_PAGE, file->inode->kind, len);
        *rc = SQLITE_OK;
        return true;
    }
    if (error == 0) {
        error = EIO;
        disk_hit(disk, SIM_FAULT_WRITE_ERROR, file->inode->kind, len);
    }
    write_some(file, bytes, len, offset);
    *rc = fail(disk, error, error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    return true;
}

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 offset)
{
    struct sim_file *file = (struct sim_file *)base;
    int rc = SQLITE_OK;

    if (!file_is_alive(file))
        return fail(file->disk, EIO, SQLITE_IOERR_WRITE);
    file->disk->stats.writes++;
    file->disk->stats.bytes_written += (uint64_t)len;
    if ((file->disk->plan_len == 0 && file->disk->room == 0) ||
        !write_met(file, bytes, (uint64_t)len, (uint64_t)offset, &rc))
        content_write(file->inode, (uint64_t)offset, bytes, (uint64_t)len, CHANGE_PENDING);
    return done(file->disk, rc, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return fail(file->disk, EIO, SQLITE_IOERR_TRUNCATE);
    content_resize(file->inode, (uint64_t)size);
    return done(file->disk, SQLITE_OK, SQLITE_IOERR_TRUNCATE);
}

/* What a sync does. The names beside the file are synced with it if that is asked for; both may meet a fault. */
struct syncing {
    struct sim_disk *disk;
    struct inode *inode; /* NULL: the names */
};

static bool has_unsynced(const struct syncing *what)
{
    return what->inode != NULL ? what->inode->changes_len > 0 : what->disk->name_changes_len > 0;
}

static void sync_now(const struct syncing *what)
{
    if (what->inode != NULL)
        content_sync(what->inode);
    else
        disk_sync_names(what->disk);
}

/* Names stay what the next sync has to write: a file system that cannot write its own journal takes no more changes. */
static void sync_never(const struct syncing *what)
{
    if (what->inode != NULL)
        content_drop(what->inode);
}

static int sync_one(const struct syncing *what)
{
    enum sim_file_kind kind = what->inode != NULL ? what->inode->kind : SIM_FILE_NAMES;
    const struct sim_disk_fault *met = what->disk->plan_len > 0 ? disk_meets(what->disk, DISK_SYNCS, kind) : NULL;
    bool lies = met != NULL && met->fault == SIM_FAULT_LYING_SYNC;

    what->disk->stats.syncs++;
    what->disk->cost_us += what->disk->sync_us;
    if (met != NULL && (!lies || has_unsynced(what)))
        disk_hit(what->disk, met->fault, kind, met->number);
    if (met != NULL && met->fault == SIM_FAULT_SYNC_ERROR) {
        sync_never(what);
        return fail(what->disk, EIO, SQLITE_IOERR_FSYNC);
    }
    if (met != NULL && met->fault == SIM_FAULT_SLOW_SYNC)
        what->disk->cost_us += met->number;
    if (!lies)
        sync_now(what);
    return SQLITE_OK;
}

static int sync_names(struct sim_disk *disk)
{
    struct syncing names = {.disk = disk};

    return done(disk, sync_one(&names), SQLITE_IOERR_DIR_FSYNC);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct sim_file *file = (struct sim_file *)base;
    struct syncing content = {.disk = file->disk, .inode = file->inode};
    int rc;

    (void)flags;
    if (!file_is_alive(file))
        return fail(file->disk, EIO, SQLITE_IOERR_FSYNC);
    rc = done(file->disk, sync_one(&content), SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK && file->syncs_names) {
        /* As the unix VFS does it: once, and its failure is nobody's. */
        file->syncs_names = false;
        (void)sync_names(file->disk);
        if (!file->disk->is_on)
            return SQLITE_IOERR_FSYNC;
    }
    return rc;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return fail(file->disk, EIO, SQLITE_IOERR_FSTAT);
    *size = (sqlite3_int64)file->inode->size;
    return SQLITE_OK;
}

/* Room that is asked for is there when it is needed: the blocks are the file's. */
static int make_room(struct sim_file *file, uint64_t size)
{
    const struct sim_disk_fault *met;
    int error;

    if (size <= file->inode->size)
        return SQLITE_OK;
    met = file->disk->plan_len > 0 ? disk_meets(file->disk, DISK_GROWS, file->inode->kind) : NULL;
    error = refuse_growth(file, met, size - file->inode->size);
    if (error != 0)
        return fail(file->disk, error, SQLITE_IOERR_WRITE);
    content_resize(file->inode, size);
    return done(file->disk, SQLITE_OK, SQLITE_IOERR_WRITE);
}

static const char *name_in(struct sim_disk *disk, const char *path)
{
    size_t len = strlen(disk->path);

    return strncmp(path, disk->path, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static int rename_file(struct sim_file *file, const char *path)
{
    const char *name = name_in(file->disk, path);

    if (name == NULL || strlen(name) >= DISK_NAME_SIZE)
        return fail(file->disk, EXDEV, SQLITE_IOERR);
    disk_rename(file->disk, file->name, name);
    memcpy(file->name, name, strlen(name) + 1);
    return done(file->disk, SQLITE_OK, SQLITE_IOERR);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    struct sim_file *file = (struct sim_file *)base;

    switch (op) {
    case SQLITE_FCNTL_LAST_ERRNO:
        *(int *)arg = file->disk->error;
        return SQLITE_OK;
    case SQLITE_FCNTL_LOCKSTATE:
        *(int *)arg = file->level;
        return SQLITE_OK;
    case SQLITE_FCNTL_HAS_MOVED:
        *(int *)arg = 0;
        return SQLITE_OK;
    case SQLITE_FCNTL_CHUNK_SIZE:
        return SQLITE_OK;
    case SQLITE_FCNTL_SIZE_HINT:
        return file_is_alive(file) ? make_room(file, (uint64_t) * (sqlite3_int64 *)arg) : SQLITE_IOERR_WRITE;
    case VOW_FCNTL_RENAME:
        return file_is_alive(file) ? rename_file(file, arg) : fail(file->disk, EIO, SQLITE_IOERR);
    case VOW_FCNTL_SYNC_DIRECTORY:
        return file_is_alive(file) ? sync_names(file->disk) : fail(file->disk, EIO, SQLITE_IOERR_DIR_FSYNC);
    default:
        return SQLITE_NOTFOUND;
    }
}

static int file_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = disk_lock,
    .xUnlock = disk_unlock,
    .xCheckReservedLock = disk_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = disk_shm_map,
    .xShmLock = disk_shm_lock,
    .xShmBarrier = disk_shm_barrier,
    .xShmUnmap = disk_shm_unmap,
};

/* --- The VFS --- */

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
    file->base.pMethods = &methods;
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
        return fail(disk, error, SQLITE_CANTOPEN);
    }
    (void)open_inode(file, disk_create(disk, name), name);
    file->syncs_names = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    rc = done(disk, SQLITE_OK, SQLITE_CANTOPEN);
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
        return fail(file->disk, EIO, SQLITE_IOERR);
    inode = names_find(&file->disk->names, name);
    if (inode != NULL)
        return (flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? fail(file->disk, EEXIST, SQLITE_CANTOPEN)
                                                    : open_inode(file, inode, name);
    return (flags & SQLITE_OPEN_CREATE) != 0 ? create(file, name, flags) : fail(file->disk, ENOENT, SQLITE_CANTOPEN);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int also_sync)
{
    const char *name = NULL;
    struct sim_disk *disk = disk_of(vfs, path, &name);
    int rc;

    if (disk == NULL)
        return SQLITE_IOERR_DELETE;
    if (!disk->is_on)
        return fail(disk, EIO, SQLITE_IOERR_DELETE);
    if (names_find(&disk->names, name) == NULL)
        return fail(disk, ENOENT, SQLITE_IOERR_DELETE_NOENT);
    disk_remove(disk, name);
    rc = done(disk, SQLITE_OK, SQLITE_IOERR_DELETE);
    return rc == SQLITE_OK && (also_sync & 1) != 0 ? sync_names(disk) : rc;
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
        return fail(disk, EIO, SQLITE_IOERR_ACCESS);
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
