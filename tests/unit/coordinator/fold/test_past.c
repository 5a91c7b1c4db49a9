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

static void expect_state(uint64_t lsn, bool is_cut)
{
    struct vow_error_detail detail;
    struct past_mark mark;

    cr_assert_eq(past_replay(past, lsn, &mark, &detail), 0, "lsn %llu: %s", (unsigned long long)lsn, detail.text);
    cr_assert_eq(mark.state, past->marks[lsn].state, "lsn %llu is another state", (unsigned long long)lsn);
    cr_assert_eq(mark.relay, is_cut ? 0 : past->marks[lsn].relay, "lsn %llu: other events", (unsigned long long)lsn);
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
        expect_state(draw_lsn(&random, 1, past->last_lsn), false);
    bed_close(&past->bed);
    expect_state(1, false);
    expect_state(past->last_lsn, false);
    for (int i = 0; i < POINTS_STOPPED; i++)
        expect_state(draw_lsn(&random, 1, past->last_lsn), false);
}

static void expect_states_from(uint64_t cut_lsn, int points, uint64_t *random)
{
    struct vow_error_detail detail;
    struct past_mark mark;

    for (int i = 0; i < points; i++) {
        uint64_t lsn = draw_lsn(random, 1, past->last_lsn);

        if (lsn >= cut_lsn) {
            expect_state(lsn, true);
            continue;
        }
        cr_assert_eq(past_replay(past, lsn, &mark, &detail), VOW_E_EXPIRED);
    }
    expect_state(cut_lsn, true);
    cr_assert_eq(past_replay(past, cut_lsn - 1, &mark, &detail), VOW_E_EXPIRED);
    cr_assert_eq(past_replay(past, past->last_lsn + 1, &mark, &detail), VOW_E_ARGUMENT);
}

/* What retention has cut off is refused; from the cut on every state is there, whole, but for events: what is known of
 * them follows from records that may be cut, and then nothing is said. */
Test(past, is_refused_below_the_cut_and_exact_above, .init = setup, .fini = teardown)
{
    struct vow_journal_stats stats;
    uint64_t random = 2;

    past_live(past, 13, 600);
    clock_shift(2 * DAY_MS);
    past_live(past, 13, 900);
    bed_retain(&past->bed, DAY_MS);
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
