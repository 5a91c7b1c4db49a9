/* Branches that are ended without a decision: the record, the change and the locks are one durable unit. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_heuristic, .init = service_init, .fini = service_fini);

#define SCHEMA "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO t VALUES (1, 10), (2, 20)"

static enum vow_store_result heuristic(enum vow_store_op_kind kind, uint64_t seq)
{
    struct work work = work_of(kind, seq, "");
    work.op.who = "eva";
    work.op.why = "the till is waiting";
    work.op.calls_len = 0;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1);
    refusal = work.op;
    return work.op.result;
}

static enum vow_store_result settle(uint64_t seq, enum vow_verdict decision)
{
    struct work work = work_of(VOW_STORE_SETTLE, seq, "");
    work.op.verdict = decision;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    return work.op.result;
}

struct seen {
    int prepared, heuristics;
    struct vow_branches_recovered last;
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
};

static int see(void *ctx, const struct vow_branches_recovered *found)
{
    struct seen *seen = ctx;
    seen->prepared += found->heuristic == 0;
    if (found->heuristic == 0)
        return 0;
    seen->heuristics++;
    seen->last = *found;
    (void)snprintf(seen->who, sizeof(seen->who), "%s", found->who);
    (void)snprintf(seen->why, sizeof(seen->why), "%s", found->why);
    return 0;
}

static struct seen recover(void)
{
    struct seen seen = {0};
    service_restart();
    cr_assert_eq(service.ops->recover(service.store, see, &seen, &service.detail), 0, "%s", service.detail.text);
    return seen;
}

Test(store_heuristic, a_commit_applies_frees_the_rows_and_is_kept)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE t SET v = 12 WHERE id = 1"), LOCKED);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_gt(refusal.wall_us, 0);
    expect_seen("SELECT v FROM t ORDER BY id", "11 20");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    cr_assert_eq(outside("UPDATE t SET v = v + 1 WHERE id = 1"), SQLITE_OK);
    const struct seen seen = recover();
    cr_assert_eq(seen.prepared, 0);
    cr_assert_eq(seen.heuristics, 1);
    cr_assert_eq(seen.last.heuristic, VOW_COMMIT);
    cr_assert_eq(seen.last.decided, 0);
    cr_assert_eq(seen.last.wall_us, refusal.wall_us);
    cr_assert_eq(seen.last.epoch, EPOCH);
    cr_assert_str_eq(seen.who, "eva");
    cr_assert_str_eq(seen.why, "the till is waiting");
}

Test(store_heuristic, an_abort_drops_frees_the_rows_and_is_kept)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "DELETE FROM t WHERE id = 2"), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 1), VOW_STORE_DONE);
    expect_seen("SELECT v FROM t ORDER BY id", "10 20");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    const struct seen seen = recover();
    cr_assert_eq(seen.prepared, 0);
    cr_assert_eq(seen.last.heuristic, VOW_ABORT);
}

/* Nobody may see one without the other: the file is read by another connection while the batch is being written. */
Test(store_heuristic, work_that_waited_for_its_rows_goes_on)
{
    service.options.fail_fast = false;
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    struct work waiting = work_of(VOW_STORE_PREPARE, 2, "UPDATE t SET v = v + 100 WHERE id = 1");
    cr_assert_eq(run_batch(&waiting, 1), 0);
    cr_assert_eq(works_done, 0);
    struct work end = work_of(VOW_STORE_HEURISTIC_COMMIT, 1, "");
    end.op.who = end.op.why = "x";
    cr_assert_eq(run_batch(&end, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(waiting.op.result, VOW_STORE_DONE);
    commit(2);
    expect_seen("SELECT v FROM t WHERE id = 1", "111");
}

Test(store_heuristic, only_what_is_prepared)
{
    service_start(SCHEMA);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    commit(1);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(settle(1, VOW_COMMIT), VOW_STORE_NO_RECORD);
    expect_seen("SELECT count(*) FROM vow_heuristic", "0");
}

/* As decided: what is left is what a decision would have left. */
Test(store_heuristic, the_same_decision)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 21 WHERE id = 2"), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 2), VOW_STORE_DONE);
    cr_assert_eq(settle(1, VOW_COMMIT), VOW_STORE_DONE);
    cr_assert_eq(settle(2, VOW_ABORT), VOW_STORE_DONE);
    cr_assert_eq(recover().heuristics, 0);
    commit(1); /* by the tombstone */
    cr_assert_eq(decide(VOW_STORE_COMMIT, 2), VOW_STORE_NO_RECORD);
}

Test(store_heuristic, F056_the_other_decision_is_kept_until_it_is_forgotten)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 21 WHERE id = 2"), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 2), VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_RECALL, 1), VOW_STORE_DONE, "nobody asks the store while the core has it");
    cr_assert_eq(settle(1, VOW_ABORT), VOW_STORE_DONE);
    cr_assert_eq(settle(2, VOW_COMMIT), VOW_STORE_DONE);
    /* Peers in doubt must not take what an operator did for what was decided. */
    cr_assert_eq(decide(VOW_STORE_RECALL, 1), VOW_STORE_NO_RECORD);
    struct seen seen = recover();
    cr_assert_eq(seen.heuristics, 2);
    cr_assert_neq(seen.last.heuristic, seen.last.decided);
    cr_assert_neq(seen.last.decided, 0);
    cr_assert_eq(decide(VOW_STORE_FORGET, 1), VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_FORGET, 2), VOW_STORE_DONE);
    cr_assert_eq(recover().heuristics, 0);
}

/* The watermark says nothing of damage that nobody has seen to. */
Test(store_heuristic, no_watermark_drops_it)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    struct work watermark = work_of(VOW_STORE_WATERMARK, 0, "");
    watermark.op.coord = COORD;
    watermark.op.watermark = (struct vow_watermark){EPOCH, 100};
    cr_assert_eq(run_batch(&watermark, 1), 0);
    cr_assert_eq(recover().heuristics, 1);
}

/* A decision that cannot be applied stops the process, for it must be; a heuristic is refused, and nothing happens. */
Test(store_heuristic, one_that_cannot_be_applied_is_refused)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "INSERT INTO t VALUES (3, 20)"), VOW_STORE_DONE);
    cr_assert_eq(sqlite3_exec(service.db, "CREATE UNIQUE INDEX late ON t (v)", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_REFUSED);
    cr_assert_neq(refusal.text[0], '\0');
    expect_seen("SELECT state FROM vow_branch", "prepared");
    expect_seen("SELECT count(*) FROM vow_heuristic", "0");
    expect_seen("SELECT count(*) > 0 FROM vow_lock", "1");
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_ABORT, 1), VOW_STORE_DONE);
}

Test(store_heuristic, a_row_that_says_nothing_is_damage)
{
    struct seen seen = {0};
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE vow_heuristic SET verdict = 7"), SQLITE_OK);
    service_restart();
    cr_assert_eq(service.ops->recover(service.store, see, &seen, &service.detail), VOW_E_DAMAGED);
}

Test(store_heuristic, a_file_of_format_1_is_brought_up_to_date)
{
    service_start(SCHEMA);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 11 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(outside("DROP TABLE vow_heuristic; UPDATE vow_meta SET value = 1 WHERE key = 'format'"), SQLITE_OK);
    cr_assert_eq(recover().prepared, 1);
    expect_seen("SELECT value FROM vow_meta WHERE key = 'format'", "4");
    cr_assert_eq(heuristic(VOW_STORE_HEURISTIC_COMMIT, 1), VOW_STORE_DONE);
}
