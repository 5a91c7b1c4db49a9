/* Each fault of the virtual disk as SQLite sees it, locks, and what a killed process can still do: nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk_bed.h"

static sqlite3 *db;

static void init(void)
{
    disk_bed_init();
    cr_assert_eq(plain_open(disk, &db), SQLITE_OK);
    for (int id = 1; id <= 5; id++)
        cr_assert_eq(plain_insert(db, id), SQLITE_OK);
}

static void fini(void)
{
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

TestSuite(disk_faults, .init = init, .fini = fini, .timeout = 60);

static void plan(enum sim_fault fault, uint32_t number)
{
    const struct sim_disk_fault planned = {.fault = fault, .times = 1, .number = number};

    sim_disk_plan(disk, &planned);
}

/* What the product asks: a COMMIT leaves nothing in sqlite3_system_errno(). */
static int last_errno(void)
{
    int error = 0;

    cr_assert_eq(sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error), SQLITE_OK);
    return error;
}

static void expect(enum sim_fault fault, int rc, int error)
{
    cr_assert_eq(plain_insert(db, 6), rc, "%d: %s", sqlite3_extended_errcode(db), sqlite3_errmsg(db));
    cr_assert_eq(sim_disks_hits(disks, fault), 1);
    if (error != 0)
        cr_assert_eq(last_errno(), error);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK, "one time only: %s", sqlite3_errmsg(db));
}

Test(disk_faults, F100_no_space)
{
    plan(SIM_FAULT_NO_SPACE, 0);
    expect(SIM_FAULT_NO_SPACE, SQLITE_FULL, 0);
}

Test(disk_faults, F100_disk_is_full)
{
    sim_disk_set_room(disk, sim_disk_used(disk) + 100);
    cr_assert_eq(plain_insert(db, 6), SQLITE_FULL);
    cr_assert_eq(sim_disks_hits(disks, SIM_FAULT_NO_SPACE), 1);
    sim_disk_set_room(disk, 0);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
}

Test(disk_faults, F103_quota_limit_of_files_and_read_only)
{
    plan(SIM_FAULT_QUOTA, 0);
    expect(SIM_FAULT_QUOTA, SQLITE_IOERR_WRITE, EDQUOT);
    sim_disk_clear_plan(disk);
    plan(SIM_FAULT_QUOTA, EROFS);
    cr_assert_eq(plain_insert(db, 7), SQLITE_IOERR_WRITE);
    cr_assert_eq(last_errno(), EROFS);
}

Test(disk_faults, F104_write_error)
{
    plan(SIM_FAULT_WRITE_ERROR, 0);
    expect(SIM_FAULT_WRITE_ERROR, SQLITE_IOERR_WRITE, EIO);
}

Test(disk_faults, F105_sync_error)
{
    plan(SIM_FAULT_SYNC_ERROR, 0);
    expect(SIM_FAULT_SYNC_ERROR, SQLITE_IOERR_FSYNC, EIO);
}

