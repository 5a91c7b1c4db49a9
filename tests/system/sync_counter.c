/*
 * Files of the default VFS with one method replaced. A file's methods are a table that its xOpen sets, so the shim
 * copies that table once per kind of file and puts its own xSync into the copy; nothing else changes hands.
 */
#include "sync_counter.h"

#include <sqlite3.h>
#include <string.h>

static uint64_t syncs;
static sqlite3_vfs shim;
static sqlite3_vfs *below;

#define KINDS 4

static const sqlite3_io_methods *originals[KINDS];
static sqlite3_io_methods copies[KINDS];

static int counting_sync(sqlite3_file *file, int flags)
{
    syncs++;
    for (int i = 0; i < KINDS; i++)
        if (file->pMethods == &copies[i])
            return originals[i]->xSync(file, flags);
    return SQLITE_ERROR;
}

static const sqlite3_io_methods *counted(const sqlite3_io_methods *methods)
{
    for (int i = 0; i < KINDS; i++) {
        if (originals[i] == NULL) {
            originals[i] = methods;
            copies[i] = *methods;
            copies[i].xSync = counting_sync;
        }
        if (originals[i] == methods)
            return &copies[i];
    }
    return methods;
}

static int counting_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    int rc = below->xOpen(below, name, file, flags, out_flags);
    if (rc == SQLITE_OK && file->pMethods != NULL)
        file->pMethods = counted(file->pMethods);
    return rc;
}

const char *sync_counter_vfs(void)
{
    if (below == NULL) {
        below = sqlite3_vfs_find(NULL);
        shim = *below;
        shim.zName = "vow-sync-counter";
        shim.xOpen = counting_open;
        shim.pNext = NULL;
        sqlite3_vfs_register(&shim, 0);
    }
    return shim.zName;
}

uint64_t sync_counter(void)
{
    return syncs;
}
