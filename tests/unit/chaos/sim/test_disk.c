/* The virtual disk: what a power cut keeps, for real databases and for bytes. */
#include <string.h>

#include "disk_bed.h"

TestSuite(sim_disk, .init = disk_bed_init, .timeout = 240);

/* Inserts until the disk's process is killed, or up to `most`. Returns how many were acknowledged. */
static int insert_many(int most)
{
    sqlite3 *db = NULL;
    int acked = 0;

    if (plain_open(disk, &db) == SQLITE_OK) {
        while (acked < most && plain_insert(db, acked + 1) == SQLITE_OK)
            acked++;
    }
    (void)sqlite3_close(db);
    return acked;
}

/* The operations that a run of `most` transactions takes. */
static uint64_t count_ops(int most)
{
    sim_disks_reset(disks, 1);
    cr_assert_eq(insert_many(most), most);
    return sim_disk_ops(disk);
}

/* Returns the number of cases in which something acknowledged was missing, or the database was not sound. */
static int cut_everywhere(int most, enum sim_power mode, uint64_t seeds)
{
    uint64_t ops = count_ops(most);
    int bad = 0;

    for (uint64_t nth = 1; nth <= ops; nth++) {
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            uint64_t random = seed;
            int acked, found;

            sim_disks_reset(disks, 1);
            sim_disk_kill_at(disk, nth);
            acked = insert_many(most);
            sim_disk_power_cut(disk, mode, &random);
            sim_disk_boot(disk);
            found = plain_count(disk);
            bad += found < acked || found > acked + 1;
        }
    }
    return bad;
}

Test(sim_disk, F109_what_was_acknowledged_outlives_a_power_cut_at_each_operation)
{
    cr_assert_eq(cut_everywhere(30, SIM_POWER_NOTHING, 1), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_UNSYNCED_LOST) + 1, 0);
}

Test(sim_disk, F108_first_writes_with_a_torn_one)
{
    cr_assert_eq(cut_everywhere(20, SIM_POWER_FIRST, 3), 0);
}

Test(sim_disk, F111_any_sectors_in_any_order)
{
    cr_assert_eq(cut_everywhere(20, SIM_POWER_ANY, 3), 0);
}

Test(sim_disk, killed_process_loses_nothing)
{
    cr_assert_eq(cut_everywhere(20, SIM_POWER_ALL, 1), 0);
}
