/*
 * Retention against a model: a random life of a log, with cuts, limits of age and of size that are changed, restarts,
 * crashes and copies of the log in any order, and after each step every transaction is answered as the model says:
 *
 *   what has not ended is there, whatever its age and the size (B42);
 *   what has ended is there, or, if a limit that held since let it go, is expired; it is never said not to have been;
 *   no limit lets go what is younger than `least_ms`; the size does so for no younger ones when it is not exceeded;
 *   when nothing else is left to do, what a limit lets go has gone;
 *   a copy that is older than the witness is refused, and one that only lacks a cut is as good as the log.
 *
 * A failure prints its seed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "kit.h"

#define TXNS 64
#define STEPS 250
#define SEEDS 6
#define HOUR_MS ((int64_t)3600000)
#define LEAST_MS (HOUR_MS / 4)

enum life { NEVER, OPEN, ENDED, NOTED };

struct txn {
    enum life life;
    unsigned hazards;
    int64_t ended_ms; /* by the test's own clock */
    bool may_go;      /* since it ended there was a limit that it was too old for */
};

struct run {
    unsigned seed;
    uint64_t random;
    struct bed bed;
    struct txn txns[TXNS + 1]; /* by seq */
    uint64_t last;
    int64_t now_ms;
    uint64_t bytes; /* the limit of the size: none, one that is always exceeded, or one that never is */
    unsigned refused, as_good;
};

static uint64_t draw(struct run *run, uint64_t below)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random % below;
}

static void pass(struct run *run, int64_t ms)
{
    clock_shift(ms);
    run->now_ms += ms;
}

static void retain(struct run *run)
{
    const struct vow_journal_retention retention = {
        .age_ms = (uint64_t)HOUR_MS, .bytes = run->bytes, .least_ms = (uint64_t)LEAST_MS};

    run->bed.ops->retain(run->bed.engine, &retention);
}

static void start(struct run *run)
{
    bed_start(&run->bed);
    retain(run);
}

static void change_limit(struct run *run)
{
    static const uint64_t limits[] = {0, 1, UINT64_C(1) << 40};

    run->bytes = limits[draw(run, 3)];
    retain(run);
}

static bool has_ended(const struct txn *txn)
{
    return txn->life == ENDED || txn->life == NOTED;
}

static bool is_over_limit(const struct run *run, const struct txn *txn)
{
    int64_t age_ms = run->now_ms - txn->ended_ms;

    return has_ended(txn) && age_ms >= (run->bytes == 1 ? LEAST_MS : HOUR_MS);
}

static void commit(struct run *run)
{
    if (run->last == TXNS)
        return;
    cr_assert_eq(bed_decide(&run->bed, ++run->last), VOW_JOURNAL_WON);
    run->txns[run->last].life = OPEN;
}

static void end(struct run *run)
{
    uint64_t seq = run->last > 0 ? 1 + draw(run, run->last) : 0;

    if (seq == 0 || run->txns[seq].life != OPEN)
        return;
    cr_assert_eq(bed_end(&run->bed, seq), VOW_JOURNAL_WON);
    run->txns[seq].life = ENDED;
    run->txns[seq].ended_ms = run->now_ms;
}

static void hazard(struct run *run)
{
    uint64_t seq = run->last > 0 ? 1 + draw(run, run->last) : 0;

    if (seq == 0 || run->txns[seq].life != OPEN)
        return;
    cr_assert_eq(bed_append(&run->bed, VOW_RECORD_HAZARD, seq), VOW_JOURNAL_WON);
    run->txns[seq].hazards++;
}

static void note(struct run *run)
{
    static const enum vow_record_kind kinds[] = {VOW_RECORD_ABORTED, VOW_RECORD_READ_ONLY, VOW_RECORD_ONE_PHASE};

    if (run->last == TXNS)
        return;
    cr_assert_eq(bed_append(&run->bed, kinds[draw(run, 3)], ++run->last), VOW_JOURNAL_WON);
    run->txns[run->last].life = NOTED;
    run->txns[run->last].ended_ms = run->now_ms;
}

