/*
 * Crash images of the real journal: its disk as a crash leaves it after each write and each sync, with every sort of
 * power cut. On an honest disk it must start and have all that it acknowledged. On one that lies or is damaged it may
 * refuse, but what was acknowledged never reads as if it had not been.
 *
 * VOW_CRASH_SEEDS is the number of seeds for each image.
 */
#include <stdlib.h>
#include <string.h>

#include "journal_run.h"

#define LENGTH 16u

static struct sim_disk *image;
static uint64_t seeds;
static unsigned images, refused;

static void init(void)
{
    const char *text = getenv("VOW_CRASH_SEEDS");

    disk_bed_init();
    image = sim_disks_at(disks, 1);
    seeds = text != NULL ? strtoull(text, NULL, 10) : 1;
}

TestSuite(sim_journal_crash, .init = init, .timeout = 3600);

static struct journal_run run;

static void cut_image(enum sim_power mode, uint64_t seed)
{
    struct journal_run after = run;
    uint64_t random = seed * 1000003 + images;
    enum journal_found found;

    images++;
    sim_disk_image(image, disk);
    sim_disk_power_cut(image, mode, &random);
    sim_disk_boot(image);
    found = journal_check(&after, image);
    cr_assert_eq(found, FOUND_ALL, "operation %llu, mode %d, seed %llu: %s", (unsigned long long)sim_disk_ops(disk),
                 (int)mode, (unsigned long long)seed, found_text);
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

Test(sim_journal_crash, F108_F109_F110_F111_each_operation)
{
    sim_disk_watch(disk, cut_each_way, NULL);
    journal_run(&run, disk, LENGTH);
    cr_assert_not(run.is_stopped);
    cr_assert_gt(images, 200);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_UNSYNCED_LOST), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_TORN), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_UNSYNCED_REORDERED), 0);
    cr_assert_gt(sim_disks_hits(disks, SIM_FAULT_NAME_LOST), 0);
}

/* A recovery is cut off in its turn, at each of its operations. */
Test(sim_journal_crash, F109_recovery_is_cut_off_at_each_operation)
{
    struct sim_disk *second = sim_disks_at(disks, 2);
    struct journal_run found;
    uint64_t ops;

    sim_disk_kill_at(disk, 100);
    journal_run(&run, disk, RUN_SEQS_MAX);
    cr_assert(run.is_stopped);
    sim_disk_image(image, disk);
    sim_disk_boot(image);
    ops = sim_disk_ops(image);
    found = run; /* what is found is owed of that image alone: it may be in the page cache of this one */
    cr_assert_eq(journal_check(&found, image), FOUND_ALL, "%s", found_text);
    ops = sim_disk_ops(image) - ops;
    cr_assert_gt(ops, 10);
    for (uint64_t nth = 1; nth <= ops; nth++) {
        struct journal_run again = run;
        uint64_t random = nth;

        sim_disk_image(second, disk);
        sim_disk_boot(second);
        sim_disk_kill_at(second, nth);
        (void)journal_check(&again, second);
        sim_disk_power_cut(second, (enum sim_power)(SIM_POWER_NOTHING + nth % 3), &random);
        sim_disk_boot(second);
        cr_assert_eq(journal_check(&again, second), FOUND_ALL, "operation %u: %s", (unsigned)nth, found_text);
    }
}

/* --- Faults while it runs --- */

/*
 * One fault at the nth operation of its kind, for each n, until none is hit any more. The journal stops there; then
 * its process starts again, before or after a power cut, and a power cut follows. `allowed` is the worst that may be
 * found.
 */
static void fail_each(struct sim_disk_fault fault, enum journal_found allowed, bool keeps_cache)
{
    refused = 0;
    for (fault.after = 0;; fault.after++) {
        uint64_t random = fault.after;
        enum journal_found found;

        sim_disks_reset(disks, fault.after);
        memset(&run, 0, sizeof(run));
        sim_disk_plan(disk, &fault);
        journal_run(&run, disk, LENGTH);
        if (sim_disks_hits(disks, fault.fault) == 0)
            break;
        sim_disk_clear_plan(disk);
        if (keeps_cache) {
            sim_disk_boot(disk);
            found = journal_check(&run, disk);
            cr_assert_leq(found, allowed, "operation %u: %s", (unsigned)fault.after, found_text);
        }
        sim_disk_power_cut(disk, (enum sim_power)(SIM_POWER_NOTHING + fault.after % 3), &random);
        sim_disk_boot(disk);
        found = journal_check(&run, disk);
        refused += found == FOUND_REFUSAL;
        cr_assert_leq(found, allowed, "operation %u, then a power cut: %s", (unsigned)fault.after, found_text);
    }
    cr_assert_gt(fault.after, 5);
}

