/*
 * Steps of sagas: each takes effect once under its key, whatever is asked for twice, comes too late or in another order
 * (docs/sagas.md 4.3). The handler's name is the SQL that it runs; it answers its payload, and a compensation writes
 * down what it was given.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "fixture.h"
#include "proto/net/crash.h"

#define ROWS                                                                                                           \
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT CHECK (v >= 0)); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0);"      \
    "CREATE TABLE given (n INTEGER PRIMARY KEY, what TEXT); CREATE TABLE once (x INT PRIMARY KEY)"
#define VALUES "SELECT v FROM t ORDER BY id"
#define STATUS "SELECT status FROM vow_step ORDER BY gtrid, step, direction"
#define ADD "UPDATE t SET v = v + 1 WHERE id = 1"
#define TAKE "UPDATE t SET v = v - 1 WHERE id = 1"

static const char *says_no; /* the handler refuses in these words */

static void write_down_given(sqlite3 *db, const struct vow_store_step *step)
{
    sqlite3_stmt *statement;
    cr_assert_eq(sqlite3_prepare_v2(db, "INSERT INTO given (what) VALUES (?1)", -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_text(statement, 1, (const char *)step->given, (int)step->given_len, SQLITE_STATIC);
    cr_assert_eq(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

static int run_step(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, struct vow_store_step *step,
                    enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid;
    if (strcmp(step->handler, "nobody") == 0) {
        *cause = VOW_CAUSE_NO_SUCH_HANDLER;
        return VOW_E_NOT_FOUND;
    }
    const int rc = sqlite3_exec(db, step->handler, NULL, NULL, NULL);
    if (rc == SQLITE_OK && step->given_len > 0)
        write_down_given(db, step);
    step->answer_len = (uint32_t)step->payload.len;
    if (step->payload.len > 0)
        memcpy(step->answer, step->payload.data, step->payload.len);
    if (rc != SQLITE_OK || says_no == NULL)
        return rc;
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(text, says_no);
    return VOW_E_REFUSED;
}

static void service_of_steps(void)
{
    service_init();
    says_no = NULL;
    service.options.step = run_step;
}

TestSuite(store_step, .init = service_of_steps, .fini = service_fini, .timeout = 60);

/* One operation, with what it is about. */
struct stepping {
    struct work work;
    struct vow_store_step step;
};

static struct stepping stepping_of(uint64_t seq, enum vow_step_direction direction, const char *sql,
                                   const char *payload)
{
    struct stepping stepping = {.work = work_of(VOW_STORE_STEP, seq, ""), .step = {.direction = direction}};
    stepping.work.op.calls_len = 0;
    stepping.step.handler = sql;
    stepping.step.payload = (struct vow_slice){(const uint8_t *)payload, strlen(payload)};
    return stepping;
}

static int run_stepping(struct stepping *stepping)
{
    stepping->work.op.step = &stepping->step;
    return run_batch(&stepping->work, 1);
}

static struct stepping last;

static enum vow_step_result ask(uint64_t seq, enum vow_step_direction direction, const char *sql, const char *payload)
{
    last = stepping_of(seq, direction, sql, payload);
    cr_assert_eq(run_stepping(&last), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1, "the store keeps it");
    return last.step.outcome;
}

static enum vow_step_result act(uint64_t seq, const char *sql)
{
    return ask(seq, VOW_STEP_ACTION, sql, "payload");
}

static enum vow_step_result undo(uint64_t seq, const char *sql)
{
    return ask(seq, VOW_STEP_COMPENSATION, sql, "payload");
}

#define expect(is, wanted) cr_assert_eq(is, wanted, "%d: %s", (int)last.step.outcome, last.work.op.text)

static void expect_answer(const char *answer)
{
    cr_assert_eq(last.step.answer_len, strlen(answer));
    cr_assert_arr_eq(last.step.answer, answer, strlen(answer));
}

/* ---- once ---- */

Test(store_step, a_step_and_its_compensation)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_answer("payload");
    expect_seen(VALUES, "1 0 0");
    expect(undo(1, TAKE), VOW_STEP_DONE);
    expect_seen(VALUES, "0 0 0");
    expect_seen("SELECT what FROM given", "payload"); /* what the action answered */
    expect_seen(STATUS, "done done");
}

Test(store_step, F193_a_step_whose_reply_was_lost_is_done_once)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_answer("payload");
    service_restart();
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_answer("payload");
    expect_seen(VALUES, "1 0 0");
}

Test(store_step, F193_asked_for_twice_in_one_batch_it_is_done_once)
{
    service_start(ROWS);
    struct stepping twice[2] = {stepping_of(1, VOW_STEP_ACTION, ADD, "x"), stepping_of(1, VOW_STEP_ACTION, ADD, "x")};
    struct work works[2] = {twice[0].work, twice[1].work};
    for (int i = 0; i < 2; i++)
        works[i].op.step = &twice[i].step;
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(twice[0].step.outcome, VOW_STEP_DONE);
    cr_assert_eq(twice[1].step.outcome, VOW_STEP_DONE);
    expect_seen(VALUES, "1 0 0");
}

Test(store_step, F196_a_compensation_that_is_asked_for_twice_is_done_once)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 5)");
    expect(ask(1, VOW_STEP_ACTION, ADD, ""), VOW_STEP_DONE);
    expect(ask(1, VOW_STEP_COMPENSATION, TAKE, ""), VOW_STEP_DONE);
    expect(ask(1, VOW_STEP_COMPENSATION, TAKE, ""), VOW_STEP_DONE);
    service_restart();
    expect(ask(1, VOW_STEP_COMPENSATION, TAKE, ""), VOW_STEP_DONE);
    expect_seen("SELECT v FROM t", "5");
    expect(ask(2, VOW_STEP_COMPENSATION, TAKE, ""), VOW_STEP_DONE); /* of nothing */
    expect(ask(2, VOW_STEP_COMPENSATION, TAKE, ""), VOW_STEP_DONE);
    expect_seen("SELECT v FROM t", "5");
}

