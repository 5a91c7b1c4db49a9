/*
 * Retention against a model: a random life of a log, with cuts, restarts and crashes in any order, and after each step
 * every transaction is answered as the model says. A failure prints its seed.
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

enum life { NEVER, OPEN, ENDED, NOTED };

struct txn {
    enum life life;
    unsigned hazards;
    int64_t ended_ms; /* by the test's own clock */
};

struct run {
    unsigned seed;
    uint64_t random;
    struct bed bed;
    struct txn txns[TXNS + 1]; /* by seq */
    uint64_t last;
    int64_t now_ms;
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
    bed_restart(&run->bed);
    bed_retain(&run->bed, (uint64_t)HOUR_MS);
}

/* The files as they are at this moment are what the next life begins with. */
static void crash(struct run *run)
{
    struct bed after;

    bed_copy(&run->bed, &after);
    bed_remove(&run->bed);
    run->bed = after;
    bed_start(&run->bed);
    bed_retain(&run->bed, (uint64_t)HOUR_MS);
}

static void step(struct run *run)
{
    switch (draw(run, 16)) {
    case 0:
        restart(run);
        break;
    case 1:
        crash(run);
        break;
    case 2:
    case 3:
        pass(run, (int64_t)draw(run, 2 * (uint64_t)HOUR_MS));
        break;
    case 4:
        bed_rest(&run->bed);
        break;
    case 5:
        hazard(run);
        break;
    case 6:
    case 7:
        note(run);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        end(run);
        break;
    default:
        commit(run);
    }
}

/* An open one is there; an ended one for an hour, and then perhaps; what never was is not there, or past knowing. */
static void check_txn(struct run *run, uint64_t seq)
{
    const struct txn *txn = &run->txns[seq];
    bool is_old = run->now_ms - txn->ended_ms >= HOUR_MS;
    struct vow_journal_op op;
    int got = bed_get(&run->bed, seq, &op);

    if (txn->life == NEVER)
        cr_assert(got == VOW_E_NOT_FOUND || got == VOW_E_EXPIRED, "seed %u: %llu: %s", run->seed,
                  (unsigned long long)seq, vow_error_name(got));
    else
        cr_assert(got == 0 || (txn->life != OPEN && is_old && got == VOW_E_EXPIRED), "seed %u: %llu: %s", run->seed,
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
        memset(&run, 0, sizeof(run));
        run.seed = seed;
        run.random = seed * 0x9e3779b97f4a7c15U;
        bed_make(&run.bed);
        bed_start(&run.bed);
        bed_retain(&run.bed, (uint64_t)HOUR_MS);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&run);
            check(&run);
        }
        cr_assert_gt(bed_stats(&run.bed).pruned, 20, "seed %u cut next to nothing", seed);
        bed_remove(&run.bed);
    }
}
