/*
 * SQLite's way to the disk, with the sync calls counted: the cost of a transaction is stated in forced writes
 * (protocol 1.1), and a test must be able to hold us to it.
 */
#ifndef VOW_JOURNAL_SQLITE_VFS_H
#define VOW_JOURNAL_SQLITE_VFS_H

#include <sqlite3.h>
#include <stdint.h>

/* The name of the layer over the VFS `below`, or over the default one if that is NULL; the first time, it is
 * registered, and stays so. NULL if there is no memory or no such VFS. */
const char *journal_vfs_name(const char *below);

/* Sync calls on the database and WAL files of a connection that was opened through it, since they were opened. */
uint64_t journal_vfs_syncs(sqlite3 *db);

/*
 * Writes what the WAL holds over itself, and syncs that. Frames that a failed sync left in the page cache alone read
 * like durable ones, and a later sync does not write them (F105): to copy them to the database, as SQLite does with
 * what it takes for durable, could tear it. No other connection may write meanwhile. Returns SQLite's code.
 */
int journal_vfs_write_wal_again(sqlite3 *db);

#endif
