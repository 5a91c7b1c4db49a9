/*
 * Crash images of the real store, as test_journal_crash.c has them of the journal. What the store has answered, its
 * votes above all, holds on an honest disk after each crash. A store has no witness: of damage that takes the end of
 * its log it may lose a vote, but it then says so to the COMMIT, and never that it was done.
 */
#include <stdlib.h>
#include <string.h>

#include "store_run.h"

#define LENGTH 20u

static struct sim_disk *image;
static uint64_t seeds;
static unsigned images;
static struct store_run run;

static void init(void)
{
    const char *text = getenv("VOW_CRASH_SEEDS");

    disk_bed_init();
    image = sim_disks_at(disks, 1);
    seeds = text != NULL ? strtoull(text, NULL, 10) : 1;
}

TestSuite(sim_store_crash, .init = init, .timeout = 3600);

static void cut_image(enum sim_power mode, uint64_t seed)
{
    struct store_run after = run;
    uint64_t random = seed * 1000003 + images;

    images++;
    sim_disk_image(image, disk);
    sim_disk_power_cut(image, mode, &random);
    sim_disk_boot(image);
    cr_assert_eq(shop_check(&after, image), STORE_HAS_ALL, "operation %llu, mode %d, seed %llu: %s",
                 (unsigned long long)sim_disk_ops(disk), (int)mode, (unsigned long long)seed, store_text);
    sim_disk_kill(image);
}

static void cut_each_way(void *ctx)
{
    (void)ctx;
    cut_image(SIM_POWER_NOTHING, 0);
    for (uint64_t seed = 0; seed < seeds; seed++) {
        cut_image(SIM_POWER_FIRST, seed);
        cut_image(SIM_POWER_ANY, seed);
    }
}

Test(sim_store_crash, F108_F109_F110_F111_each_operation)
{
    sim_disk_watch(disk, cut_each_way, NULL);
    shop_run(&run, disk, LENGTH);
    cr_assert_not(run.is_stopped);
    cr_assert_gt(images, 200);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_UNSYNCED_LOST), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_TORN), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_NAME_LOST), 0);
}

/* The process dies at each operation, the next one goes on with what is in the page cache, and then the power fails. */
Test(sim_store_crash, F110_killed_at_each_operation_then_a_power_cut)
{
    uint64_t ops;

    shop_run(&run, disk, LENGTH);
    ops = sim_disk_ops(disk);
    for (uint64_t nth = 1; nth <= ops; nth++) {
        uint64_t random = nth;

        sim_disks_reset(disks, 1);
        memset(&run, 0, sizeof(run));
        sim_disk_kill_at(disk, nth);
        shop_run(&run, disk, LENGTH);
        sim_disk_boot(disk);
        cr_assert_eq(shop_check(&run, disk), STORE_HAS_ALL, "operation %u: %s", (unsigned)nth, store_text);
        for (unsigned seq = 1; seq < STORE_SEQS_MAX; seq++)
            run.fates[seq].committed |= run.fates[seq].prepared && !run.fates[seq].abort_asked;
        sim_disk_power_cut(disk, (enum sim_power)(SIM_POWER_NOTHING + nth % 3), &random);
        sim_disk_boot(disk);
        cr_assert_eq(shop_check(&run, disk), STORE_HAS_ALL, "operation %u, then a power cut: %s", (unsigned)nth,
                     store_text);
    }
}

/* --- Faults while it runs --- */

/* One fault at the nth operation of its kind, for each n, until none is hit any more; then a power cut, or not. */
static void fail_each(struct sim_disk_fault fault, enum store_found allowed)
{
    for (fault.after = 0;; fault.after++) {
        uint64_t random = fault.after;
        enum store_found what;

        sim_disks_reset(disks, fault.after);
        memset(&run, 0, sizeof(run));
        sim_disk_plan(disk, &fault);
        shop_run(&run, disk, LENGTH);
        if (sim_disks_hits(disks, fault.fault) == 0)
            break;
        sim_disk_clear_plan(disk);
        sim_disk_power_cut(disk, (enum sim_power)(SIM_POWER_NOTHING + fault.after % 4), &random);
        sim_disk_boot(disk);
        what = shop_check(&run, disk);
        cr_assert_leq(what, allowed, "operation %u: %s", (unsigned)fault.after, store_text);
    }
    cr_assert_gt(fault.after, 5);
}