/* What a failed sync was for is lost, however often somebody syncs after it. */
Test(disk_faults, F105_failed_sync_loses_what_it_was_for)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(SIM_DISKS_VFS);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    char path[64] = {0}, found[4] = "";

    (void)snprintf(path, sizeof(path) - 1, "%s/x.db", sim_disk_path(disk));
    cr_assert_eq(
        vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL, NULL),
        SQLITE_OK);
    cr_assert_eq(file->pMethods->xWrite(file, "one", 3, 0), SQLITE_OK);
    cr_assert_eq(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    cr_assert_eq(file->pMethods->xWrite(file, "two", 3, 0), SQLITE_OK);
    plan(SIM_FAULT_SYNC_ERROR, 0);
    cr_assert_eq(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    cr_assert_eq(file->pMethods->xWrite(file, "end", 3, 600), SQLITE_OK);
    cr_assert_eq(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    cr_assert_eq(file->pMethods->xRead(file, found, 3, 0), SQLITE_OK);
    cr_assert_str_eq(found, "two", "the page cache has it");
    sim_disk_power_cut(disk, SIM_POWER_ALL, &bed_random);
    cr_assert_eq(sim_disk_read(disk, "x.db", 0, found, 3), 3);
    cr_assert_str_eq(found, "one", "the disk never had it");
    cr_assert_eq(sim_disk_read(disk, "x.db", 600, found, 3), 3);
    cr_assert_str_eq(found, "end", "what was written later was synced");
    cr_assert_eq(file->pMethods->xClose(file), SQLITE_OK);
    free(file);
}

Test(disk_faults, F106_read_error)
{
    sqlite3 *other = NULL;

    plan(SIM_FAULT_READ_ERROR, 0);
    cr_assert_eq(plain_open(disk, &other), SQLITE_IOERR_CORRUPTFS);
    cr_assert_eq(sim_disks_hits(disks, SIM_FAULT_READ_ERROR), 1);
    cr_assert_eq(sqlite3_close(other), SQLITE_OK);
}

static int count_after_cut(void)
{
    sim_disk_power_cut(disk, SIM_POWER_NOTHING, &bed_random);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    db = NULL;
    sim_disk_boot(disk);
    return plain_count(disk);
}

Test(disk_faults, F112_sync_that_lies_loses_an_acknowledged_row)
{
    plan(SIM_FAULT_LYING_SYNC, 0);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(sim_disks_hits(disks, SIM_FAULT_LYING_SYNC), 1);
    cr_assert_eq(count_after_cut(), 5);
}

Test(disk_faults, F115_lost_write_is_seen_until_the_power_fails)
{
    const struct sim_disk_fault lost = {
        .fault = SIM_FAULT_STALE_PAGE, .files = SIM_FILES(SIM_FILE_WAL), .after = 1, .times = 1};

    sim_disk_plan(disk, &lost);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(plain_count(disk), 6);
    cr_assert_eq(count_after_cut(), 5);
}

Test(disk_faults, F118_slow_sync_has_its_price)
{
    (void)sim_disk_take_cost_us(disk);
    plan(SIM_FAULT_SLOW_SYNC, 3000000);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(sim_disk_take_cost_us(disk), 3000000);
    cr_assert_eq(sim_disk_take_cost_us(disk), 0);
}

Test(disk_faults, chance_and_count_choose_which_operations_are_hit)
{
    const struct sim_disk_fault some = {.fault = SIM_FAULT_SLOW_SYNC, .after = 2, .times = 5, .one_in = 3};

    sim_disk_plan(disk, &some);
    for (int id = 6; id <= 40; id++)
        cr_assert_eq(plain_insert(db, id), SQLITE_OK);
    cr_assert_eq(sim_disks_hits(disks, SIM_FAULT_SLOW_SYNC), 5);
}

/* --- Processes --- */

Test(disk_faults, killed_process_changes_nothing_any_more)
{
    uint64_t hash;

    sim_disk_kill(disk);
    hash = sim_disk_hash(disk);
    cr_assert_neq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    db = NULL;
    cr_assert_eq(sim_disk_hash(disk), hash);
    sim_disk_boot(disk);
    cr_assert_eq(plain_count(disk), 5, "what was in the page cache is there");
}

/* One process is dead and not yet closed while the next one works. */
Test(disk_faults, dead_handles_are_dead_for_the_next_life_too)
{
    sim_disk_boot(disk);
    cr_assert_eq(plain_count(disk), 5);
    cr_assert_neq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(plain_count(disk), 5);
}

Test(disk_faults, two_connections_share_a_wal_and_exclude_each_other)
{
    sqlite3 *other = NULL;

    cr_assert_eq(plain_open(disk, &other), SQLITE_OK);
    cr_assert_eq(plain_sql(db, "BEGIN IMMEDIATE"), SQLITE_OK);
    cr_assert_eq(plain_sql(other, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(plain_count(disk), 5, "readers go on with what was there");
    cr_assert_eq(plain_sql(db, "COMMIT"), SQLITE_OK);
    cr_assert_eq(plain_insert(other, 7), SQLITE_OK);
    cr_assert_eq(sqlite3_close(other), SQLITE_OK);
    cr_assert_eq(plain_count(disk), 7);
}

Test(disk_faults, copy_is_a_backup_and_wipe_is_the_end)
{
    struct sim_disk *backup = sim_disks_at(disks, 1);

    sim_disk_copy(backup, disk);
    cr_assert_eq(plain_insert(db, 6), SQLITE_OK);
    cr_assert_eq(plain_count(backup), 5);
    cr_assert_eq(plain_count(disk), 6);
    sim_disk_kill(disk);
    sim_disk_copy(disk, backup);
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    db = NULL;
    sim_disk_boot(disk);
    cr_assert_eq(plain_count(disk), 5);
    sim_disk_wipe(disk);
    cr_assert_eq(sim_disk_used(disk), 0);
    cr_assert_eq(plain_count(disk), 0);
}

/* Same seed, same calls: the same bytes, though SQLite draws salts and blobs meanwhile. */
Test(disk_faults, seed_decides_all_bytes)
{
    uint64_t hashes[3];

    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    for (unsigned i = 0; i < 3; i++) {
        sim_disks_reset(disks, i < 2 ? 7 : 8);
        cr_assert_eq(plain_open(disk, &db), SQLITE_OK);
        for (int id = 1; id <= 20; id++)
            cr_assert_eq(plain_insert(db, id), SQLITE_OK);
        sim_disk_power_cut(disk, SIM_POWER_ANY, &(uint64_t){i < 2 ? 7 : 8});
        hashes[i] = sim_disk_hash(disk);
        cr_assert_eq(sqlite3_close(db), SQLITE_OK);
    }
    db = NULL;
    cr_assert_eq(hashes[0], hashes[1]);
    cr_assert_neq(hashes[0], hashes[2]);
}

/* No fault counts as hit if there was nothing for it to change. */
Test(disk_faults, damage_of_what_is_not_there_is_none)
{
    struct sim_disk *empty = sim_disks_at(disks, 1);

    for (enum sim_fault fault = SIM_FAULT_WAL_FLIP; fault <= SIM_FAULT_WITNESS_FLIP; fault++) {
        cr_assert_not(sim_disk_damage(empty, fault, &bed_random), "%s", sim_fault_name(fault));
        cr_assert_eq(sim_disks_hits(disks, fault), 0);
    }
}
