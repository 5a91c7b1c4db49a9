/*
 * What a core says of its sagas is what the next life says that is fed its log alone, at each moment of random worlds
 * at which all of the log is durable: what clients and operators are told, why, and each step's fate (F198). What is
 * under way when a saga fails is the one thing that a log cannot know: it is unknown then.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bed.h"
#include "proto/error.h"
#include "proto/jitter.h"

enum { WORLDS = 150, TURNS = 120, PEERS = 3, SAGAS = 6, STEPS = 5 };

static struct bed bed, again;
static const char *const names[PEERS] = {"a", "b", "c"};
static uint64_t sessions[PEERS], next_session, randomness, seed;
static uint32_t begun;

static uint32_t below(uint32_t n)
{
    return (uint32_t)(vow_jitter_next(&randomness) % n);
}

/* ---- the comparison ---- */

static bool is_same_fate(const char *live, const char *later)
{
    return strcmp(live, later) == 0 || (live[0] == '\0' && strcmp(later, "UNKNOWN") == 0);
}

static void compare(const struct vow_saga_view *live, const struct vow_saga_view *later)
{
    cr_assert_eq(live->told, later->told, "seed %u: %s and %s", (unsigned)seed, live->state, later->state);
    for (uint32_t i = 0; i < live->steps_len; i++)
        cr_assert(is_same_fate(live->steps[i].fate, later->steps[i].fate), "seed %u: step %u", (unsigned)seed, i);
    if (live->told == VOW_SAGA_RUNNING)
        return;
    cr_assert_eq(live->cause, later->cause, "seed %u: %s", (unsigned)seed, live->state);
    cr_assert_eq(live->failed_step, later->failed_step, "seed %u: %s", (unsigned)seed, live->state);
}

static void look_into_the_mirror(void)
{
    struct vow_saga_view live, later;
    struct vow_sagas_counts counts, counts_again;
    uint32_t cursor = 0;

    memcpy(&again, &bed, sizeof(bed));
    again.core = NULL;
    bed_restart(&again);
    vow_sagas_counts(bed.core, &counts);
    vow_sagas_counts(again.core, &counts_again);
    cr_assert_eq(counts.open, counts_again.open, "seed %u", (unsigned)seed);
    while (vow_sagas_next(bed.core, &cursor, &live)) {
        cr_assert(vow_sagas_find(again.core, &live.gtrid, &later), "seed %u", (unsigned)seed);
        compare(&live, &later);
    }
    free(again.core);
}

/* ---- a world ---- */

static void begin_saga(void)
{
    struct vow_msg_saga_step steps[STEPS];
    enum vow_step_kind kind = VOW_STEP_COMPENSATABLE;
    uint32_t len = 1 + below(STEPS), stage = 0;

    for (uint32_t i = 0; i < len; i++) {
        const enum vow_step_kind before = kind;

        if (kind == VOW_STEP_PIVOT || (kind == VOW_STEP_COMPENSATABLE && below(3) == 0))
            kind = (enum vow_step_kind)(kind + 1);
        stage += i > 0 && (kind != before || below(2) == 0);
        steps[i] = bed_step(kind, stage, names[below(PEERS)]);
        steps[i].attempts_max = 2;
    }
    bed_request(&bed, ++begun, steps, len);
}

static void connect_or_leave(uint32_t peer)
{
    const uint64_t session = sessions[peer];

    sessions[peer] = session == 0 ? ++next_session : 0;
    if (session == 0)
        bed_up(&bed, names[peer], sessions[peer]);
    else
        bed_down(&bed, session);
}

/* Late ones, too. */
static void answer(void)
{
    static const enum vow_step_result results[] = {VOW_STEP_DONE,     VOW_STEP_DONE,    VOW_STEP_DONE,
                                                   VOW_STEP_REJECTED, VOW_STEP_NOT_YET, VOW_STEP_UNABLE};
    const struct vow_msg_step step = bed_take(&bed);
    struct vow_saga_view view;

    if (!vow_sagas_find(bed.core, &step.gtrid, &view))
        return;
    for (uint32_t i = 0; i < PEERS; i++) {
        if (strcmp(names[i], view.steps[step.step].participant) == 0 && sessions[i] != 0)
            bed_answer(&bed, sessions[i], &step, results[below(6)]);
    }
}

static void take_turn(void)
{
    static const uint32_t waits_ms[] = {100, 1000, 6000, 61000};
    const uint32_t kind = below(12);

    if (kind == 0 && begun < SAGAS)
        begin_saga();
    else if (kind <= 1)
        connect_or_leave(below(PEERS));
    else if (kind <= 7 && bed.sent_len > 0)
        answer();
    else if (kind == 8)
        bed_pass(&bed, waits_ms[below(4)]);
    else if (kind == 9 && begun > 0)
        bed_cancel(&bed, 1 + below(begun));
    else if (kind == 10 && begun > 0)
        bed_order(&bed, 1 + below(begun), below(3) > 0 ? VOW_SAGA_RETRY : VOW_SAGA_CLOSE);
    bed_log(&bed);
}

static void run_world(void)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;

    limits.sagas_max = SAGAS;
    limits.steps_max = SAGAS * STEPS;
    limits.peers_max = limits.keys_max = 8;
    bed_init(&bed, &limits);
    randomness = seed;
    next_session = 9;
    begun = 0;
    memset(sessions, 0, sizeof(sessions));
    for (uint32_t i = 0; i < TURNS; i++) {
        take_turn();
        look_into_the_mirror();
    }
    bed_free(&bed);
}

Test(saga_mirror, F198_a_core_and_its_log_say_the_same, .timeout = 600)
{
    for (seed = 1; seed <= WORLDS; seed++)
        run_world();
}
