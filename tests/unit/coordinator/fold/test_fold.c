/* What each role of a record comes to, and what a replay refuses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/fold/replay_rows.h"
#include "faults.h"
#include "kit.h"

TestSuite(fold, .timeout = 60);

static struct vow_fold fold;

static void setup(void)
{
    vow_fold_init(&fold, &(struct vow_gtrid){{0}});
}

static void teardown(void)
{
    vow_fold_deinit(&fold);
}

static int take(uint32_t kind, uint64_t seq)
{
    static const struct vow_record_branch yes[1] = {{.name = "stock"}};
    struct vow_journal_event event = {.lsn = fold.lsn + 1, .wall_us = 1000 * (fold.lsn + 1)};

    event.record.kind = (enum vow_record_kind)kind;
    event.record.epoch = 3;
    event.record.branches = yes;
    event.record.branches_len = kind == VOW_RECORD_COMMIT ? 1 : 0;
    event.record.body = (struct vow_slice){(const uint8_t *)"order", kind == VOW_RECORD_SAGA_BEGIN ? 5 : 0};
    if (seq != 0)
        event.record.gtrid = bed_gtrid(seq);
    return vow_fold_take(&fold, &event);
}

static int print_event(void *ctx, const struct vow_journal_event *event)
{
    char *out = ctx;

    (void)snprintf(out + strlen(out), 200 - strlen(out), "%llu ", (unsigned long long)event->lsn);
    return 0;
}

/* The LSNs of what is open. */
static void expect_open(const char *lsns)
{
    char open[200] = "";

    cr_assert_eq(vow_fold_scan(&fold, print_event, open), 0);
    cr_assert_str_eq(open, lsns);
}

Test(fold, an_end_ends_its_own_and_what_is_before_it, .init = setup, .fini = teardown)
{
    cr_assert_eq(take(VOW_RECORD_EPOCH, 0), 0);
    cr_assert_eq(take(VOW_RECORD_COMMIT, 1), 0);
    cr_assert_eq(take(VOW_RECORD_COMMIT, 2), 0);
    cr_assert_eq(take(VOW_RECORD_HAZARD, 1), 0);
    expect_open("2 3 4 ");
    cr_assert_eq(take(VOW_RECORD_END, 1), 0);
    expect_open("3 ");
    /* Damage that is reported after all is open again. */
    cr_assert_eq(take(VOW_RECORD_HEURISTIC, 1), 0);
    expect_open("3 6 ");
    cr_assert_eq(vow_fold_since_us(&fold, &(struct vow_gtrid){{0}}, VOW_SUBJECT_TXN), 0);
    {
        const struct vow_gtrid gtrid = bed_gtrid(2);

        cr_assert_eq(vow_fold_since_us(&fold, &gtrid, VOW_SUBJECT_TXN), 3000);
        cr_assert_eq(vow_fold_since_us(&fold, &gtrid, VOW_SUBJECT_SAGA), 0);
    }
}

Test(fold, a_saga_and_a_transaction_end_apart, .init = setup, .fini = teardown)
{
    cr_assert_eq(take(VOW_RECORD_COMMIT, 1), 0);
    cr_assert_eq(take(VOW_RECORD_SAGA_BEGIN, 1), 0);
    cr_assert_eq(take(VOW_RECORD_SAGA_STEP, 1), 0);
    cr_assert_eq(take(VOW_RECORD_END, 1), 0);
    expect_open("2 3 ");
    cr_assert_eq(take(VOW_RECORD_COMMIT, 1), 0);
    cr_assert_eq(take(VOW_RECORD_SAGA_END, 1), 0);
    expect_open("5 ");
}

Test(fold, what_only_says_something_opens_nothing, .init = setup, .fini = teardown)
{
    static const enum vow_record_kind kinds[] = {VOW_RECORD_ABORTED, VOW_RECORD_READ_ONLY, VOW_RECORD_ONE_PHASE,
                                                 VOW_RECORD_KEY, VOW_RECORD_OPERATOR};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        cr_assert_eq(take(kinds[i], 1), 0);
    expect_open("");
    cr_assert_eq(fold.lsn, 5);
    cr_assert_eq(fold.epoch, 3);
}

Test(fold, what_is_no_kind_is_damage, .init = setup, .fini = teardown)
{
    cr_assert_eq(take(0, 1), VOW_E_DAMAGED);
    cr_assert_eq(take(VOW_RECORD_NOTES, 1), VOW_E_DAMAGED);
    cr_assert_eq(take(200, 1), VOW_E_DAMAGED);
}

/* Of a group that never subscribed, of a letter that never was; an event that says nothing. */
Test(fold, records_of_events_that_do_not_fit_are_damage, .init = setup, .fini = teardown)
{
    cr_assert_eq(take(VOW_RECORD_EPOCH, 0), 0);
    cr_assert_eq(take(VOW_RECORD_CURSOR, 0), VOW_E_DAMAGED);
    cr_assert_eq(take(VOW_RECORD_DEAD, 0), VOW_E_DAMAGED);
    cr_assert_eq(take(VOW_RECORD_GROUP, 0), VOW_E_DAMAGED);
    cr_assert_eq(take(VOW_RECORD_EVENT, 0), VOW_E_DAMAGED);
    cr_assert_eq(take(VOW_RECORD_REVIVED, 0), 0); /* done, and said so a second time */
    expect_open("");
}

