/* The circuit breaker of a participant: its table, its mover, and what follows from a move. */
#include "coordinator/core/saga/core.h"

#include "proto/assert.h"
#include "proto/jitter.h"

/* Attempts in a row without an answer that open it. */
#define SILENT_MAX 5u
/* How long it is open, the first time and at most; up to twice that. */
#define OPEN_MS 1000u
#define OPEN_MAX_MS 30000u

struct breaker_input {
    enum breaker_event event;
    struct peer *peer;
    uint64_t over_ms; /* DUE: when the attempt is over */
    bool moved;
};
typedef void breaker_handler_fn(struct vow_sagas *core, struct breaker_input *in);

static breaker_handler_fn breaker_on_answered, breaker_on_silent, breaker_on_due, breaker_on_came;

#define FSM_LIST "coordinator/core/saga/breaker.def"
#define FSM_NAME breaker
#define FSM_TITLE "circuit breaker of a participant"
#define FSM_STATE(name) BREAKER_##name
#define FSM_EVENT(name) BREAKER_ON_##name
#define FSM_HANDLER breaker_handler_fn
#define FSM_EVENTS BREAKER_EVENTS
#include "proto/fsm_table.h"

const struct vow_fsm *vow_breaker_fsm(void)
{
    return &breaker_fsm;
}

/* ---- moving ---- */

static void move(struct vow_sagas *core, struct breaker_input *in, enum breaker_state to)
{
    struct peer *peer = in->peer;

    VOW_ASSERT(!in->moved);
    in->moved = true;
    vow_fsm_count(&breaker_fsm, core->breaker_hits, peer->breaker, in->event, to);
    core->breakers_open += (uint32_t)(to != BREAKER_CLOSED) - (uint32_t)(peer->breaker != BREAKER_CLOSED);
    peer->breaker = (uint8_t)to;
}

static void dispatch(struct vow_sagas *core, struct breaker_input *in)
{
    const unsigned from = in->peer->breaker;

    for (size_t i = 0; i < breaker_fsm.edges_len; i++) {
        if (breaker_edges[i].from != from || breaker_edges[i].event != (unsigned)in->event)
            continue;
        breaker_handlers[i](core, in);
        if (!in->moved)
            vow_fsm_count(&breaker_fsm, core->breaker_hits, from, in->event, from);
        return;
    }
    VOW_ASSERT(vow_fsm_cell_of(&breaker_fsm, from, in->event)->verdict == VOW_FSM_IGNORE);
}

void breaker_feed(struct vow_sagas *core, struct peer *peer, enum breaker_event event)
{
    dispatch(core, &(struct breaker_input){.event = event, .peer = peer});
}

bool breaker_lets(struct vow_sagas *core, struct peer *peer, uint64_t over_ms)
{
    struct breaker_input in = {.event = BREAKER_ON_DUE, .peer = peer, .over_ms = over_ms};

    if (peer->breaker == BREAKER_CLOSED)
        return true;
    if (core->now_ms < peer->look_ms)
        return false;
    dispatch(core, &in);
    return true;
}

/* ---- what follows ---- */

static void breaker_on_answered(struct vow_sagas *core, struct breaker_input *in)
{
    in->peer->silent = 0;
    if (in->peer->breaker == BREAKER_CLOSED)
        return;
    in->peer->open_ms = 0;
    move(core, in, BREAKER_CLOSED);
    peer_wake(core, in->peer);
}

static void open(struct vow_sagas *core, struct breaker_input *in)
{
    struct peer *peer = in->peer;

    peer->open_ms = peer->open_ms == 0 ? OPEN_MS : peer->open_ms * 2 < OPEN_MAX_MS ? peer->open_ms * 2 : OPEN_MAX_MS;
    peer->look_ms = core->now_ms + peer->open_ms + vow_jitter_next(&core->jitter) % peer->open_ms;
    core->counts.breaks++;
    move(core, in, BREAKER_OPEN);
}

static void breaker_on_silent(struct vow_sagas *core, struct breaker_input *in)
{
    if (in->peer->breaker == BREAKER_HALF_OPEN) {
        open(core, in);
        return;
    }
    if (++in->peer->silent < SILENT_MAX)
        return;
    saga_alarm_of_peer(core, in->peer->name, "it leaves steps of sagas without an answer: it is sent one at a time");
    open(core, in);
}

static void breaker_on_due(struct vow_sagas *core, struct breaker_input *in)
{
    in->peer->look_ms = in->over_ms;
    if (in->peer->breaker == BREAKER_OPEN)
        move(core, in, BREAKER_HALF_OPEN);
}

static void breaker_on_came(struct vow_sagas *core, struct breaker_input *in)
{
    in->peer->silent = 0;
    in->peer->look_ms = core->now_ms;
    if (in->peer->breaker == BREAKER_HALF_OPEN)
        move(core, in, BREAKER_OPEN);
}