Test(sim_store_crash, F105_each_sync_fails)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_SYNC_ERROR, .times = 1}, STORE_HAS_ALL);
}

/* The power goes at the nth operation of the next process. False if it has not that many. */
static bool cut_off_start(struct sim_disk *second, uint64_t nth)
{
    struct store_run again = run;
    uint64_t random = nth;
    bool was_cut;

    sim_disk_image(second, disk);
    sim_disk_boot(second);
    sim_disk_kill_at(second, nth);
    (void)shop_check(&again, second);
    was_cut = !sim_disk_is_on(second);
    again = run;
    sim_disk_power_cut(second, (enum sim_power)(SIM_POWER_NOTHING + nth % 3), &random);
    sim_disk_boot(second);
    cr_assert_eq(shop_check(&again, second), STORE_HAS_ALL, "operation %u of the start: %s", (unsigned)nth, store_text);
    return was_cut;
}

/* It must not copy into the database what may be lost from the WAL: the copy could be cut off in the middle. The first
 * process dies, for to close a store that has failed folds in what is durable, and nothing is left to be found. */
Test(sim_store_crash, F105_each_sync_fails_and_the_next_start_is_cut_off)
{
    struct sim_disk_fault fault = {.fault = SIM_FAULT_SYNC_ERROR, .times = 1};
    unsigned starts = 0;

    for (;; fault.after++) {
        sim_disks_reset(disks, fault.after);
        run = (struct store_run){.dies = true};
        sim_disk_plan(disk, &fault);
        shop_run(&run, disk, LENGTH);
        if (sim_disks_hits(disks, fault.fault) == 0)
            break;
        sim_disk_clear_plan(disk);
        for (uint64_t nth = 1; cut_off_start(sim_disks_at(disks, 2), nth); nth++)
            starts++;
    }
    cr_assert_gt(starts, 100);
}

Test(sim_store_crash, F104_each_write_fails)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_WRITE_ERROR, .times = 1}, STORE_HAS_ALL);
}

Test(sim_store_crash, F100_F102_each_growth_meets_a_full_disk)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_NO_SPACE, .times = 1}, STORE_HAS_ALL);
}

Test(sim_store_crash, F103_quota_at_each_growth)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_QUOTA, .times = 1}, STORE_HAS_ALL);
}

/* The WAL alone: nothing can be said of a database whose pages are lost. */
Test(sim_store_crash, F112_wal_that_lies)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_LYING_SYNC, .files = SIM_FILES(SIM_FILE_WAL)}, STORE_LACKS);
}

/* --- Damage between two lives --- */

static void damage_many(enum sim_fault fault)
{
    unsigned hits = 0;

    sim_disk_kill_at(disk, 170);
    shop_run(&run, disk, LENGTH);
    cr_assert(run.is_stopped);
    for (uint64_t seed = 0; seed < 30 * seeds; seed++) {
        struct store_run after = run;
        uint64_t random = seed;
        enum store_found what;

        sim_disk_image(image, disk);
        if (!sim_disk_damage(image, fault, &random))
            continue;
        hits++;
        sim_disk_boot(image);
        what = shop_check(&after, image);
        cr_assert_leq(what, STORE_LACKS, "seed %u: %s", (unsigned)seed, store_text);
        sim_disk_kill(image);
    }
    cr_assert_gt(hits, 10);
}

Test(sim_store_crash, F113_bit_flips_in_the_wal)
{
    damage_many(SIM_FAULT_WAL_FLIP);
}

Test(sim_store_crash, F116_wal_is_cut)
{
    damage_many(SIM_FAULT_WAL_CUT);
}

Test(sim_store_crash, F116_wal_is_zeroed)
{
    damage_many(SIM_FAULT_WAL_ZERO);
}

Test(sim_store_crash, F117_wal_is_gone)
{
    damage_many(SIM_FAULT_WAL_GONE);
}