Test(sim_journal_crash, F105_each_sync_fails)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_SYNC_ERROR, .times = 1}, FOUND_ALL, false);
}

/* What a failed sync has left in the page cache is read by the next process as if it were durable: it must have made it
 * so before it says anything. */
Test(sim_journal_crash, F105_each_sync_fails_and_the_cache_lives_on)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_SYNC_ERROR, .times = 1}, FOUND_ALL, true);
}

/* The power goes at the nth operation of the next process. False if it has not that many. */
static bool cut_off_start(struct sim_disk *second, uint64_t nth)
{
    struct journal_run again = run;
    uint64_t random = nth;
    bool was_cut;

    sim_disk_image(second, disk);
    sim_disk_boot(second);
    sim_disk_kill_at(second, nth);
    (void)journal_check(&again, second);
    was_cut = !sim_disk_is_on(second);
    again = run;
    sim_disk_power_cut(second, (enum sim_power)(SIM_POWER_NOTHING + nth % 3), &random);
    sim_disk_boot(second);
    cr_assert_eq(journal_check(&again, second), FOUND_ALL, "operation %u of the start: %s", (unsigned)nth, found_text);
    return was_cut;
}

/* It must not copy into the database what may be lost from the WAL: the copy could be cut off in the middle. */
Test(sim_journal_crash, F105_each_sync_fails_and_the_next_start_is_cut_off)
{
    struct sim_disk_fault fault = {.fault = SIM_FAULT_SYNC_ERROR, .times = 1};
    unsigned starts = 0;

    for (;; fault.after++) {
        sim_disks_reset(disks, fault.after);
        memset(&run, 0, sizeof(run));
        sim_disk_plan(disk, &fault);
        journal_run(&run, disk, LENGTH);
        if (sim_disks_hits(disks, fault.fault) == 0)
            break;
        sim_disk_clear_plan(disk);
        for (uint64_t nth = 1; cut_off_start(sim_disks_at(disks, 2), nth); nth++)
            starts++;
    }
    cr_assert_gt(starts, 100);
}

Test(sim_journal_crash, F104_each_write_fails)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_WRITE_ERROR, .times = 1}, FOUND_ALL, true);
}

Test(sim_journal_crash, F100_F101_each_growth_meets_a_full_disk)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_NO_SPACE, .times = 1}, FOUND_ALL, true);
}

Test(sim_journal_crash, F103_quota_at_each_growth)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_QUOTA, .times = 1}, FOUND_ALL, false);
}

/* The log's file lies from some sync on, its witness does not: what is then gone is missed. */
Test(sim_journal_crash, F112_log_that_lies_is_found_out)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_LYING_SYNC,
                                      .files = SIM_FILES(SIM_FILE_WAL) | SIM_FILES(SIM_FILE_DB)},
              FOUND_REFUSAL, false);
    cr_assert_gt(refused, 5);
}

/* A write went elsewhere, or nowhere: the page that should have it is an old one. */
Test(sim_journal_crash, F115_each_write_is_lost)
{
    fail_each((struct sim_disk_fault){.fault = SIM_FAULT_STALE_PAGE, .times = 1}, FOUND_REFUSAL, false);
    cr_assert_gt(refused, 5);
}

