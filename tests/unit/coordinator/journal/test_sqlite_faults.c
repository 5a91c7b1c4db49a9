/* A disk that fails under the engine (faults F100 to F105): one answer, UNKNOWN, and nothing is written after it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "faults.h"
#include "kit.h"

/* A group commit of three in which the nth call of a kind fails. Returns false if it has fewer calls than that. */
static bool commit_under_fault(enum fault_kind kind, unsigned nth, int error, struct bed *bed)
{
    struct vow_journal_op ops[4], later;
    bool was_hit;

    for (unsigned i = 0; i < 3; i++)
        op_decide(&ops[i], bed, 10 + i);
    op_get(&ops[3], 10);
    fault_arm(kind, nth, error);
    bed->ops->commit(bed->engine, op_link(ops, 4));
    was_hit = fault_disarm();
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(ops[i].result, was_hit ? VOW_JOURNAL_UNKNOWN : VOW_JOURNAL_WON, "call %u", nth);
        cr_assert_eq(ops[i].error, was_hit ? VOW_E_IO : 0);
    }
    cr_assert_eq(ops[3].error, was_hit ? VOW_E_IO : 0, "not known is not NOT_FOUND");
    if (was_hit) {
        cr_assert_eq(bed_decide(bed, 20), VOW_JOURNAL_UNKNOWN, "the disk is well again, the engine must not be");
        cr_assert_eq(bed_end(bed, 1), VOW_JOURNAL_UNKNOWN);
        cr_assert_eq(bed_get(bed, 1, &later), VOW_E_IO);
        cr_assert_eq(bed->ops->takeover(bed->engine, &bed->identity, &bed->detail), VOW_E_IO);
    }
    return was_hit;
}

/* After the restart: what was acknowledged is there, the failed unit is there as a whole or not at all, and later
 * ones are not. */
static void expect_recovery(struct bed *bed)
{
    struct vow_journal_op op;
    int first;

    bed_close(bed);
    bed_start(bed);
    cr_assert_eq(bed_get(bed, 1, &op), 0);
    first = bed_get(bed, 10, &op);
    cr_assert(first == 0 || first == VOW_E_NOT_FOUND);
    cr_assert_eq(bed_get(bed, 11, &op), first);
    cr_assert_eq(bed_get(bed, 12, &op), first);
    cr_assert_eq(bed_get(bed, 20, &op), VOW_E_NOT_FOUND);
    cr_assert_eq(bed_decide(bed, 30), VOW_JOURNAL_WON);
}

static unsigned fail_each_call(enum fault_kind kind, int error)
{
    for (unsigned nth = 1;; nth++) {
        struct bed bed;
        bool was_hit;

        bed_make_filled(&bed, 1);
        was_hit = commit_under_fault(kind, nth, error, &bed);
        if (was_hit)
            expect_recovery(&bed);
        bed_remove(&bed);
        if (!was_hit)
            return nth - 1;
    }
}

Test(sqlite_faults, F105_each_sync_that_fails_is_unknown)
{
    cr_assert_eq(fail_each_call(FAULT_SYNC, EIO), 2, "the log's and the witness's");
}

Test(sqlite_faults, F104_each_write_that_fails_is_unknown)
{
    cr_assert_geq(fail_each_call(FAULT_WRITE, EIO), 3);
}

Test(sqlite_faults, F101_full_disk_is_unknown)
{
    cr_assert_geq(fail_each_call(FAULT_WRITE, ENOSPC), 3);
}

/* A quota, a file size limit, a disk that became read-only, rights that were taken away: all are a write that failed.
 */
Test(sqlite_faults, F103_F125_other_refusals_to_write_are_unknown)
{
    static const int errors[] = {EDQUOT, EFBIG, EROFS, EACCES, EPERM};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        cr_assert_geq(fail_each_call(FAULT_WRITE, errors[i]), 3, "errno %d", errors[i]);
}

/* A takeover checkpoints, writes the log and the witness: whichever of its syncs fails, it gives no epoch. */
Test(sqlite_faults, F105_each_sync_of_a_takeover)
{
    for (unsigned nth = 1, was_hit = 1; was_hit; nth++) {
        struct bed bed;
        int error;

        bed_make_filled(&bed, 1);
        fault_arm(FAULT_SYNC, nth, EIO);
        error = bed.ops->takeover(bed.engine, &bed.identity, &bed.detail);
        was_hit = fault_disarm();
        cr_assert_eq(error, was_hit ? VOW_E_IO : 0, "sync %u", nth);
        cr_assert(was_hit || nth > 4, "only %u syncs", nth - 1);
        cr_assert_eq(bed.ops->takeover(bed.engine, &bed.identity, &bed.detail), error);
        bed_close(&bed);
        bed_start(&bed);
        bed_remove(&bed);
    }
}

/* A batch that is durable stays won when the checkpoint after it fails; the batch after that one is not tried. */
Test(sqlite_faults, F105_failed_checkpoint_stops_the_next_batch)
{
    unsigned count = 3000;
    struct vow_journal_op *ops = calloc(count, sizeof(*ops)), op;
    struct bed bed;

    bed_make_filled(&bed, 1);
    for (unsigned i = 0; i < count; i++)
        op_decide_long(&ops[i], &bed, 100 + i);
    fault_arm(FAULT_SYNC, 4, EIO); /* log, witness, checkpoint: log, database */
    bed.ops->commit(bed.engine, op_link(ops, count));
    cr_assert(fault_disarm());
    cr_assert_eq(ops[count - 1].result, VOW_JOURNAL_WON);
    cr_assert_eq(bed_decide(&bed, 2), VOW_JOURNAL_UNKNOWN);
    bed_close(&bed);
    bed_start(&bed);
    cr_assert_eq(bed_get(&bed, 100 + count - 1, &op), 0);
    cr_assert_eq(bed_get(&bed, 2, &op), VOW_E_NOT_FOUND);
    bed_remove(&bed);
    free(ops);
}

/* Making a directory may be cut off anywhere; the next start makes the rest or begins anew. */
Test(sqlite_faults, F110_each_failed_step_of_making_a_directory)
{
    static const enum fault_kind kinds[] = {FAULT_SYNC, FAULT_WRITE};

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned nth = 1, was_hit = 1; was_hit; nth++) {
            struct bed bed;
            int error;

            bed_make(&bed);
            fault_arm(kinds[i], nth, EIO);
            error = bed_open(&bed);
            was_hit = fault_disarm();
            /* That the holder's number could not be written into the lock is not worth a refusal. */
            cr_assert(error == 0 || (was_hit && error == VOW_E_IO), "%s", bed.detail.text);
            bed_close(&bed);
            bed_start(&bed);
            cr_assert_eq(bed.identity.epoch, 1);
            bed_remove(&bed);
        }
    }
}
