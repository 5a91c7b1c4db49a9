/* The store over a resource that talks nonsense, on a disk that fails, without memory, and closed too early. */
#include "resource_fixture.h"

#include <sqlite3.h>
#include <string.h>

#include "fault_vfs.h"

static void faults_init(void)
{
    bed_init();
    sqlite3_vfs_register(sqlite3_vfs_find(fault_vfs_register()), 1);
}

TestSuite(resource_faults, .timeout = 60, .init = faults_init, .fini = bed_fini);

/* ---- nonsense ---- */

static void expect_nonsense(enum vow_store_op_kind kind, int said)
{
    struct vow_store_op op = op_of(kind, 1);
    bed_start();
    if (kind == VOW_STORE_COMMIT)
        cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    bed.fake.says = (enum vow_said)said;
    bed_run_breaks(&op, VOW_E_ARGUMENT);
    cr_assert_not_null(strstr(bed.detail.text, word_of(1)), "%s", bed.detail.text);
}

Test(resource_faults, a_vote_of_no_kind_stops_the_store)
{
    expect_nonsense(VOW_STORE_PREPARE, 99);
}

Test(resource_faults, a_decision_is_no_vote)
{
    expect_nonsense(VOW_STORE_PREPARE, VOW_SAID_DONE);
}

Test(resource_faults, a_vote_is_no_commit)
{
    expect_nonsense(VOW_STORE_COMMIT, VOW_SAID_YES);
}

static enum vow_said commit_returns_0(void *ctx, const char *branch, struct vow_answer answer)
{
    (void)ctx, (void)branch, (void)answer;
    return (enum vow_said)0;
}

Test(resource_faults, B20_zero_is_not_done)
{
    struct vow_store_op op = op_of(VOW_STORE_COMMIT, 1);
    bed.fake.resource.commit = commit_returns_0;
    bed_start();
    bed_run_breaks(&op, VOW_E_ARGUMENT);
}

Test(resource_faults, an_answer_of_no_kind_by_the_handle_stops_it_too)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    cr_assert_eq(vow_answer(bed.fake.held[0].answer, VOW_SAID_UNKNOWN), VOW_E_ARGUMENT);
    bed_run_breaks(NULL, VOW_E_ARGUMENT);
}

Test(resource_faults, a_no_with_a_cause_that_is_not_its_own)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    cr_assert_eq(vow_answer_why(bed.fake.held[0].answer, VOW_SAID_NO, VOW_CAUSE_PRESUMED, ""), VOW_E_ARGUMENT);
}

Test(resource_faults, the_second_answer_changes_nothing)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1), next = op_of(VOW_STORE_PREPARE, 2);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    const struct vow_answer first = bed.fake.held[0].answer;
    fake_release(&bed.fake);
    cr_assert_eq(vow_answer(first, VOW_SAID_NO), VOW_E_STATE, "before the store has seen the first");
    cr_assert_eq(bed_run(NULL), &op.job);
    cr_assert_eq(op.result, VOW_STORE_DONE);
    cr_assert_eq(vow_answer(first, VOW_SAID_NO), VOW_E_STATE, "after it");
    cr_assert_null(bed_run(&next));
    cr_assert_eq(vow_answer(first, VOW_SAID_NO), VOW_E_STATE, "and when its place is another's");
    fake_release(&bed.fake);
    cr_assert_eq(bed_run(NULL), &next.job);
    cr_assert_eq(next.result, VOW_STORE_DONE);
}

static enum vow_said prepare_answers_twice(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
                                           struct vow_answer answer)
{
    (void)ctx, (void)branch, (void)work, (void)work_len;
    cr_assert_eq(vow_answer(answer, VOW_SAID_NO), 0);
    return VOW_SAID_YES;
}

Test(resource_faults, an_answer_by_the_handle_and_another_by_return_stop_the_store)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1);
    bed.fake.resource.prepare = prepare_answers_twice;
    bed_start();
    bed_run_breaks(&op, VOW_E_STATE);
    cr_assert_not_null(strstr(bed.detail.text, "twice"), "%s", bed.detail.text);
}

Test(resource_faults, no_handle_at_all)
{
    cr_assert_eq(vow_answer((struct vow_answer){NULL, 0}, VOW_SAID_YES), VOW_E_STATE);
}

Test(resource_faults, F105_a_resource_that_is_broken_stops_the_store)
{
    struct vow_store_op op = op_of(VOW_STORE_COMMIT, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    bed.fake.mode = FAKE_HELD;
    cr_assert_null(bed_run(&op));
    cr_assert_eq(vow_answer_why(bed.fake.held[0].answer, VOW_SAID_BROKEN, VOW_CAUSE_NONE, "fsync says EIO"), 0);
    bed_run_breaks(NULL, VOW_E_IO);
    cr_assert_not_null(strstr(bed.detail.text, "fsync says EIO"), "%s", bed.detail.text);
}

/* ---- Vow's own file ---- */

Test(resource_faults, F105_a_failed_sync_of_the_decision_stops_the_store)
{
    struct vow_store_op op = op_of(VOW_STORE_ONE_PHASE, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 9), VOW_STORE_DONE);
    fault_vfs.sync_fails = true;
    bed_run_breaks(&op, VOW_E_IO);
    cr_assert_eq(bed.fake.commits, 1, "what is not durable is not committed");
    fault_vfs.sync_fails = false;
}

