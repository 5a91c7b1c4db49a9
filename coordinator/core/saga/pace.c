/*
 * When a step is tried, and how often (sagas 4.4): full jitter between attempts; for each participant a budget of one
 * further attempt for ten first ones, and a circuit breaker (breaker.def). What is beyond the budget waits, first come
 * first served, and gets one attempt in a while, so that nothing waits for ever where no new work comes. An attempt
 * that went with its connection is not counted as a further one: nobody works on it any more.
 */
#include "coordinator/core/saga/core.h"

#include "proto/assert.h"
#include "proto/jitter.h"

enum { TENTHS_OF_AN_ATTEMPT = 10, BUDGET_MAX = 1000 };
/* Beyond its budget a participant gets one attempt in this time; up to twice that. */
#define SPARE_MS 1000u
/* Before what waits for the budget is looked at again; up to twice that. */
#define HELD_MS 50u

static void arm(struct vow_sagas *core, const struct step *step, uint64_t at_ms)
{
    uint32_t index = step_index(core, step);

    if (at_ms == SAGA_NEVER_MS)
        vow_heap_remove(&core->due, index);
    else
        vow_heap_set(&core->due, index, (struct vow_heap_key){at_ms, step->turn});
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void pace_stop(struct vow_sagas *core, const struct step *step)
{
    vow_heap_remove(&core->due, step_index(core, step));
}

/* ---- may it be sent? ---- */

/* Until then it waits: for its deadline, or else for an operator. */
static uint64_t patience(struct vow_sagas *core, struct step *step)
{
    if (step->deadline_ms == SAGA_NEVER_MS && step->patience_ms == SAGA_NEVER_MS)
        step->patience_ms = core->now_ms + step->deadline_after_ms;
    return least(step->deadline_ms, step->patience_ms);
}

bool pace_is_over(const struct vow_sagas *core, const struct step *step)
{
    return core->now_ms >= step->deadline_ms ||
           (!peer_is_well(step_peer(core, step)) && core->now_ms >= step->patience_ms);
}

/* A further attempt costs ten tenths; without them there is one in a while. */
static bool is_within_budget(struct vow_sagas *core, struct peer *peer, const struct step *step)
{
    if (step->attempts == 0 || step->is_lost || peer->budget >= TENTHS_OF_AN_ATTEMPT)
        return true;
    if (core->now_ms < peer->spare_ms)
        return false;
    peer->spare_ms = core->now_ms + SPARE_MS + vow_jitter_next(&core->jitter) % SPARE_MS;
    return true;
}

/* All that wait for one budget are due at one moment, so that they go in the order of their turns. */
static void hold(struct vow_sagas *core, struct peer *peer, struct step *step)
{
    core->counts.held++;
    if (core->now_ms >= peer->held_ms)
        peer->held_ms = core->now_ms + HELD_MS + vow_jitter_next(&core->jitter) % HELD_MS;
    arm(core, step, least(peer->held_ms, step->deadline_ms));
}

bool pace_may_send(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    if (step->turn == 0)
        step->turn = ++core->turns;
    if (core->now_ms >= step->deadline_ms) {
        arm(core, step, core->now_ms); /* it was over before a restart: given up, as any other */
    } else if (!peer_is_there(peer)) {
        arm(core, step, patience(core, step));
    } else if (core->now_ms < step->next_ms) {
        arm(core, step, least(step->next_ms, step->deadline_ms));
    } else if (peer->breaker != BREAKER_CLOSED && core->now_ms < peer->look_ms) {
        core->counts.held++;
        arm(core, step, least(peer->look_ms, patience(core, step)));
    } else if (!is_within_budget(core, peer, step)) {
        hold(core, peer, step);
    } else {
        return breaker_lets(core, peer, core->now_ms + step->attempt_ms);
    }
    return false;
}

void pace_sent(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    core->counts.sent++;
    core->counts.retries += step->attempts > 0;
    if (step->attempts == 0)
        peer->budget += peer->budget < BUDGET_MAX;
    else if (!step->is_lost)
        peer->budget -= peer->budget >= TENTHS_OF_AN_ATTEMPT ? TENTHS_OF_AN_ATTEMPT : peer->budget;
    step->attempts++;
    step->is_lost = false;
    step->next_ms = 0;
    step->turn = 0;
    step->patience_ms = SAGA_NEVER_MS;
    arm(core, step, core->now_ms + step->attempt_ms);
}

void pace_unsent(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    core->counts.unsent++;
    core->counts.sent--;
    step->attempts--;
    core->counts.retries -= step->attempts > 0;
    if (step->attempts == 0)
        peer->budget -= peer->budget > 0;
    step->is_lost = true;
    step->turn = ++core->turns;
    arm(core, step, patience(core, step));
}

void pace_answered(struct vow_sagas *core, struct step *step)
{
    breaker_feed(core, step_peer(core, step), BREAKER_ON_ANSWERED);
}

void pace_unanswered(struct vow_sagas *core, struct step *step)
{
    breaker_feed(core, step_peer(core, step), BREAKER_ON_SILENT);
}

/* ---- a step's next attempt ---- */

/* Full jitter: anything up to base * 2^attempts, or up to the most. */
uint32_t pace_back_off(struct vow_sagas *core, struct step *step)
{
    uint32_t doublings = step->attempts > 0 ? step->attempts - 1 : 0;
    uint64_t most = least((uint64_t)step->backoff_ms << (doublings < 30 ? doublings : 30), step->backoff_max_ms);
    uint32_t delay_ms = 1 + (uint32_t)(vow_jitter_next(&core->jitter) % most);

    step->next_ms = core->now_ms + delay_ms;
    step->turn = ++core->turns;
    arm(core, step, least(step->next_ms, step->deadline_ms));
    return delay_ms;
}

void pace_take_timer(struct vow_sagas *core)
{
    const struct vow_heap_entry *first;

    for (int i = 0; i < SAGA_TIMERS_MAX && core->effects_len + SAGA_EFFECTS_PER_SAGA <= SAGA_EFFECTS_MAX; i++) {
        struct step_input in = {.event = STEP_ON_TIMEOUT};

        first = vow_heap_first(&core->due);
        if (first == NULL || first->key.major > core->now_ms)
            break;
        in.step = &core->steps[first->item];
        VOW_ASSERT(step_saga(core, in.step)->state != SAGA_ENDING);
        step_dispatch(core, &in);
    }
    first = vow_heap_first(&core->deadlines);
    if (first != NULL && first->key.major <= core->now_ms &&
        core->effects_len + SAGA_EFFECTS_PER_SAGA <= SAGA_EFFECTS_MAX) {
        struct saga *saga = &core->sagas[first->item];
        struct saga_input in = {.event = SAGA_ON_DEADLINE, .gtrid = &saga->gtrid, .saga = saga};

        saga_dispatch(core, &in);
    }
}