/* A step that changes nothing is recorded, too. */
Test(store_step, a_step_without_an_effect_is_remembered)
{
    service_start(ROWS);
    expect(ask(1, VOW_STEP_ACTION, "SELECT 1", "answer"), VOW_STEP_DONE);
    expect_seen(STATUS, "done");
}

Test(store_step, steps_of_one_saga_are_apart)
{
    service_start(ROWS);
    for (uint32_t step = 0; step < 3; step++) {
        last = stepping_of(1, VOW_STEP_ACTION, ADD, "");
        last.step.step = step;
        cr_assert_eq(run_stepping(&last), 0);
        expect(last.step.outcome, VOW_STEP_DONE);
    }
    expect_seen(VALUES, "3 0 0");
}

/* B56: a key that was used for something else must not pass for this. */
Test(store_step, B56_another_request_under_the_same_key_is_refused)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect(act(1, TAKE), VOW_STEP_UNABLE);
    cr_assert_neq(last.work.op.text[0], '\0');
    expect(ask(1, VOW_STEP_ACTION, ADD, "more"), VOW_STEP_UNABLE);
    cr_assert_eq(last.step.answer_len, 0);
    expect_seen(VALUES, "1 0 0");
    expect(act(1, ADD), VOW_STEP_DONE);
}

/* ---- in another order ---- */

Test(store_step, F195_a_compensation_before_its_action_blocks_it)
{
    service_start(ROWS);
    expect(undo(1, TAKE), VOW_STEP_DONE);
    cr_assert_eq(last.step.answer_len, 0);
    expect_seen(STATUS, "blocked empty");
    expect(act(1, ADD), VOW_STEP_TOO_LATE);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_TOO_LATE);
    service_restart();
    expect(act(1, ADD), VOW_STEP_TOO_LATE);
    expect_seen(VALUES, "0 0 0");
    expect(undo(1, TAKE), VOW_STEP_DONE);
}

/* The first attempt waits for a row, the saga gives it up and undoes it; then the row is free. */
Test(store_step, F194_an_action_that_goes_on_after_its_compensation_has_no_effect)
{
    service.options.fail_fast = false;
    service.options.lock_wait_ms = UINT32_MAX;
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 7 WHERE id = 1");
    struct stepping action = stepping_of(2, VOW_STEP_ACTION, ADD, "payload");
    cr_assert_eq(run_stepping(&action), 0);
    cr_assert_eq(works_done, 0, "it does not wait");
    expect(undo(2, TAKE), VOW_STEP_DONE);
    struct work decision = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(action.step.outcome, VOW_STEP_TOO_LATE);
    expect_seen(VALUES, "7 0 0");
}

