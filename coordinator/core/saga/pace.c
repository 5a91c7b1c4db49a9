/*
 * When a step is tried, and how often (sagas 4.4): full jitter between attempts, and for each participant a budget of
 * one further attempt for ten first ones, and of one for each step that it settles: what works may go on as fast as it
 * works. One that has used its budget up, or does not answer, gets a trickle: one attempt in a while, which finds out
 * whether it is well again. So a participant that is down is not buried in retries when it comes back, and one that is
 * well again is soon done with all that was under way.
 */
#include "coordinator/core/saga/core.h"

#include "proto/jitter.h"

enum { TENTHS_OF_AN_ATTEMPT = 10, BUDGET_MAX = 1000 };
/* Attempts in a row without an answer, after which a participant gets a trickle only. */
#define FAILURES_MAX 5u
#define TRICKLE_MS 1000u
/* Before a step is looked at again whose participant answers and has had its share for now; up to twice that. */
#define HELD_MS 50u

static void arm(struct vow_sagas *core, const struct step *step, uint64_t at_ms)
{
    uint32_t index = step_index(core, step);

    if (at_ms == SAGA_NEVER_MS)
        vow_heap_remove(&core->due, index);
    else
        vow_heap_set(&core->due, index, (struct vow_heap_key){at_ms, index});
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void pace_stop(struct vow_sagas *core, const struct step *step)
{
    vow_heap_remove(&core->due, step_index(core, step));
}

/* ---- a participant's share ---- */

static bool is_within_share(const struct peer *peer, const struct step *step)
{
    return peer->failures < FAILURES_MAX && (step->attempts == 0 || peer->budget >= TENTHS_OF_AN_ATTEMPT);
}

static uint64_t held_until_ms(struct vow_sagas *core, const struct peer *peer)
{
    if (peer->failures >= FAILURES_MAX)
        return peer->trickle_ms;
    return core->now_ms + HELD_MS + vow_jitter_next(&core->jitter) % HELD_MS;
}

/* What may not be given up waits for so long as another step may take, and is then for an operator to see. */
static void wait_for_peer(struct vow_sagas *core, struct step *step)
{
    if (step->deadline_ms == SAGA_NEVER_MS && step->patience_ms == SAGA_NEVER_MS)
        step->patience_ms = core->now_ms + step->deadline_after_ms;
    arm(core, step, least(step->deadline_ms, step->patience_ms));
}

bool pace_is_over(const struct vow_sagas *core, const struct step *step)
{
    return core->now_ms >= step->deadline_ms ||
           (!peer_is_there(step_peer(core, step)) && core->now_ms >= step->patience_ms);
}

bool pace_may_send(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    if (!peer_is_there(peer)) {
        wait_for_peer(core, step);
        return false;
    }
    if (is_within_share(peer, step))
        return true;
    if (core->now_ms >= peer->trickle_ms) {
        peer->trickle_ms = core->now_ms + TRICKLE_MS + vow_jitter_next(&core->jitter) % TRICKLE_MS;
        return true;
    }
    core->counts.held++;
    arm(core, step, least(held_until_ms(core, peer), step->deadline_ms));
    return false;
}

void pace_sent(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    core->counts.sent++;
    if (step->attempts == 0) {
        peer->budget += peer->budget < BUDGET_MAX;
    } else {
        core->counts.retries++;
        peer->budget -= peer->budget >= TENTHS_OF_AN_ATTEMPT ? TENTHS_OF_AN_ATTEMPT : peer->budget;
    }
    step->attempts++;
    step->patience_ms = SAGA_NEVER_MS;
    arm(core, step, core->now_ms + step->attempt_ms);
}

void pace_unsent(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    core->counts.unsent++;
    core->counts.sent--;
    step->attempts--;
    if (step->attempts == 0) {
        peer->budget -= peer->budget > 0;
    } else {
        core->counts.retries--;
        peer->budget += TENTHS_OF_AN_ATTEMPT;
    }
    wait_for_peer(core, step);
}

void pace_answered(struct vow_sagas *core, struct step *step)
{
    step_peer(core, step)->failures = 0;
}

void pace_settled(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    pace_answered(core, step);
    peer->budget += TENTHS_OF_AN_ATTEMPT;
    peer->budget = peer->budget < BUDGET_MAX ? peer->budget : BUDGET_MAX;
}

void pace_unanswered(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);

    peer->failures += peer->failures < FAILURES_MAX;
}

/* ---- a step's next attempt ---- */

/* Full jitter: anything up to base * 2^attempts, or up to the most. */
void pace_back_off(struct vow_sagas *core, struct step *step)
{
    uint32_t doublings = step->attempts > 0 ? step->attempts - 1 : 0;
    uint64_t most = (uint64_t)step->backoff_ms << (doublings < 30 ? doublings : 30);

    most = least(most, step->backoff_max_ms);
    arm(core, step, least(core->now_ms + 1 + vow_jitter_next(&core->jitter) % most, step->deadline_ms));
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
