/* Virtual disks with a journal, a store or plain SQLite on them, as the tests of this folder use them. One per test
 * process. */
#ifndef VOW_TESTS_SIM_DISK_BED_H
#define VOW_TESTS_SIM_DISK_BED_H

#include <criterion/criterion.h>
#include <sqlite3.h>

#include "chaos/sim/disk.h"

#define BED_DISKS 4

extern struct sim_disks *disks;
extern struct sim_disk *disk; /* number 0 */
extern uint64_t bed_random;

/* For .init of suites. */
void disk_bed_init(void);

/* A plain database "data.db" on a disk, in WAL mode with full syncs; table t (id INTEGER PRIMARY KEY, v BLOB). */
int plain_open(struct sim_disk *where, sqlite3 **db);
/* Inserts the id as a transaction. An SQLite code. */
int plain_insert(sqlite3 *db, int id);
/* How many ids from 1 are there without a gap; -1 if the database is not sound or has others, too. */
int plain_count(struct sim_disk *where);
int plain_sql(sqlite3 *db, const char *sql);

#endif