/* ---- refusals ---- */

Test(store_step, a_refusal_is_for_good_and_leaves_nothing)
{
    service_start(ROWS);
    says_no = "closed on Sundays";
    expect(act(1, ADD), VOW_STEP_REJECTED);
    says_no = NULL;
    service_restart();
    expect(act(1, ADD), VOW_STEP_REJECTED);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_str_eq(last.work.op.text, "closed on Sundays");
    cr_assert_eq(last.step.answer_len, 0);
    expect_seen(VALUES, "0 0 0");
    expect(undo(1, ADD), VOW_STEP_DONE);
    expect_seen(STATUS, "rejected empty");
    expect_seen(VALUES, "0 0 0");
}

Test(store_step, a_constraint_is_a_refusal)
{
    service_start(ROWS);
    expect(act(1, TAKE), VOW_STEP_REJECTED);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_CONSTRAINT);
    expect_seen(STATUS, "rejected");
}

/* What ends the batch's transaction is refused for good, too, and takes nobody with it. */
Test(store_step, a_handler_that_rolls_back_takes_no_other_step_with_it)
{
    service_start(ROWS);
    struct stepping steps[3] = {
        stepping_of(1, VOW_STEP_ACTION, "UPDATE t SET v = 1 WHERE id = 2", ""),
        stepping_of(2, VOW_STEP_ACTION, ADD "; UPDATE OR ROLLBACK t SET v = -1 WHERE id = 3", ""),
        stepping_of(3, VOW_STEP_ACTION, "UPDATE t SET v = 1 WHERE id = 3", ""),
    };
    struct work works[3] = {steps[0].work, steps[1].work, steps[2].work};
    for (int i = 0; i < 3; i++)
        works[i].op.step = &steps[i].step;
    cr_assert_eq(run_batch(works, 3), 0, "%s", service.detail.text);
    cr_assert_eq(steps[0].step.outcome, VOW_STEP_DONE);
    cr_assert_eq(steps[1].step.outcome, VOW_STEP_REJECTED, "%s", works[1].op.text);
    cr_assert_eq(steps[2].step.outcome, VOW_STEP_DONE);
    expect_seen(VALUES, "0 1 1");
    expect_seen(STATUS, "done rejected done");
}

/* An operator has it tried again under the same key, so a compensation must be able to succeed later (F197). */
Test(store_step, F197_a_compensation_that_was_refused_can_be_done_later)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    says_no = "not now";
    expect(undo(1, TAKE), VOW_STEP_REJECTED);
    cr_assert_str_eq(last.work.op.text, "not now");
    expect_seen(VALUES, "1 0 0");
    says_no = NULL;
    expect(undo(1, TAKE), VOW_STEP_DONE);
    expect_seen(VALUES, "0 0 0");
}

static enum vow_step_result act_retriable(uint64_t seq, const char *sql)
{
    last = stepping_of(seq, VOW_STEP_ACTION, sql, "payload");
    last.step.kind = VOW_STEP_RETRIABLE;
    cr_assert_eq(run_stepping(&last), 0, "%s", service.detail.text);
    return last.step.outcome;
}

/* Nor may what comes after the pivot be refused (4.2): it is tried until it is done, under the same key. */
Test(store_step, F199_a_retriable_step_that_was_refused_can_be_done_later)
{
    service_start(ROWS);
    says_no = "not now";
    expect(act_retriable(1, ADD), VOW_STEP_REJECTED);
    cr_assert_str_eq(last.work.op.text, "not now");
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_HANDLER_REFUSED);
    expect_seen(VALUES, "0 0 0");
    expect_seen(STATUS, "");
    service_restart();
    says_no = NULL;
    expect(act_retriable(1, ADD), VOW_STEP_DONE);
    expect(act_retriable(1, ADD), VOW_STEP_DONE);
    expect_seen(VALUES, "1 0 0");
    expect_seen(STATUS, "done");
}

