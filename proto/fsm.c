#include "proto/fsm.h"

#include <string.h>

#include "proto/assert.h"
#include "proto/line.h"

/* States are numbered by uint8_t. */
#define STATES_MAX 256

static size_t find_edge(const struct vow_fsm *fsm, unsigned from, unsigned event, unsigned to)
{
    size_t i = 0;

    while (i < fsm->edges_len &&
           !(fsm->edges[i].from == from && fsm->edges[i].event == event && fsm->edges[i].to == to))
        i++;
    return i;
}

bool vow_fsm_has_edge(const struct vow_fsm *fsm, unsigned from, unsigned event, unsigned to)
{
    return find_edge(fsm, from, event, to) < fsm->edges_len;
}

void vow_fsm_count(const struct vow_fsm *fsm, uint64_t *hits, unsigned from, unsigned event, unsigned to)
{
    size_t edge = find_edge(fsm, from, event, to);

    VOW_ASSERT(edge < fsm->edges_len);
    hits[edge]++;
}

const struct vow_fsm_cell *vow_fsm_cell_of(const struct vow_fsm *fsm, unsigned state, unsigned event)
{
    for (size_t i = 0; i < fsm->cells_len; i++) {
        if (fsm->cells[i].state == state && fsm->cells[i].event == event)
            return &fsm->cells[i];
    }
    VOW_UNREACHABLE("the table leaves a cell empty");
}

/* Each check below returns true if it has found a fault and written it to `why`. */

static bool fault_at(struct vow_line *why, const struct vow_fsm *fsm, size_t state, size_t event, const char *what)
{
    vow_line_put(why, fsm->name);
    vow_line_put(why, ": ");
    vow_line_put(why, fsm->states[state].name);
    vow_line_put(why, " x ");
    vow_line_put(why, fsm->events[event].name);
    vow_line_put(why, ": ");
    vow_line_put(why, what);
    return true;
}

static bool fault_of(struct vow_line *why, const struct vow_fsm *fsm, const char *who, const char *what)
{
    vow_line_put(why, fsm->name);
    vow_line_put(why, ": ");
    vow_line_put(why, who);
    vow_line_put(why, ": ");
    vow_line_put(why, what);
    return true;
}

static bool names_nothing(const struct vow_fsm *fsm, struct vow_line *why)
{
    if (fsm->states_len == 0 || fsm->states_len > STATES_MAX || fsm->events_len == 0)
        return fault_of(why, fsm, "table", "no states, too many states or no events");
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        if (edge->from >= fsm->states_len || edge->to >= fsm->states_len || edge->event >= fsm->events_len)
            return fault_of(why, fsm, "edge", "names a state or an event that is not there");
    }
    for (size_t i = 0; i < fsm->cells_len; i++) {
        const struct vow_fsm_cell *cell = &fsm->cells[i];
        if (cell->state >= fsm->states_len || cell->event >= fsm->events_len)
            return fault_of(why, fsm, "cell", "names a state or an event that is not there");
        if (cell->verdict != VOW_FSM_IGNORE && cell->verdict != VOW_FSM_PROTOCOL_ERROR)
            return fault_at(why, fsm, cell->state, cell->event, "no such verdict");
    }
    return false;
}

static bool cell_is_faulty(const struct vow_fsm *fsm, size_t state, size_t event, struct vow_line *why)
{
    const char *handler = NULL;
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        if (edge->from != state || edge->event != event)
            continue;
        if (handler != NULL && strcmp(handler, edge->handler) != 0)
            return fault_at(why, fsm, state, event, "edges with different handlers");
        handler = edge->handler;
    }
    size_t filled = handler != NULL;
    for (size_t i = 0; i < fsm->cells_len; i++)
        filled += fsm->cells[i].state == state && fsm->cells[i].event == event;
    if (filled == 0)
        return fault_at(why, fsm, state, event, "not filled");
    return filled > 1 && fault_at(why, fsm, state, event, "filled more than once");
}

static bool any_cell_is_faulty(const struct vow_fsm *fsm, struct vow_line *why)
{
    for (size_t state = 0; state < fsm->states_len; state++) {
        for (size_t event = 0; event < fsm->events_len; event++) {
            if (cell_is_faulty(fsm, state, event, why))
                return true;
        }
    }
    return false;
}

/* A state that is INITIAL and FINAL is the absence of an entry: it ends one transaction and begins the next. */
static bool final_state_is_left(const struct vow_fsm *fsm, struct vow_line *why)
{
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        const unsigned flags = fsm->states[edge->from].flags & (VOW_FSM_FINAL | VOW_FSM_INITIAL);
        if (flags == VOW_FSM_FINAL && edge->to != edge->from)
            return fault_at(why, fsm, edge->from, edge->event, "leaves a final state");
    }
    return false;
}

static bool state_is_unreached(const struct vow_fsm *fsm, struct vow_line *why)
{
    bool reached[STATES_MAX] = {false};
    for (size_t state = 0; state < fsm->states_len; state++)
        reached[state] = (fsm->states[state].flags & VOW_FSM_INITIAL) != 0;
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < fsm->edges_len; i++) {
            const struct vow_fsm_edge *edge = &fsm->edges[i];
            if (reached[edge->from] && !reached[edge->to])
                grown = reached[edge->to] = true;
        }
    }
    for (size_t state = 0; state < fsm->states_len; state++) {
        if (!reached[state])
            return fault_of(why, fsm, fsm->states[state].name, "not reached from an initial state");
    }
    return false;
}

const char *vow_fsm_check(const struct vow_fsm *fsm, char *why, size_t why_size)
{
    struct vow_line line = vow_line_start(why, why_size);
    const bool faulty = names_nothing(fsm, &line) || any_cell_is_faulty(fsm, &line) ||
                        final_state_is_left(fsm, &line) || state_is_unreached(fsm, &line);
    return faulty ? why : NULL;
}