/* Not being able to read is no damage, and changes nothing. */
Test(sim_journal_crash, F106_each_read_of_a_start_fails)
{
    struct sim_disk_fault fault = {.fault = SIM_FAULT_READ_ERROR, .times = 1};

    journal_run(&run, disk, LENGTH);
    sim_disk_boot(disk);
    for (fault.after = 0;; fault.after++) {
        struct journal_run after = run;

        sim_disk_image(image, disk);
        sim_disk_boot(image);
        sim_disk_plan(image, &fault);
        cr_assert_neq(journal_check(&after, image), FOUND_LOSS, "read %u: %s", (unsigned)fault.after, found_text);
        if (sim_disks_hits(disks, SIM_FAULT_READ_ERROR) == fault.after)
            break;
        sim_disk_clear_plan(image);
        sim_disk_boot(image);
        cr_assert_eq(journal_check(&after, image), FOUND_ALL, "after read %u: %s", (unsigned)fault.after, found_text);
    }
    cr_assert_gt(fault.after, 5);
}

/* --- Damage between two lives --- */

static void damage_many(enum sim_fault fault, bool may_refuse)
{
    unsigned hits = 0;

    sim_disk_kill_at(disk, 120);
    journal_run(&run, disk, RUN_SEQS_MAX);
    refused = 0;
    for (uint64_t seed = 0; seed < 160 * seeds; seed++) {
        struct journal_run after = run;
        uint64_t random = seed;
        enum journal_found found;

        sim_disk_image(image, disk);
        if (!sim_disk_damage(image, fault, &random))
            continue;
        hits++;
        sim_disk_boot(image);
        found = journal_check(&after, image);
        refused += found == FOUND_REFUSAL;
        cr_assert_neq(found, FOUND_LOSS, "seed %u: %s", (unsigned)seed, found_text);
        cr_assert(may_refuse || found == FOUND_ALL, "seed %u: %s", (unsigned)seed, found_text);
        sim_disk_kill(image);
    }
    cr_assert_gt(hits, 10);
    cr_assert(!may_refuse || refused > 0);
}

Test(sim_journal_crash, F113_bit_flips_in_the_wal)
{
    damage_many(SIM_FAULT_WAL_FLIP, true);
}

Test(sim_journal_crash, F114_bit_flips_in_pages)
{
    damage_many(SIM_FAULT_PAGE_FLIP, true);
}

Test(sim_journal_crash, F115_misdirected_pages)
{
    damage_many(SIM_FAULT_STALE_PAGE, true);
}

Test(sim_journal_crash, F116_wal_is_cut)
{
    damage_many(SIM_FAULT_WAL_CUT, true);
}

Test(sim_journal_crash, F116_wal_is_zeroed)
{
    damage_many(SIM_FAULT_WAL_ZERO, true);
}

Test(sim_journal_crash, F117_wal_is_gone)
{
    damage_many(SIM_FAULT_WAL_GONE, true);
}

/* One slot of the witness is left, and the log is ahead of it. */
Test(sim_journal_crash, witness_with_a_flipped_bit)
{
    damage_many(SIM_FAULT_WITNESS_FLIP, false);
}

/*
 * A bit in each part of the log, so in records of every kind: in the pages of a log that was closed, and in the WAL of
 * one that was not.
 */
static void flip_each(const char *file, unsigned stride)
{
    int64_t size = sim_disk_size(disk, file);

    cr_assert_gt(size, 16384);
    refused = 0;
    for (int64_t at = 0; at < size; at += stride) {
        struct journal_run after = run;
        enum journal_found found;
        uint8_t byte;

        sim_disk_image(image, disk);
        (void)sim_disk_read(image, file, (uint64_t)at, &byte, 1);
        byte ^= (uint8_t)(1u << at % 8);
        sim_disk_write(image, file, (uint64_t)at, &byte, 1);
        sim_disk_boot(image);
        found = journal_check(&after, image);
        refused += found == FOUND_REFUSAL;
        cr_assert_neq(found, FOUND_LOSS, "byte %u of %s: %s", (unsigned)at, file, found_text);
        sim_disk_kill(image);
    }
    cr_assert_gt(refused, 10);
}

Test(sim_journal_crash, F114_a_bit_in_every_part_of_the_pages)
{
    journal_run(&run, disk, LENGTH);
    sim_disk_kill(disk);
    flip_each("journal.db", seeds > 1 ? 5 : 61);
}

Test(sim_journal_crash, F113_a_bit_in_every_part_of_the_wal)
{
    sim_disk_kill_at(disk, 130);
    journal_run(&run, disk, RUN_SEQS_MAX);
    flip_each("journal.db-wal", seeds > 1 ? 11 : 127);
}
