#include "fault_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>

struct fault_vfs fault_vfs;

static sqlite3_vfs *system_vfs;
static sqlite3_vfs vfs;
/* The files are the system's own; only their table of methods is exchanged. A database and its WAL have one each. */
static const sqlite3_io_methods *system_methods[2];
static sqlite3_io_methods methods[2];

static const sqlite3_io_methods *below(const sqlite3_file *file)
{
    return system_methods[file->pMethods == &methods[1]];
}

static int count_sync(sqlite3_file *file, int flags)
{
    fault_vfs.syncs++;
    if (fault_vfs.no_syncs)
        return SQLITE_OK;
    bool is_wal = file->pMethods == &methods[1];
    return fault_vfs.sync_fails || (fault_vfs.checkpoint_sync_fails && !is_wal) ? SQLITE_IOERR_FSYNC
                                                                                : below(file)->xSync(file, flags);
}

static bool is_beyond(sqlite3_file *file, sqlite3_int64 end)
{
    sqlite3_int64 size = 0;
    if (fault_vfs.is_full)
        below(file)->xFileSize(file, &size);
    return (fault_vfs.is_full && end > size) || (fault_vfs.size_max > 0 && end > fault_vfs.size_max);
}

static int write_if_room(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (is_beyond(file, offset + len))
        return SQLITE_FULL;
    if (fault_vfs.is_read_only)
        return SQLITE_READONLY;
    if (fault_vfs.write_errno == 0)
        return below(file)->xWrite(file, bytes, len, offset);
    errno = fault_vfs.write_errno;
    return SQLITE_IOERR_WRITE;
}

static int read_if_sound(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    return fault_vfs.read_fails ? SQLITE_IOERR_READ : below(file)->xRead(file, bytes, len, offset);
}

static int control(sqlite3_file *file, int op, void *arg)
{
    if (op == SQLITE_FCNTL_SIZE_HINT && is_beyond(file, *(sqlite3_int64 *)arg))
        return SQLITE_IOERR_WRITE;
    if (op == SQLITE_FCNTL_LAST_ERRNO && fault_vfs.write_errno != 0) {
        *(int *)arg = fault_vfs.write_errno;
        return SQLITE_OK;
    }
    return below(file)->xFileControl(file, op, arg);
}

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)self;
    int rc = system_vfs->xOpen(system_vfs, name, file, flags, out_flags);
    if (rc != SQLITE_OK || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0)
        return rc;
    int is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    system_methods[is_wal] = file->pMethods;
    methods[is_wal] = *file->pMethods;
    methods[is_wal].xSync = count_sync;
    methods[is_wal].xWrite = write_if_room;
    methods[is_wal].xRead = read_if_sound;
    methods[is_wal].xFileControl = control;
    if (fault_vfs.no_shm)
        methods[is_wal].iVersion = 1;
    file->pMethods = &methods[is_wal];
    return SQLITE_OK;
}

const char *fault_vfs_register(void)
{
    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.zName = "fault";
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
    return vfs.zName;
}
