/* The participants that sagas name, and which steps are theirs. */
#include "coordinator/core/saga/core.h"

#include <string.h>

#include "proto/assert.h"
#include "proto/jitter.h"

/* What a participant may be sent beside first attempts when it is new, in tenths of an attempt. */
#define BUDGET_FIRST 100u

/* FNV-1a: names are few and come from configuration. */
static uint32_t *head_of(const struct vow_sagas *core, const char *name)
{
    uint32_t hash = 2166136261u;

    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &core->peer_heads[hash & (vow_gtrid_table_heads(core->limits.peers_max) - 1)];
}

uint32_t peer_find(const struct vow_sagas *core, const char *name)
{
    uint32_t index = *head_of(core, name);

    while (index != SAGA_NIL && strcmp(core->peers[index].name, name) != 0)
        index = core->peers[index].next;
    return index;
}

/* Nothing here depends on it. What it was like is forgotten with it. */
static bool is_idle(const struct peer *peer)
{
    return peer->session == 0 && peer->steps == SAGA_NIL;
}

static bool is_named_before(const struct vow_msg_saga_request *request, uint32_t step)
{
    for (uint32_t i = 0; i < step; i++) {
        if (strcmp(request->steps[i].participant, request->steps[step].participant) == 0)
            return true;
    }
    return false;
}

/* Those that it names and that are in use already take no more room than they do. */
static uint32_t count_needed(const struct vow_sagas *core, const struct vow_msg_saga_request *request)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < request->steps_len; i++) {
        uint32_t index = peer_find(core, request->steps[i].participant);

        if ((index == SAGA_NIL || is_idle(&core->peers[index])) && !is_named_before(request, i))
            count++;
    }
    return count;
}

uint32_t peers_in_use(const struct vow_sagas *core)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < core->peers_len; i++)
        count += !is_idle(&core->peers[i]);
    return count;
}

bool peer_has_room(const struct vow_sagas *core, const struct vow_msg_saga_request *request)
{
    const uint32_t needed = count_needed(core, request), unused = core->limits.peers_max - core->peers_len;

    return needed <= unused || needed <= core->limits.peers_max - peers_in_use(core);
}

static void unindex(struct vow_sagas *core, uint32_t index)
{
    uint32_t *at = head_of(core, core->peers[index].name);

    while (*at != index)
        at = &core->peers[*at].next;
    *at = core->peers[index].next;
}

/* Names that come and go must not keep the others out for ever. */
static uint32_t take_slot(struct vow_sagas *core)
{
    if (core->peers_len < core->limits.peers_max)
        return core->peers_len++;
    for (uint32_t i = 0; i < core->peers_len; i++) {
        if (!is_idle(&core->peers[i]))
            continue;
        unindex(core, i);
        core->breakers_open -= core->peers[i].breaker != BREAKER_CLOSED;
        return i;
    }
    return SAGA_NIL;
}

uint32_t peer_intern(struct vow_sagas *core, const char *name)
{
    uint32_t index = peer_find(core, name);
    uint32_t *head = head_of(core, name);
    struct peer *peer;

    if (index != SAGA_NIL)
        return index;
    VOW_ASSERT(strlen(name) < VOW_NAME_SIZE);
    index = take_slot(core);
    if (index == SAGA_NIL)
        return SAGA_NIL;
    peer = &core->peers[index];
    *peer = (struct peer){.next = *head, .steps = SAGA_NIL, .budget = BUDGET_FIRST};
    memcpy(peer->name, name, strlen(name) + 1);
    *head = index;
    return index;
}

void peer_link(struct vow_sagas *core, struct step *step)
{
    struct peer *peer = step_peer(core, step);
    uint32_t index = step_index(core, step);

    step->peer_prev = SAGA_NIL;
    step->peer_next = peer->steps;
    if (peer->steps != SAGA_NIL)
        core->steps[peer->steps].peer_prev = index;
    peer->steps = index;
}

