#include "disk_bed.h"

#include <stdio.h>
#include <string.h>

struct sim_disks *disks;
struct sim_disk *disk;
uint64_t bed_random;

void disk_bed_init(void)
{
    const struct sim_disks_options options = {.count = BED_DISKS};

    disks = sim_disks_new(&options);
    sim_disks_reset(disks, 1);
    disk = sim_disks_at(disks, 0);
    bed_random = 1;
}

int plain_sql(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int plain_open(struct sim_disk *where, sqlite3 **db)
{
    char path[64];
    int rc;

    (void)snprintf(path, sizeof(path), "%s/data.db", sim_disk_path(where));
    rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, SIM_DISKS_VFS);
    if (rc == SQLITE_OK)
        rc = plain_sql(*db, "PRAGMA journal_mode = WAL");
    if (rc == SQLITE_OK)
        rc = plain_sql(*db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 12;"
                            "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB)");
    return rc;
}

int plain_insert(sqlite3 *db, int id)
{
    char sql[96];

    (void)snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, randomblob(%d))", id, 100 + id % 7 * 300);
    return plain_sql(db, sql);
}

static int number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return number;
}

static bool is_sound(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    bool sound = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
                 sqlite3_step(stmt) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;

    (void)sqlite3_finalize(stmt);
    return sound;
}

int plain_count(struct sim_disk *where)
{
    sqlite3 *db = NULL;
    int count = -1;

    if (plain_open(where, &db) == SQLITE_OK && is_sound(db)) {
        count = number_of(db, "SELECT count(*) FROM t");
        if (count != number_of(db, "SELECT coalesce(max(id), 0) FROM t"))
            count = -1;
    }
    (void)sqlite3_close(db);
    return count;
}