Test(resource_faults, F102_a_decision_without_space_is_a_no_and_nothing_is_lost)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    fault_vfs.size_max = 1;
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 2), VOW_STORE_REFUSED);
    cr_assert_eq(bed.refusal.cause, VOW_CAUSE_NO_SPACE);
    cr_assert_eq(fake_state(&bed.fake, one_phase_word_of(2)), 0, "the resource was told to drop it");
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "by the resource's own record");
    fault_vfs.size_max = 0;
    bed_close();
    bed_start();
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_MEMO, 2), VOW_STORE_NO_RECORD);
    cr_assert_eq(bed.fake.visible, 1);
}

Test(resource_faults, a_decision_is_synced_before_the_resource_commits)
{
    bed_start();
    const unsigned before = fault_vfs.syncs;
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(fault_vfs.syncs, before, "two phases cost nothing here: the resource's records are durable");
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 2), VOW_STORE_DONE);
    cr_assert_gt(fault_vfs.syncs, before);
}

Test(resource_faults, a_tombstone_is_synced_before_the_resource_may_forget)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    const unsigned before = fault_vfs.syncs;
    run_until_forgotten(1);
    cr_assert_gt(fault_vfs.syncs, before);
}

/* ---- close ---- */

Test(resource_faults, close_gives_back_what_is_not_answered_and_drops_late_answers)
{
    struct vow_store_op ops[] = {op_of(VOW_STORE_PREPARE, 1), op_of(VOW_STORE_WATERMARK, 0)};
    bed.fake.mode = FAKE_HELD;
    bed_start();
    bed.store->close_wait_ms = 1;
    cr_assert_null(bed_run(&ops[0]));
    cr_assert_eq(bed.ops->give_back(bed.store), &ops[0].job);
    bed_close();
    cr_assert_eq(vow_answer(bed.fake.held[0].answer, VOW_SAID_YES), VOW_E_CLOSED);
    bed.fake.held_len = 0;
    bed.fake.mode = FAKE_NOW;
    bed_start();
    cr_assert_eq(bed.recovered, 1, "the resource has it prepared: the coordinator is asked");
}

Test(resource_faults, close_waits_for_answers_that_are_on_their_way)
{
    struct vow_store_op ops[16];
    bed.fake.mode = FAKE_THREAD;
    bed_start();
    for (unsigned i = 0; i < 16; i++) {
        ops[i] = op_of(VOW_STORE_PREPARE, i + 1);
        struct vow_job *jobs = &ops[i].job;
        cr_assert_eq(bed.ops->run(bed.store, &jobs, &bed.detail), 0);
    }
    (void)bed.ops->give_back(bed.store);
    bed_close();
    fake_resource_join(&bed.fake); /* each of them was told 0, not VOW_E_CLOSED: the thread asserts it */
    bed.fake.mode = FAKE_NOW;
    bed_start();
    cr_assert_eq(bed.recovered, 16);
}

/* ---- memory (the linker puts these in the place of the C library's) ---- */

static unsigned allocations, fails_at; /* 0 = never */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    return ++allocations == fails_at ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return ++allocations == fails_at ? NULL : __real_realloc(old, size);
}

static void fail_next_allocation(void)
{
    fails_at = allocations + 1;
}

Test(resource_faults, F142_without_memory_new_work_is_refused_and_decisions_are_kept)
{
    struct vow_store_op op = op_of(VOW_STORE_COMMIT, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    fail_next_allocation();
    cr_assert_eq(one(VOW_STORE_PREPARE, 2), VOW_STORE_REFUSED);
    cr_assert_eq(bed.refusal.cause, VOW_CAUSE_NO_SPACE);
    fail_next_allocation();
    cr_assert_null(bed_run(&op));
    cr_assert_eq(bed.fake.commits, 0);
    cr_assert_eq(bed_run(NULL), &op.job);
    cr_assert_eq(op.result, VOW_STORE_DONE);
}

Test(resource_faults, F142_open_without_memory_is_refused_and_can_be_tried_again)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    bed_crash();
    bed_close();
    fake_put(&bed.fake, word_of(2), VOW_FOUND_COMMITTED);
    int error = VOW_E_NO_MEMORY;
    unsigned refusals = 0;
    for (unsigned n = 1; error != 0; n++) {
        allocations = 0;
        fails_at = n;
        error = bed_open();
        cr_assert(error == 0 || error == VOW_E_NO_MEMORY, "%s", bed.detail.text);
        refusals += error != 0;
    }
    cr_assert_geq(refusals, 4);
    cr_assert_eq(bed.recovered, 1);
    cr_assert_eq(one(VOW_STORE_COMMIT, 2), VOW_STORE_DONE);
}