static void restart(struct run *run)
{
    bed_close(&run->bed);
    start(run);
}

static void go_on_with(struct run *run, const struct bed *copy)
{
    bed_remove(&run->bed);
    run->bed = *copy;
    start(run);
}

/* The files as they are at this moment are what the next life begins with. */
static void crash(struct run *run)
{
    struct bed after;

    bed_copy(&run->bed, &after);
    go_on_with(run, &after);
}

/* The size is looked at now and then, and what it lets go, goes. */
static void rest(struct run *run)
{
    for (unsigned turns = 0; turns < 64; turns++)
        run->bed.ops->idle(run->bed.engine);
    bed_rest(&run->bed);
    for (uint64_t seq = 1; seq <= run->last; seq++) {
        struct vow_journal_op op;

        if (is_over_limit(run, &run->txns[seq]))
            cr_assert_eq(bed_get(&run->bed, seq, &op), VOW_E_EXPIRED, "seed %u: %llu stays", run->seed,
                         (unsigned long long)seq);
    }
}

/* A copy of the log is put back beside the witness: it was made before a cut, and perhaps before a decision. */
static void restore(struct run *run)
{
    uint64_t last = run->last;
    struct bed copy;

    bed_copy(&run->bed, &copy);
    if (draw(run, 2) == 0)
        commit(run);
    rest(run);
    file_copy(&run->bed, &copy, "witness");
    if (run->last == last) {
        run->as_good++;
        go_on_with(run, &copy);
        return;
    }
    bed_expect_refused(&copy, VOW_E_BEHIND_WITNESS, "");
    bed_remove(&copy);
    run->refused++;
}

static void step(struct run *run)
{
    static void (*const steps[])(struct run * run) = {
        restart, crash, restore, change_limit, rest, hazard, note, note, end, end, end, end, commit, commit, commit};
    uint64_t which = draw(run, 2 + sizeof(steps) / sizeof(steps[0]));

    if (which < 2)
        pass(run, (int64_t)draw(run, (uint64_t)HOUR_MS));
    else
        steps[which - 2](run);
    for (uint64_t seq = 1; seq <= run->last; seq++)
        run->txns[seq].may_go = run->txns[seq].may_go || is_over_limit(run, &run->txns[seq]);
}

/* An open one is there; an ended one until it may go, and then perhaps; what never was is not there, or past
 * knowing. */
static void check_txn(struct run *run, uint64_t seq)
{
    const struct txn *txn = &run->txns[seq];
    struct vow_journal_op op;
    int got = bed_get(&run->bed, seq, &op);

    if (txn->life == NEVER)
        cr_assert(got == VOW_E_NOT_FOUND || got == VOW_E_EXPIRED, "seed %u: %llu: %s", run->seed,
                  (unsigned long long)seq, vow_error_name(got));
    else
        cr_assert(got == 0 || (txn->may_go && got == VOW_E_EXPIRED), "seed %u: %llu: %s", run->seed,
                  (unsigned long long)seq, vow_error_name(got));
}

static void check(struct run *run)
{
    int open = 0;

    for (uint64_t seq = 1; seq <= TXNS; seq++) {
        check_txn(run, seq);
        if (run->txns[seq].life == OPEN)
            open += 1 + (int)run->txns[seq].hazards;
    }
    cr_assert_eq(bed_count_open(&run->bed), open, "seed %u", run->seed);
}

Test(retention_random, B42_no_unfinished_transaction_is_ever_lost, .timeout = 300)
{
    static struct run run;

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        clock_freeze();
        memset(&run, 0, sizeof(run));
        run.seed = seed;
        run.random = seed * 0x9e3779b97f4a7c15U;
        bed_make(&run.bed);
        start(&run);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&run);
            check(&run);
        }
        cr_assert_gt(bed_stats(&run.bed).pruned, 20, "seed %u cut next to nothing", seed);
        cr_assert(run.refused > 0 && run.as_good > 0, "seed %u restored next to nothing", seed);
        bed_remove(&run.bed);
    }
}
