/* Files of the disks, as SQLite reads and writes them. What fails does so with the codes of its own unix VFS. */
#include <errno.h>
#include <string.h>

#include "chaos/sim/disk_private.h"
#include "proto/net/filesystem.h"

int disk_fail(struct sim_disk *disk, int error, int rc)
{
    disk->error = disk->disks->error = error;
    return rc;
}

/* Ends an operation that changed something: it may have been the last one of its process. */
int disk_done(struct sim_disk *disk, int rc, int rc_if_dead)
{
    disk->ops++;
    if (disk->watch != NULL)
        disk->watch(disk->watch_ctx);
    if (disk->kill_at > 0 && disk->ops >= disk->kill_at)
        sim_disk_kill(disk);
    return disk->is_on ? rc : disk_fail(disk, EIO, rc_if_dead);
}

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
        return disk_fail(file->disk, EIO, SQLITE_IOERR_READ);
    file->disk->stats.reads++;
    if (file->disk->plan_len > 0 && disk_meets(file->disk, DISK_READS, file->inode->kind) != NULL) {
        disk_hit(file->disk, SIM_FAULT_READ_ERROR, file->inode->kind, (uint64_t)len);
        return disk_fail(file->disk, EIO, SQLITE_IOERR_CORRUPTFS);
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
    *rc = disk_fail(disk, error, error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
    return true;
}

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 offset)
{
    struct sim_file *file = (struct sim_file *)base;
    int rc = SQLITE_OK;

    if (!file_is_alive(file))
        return disk_fail(file->disk, EIO, SQLITE_IOERR_WRITE);
    file->disk->stats.writes++;
    file->disk->stats.bytes_written += (uint64_t)len;
    if ((file->disk->plan_len == 0 && file->disk->room == 0) ||
        !write_met(file, bytes, (uint64_t)len, (uint64_t)offset, &rc))
        content_write(file->inode, (uint64_t)offset, bytes, (uint64_t)len, CHANGE_PENDING);
    return disk_done(file->disk, rc, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return disk_fail(file->disk, EIO, SQLITE_IOERR_TRUNCATE);
    content_resize(file->inode, (uint64_t)size);
    return disk_done(file->disk, SQLITE_OK, SQLITE_IOERR_TRUNCATE);
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
        return disk_fail(what->disk, EIO, SQLITE_IOERR_FSYNC);
    }
    if (met != NULL && met->fault == SIM_FAULT_SLOW_SYNC)
        what->disk->cost_us += met->number;
    if (!lies)
        sync_now(what);
    return SQLITE_OK;
}

int disk_sync_directory(struct sim_disk *disk)
{
    struct syncing names = {.disk = disk};

    return disk_done(disk, sync_one(&names), SQLITE_IOERR_DIR_FSYNC);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct sim_file *file = (struct sim_file *)base;
    struct syncing content = {.disk = file->disk, .inode = file->inode};
    int rc;

    (void)flags;
    if (!file_is_alive(file))
        return disk_fail(file->disk, EIO, SQLITE_IOERR_FSYNC);
    rc = disk_done(file->disk, sync_one(&content), SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK && file->syncs_names) {
        /* As the unix VFS does it: once, and its failure is nobody's. */
        file->syncs_names = false;
        (void)disk_sync_directory(file->disk);
        if (!file->disk->is_on)
            return SQLITE_IOERR_FSYNC;
    }
    return rc;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return disk_fail(file->disk, EIO, SQLITE_IOERR_FSTAT);
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
        return disk_fail(file->disk, error, SQLITE_IOERR_WRITE);
    content_resize(file->inode, size);
    return disk_done(file->disk, SQLITE_OK, SQLITE_IOERR_WRITE);
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
        return disk_fail(file->disk, EXDEV, SQLITE_IOERR);
    disk_rename(file->disk, file->name, name);
    memcpy(file->name, name, strlen(name) + 1);
    return disk_done(file->disk, SQLITE_OK, SQLITE_IOERR);
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
        return file_is_alive(file) ? rename_file(file, arg) : disk_fail(file->disk, EIO, SQLITE_IOERR);
    case VOW_FCNTL_SYNC_DIRECTORY:
        return file_is_alive(file) ? disk_sync_directory(file->disk)
                                   : disk_fail(file->disk, EIO, SQLITE_IOERR_DIR_FSYNC);
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

const sqlite3_io_methods disk_file_methods = {
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