/* Nor if it is a constraint that does not hold, whether that ends the batch's transaction or not. */
Test(store_step, F199_a_retriable_step_against_a_constraint_can_be_done_later)
{
    service_start(ROWS);
    expect(act_retriable(1, TAKE), VOW_STEP_REJECTED);
    expect(act_retriable(2, "UPDATE OR ROLLBACK t SET v = -1 WHERE id = 3"), VOW_STEP_REJECTED);
    expect_seen(STATUS, "");
    expect(act(3, "UPDATE t SET v = 1"), VOW_STEP_DONE);
    expect(act_retriable(1, TAKE), VOW_STEP_DONE);
    expect_seen(VALUES, "0 1 1");
    expect_seen(STATUS, "done done");
}

Test(store_step, what_nobody_does_is_not_recorded)
{
    service_start(ROWS);
    expect(act(1, "nobody"), VOW_STEP_UNABLE);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_NO_SUCH_HANDLER);
    expect_seen(STATUS, "");
    expect(act(1, ADD), VOW_STEP_DONE);
}

/* An error in a handler is mended by its next version. */
Test(store_step, a_handler_that_fails_may_be_tried_again)
{
    service_start(ROWS);
    expect(act(1, "SELECT * FROM nowhere"), VOW_STEP_NOT_YET);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_HANDLER_FAILED);
    expect_seen(STATUS, "");
    expect(act(1, "INSERT INTO vow_step SELECT * FROM vow_step"), VOW_STEP_NOT_YET); /* the record is not its own */
    expect(act(1, ADD), VOW_STEP_DONE);
}

Test(store_step, a_row_that_is_held_is_waited_for_and_then_it_is_not_yet)
{
    service.options.fail_fast = false;
    service.options.lock_wait_ms = 1;
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 7 WHERE id = 1");
    struct stepping step = stepping_of(2, VOW_STEP_ACTION, ADD, "payload");
    cr_assert_eq(run_stepping(&step), 0);
    while (works_done == 0)
        cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(step.step.outcome, VOW_STEP_NOT_YET);
    cr_assert_eq(step.work.op.cause, VOW_CAUSE_LOCK_CONFLICT);
    expect_seen("SELECT count(*) FROM vow_step", "0");
    commit(1);
    expect(act(2, ADD), VOW_STEP_DONE);
    expect_seen(VALUES, "8 0 0");
}

/* What an attempt said before the disk was full must not be told. */
Test(store_step, F102_a_full_disk_is_not_yet)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    fault_vfs.size_max = 1;
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_NO_SPACE);
    cr_assert_eq(last.step.answer_len, 0);
    says_no = "no";
    expect(act(2, ADD), VOW_STEP_NOT_YET); /* a refusal that cannot be recorded is none */
    says_no = NULL;
    expect(undo(3, ADD), VOW_STEP_NOT_YET);
    fault_vfs.size_max = 0;
    expect_seen(VALUES, "0 0 0");
    expect_seen("SELECT count(*) FROM vow_step", "0");
    expect(act(1, ADD), VOW_STEP_DONE);
    expect(act(2, ADD), VOW_STEP_DONE);
}

Test(store_step, F105_a_failed_sync_tells_nothing)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    fault_vfs.sync_fails = true;
    struct stepping step = stepping_of(1, VOW_STEP_ACTION, ADD, "");
    cr_assert_eq(run_stepping(&step), VOW_E_IO);
}

Test(store_step, B01_many_steps_share_one_sync)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE); /* the first commit to a fresh WAL syncs its header, too */
    struct stepping steps[8];
    struct work works[8];
    for (int i = 0; i < 8; i++) {
        steps[i] = stepping_of(10 + (uint64_t)i, i < 4 ? VOW_STEP_ACTION : VOW_STEP_COMPENSATION, ADD, "");
        works[i] = steps[i].work;
        works[i].op.step = &steps[i].step;
    }
    fault_vfs.syncs = 0;
    cr_assert_eq(run_batch(works, 8), 0, "%s", service.detail.text);
    cr_assert_eq(fault_vfs.syncs, 1);
    expect_seen(VALUES, "5 0 0");
    fault_vfs.syncs = 0;
    expect(act(10, ADD), VOW_STEP_UNABLE); /* "" is another payload */
    expect(ask(10, VOW_STEP_ACTION, ADD, ""), VOW_STEP_DONE);
    cr_assert_eq(fault_vfs.syncs, 0, "what is told again is durable already");
}

