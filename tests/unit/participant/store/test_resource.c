/* The store over a resource: votes, decisions, answers that come now, later and from threads. */
#include "resource_fixture.h"

#include <string.h>

TestSuite(resource, .timeout = 60, .init = bed_init, .fini = bed_fini);

/* ---- the calls ---- */

Test(resource, a_branch_is_prepared_then_committed_then_forgotten)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(fake_state(&bed.fake, word_of(1)), VOW_FOUND_PREPARED);
    cr_assert_eq(bed.fake.work_len, 1);
    cr_assert_str_eq(bed.fake.handler, "put");
    cr_assert_str_eq(bed.fake.payload, "apple");
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 1);
    run_until_forgotten(1);
    cr_assert_eq(fake_state(&bed.fake, word_of(1)), 0);
}

Test(resource, an_aborted_branch_leaves_nothing)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_ABORT, 1), VOW_STORE_DONE);
    cr_assert_eq(fake_state(&bed.fake, word_of(1)), 0);
    cr_assert_eq(one(VOW_STORE_ABORT, 2), VOW_STORE_DONE, "an abort of nothing is done, too");
}

/* F214: the record of a step would not be where its effect is. */
Test(resource, F214_a_resource_does_no_steps_of_sagas)
{
    struct vow_store_step step = {.direction = VOW_STEP_ACTION, .handler = "put"};
    struct vow_store_op op = op_of(VOW_STORE_STEP, 1);
    bed_start();
    op.step = &step;
    struct vow_job *jobs = &op.job;
    cr_assert_eq(bed.ops->run(bed.store, &jobs, &bed.detail), 0);
    cr_assert_eq(jobs, &op.job);
    cr_assert_eq(op.result, VOW_STORE_REFUSED);
    cr_assert_eq(step.outcome, VOW_STEP_UNABLE);
    cr_assert_not_null(strstr(op.text, "not in sagas"), "%s", op.text);
    cr_assert_eq(bed.fake.work_len, 0);
}

Test(resource, a_read_only_vote_keeps_nothing)
{
    bed_start();
    bed.fake.says = VOW_SAID_READ_ONLY;
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_READ_ONLY);
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 2), VOW_STORE_READ_ONLY);
    cr_assert_eq(one(VOW_STORE_MEMO, 2), VOW_STORE_NO_RECORD);
    cr_assert_eq(bed.fake.commits + bed.fake.aborts, 0);
}

Test(resource, a_no_brings_its_cause_and_its_words)
{
    struct vow_store_op op;
    bed_start();
    bed.fake.says = VOW_SAID_NO;
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_REFUSED);
    cr_assert_eq(bed.refusal.cause, VOW_CAUSE_HANDLER_REFUSED, "what a bare no is");
    bed.fake.mode = FAKE_HELD;
    op = op_of(VOW_STORE_PREPARE, 2);
    cr_assert_null(bed_run(&op));
    cr_assert_eq(vow_answer_why(bed.fake.held[0].answer, VOW_SAID_NO, VOW_CAUSE_LOCK_CONFLICT, "page 7 is held"), 0);
    cr_assert_eq(bed_run(NULL), &op.job);
    cr_assert_eq(op.result, VOW_STORE_REFUSED);
    cr_assert_eq(op.cause, VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_str_eq(op.text, "page 7 is held");
}

/* ---- when answers come ---- */

static void work_through(enum fake_mode mode)
{
    bed.fake.mode = mode;
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_PREPARE, 2), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_ABORT, 2), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 3), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_MEMO, 3), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 2);
}

Test(resource, answers_are_returned)
{
    work_through(FAKE_NOW);
}

Test(resource, answers_are_given_before_the_call_returns)
{
    work_through(FAKE_HANDLE);
}

Test(resource, answers_come_from_threads)
{
    work_through(FAKE_THREAD);
}

Test(resource, an_operation_is_kept_until_its_answer_comes)
{
    struct vow_store_op ops[] = {op_of(VOW_STORE_PREPARE, 1), op_of(VOW_STORE_PREPARE, 2)};
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&ops[0]));
    cr_assert_null(bed_run(&ops[1]));
    cr_assert_eq(bed.fake.prepares, 2, "branches overlap");
    cr_assert_null(bed_run(NULL));
    fake_release(&bed.fake);
    const struct vow_job *done = bed_run(NULL);
    cr_assert_not_null(done);
    cr_assert_not_null(done->next);
    cr_assert_null(done->next->next);
    cr_assert_eq(ops[0].result, VOW_STORE_DONE);
    cr_assert_eq(ops[1].result, VOW_STORE_DONE);
}