void peer_unlink(struct vow_sagas *core, struct step *step)
{
    if (step->peer_prev != SAGA_NIL)
        core->steps[step->peer_prev].peer_next = step->peer_next;
    else
        step_peer(core, step)->steps = step->peer_next;
    if (step->peer_next != SAGA_NIL)
        core->steps[step->peer_next].peer_prev = step->peer_prev;
}

/* Not all at one moment, be it after its restart or after ours: a millisecond for each, up to this. */
#define SPREAD_MAX_MS 1000u

/* Of a saga whose end is on its way to the disk nothing is tried any more. */
static bool waits_for_peer(const struct vow_sagas *core, const struct step *step)
{
    if (step_saga(core, step)->state == SAGA_ENDING)
        return false;
    return step->state == STEP_WAITING || (step->state == STEP_STUCK && step->wants_peer);
}

static uint32_t count_waiting(const struct vow_sagas *core, const struct peer *peer)
{
    uint32_t count = 0;

    for (const struct step *step = step_at(core, peer->steps); step != NULL; step = step_at(core, step->peer_next))
        count += waits_for_peer(core, step);
    return count;
}

/* The timer does the rest, so that the step that reports a connection stays short. */
void peer_wake(struct vow_sagas *core, const struct peer *peer)
{
    uint32_t count = count_waiting(core, peer), spread_ms = count < SPREAD_MAX_MS ? count : SPREAD_MAX_MS;

    for (struct step *step = step_at(core, peer->steps); step != NULL; step = step_at(core, step->peer_next)) {
        uint64_t at_ms = core->now_ms;

        if (!waits_for_peer(core, step))
            continue;
        if (spread_ms > 1)
            at_ms += vow_jitter_next(&core->jitter) % spread_ms;
        at_ms = at_ms > step->next_ms ? at_ms : step->next_ms;
        at_ms = at_ms < step->deadline_ms ? at_ms : step->deadline_ms;
        vow_heap_set(&core->due, step_index(core, step), (struct vow_heap_key){at_ms, step->turn});
    }
}

void peer_take_up(struct vow_sagas *core, const char *name, uint64_t session)
{
    uint32_t index = peer_intern(core, name);
    struct peer *peer;

    /* The driver lets in no more than there is room for; sagas that name it will find it away. */
    if (index == SAGA_NIL) {
        saga_alarm_of_peer(core, name, "more participants than sagas have room for: connect it again later");
        return;
    }
    peer = &core->peers[index];
    peer->session = session;
    peer->is_full = false;
    breaker_feed(core, peer, BREAKER_ON_CAME);
    peer_wake(core, peer);
}

void peer_take_full(struct vow_sagas *core, uint64_t session, bool is_full)
{
    for (uint32_t i = 0; i < core->peers_len; i++) {
        struct peer *peer = &core->peers[i];

        if (peer->session != session)
            continue;
        peer->is_full = is_full;
        if (!is_full)
            peer_wake(core, peer);
        return;
    }
}

/* An attempt is lost with its connection: whether it was done is asked by the next one. */
static void lose_attempts(struct vow_sagas *core, const struct peer *peer)
{
    for (struct step *step = step_at(core, peer->steps); step != NULL; step = step_at(core, step->peer_next)) {
        if (step->state != STEP_SENT || step_saga(core, step)->state == SAGA_ENDING)
            continue;
        step->is_lost = true;
        vow_heap_set(&core->due, step_index(core, step), (struct vow_heap_key){core->now_ms, step->turn});
    }
}

void peer_take_down(struct vow_sagas *core, uint64_t session)
{
    for (uint32_t i = 0; i < core->peers_len; i++) {
        if (core->peers[i].session != session)
            continue;
        core->peers[i].session = 0;
        core->peers[i].is_full = false;
        lose_attempts(core, &core->peers[i]);
    }
}