/* ---- any order ---- */

/* Sagas of one step each, in a world of duplicates, late messages, restarts, held rows, refusals and a full disk. */
#define SAGAS 4
struct told {
    bool is_done[3], is_rejected; /* by direction; of the action */
};

static void expect_barrier(const struct told *told, int saga, uint64_t seed)
{
    int effects[3] = {0};
    for (int direction = VOW_STEP_ACTION; direction <= VOW_STEP_COMPENSATION; direction++) {
        char sql[96];
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM effect WHERE saga = %d AND direction = %d", saga, direction);
        effects[direction] = (int)strtol(look(sql), NULL, 10);
    }
    const int acted = effects[VOW_STEP_ACTION], undone = effects[VOW_STEP_COMPENSATION];
    cr_assert(acted <= 1 && undone <= acted, "seed %lu: %d, %d", (unsigned long)seed, acted, undone);
    cr_assert(acted == 1 || !told->is_done[VOW_STEP_ACTION], "seed %lu: an effect is lost", (unsigned long)seed);
    cr_assert(acted == 0 || !told->is_rejected, "seed %lu: it was refused, and is done", (unsigned long)seed);
    cr_assert(undone == acted || !told->is_done[VOW_STEP_COMPENSATION], "seed %lu: it is undone, and has an effect",
              (unsigned long)seed);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static void ask_something(uint64_t *state, struct told all[])
{
    const uint64_t saga = draw(state, SAGAS);
    const enum vow_step_direction direction = draw(state, 2) == 0 ? VOW_STEP_ACTION : VOW_STEP_COMPENSATION;
    char sql[160];
    snprintf(sql, sizeof(sql), "%s; INSERT INTO effect (saga, direction) VALUES (%d, %d)",
             saga % 2 == 0 ? "UPDATE t SET v = v + 1 WHERE id = 1" : "SELECT 1", (int)saga, (int)direction);
    says_no = draw(state, 5) == 0 ? "no" : NULL;
    fault_vfs.size_max = draw(state, 8) == 0 ? 1 : 0;
    const enum vow_step_result result = ask(saga + 10, direction, sql, "");
    fault_vfs.size_max = 0;
    all[saga].is_done[direction] = all[saga].is_done[direction] || result == VOW_STEP_DONE;
    all[saga].is_rejected = all[saga].is_rejected || (direction == VOW_STEP_ACTION &&
                                                      (result == VOW_STEP_REJECTED || result == VOW_STEP_TOO_LATE));
}

Test(store_step, I24_F192_F194_in_any_order_each_takes_effect_once)
{
    service.options.vfs = fault_vfs_register();
    fault_vfs.no_syncs = true;
    service_start(ROWS "; CREATE TABLE effect (n INTEGER PRIMARY KEY, saga INT, direction INT)");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct told all[SAGAS] = {0};
        uint64_t state = seed, holder = 0;
        for (int i = 0; i < 30; i++) {
            const uint64_t what = draw(&state, 10);
            if (what == 0) {
                service_restart();
            } else if (what == 1 && holder == 0) {
                holder = seed * 100 + (uint64_t)i;
                cr_assert_eq(prepare(holder, "UPDATE t SET v = v + 1 WHERE id = 1"), VOW_STORE_DONE);
            } else if (what == 2 && holder != 0) {
                commit(holder);
                holder = 0;
            } else {
                ask_something(&state, all);
            }
        }
        if (holder != 0)
            commit(holder);
        for (int saga = 0; saga < SAGAS; saga++)
            expect_barrier(&all[saga], saga, seed);
        cr_assert_eq(outside("DELETE FROM effect; DELETE FROM vow_step"), SQLITE_OK);
    }
}

/* ---- forgetting ---- */

