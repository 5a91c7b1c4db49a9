/* The state after any event of a journal, against what was written down when that event was its last. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "coordinator/journal/sqlite_engine.h"
#include "faults.h"
#include "past.h"
#include "proto/jitter.h"

#define POINTS 1000
#define POINTS_STOPPED 50
#define DAY_MS (24 * INT64_C(3600000))

TestSuite(past, .timeout = 600);

static struct past *past;

static void setup(void)
{
    past = calloc(1, sizeof(*past));
}

static void teardown(void)
{
    past_free(past);
    free(past);
}

static uint64_t draw_lsn(uint64_t *random, uint64_t from, uint64_t to)
{
    return from + vow_jitter_next(random) % (to - from + 1);
}

static void expect_state(uint64_t lsn)
{
    struct vow_error_detail detail;
    struct past_mark mark;

    cr_assert_eq(past_replay(past, lsn, &mark, &detail), 0, "lsn %llu: %s", (unsigned long long)lsn, detail.text);
    cr_assert_eq(mark.state, past->marks[lsn].state, "lsn %llu is another state", (unsigned long long)lsn);
    cr_assert_eq(mark.relay, past->marks[lsn].relay, "lsn %llu: other events", (unsigned long long)lsn);
    cr_assert_eq(mark.keys, past->cut_lsn != 0 ? past_keys_since(past, past->cut_lsn, lsn) : past->marks[lsn].keys,
                 "lsn %llu: other keys", (unsigned long long)lsn);
}

/* A life that has none of a kind proves nothing of it. */
static void expect_all_kinds(void)
{
    static const enum vow_record_kind kinds[] = {
        VOW_RECORD_COMMIT,   VOW_RECORD_END,        VOW_RECORD_HAZARD,    VOW_RECORD_HEURISTIC, VOW_RECORD_DAMAGE,
        VOW_RECORD_FORGET,   VOW_RECORD_SAGA_BEGIN, VOW_RECORD_SAGA_STEP, VOW_RECORD_SAGA_TURN, VOW_RECORD_SAGA_RETRY,
        VOW_RECORD_SAGA_END, VOW_RECORD_ABORTED,    VOW_RECORD_EVENT,     VOW_RECORD_GROUP,     VOW_RECORD_CURSOR,
        VOW_RECORD_DEAD,     VOW_RECORD_REVIVED,    VOW_RECORD_REMOVED};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        cr_assert_gt(past->kinds[kinds[i]], 0, "no %s", vow_record_name(kinds[i]));
    cr_assert_gt(past->compared, 10);
}

/* The whole of it, from the first event to the last: the last is the live state (past_end compares). */
Test(past, is_replayed_to_a_thousand_events, .init = setup, .fini = teardown)
{
    uint64_t random = 1;

    past_live(past, 11, 1500);
    past_end(past);
    expect_all_kinds();
    for (int i = 0; i < POINTS; i++)
        expect_state(draw_lsn(&random, 1, past->last_lsn));
    bed_close(&past->bed);
    expect_state(1);
    expect_state(past->last_lsn);
    for (int i = 0; i < POINTS_STOPPED; i++)
        expect_state(draw_lsn(&random, 1, past->last_lsn));
}

static void expect_states_from(uint64_t cut_lsn, int points, uint64_t *random)
{
    struct vow_error_detail detail;
    struct past_mark mark;

    for (int i = 0; i < points; i++) {
        uint64_t lsn = draw_lsn(random, 1, past->last_lsn);

        if (lsn >= cut_lsn) {
            expect_state(lsn);
            continue;
        }
        cr_assert_eq(past_replay(past, lsn, &mark, &detail), VOW_E_EXPIRED);
    }
    expect_state(cut_lsn);
    cr_assert_eq(past_replay(past, cut_lsn - 1, &mark, &detail), VOW_E_EXPIRED);
    cr_assert_eq(past_replay(past, past->last_lsn + 1, &mark, &detail), VOW_E_ARGUMENT);
}

/* What retention has cut off is refused; from the cut on every state is there, whole, but for keys whose newest event
 * is cut off: those that have one since then are there. */
