/* Heuristics on a resource: Vow's record comes before the resource is told, at every place where one may die. */
#include <string.h>

#include "resource_fixture.h"

TestSuite(resource_heuristic, .timeout = 60, .init = bed_init, .fini = bed_fini);

static struct vow_store_op heuristic_of(enum vow_store_op_kind kind, uint64_t seq)
{
    struct vow_store_op op = op_of(kind, seq);
    op.calls_len = 0;
    op.who = "eva";
    op.why = "the till is waiting";
    return op;
}

static enum vow_store_result resolve(enum vow_store_op_kind kind, uint64_t seq)
{
    static struct vow_store_op op;
    op = heuristic_of(kind, seq);
    cr_assert_not_null(bed_run(&op));
    return op.result;
}

static enum vow_store_result settle(uint64_t seq, enum vow_verdict decision)
{
    struct vow_store_op op = op_of(VOW_STORE_SETTLE, seq);
    op.verdict = decision;
    cr_assert_not_null(bed_run(&op));
    return op.result;
}

Test(resource_heuristic, commit_and_abort_are_kept)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_PREPARE, 2), VOW_STORE_DONE);
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 1);
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_ABORT, 2), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.aborts, 1);
    bed_crash();
    cr_assert_eq(bed.recovered_heuristics, 2);
    cr_assert_eq(bed.recovered, 0);
    cr_assert_str_eq(bed.last_who, "eva");
}

/* The record is durable, and the resource never heard of it: it is told again, and nobody takes it for in doubt. */
Test(resource_heuristic, a_crash_between_the_record_and_the_resource)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_PREPARE, 2), VOW_STORE_DONE);
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_ABORT, 2), VOW_STORE_DONE);
    bed_crash();
    fake_put(&bed.fake, word_of(1), VOW_FOUND_PREPARED);
    fake_put(&bed.fake, word_of(2), VOW_FOUND_PREPARED);
    const unsigned commits = bed.fake.commits, aborts = bed.fake.aborts;
    bed.store->failed = true;
    bed_close();
    bed_start();
    cr_assert_eq(bed.recovered, 0);
    cr_assert_eq(bed.recovered_heuristics, 2);
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.commits, commits + 1);
    cr_assert_eq(bed.fake.aborts, aborts + 1);
}

Test(resource_heuristic, F056_settled_one_way_or_the_other)
{
    bed_start();
    for (uint64_t seq = 1; seq <= 4; seq++) {
        cr_assert_eq(one(VOW_STORE_PREPARE, seq), VOW_STORE_DONE);
        cr_assert_eq(resolve(seq % 2 == 1 ? VOW_STORE_HEURISTIC_COMMIT : VOW_STORE_HEURISTIC_ABORT, seq),
                     VOW_STORE_DONE);
    }
    cr_assert_eq(settle(1, VOW_COMMIT), VOW_STORE_DONE);
    cr_assert_eq(settle(2, VOW_ABORT), VOW_STORE_DONE);
    cr_assert_eq(settle(3, VOW_ABORT), VOW_STORE_DONE);
    cr_assert_eq(settle(4, VOW_COMMIT), VOW_STORE_DONE);
    cr_assert_eq(settle(5, VOW_COMMIT), VOW_STORE_NO_RECORD);
    bed_crash();
    cr_assert_eq(bed.recovered_heuristics, 2);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "by the tombstone");
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 3), last = op_of(VOW_STORE_FORGET, 4);
    cr_assert_not_null(bed_run(&forget));
    cr_assert_not_null(bed_run(&last));
    bed_crash();
    cr_assert_eq(bed.recovered_heuristics, 0);
}

Test(resource_heuristic, what_has_ended_is_not_resolved)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_ABORT, 1), VOW_STORE_NO_RECORD);
    /* The resource has no such branch: the record that came first goes again. */
    cr_assert_eq(resolve(VOW_STORE_HEURISTIC_COMMIT, 9), VOW_STORE_NO_RECORD);
    bed_crash();
    cr_assert_eq(bed.recovered_heuristics, 0);
}

/*
 * F056: committed by hand and decided to abort, and a crash before the resource was told that its own record of the
 * commit may go. What it lists then is no tombstone: peers would hear of a commit that was never decided.
 */
Test(resource_heuristic, F056_what_was_settled_stays_settled_over_a_crash)
{
    bed_start();
    for (uint64_t seq = 1; seq <= 2; seq++) {
        cr_assert_eq(one(VOW_STORE_PREPARE, seq), VOW_STORE_DONE);
        cr_assert_eq(resolve(VOW_STORE_HEURISTIC_COMMIT, seq), VOW_STORE_DONE);
    }
    cr_assert_eq(settle(1, VOW_ABORT), VOW_STORE_DONE);
    bed_crash();
    fake_put(&bed.fake, word_of(1), VOW_FOUND_COMMITTED);
    fake_put(&bed.fake, word_of(2), VOW_FOUND_COMMITTED);
    bed.store->failed = true;
    bed_close();
    bed_start();
    cr_assert_null(bed_run(NULL));
    cr_expect_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_NO_RECORD);
    cr_expect_eq(one(VOW_STORE_RECALL, 2), VOW_STORE_DONE);
    bed_crash();
    cr_expect_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_NO_RECORD);
}