static void age(const char *which)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "UPDATE vow_step SET wall_us = wall_us - 8 * 86400 * 1000000 WHERE %s", which);
    cr_assert_eq(outside(sql), SQLITE_OK);
    service_restart(); /* old ones are looked for from time to time, and at first */
}

Test(store_step, F209_a_duplicate_that_is_older_than_the_retention_is_not_done_again)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect(act(2, ADD), VOW_STEP_DONE);
    age("true");
    expect(act(3, ADD), VOW_STEP_DONE);
    expect_seen("SELECT count(*) FROM vow_step", "1");
    /* It may have taken effect, so it is not told that it has not. */
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    cr_assert_eq(last.work.op.cause, VOW_CAUSE_TOO_LATE);
    expect(undo(2, TAKE), VOW_STEP_NOT_YET);
    service_restart();
    expect(act(2, ADD), VOW_STEP_NOT_YET);
    expect_seen(VALUES, "3 0 0");
    expect_seen("SELECT count(*) FROM vow_step", "1");
}

/* The batch that drops the record has the duplicate in it. */
Test(store_step, F212_the_purge_and_a_late_duplicate_at_once)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    age("true");
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    expect_seen(VALUES, "1 0 0");
}

/* A purge that is taken back with its batch leaves no record without its floor, nor a floor without its record. */
Test(store_step, F212_a_purge_that_cannot_be_written_is_none)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    age("true");
    fault_vfs.size_max = 1;
    expect(act(2, ADD), VOW_STEP_NOT_YET);
    fault_vfs.size_max = 0;
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_seen(VALUES, "1 0 0");
}

/* As act(1), of a saga of another coordinator, whose ids come before all others. */
static enum vow_step_result act_for_another(uint64_t seq, const char *sql)
{
    last = stepping_of(seq, VOW_STEP_ACTION, sql, "payload");
    last.work.op.gtrid = vow_gtrid_make(0, 1, seq, 0, 0);
    cr_assert_eq(run_stepping(&last), 0, "%s", service.detail.text);
    return last.step.outcome;
}

/* A participant that is set free, and met another coordinator: that one's ids may come before the floor of the first
 * one's, and are of no time of its. Each keeps its own floor. */
Test(store_step, F209_another_coordinator_has_a_floor_of_its_own)
{
    service_start(ROWS);
    expect(act(2, ADD), VOW_STEP_DONE);
    cr_assert_neq(vow_gtrid_coord(&last.work.op.gtrid), 0);
    age("true");
    expect(act(3, ADD), VOW_STEP_DONE);
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    expect(act_for_another(1, ADD), VOW_STEP_DONE);
    age("true");
    expect(act_for_another(2, ADD), VOW_STEP_DONE);
    expect(act_for_another(1, ADD), VOW_STEP_NOT_YET);
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    expect_seen(VALUES, "4 0 0");
}

/* A saga that has done something lately keeps all of its records, and those of younger ones. */
Test(store_step, F209_what_is_young_is_kept)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect(act(2, ADD), VOW_STEP_DONE);
    expect(undo(2, TAKE), VOW_STEP_DONE);
    expect(act(3, ADD), VOW_STEP_DONE);
    age("direction = 1");
    expect(act(4, ADD), VOW_STEP_DONE);
    expect_seen("SELECT count(*) FROM vow_step", "4");
    expect(act(2, ADD), VOW_STEP_DONE);
    expect(act(3, ADD), VOW_STEP_DONE);
    expect(act(1, ADD), VOW_STEP_NOT_YET);
    expect_seen(VALUES, "3 0 0");
}

Test(store_step, the_retention_can_be_set)
{
    service.options.step_retention_ms = UINT64_C(9) * 86400 * 1000;
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    age("true");
    expect(act(1, ADD), VOW_STEP_DONE);
    service.options.step_retention_ms = UINT64_MAX;
    service_restart();
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_seen(VALUES, "1 0 0");
}

/* ---- the file ---- */

/* F214: the record is in the file that the handlers write, and there is no way to have it elsewhere. */
Test(store_step, F214_the_record_is_in_the_file_of_the_effect)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    expect_seen("SELECT count(*) FROM main.vow_step, main.t WHERE v = 1", "1");
    expect(act(2, "ATTACH ':memory:' AS elsewhere"), VOW_STEP_NOT_YET);
    expect(act(3, "CREATE TEMP TABLE elsewhere (x INT PRIMARY KEY)"), VOW_STEP_UNABLE);
}

