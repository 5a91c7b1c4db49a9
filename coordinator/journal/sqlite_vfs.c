#include "coordinator/journal/sqlite_vfs.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "vow-journal"

/* What SQLite holds for one open file: ours in front, the file of the VFS below behind it, in the same piece of
 * memory. */
struct counted_file {
    sqlite3_file base; /* first: SQLite knows no more than this */
    uint64_t syncs;
    sqlite3_file *below;
};

static sqlite3_file *below_file(sqlite3_file *file)
{
    return ((struct counted_file *)file)->below;
}

static int file_close(sqlite3_file *file)
{
    return below_file(file)->pMethods->xClose(below_file(file));
}

static int file_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset)
{
    return below_file(file)->pMethods->xRead(below_file(file), out, len, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    return below_file(file)->pMethods->xWrite(below_file(file), bytes, len, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return below_file(file)->pMethods->xTruncate(below_file(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    ((struct counted_file *)file)->syncs++;
    return below_file(file)->pMethods->xSync(below_file(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return below_file(file)->pMethods->xFileSize(below_file(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return below_file(file)->pMethods->xLock(below_file(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return below_file(file)->pMethods->xUnlock(below_file(file), level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *held)
{
    return below_file(file)->pMethods->xCheckReservedLock(below_file(file), held);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return below_file(file)->pMethods->xFileControl(below_file(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    return below_file(file)->pMethods->xSectorSize(below_file(file));
}

static int file_device_characteristics(sqlite3_file *file)
{
    return below_file(file)->pMethods->xDeviceCharacteristics(below_file(file));
}

/* Version 1 has no shared memory, so SQLite can run a WAL through it in exclusive mode only: what we want (fault
 * F122). */
static const sqlite3_io_methods counted_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device_characteristics,
};

static sqlite3_vfs *below_vfs(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct counted_file *counted = (struct counted_file *)file;
    int rc;

    counted->syncs = 0;
    counted->below = (sqlite3_file *)(counted + 1);
    counted->below->pMethods = NULL;
    rc = below_vfs(vfs)->xOpen(below_vfs(vfs), name, counted->below, flags, out_flags);
    /* SQLite closes a file after a failed open if it has methods, and only then. */
    counted->base.pMethods = counted->below->pMethods != NULL ? &counted_methods : NULL;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    return below_vfs(vfs)->xDelete(below_vfs(vfs), name, sync_directory);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    return below_vfs(vfs)->xAccess(below_vfs(vfs), name, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    return below_vfs(vfs)->xFullPathname(below_vfs(vfs), name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    return below_vfs(vfs)->xRandomness(below_vfs(vfs), len, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    return below_vfs(vfs)->xSleep(below_vfs(vfs), us);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *days)
{
    return below_vfs(vfs)->xCurrentTime(below_vfs(vfs), days);
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    return below_vfs(vfs)->xGetLastError(below_vfs(vfs), len, out);
}

/* A layer, for as long as the process lives: there are few of them, and SQLite has no count of who uses a VFS. */
struct layer {
    sqlite3_vfs vfs;
    struct layer *next;
    char name[64];
};

/* Extensions are never loaded through it, so the xDl functions are left out. */
static const sqlite3_vfs counted_vfs = {
    .iVersion = 1,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_last_error,
};

static struct layer *layer_new(sqlite3_vfs *below, struct layer *next)
{
    struct layer *layer = calloc(1, sizeof(*layer));

    if (layer == NULL)
        return NULL;
    (void)snprintf(layer->name, sizeof(layer->name), NAME "-%s", below->zName);
    layer->next = next;
    layer->vfs = counted_vfs;
    layer->vfs.zName = layer->name;
    layer->vfs.szOsFile = (int)sizeof(struct counted_file) + below->szOsFile;
    layer->vfs.mxPathname = below->mxPathname;
    layer->vfs.pAppData = below;
    if (sqlite3_vfs_register(&layer->vfs, 0) == SQLITE_OK)
        return layer;
    free(layer);
    return NULL;
}

const char *journal_vfs_name(const char *below)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct layer *layers;
    sqlite3_vfs *vfs = sqlite3_vfs_find(below);
    struct layer *layer;

    if (vfs == NULL)
        return NULL;
    (void)pthread_mutex_lock(&mutex);
    for (layer = layers; layer != NULL && layer->vfs.pAppData != vfs; layer = layer->next)
        ;
    if (layer == NULL && (layer = layer_new(vfs, layers)) != NULL)
        layers = layer;
    (void)pthread_mutex_unlock(&mutex);
    return layer != NULL ? layer->name : NULL;
}

static uint64_t syncs_of(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || file == NULL ||
        file->pMethods != &counted_methods)
        return 0;
    return ((struct counted_file *)file)->syncs;
}

uint64_t journal_vfs_syncs(sqlite3 *db)
{
    return syncs_of(db, SQLITE_FCNTL_FILE_POINTER) + syncs_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

int journal_vfs_write_wal_again(sqlite3 *db)
{
    uint8_t bytes[16384];
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

    if (rc != SQLITE_OK || wal == NULL || wal->pMethods == NULL)
        return rc;
    rc = wal->pMethods->xFileSize(wal, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof(bytes)) {
        int len = size - at < (sqlite3_int64)sizeof(bytes) ? (int)(size - at) : (int)sizeof(bytes);

        rc = wal->pMethods->xRead(wal, bytes, len, at);
        rc = rc != SQLITE_OK ? rc : wal->pMethods->xWrite(wal, bytes, len, at);
    }
    return rc == SQLITE_OK && size > 0 ? wal->pMethods->xSync(wal, SQLITE_SYNC_FULL) : rc;
}