Test(past, is_refused_below_the_cut_and_exact_above, .init = setup, .fini = teardown)
{
    struct vow_journal_stats stats;
    uint64_t random = 2;

    past_live(past, 13, 600);
    clock_shift(2 * DAY_MS);
    past_live(past, 13, 900);
    past_retain(past, DAY_MS);
    bed_rest(&past->bed);
    past_live(past, 13, 1200);
    past_end(past);
    stats = bed_stats(&past->bed);
    cr_assert_geq(stats.cut_lsn, 400);
    cr_assert_lt(stats.cut_lsn, 900);
    cr_assert_gt(stats.snapshot_lsn, 0);
    expect_states_from(stats.cut_lsn, POINTS, &random);
    bed_close(&past->bed);
    expect_states_from(stats.cut_lsn, POINTS_STOPPED, &random);
}

/* Retention cuts all the time, with groups that come, go back and are removed, dead letters that are retried and
 * dropped, and restarts: what was known of events at any point that can be asked for is what was known then. Points
 * begin behind the cut, for the event there is gone, and with it the epoch that a core is made with. */
Test(past, is_exact_between_many_cuts, .init = setup, .fini = teardown)
{
    struct vow_journal_stats stats;
    uint64_t random = 3;

    past_live(past, 18, 100);
    past_retain(past, 60000);
    for (uint64_t events = 200; events <= 1200; events += 50) {
        past_live(past, 18, events);
        for (int i = 0; i < POINTS / 20; i++)
            expect_state(draw_lsn(&random, past->cut_lsn + 1, past->last_lsn));
    }
    past_end(past);
    expect_all_kinds();
    stats = bed_stats(&past->bed);
    cr_assert_gt(past->cuts, 50);
    cr_assert_gt(stats.cut_lsn, 600);
    /* And what no state has any more is gone: of the records that were cut off few are left. */
    cr_assert_gt(stats.pruned, stats.cut_lsn * 3 / 4, "%llu of %llu", (unsigned long long)stats.pruned,
                 (unsigned long long)stats.cut_lsn);
    bed_close(&past->bed);
    for (int i = 0; i < POINTS_STOPPED; i++)
        expect_state(draw_lsn(&random, stats.cut_lsn + 1, past->last_lsn));
}

struct old_step {
    struct vow_gtrid gtrid;
    uint32_t number;
    uint8_t fate;
};

#define OLD_STEPS_MAX 2048

/* The records of steps up to the cut, in order. */
static uint32_t list_old_steps(struct old_step steps[OLD_STEPS_MAX])
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_READ};
    uint32_t len = 0;

    do {
        past->bed.ops->commit(past->bed.engine, &op);
        cr_assert_eq(op.error, 0);
        for (uint32_t i = 0; i < op.events_len; i++) {
            const struct vow_record *record = &op.events[i].record;

            if (op.events[i].lsn > op.cut_lsn || record->kind != VOW_RECORD_SAGA_STEP)
                continue;
            cr_assert_lt(len, OLD_STEPS_MAX);
            steps[len++] = (struct old_step){record->gtrid, record->step.number, record->step.fate};
        }
        vow_journal_events_free(op.events, op.events_len);
    } while (op.has_more);
    return len;
}

/* Of each step one attempt that failed, at most, and nothing after it. */
static void expect_few_attempts(void)
{
    static struct old_step steps[OLD_STEPS_MAX];
    const uint32_t len = list_old_steps(steps);

    for (uint32_t i = 0; i < len; i++) {
        for (uint32_t k = i + 1; k < len && steps[i].fate == VOW_FATE_NONE; k++)
            cr_assert(steps[k].number != steps[i].number || !vow_gtrid_equal(&steps[k].gtrid, &steps[i].gtrid));
    }
}

/* Steps that fail and are stuck again and again, side by side, where retention is never far behind: what it takes of
 * open sagas no state from the cut on follows from (journal/sqlite_void.c). */
Test(past, is_exact_where_steps_fail_again_and_again, .init = setup, .fini = teardown)
{
    uint64_t random = 4;

    past->is_bad = true;
    past_live(past, 19, 100);
    past_retain(past, 60000);
    for (uint64_t events = 200; events <= 1300; events += 100) {
        past_live(past, 19, events);
        for (int i = 0; i < POINTS / 12; i++)
            expect_state(draw_lsn(&random, past->cut_lsn + 1, past->last_lsn));
    }
    past_end(past);
    expect_all_kinds();
    cr_assert_gt(past->cuts, 30);
    expect_few_attempts();
    bed_close(&past->bed);
    for (int i = 0; i < POINTS_STOPPED; i++)
        expect_state(draw_lsn(&random, past->cut_lsn + 1, past->last_lsn));
}
