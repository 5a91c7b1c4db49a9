#include "fault_vfs.h"

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
    return fault_vfs.sync_fails ? SQLITE_IOERR_FSYNC : below(file)->xSync(file, flags);
}

static int write_if_room(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (fault_vfs.size_max > 0 && offset + len > fault_vfs.size_max)
        return SQLITE_FULL;
    return below(file)->xWrite(file, bytes, len, offset);
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
