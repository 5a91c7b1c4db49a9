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

/* clang-format off */
static const struct vow_fsm_state states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/saga/breaker.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/saga/breaker.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) \
    {BREAKER_##from, BREAKER_ON_##event, BREAKER_##to, guard, #handler, rule},
#include "coordinator/core/saga/breaker.def"
#undef EDGE
};

static breaker_handler_fn *const edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/saga/breaker.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {BREAKER_##state, BREAKER_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/saga/breaker.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};
/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct vow_fsm fsm = {
    .name = "circuit breaker of a participant",
    .states = states,
    .events = events,
    .edges = edges,
    .cells = cells,
    .states_len = LENGTH(states),
    .events_len = LENGTH(events),
    .edges_len = LENGTH(edges),
    .cells_len = LENGTH(cells),
};

const struct vow_fsm *vow_breaker_fsm(void)
{
    return &fsm;
}

/* ---- moving ---- */

static void count_edge(struct vow_sagas *core, const struct breaker_input *in, unsigned from, unsigned to)
{
    for (size_t i = 0; i < LENGTH(edges); i++) {
        if (edges[i].from == from && edges[i].event == (unsigned)in->event && edges[i].to == to) {
            core->breaker_hits[i]++;
            return;
        }
    }
    VOW_UNREACHABLE("a move along an edge that the table does not have");
}

static void move(struct vow_sagas *core, struct breaker_input *in, enum breaker_state to)
{
    struct peer *peer = in->peer;

    VOW_ASSERT(!in->moved);
    in->moved = true;
    count_edge(core, in, peer->breaker, to);
    core->breakers_open += (uint32_t)(to != BREAKER_CLOSED) - (uint32_t)(peer->breaker != BREAKER_CLOSED);
    peer->breaker = (uint8_t)to;
}

static void dispatch(struct vow_sagas *core, struct breaker_input *in)
{
    const unsigned from = in->peer->breaker;

    for (size_t i = 0; i < LENGTH(edges); i++) {
        if (edges[i].from != from || edges[i].event != (unsigned)in->event)
            continue;
        edge_handlers[i](core, in);
        if (!in->moved)
            count_edge(core, in, from, from);
        return;
    }
    for (size_t i = 0; i < LENGTH(cells); i++) {
        if (cells[i].state == from && cells[i].event == (unsigned)in->event)
            VOW_ASSERT(cells[i].verdict == VOW_FSM_IGNORE);
    }
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