static void count_wake(void *ctx)
{
    ++*(unsigned *)ctx;
}

Test(resource, an_answer_wakes_the_store_until_it_is_told_not_to)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1), other = op_of(VOW_STORE_PREPARE, 2);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    bed.ops->wake_with(bed.store, count_wake, &bed.woken);
    cr_assert_null(bed_run(&op));
    fake_release(&bed.fake);
    cr_assert_eq(bed.woken, 1);
    cr_assert_not_null(bed_run(&other));
    bed.ops->wake_with(bed.store, NULL, NULL);
    fake_release(&bed.fake);
    cr_assert_eq(bed.woken, 1);
    cr_assert_not_null(bed_run(NULL));
}

Test(resource, an_answer_that_takes_long_is_logged_once)
{
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    cr_assert_null(bed_run(NULL));
    cr_assert_not(bed.store->active->is_late);
    bed.store->active->asked_ms -= 10000;
    cr_assert_null(bed_run(NULL));
    cr_assert(bed.store->active->is_late);
    fake_release(&bed.fake);
    cr_assert_eq(bed_run(NULL), &op.job);
}

/* ---- limits ---- */

/* A prepare may wait in the resource for a lock that only a decision frees: so decisions have room of their own. */
Test(resource, unanswered_prepares_are_bounded_and_leave_room_for_decisions)
{
    enum { MANY = 10 };
    struct vow_store_op works[MANY], decision = op_of(VOW_STORE_COMMIT, 100);
    unsigned done = 0;
    bed.fake.resource.answers_max = 4;
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 100), VOW_STORE_DONE);
    bed.fake.mode = FAKE_HELD;
    for (unsigned i = 0; i < MANY; i++) {
        works[i] = op_of(VOW_STORE_PREPARE, i + 1);
        cr_assert_null(bed_run(&works[i]));
    }
    cr_assert_eq(bed.fake.prepares, 1 + 4);
    bed.fake.mode = FAKE_NOW;
    cr_assert_eq(bed_run(&decision), &decision.job);
    for (const struct vow_job *job; done < MANY;) {
        fake_release(&bed.fake);
        for (job = bed_run(NULL); job != NULL; job = job->next)
            done++;
    }
    cr_assert_eq(fake_count(&bed.fake, VOW_FOUND_PREPARED), MANY);
}

Test(resource, F050_a_prepare_that_was_not_asked_for_is_cancelled)
{
    struct vow_store_op asked = op_of(VOW_STORE_PREPARE, 1), queued = op_of(VOW_STORE_PREPARE, 2);
    struct vow_store_op cancels[] = {op_of(VOW_STORE_CANCEL, 1), op_of(VOW_STORE_CANCEL, 2)};
    bed.fake.resource.answers_max = 1;
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&asked));
    cr_assert_null(bed_run(&queued));
    cr_assert_eq(bed_run(&cancels[0]), &cancels[0].job, "the resource has the word");
    cr_assert_eq(bed_run(&cancels[1]), &queued.job);
    cr_assert_eq(queued.result, VOW_STORE_REFUSED);
    fake_release(&bed.fake);
    cr_assert_eq(bed_run(NULL), &asked.job);
    cr_assert_eq(asked.result, VOW_STORE_DONE);
    cr_assert_eq(bed.fake.prepares, 1);
}

Test(resource, F050_one_operation_of_a_branch_at_a_time)
{
    struct vow_store_op work = op_of(VOW_STORE_ONE_PHASE, 1);
    bed_start();
    bed_close();
    fake_put(&bed.fake, one_phase_word_of(1), VOW_FOUND_PREPARED);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.aborts, 1, "nothing was decided before the crash");
    cr_assert_null(bed_run(&work));
    cr_assert_eq(bed.fake.prepares, 0, "the abort is not answered yet");
    fake_release(&bed.fake);
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.prepares, 1);
}

/* ---- decisions ---- */

Test(resource, F051_B21_B24_a_commit_of_an_unknown_branch_is_not_done)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(bed.fake.commits, 1, "the resource was asked");
    cr_assert_eq(bed.fake.visible, 0);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD, "asking makes no record");
}