Test(store_step, a_file_of_format_2_is_brought_up_to_date)
{
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 2");
    service_close();
    cr_assert_eq(outside("DROP TABLE vow_step; DELETE FROM vow_meta WHERE key = 'step_floor';"
                         "UPDATE vow_meta SET value = 2 WHERE key = 'format'"),
                 SQLITE_OK);
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 1);
    expect_seen("SELECT value FROM vow_meta WHERE key = 'format'", "4");
    expect(act(2, ADD), VOW_STEP_DONE);
    commit(1);
    expect_seen(VALUES, "1 1 0");
}

/* A record that cannot be read must not pass for none. */
Test(store_step, a_damaged_record_stops_the_store)
{
    service_start(ROWS);
    expect(act(1, ADD), VOW_STEP_DONE);
    cr_assert_eq(outside("UPDATE vow_step SET answer = zeroblob(2000)"), SQLITE_OK);
    struct stepping again = stepping_of(1, VOW_STEP_ACTION, ADD, "payload");
    cr_assert_eq(run_stepping(&again), VOW_E_DATABASE);
    expect_seen(VALUES, "1 0 0");
}

/* It keeps nothing, and says that all is done. */
Test(store_step, the_null_store_does_every_step)
{
    const struct vow_store_ops *ops;
    void *store;
    struct stepping step = stepping_of(1, VOW_STEP_ACTION, "nobody", "x");
    cr_assert_eq(vow_store_null_open(&ops, &store), 0);
    step.work.op.step = &step.step;
    struct vow_job *jobs = &step.work.op.job;
    cr_assert_eq(ops->run(store, &jobs, &service.detail), 0);
    cr_assert_eq(step.step.outcome, VOW_STEP_DONE);
    cr_assert_eq(step.step.answer_len, 0);
    ops->close(store);
}

/* ---- death ---- */

struct death {
    char point[24];
    enum vow_step_direction direction;
    char status[16]; /* afterwards */
    char values[8];
};

static const struct death deaths[] = {
    {"store.before.STEP", VOW_STEP_ACTION, "", "0 0 0"},
    {"store.mid.STEP", VOW_STEP_ACTION, "", "0 0 0"},
    {"store.after.STEP", VOW_STEP_ACTION, "done", "1 0 0"},
    {"store.before.STEP", VOW_STEP_COMPENSATION, "done", "1 0 0"},
    {"store.mid.STEP", VOW_STEP_COMPENSATION, "done", "1 0 0"},
    {"store.after.STEP", VOW_STEP_COMPENSATION, "done done", "0 0 0"},
};

ParameterizedTestParameters(store_step, F192_death_at_every_point)
{
    return cr_make_param_array(struct death, (struct death *)deaths, sizeof(deaths) / sizeof(deaths[0]), NULL);
}

static void die_at(const struct death *death)
{
    setenv("VOW_CRASH_AT", death->point, 1);
    if (service_open() == 0 && vow_crash_init() == 0)
        (void)ask(1, death->direction, death->direction == VOW_STEP_ACTION ? ADD : TAKE, "payload");
    _exit(1);
}

/* The effect and its record are there together or not at all; asked again, the step is done once. */
ParameterizedTest(struct death *death, store_step, F192_death_at_every_point)
{
#ifndef VOW_CRASH_POINTS
    cr_skip_test("no crash points in this build");
#endif
    int status;
    service_start(ROWS);
    if (death->direction == VOW_STEP_COMPENSATION)
        expect(act(1, ADD), VOW_STEP_DONE);
    service_close();
    pid_t child = fork();
    if (child == 0)
        die_at(death);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not met", death->point);
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    expect_seen(STATUS, death->status);
    expect_seen(VALUES, death->values);
    expect(ask(1, death->direction, death->direction == VOW_STEP_ACTION ? ADD : TAKE, "payload"), VOW_STEP_DONE);
    expect_answer("payload");
    expect_seen(VALUES, death->direction == VOW_STEP_ACTION ? "1 0 0" : "0 0 0");
}