Test(fold, keeps_the_events_of_the_one_that_is_watched)
{
    const struct vow_gtrid watched = bed_gtrid(2);

    vow_fold_init(&fold, &watched);
    cr_assert_eq(take(VOW_RECORD_COMMIT, 1), 0);
    cr_assert_eq(take(VOW_RECORD_COMMIT, 2), 0);
    cr_assert_eq(take(VOW_RECORD_OPERATOR, 2), 0);
    cr_assert_eq(take(VOW_RECORD_END, 2), 0);
    cr_assert_eq(fold.events_len, 3);
    cr_assert_eq(fold.events[0].lsn, 2);
    cr_assert_str_eq(fold.events[0].record.branches[0].name, "stock");
    cr_assert_eq(fold.events[2].record.kind, VOW_RECORD_END);
    expect_open("1 ");
    vow_fold_deinit(&fold);
}

/* ---- a replay ---- */

static struct bed bed;

static int replay(const struct vow_journal_until *until, struct vow_error_detail *detail)
{
    struct vow_journal_report report;
    struct vow_replay replay;
    int error;

    vow_replay_init(&replay, &(struct vow_gtrid){{0}});
    error =
        vow_journal_sqlite_replay(bed.directory, until, vow_replay_take, vow_replay_again, &replay, &report, detail);
    if (error == 0)
        error = vow_replay_make(&replay, report.until_lsn, detail);
    vow_replay_deinit(&replay);
    return error;
}

static int replay_lsn(uint64_t lsn, struct vow_error_detail *detail)
{
    return replay(&(struct vow_journal_until){.lsn = lsn}, detail);
}

Test(fold, a_damaged_event_is_no_state)
{
    struct vow_error_detail detail;
    long at;

    bed_make_filled(&bed, 20);
    bed_close(&bed);
    cr_assert_eq(replay_lsn(5, &detail), 0, "%s", detail.text);
    at = file_find(&bed, "journal.db", "payment", 7, 3);
    cr_assert_geq(at, 0);
    file_flip(&bed, "journal.db", (size_t)at);
    cr_assert_eq(replay_lsn(21, &detail), VOW_E_DAMAGED);
    cr_assert_eq(replay_lsn(5, &detail), VOW_E_DAMAGED);
    cr_assert_not_null(strstr(detail.text, "restore"), "%s", detail.text);
    bed_remove(&bed);
}

Test(fold, a_running_coordinator_keeps_its_directory)
{
    struct vow_error_detail detail;

    bed_make_filled(&bed, 3);
    cr_assert_eq(replay_lsn(1, &detail), VOW_E_LOCKED);
    bed_close(&bed);
    cr_assert_eq(replay_lsn(4, &detail), 0);
    cr_assert_eq(replay_lsn(5, &detail), VOW_E_ARGUMENT);
    cr_assert_not_null(strstr(detail.text, "from lsn 1 to 4"), "%s", detail.text);
    bed_remove(&bed);
}

Test(fold, a_directory_without_a_journal_has_no_state)
{
    struct vow_error_detail detail;

    bed_make(&bed);
    cr_assert_eq(replay_lsn(1, &detail), VOW_E_NOT_FOUND);
    (void)snprintf(bed.directory + strlen(bed.directory), 5, "/no");
    cr_assert_lt(replay_lsn(1, &detail), 0);
    bed.directory[strlen(bed.directory) - 3] = '\0';
    bed_remove(&bed);
}

/* ---- times ---- */

static uint64_t wall_of(uint64_t lsn)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_READ, .until = lsn};
    uint64_t wall_us;

    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, 0);
    wall_us = op.events[op.events_len - 1].wall_us;
    vow_journal_events_free(op.events, op.events_len);
    return wall_us;
}

static uint64_t locate(uint64_t wall_us)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_LOCATE, .wall_us = wall_us};

    do {
        bed.ops->commit(bed.engine, &op);
    } while (op.error == 0 && op.has_more);
    return op.error == 0 ? op.lsn : 0;
}

/* In the order of the log, whatever the clock did. */
Test(fold, a_time_is_the_last_event_that_bears_no_later_one)
{
    bed_make_filled(&bed, 2); /* 1 to 3 */
    clock_shift(-10000);
    cr_assert_eq(bed_decide(&bed, 3), VOW_JOURNAL_WON); /* 4, set back */
    clock_shift(20000);
    cr_assert_eq(bed_decide(&bed, 4), VOW_JOURNAL_WON); /* 5 */
    cr_assert_eq(locate(wall_of(5)), 5);
    cr_assert_eq(locate(wall_of(5) - 1), 4);
    cr_assert_eq(locate(wall_of(3)), 4);
    cr_assert_eq(locate(wall_of(4)), 4);
    cr_assert_eq(locate(wall_of(4) - 1), 0);
    bed_remove(&bed);
}

/* More events than one look takes. */
Test(fold, a_time_long_ago_is_found_in_several_looks)
{
    uint64_t wall_us;

    bed_make_filled(&bed, 2);
    wall_us = wall_of(3);
    clock_shift(1000);
    for (uint64_t seq = 3; seq < 9000; seq += 100) {
        static struct vow_journal_op ops[100];

        for (unsigned i = 0; i < 100; i++)
            op_decide(&ops[i], &bed, seq + i);
        bed.ops->commit(bed.engine, op_link(ops, 100));
    }
    cr_assert_eq(locate(wall_us), 3);
    bed_remove(&bed);
}