Test(resource, B20_a_commit_that_cannot_be_done_now_is_asked_again_and_never_taken_for_done)
{
    struct vow_store_op op = op_of(VOW_STORE_COMMIT, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    bed.fake.says = VOW_SAID_TRY_AGAIN;
    bed.fake.says_times = 2;
    cr_assert_null(bed_run(&op));
    cr_assert_eq(bed.fake.visible, 0);
    while (bed.fake.commits < 3) {
        struct vow_job *done = bed_run(NULL);
        cr_assert(bed.fake.commits < 3 || done == &op.job);
    }
    cr_assert_eq(op.result, VOW_STORE_DONE);
    cr_assert_eq(bed.fake.aborts, 0);
    cr_assert_eq(bed.fake.visible, 1);
}

Test(resource, F037_a_commit_is_done_again_without_the_resource)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "by the mark in memory");
    bed_close(); /* writes it down */
    cr_assert_eq(bed.fake.forgets, 1);
    bed_start();
    cr_assert_eq(bed.recovered, 0);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "by the tombstone");
    cr_assert_eq(bed.fake.commits, 1);
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_REFUSED);
    cr_assert_eq(bed.refusal.cause, VOW_CAUSE_TOO_LATE);
}

Test(resource, the_watermark_lets_tombstones_go)
{
    struct vow_store_op watermark = op_of(VOW_STORE_WATERMARK, 0);
    bed_start();
    for (uint64_t seq = 1; seq <= 3; seq++) {
        cr_assert_eq(one(VOW_STORE_PREPARE, seq), VOW_STORE_DONE);
        cr_assert_eq(one(VOW_STORE_COMMIT, seq), VOW_STORE_DONE);
    }
    run_until_forgotten(3);
    watermark.coord = COORD;
    watermark.watermark = (struct vow_watermark){EPOCH, 3};
    cr_assert_eq(bed_run(&watermark), &watermark.job);
    cr_assert_eq(one(VOW_STORE_COMMIT, 2), VOW_STORE_NO_RECORD, "the core acknowledges what is below it");
    cr_assert_eq(one(VOW_STORE_COMMIT, 3), VOW_STORE_DONE);
    bed_close();
    bed_start();
    struct vow_store_identity identity;
    bed.ops->identity(bed.store, &identity);
    cr_assert_eq(identity.coord, COORD);
    cr_assert_eq(identity.epoch, EPOCH);
    cr_assert_eq(identity.watermark.seq, 3);
    cr_assert_eq(identity.incarnation, 2);
}

Test(resource, many_commits_are_written_down_together)
{
    struct vow_store_stats before, after;
    bed_start();
    for (uint64_t seq = 1; seq <= 300; seq++)
        cr_assert_eq(one(VOW_STORE_PREPARE, seq), VOW_STORE_DONE);
    bed.ops->stats(bed.store, &before);
    for (uint64_t seq = 1; seq <= 300; seq++)
        cr_assert_eq(one(VOW_STORE_COMMIT, seq), VOW_STORE_DONE);
    cr_assert_geq(bed.fake.forgets, 256, "there are never many records that the resource keeps");
    run_until_forgotten(300);
    bed.ops->stats(bed.store, &after);
    cr_assert_eq(after.applies - before.applies, 300);
    cr_assert_eq(fake_count(&bed.fake, VOW_FOUND_COMMITTED), 0);
}

/* ---- what an operator is told ---- */

static struct vow_store_told told_of(uint64_t seq)
{
    struct vow_store_op op = op_of(VOW_STORE_DESCRIBE, seq);
    struct vow_store_told told = {.gtrid = op.gtrid, .branch = op.branch};
    op.calls_len = 0;
    op.told = &told;
    op.told_len = 1;
    cr_assert_eq(bed_run(&op), &op.job);
    cr_assert_eq(op.result, VOW_STORE_DONE);
    return told;
}

Test(resource, an_operator_hears_what_the_resource_was_asked)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_not_null(strstr(told_of(1).note, word_of(1)), "the word by which the resource knows it");
    bed.fake.mode = FAKE_HELD;
    struct vow_store_op op = op_of(VOW_STORE_COMMIT, 1);
    cr_assert_null(bed_run(&op));
    const struct vow_store_told told = told_of(1);
    cr_assert_not_null(strstr(told.note, "was asked to commit"), "%s", told.note);
    fake_release(&bed.fake);
    cr_assert_eq(bed_run(NULL), &op.job);
}
