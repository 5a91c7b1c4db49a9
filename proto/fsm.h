/*
 * The state-table kit. A machine is one *.def file of four X-macro lists:
 *
 *   STATE(name, flags, meaning)                      flags: VOW_FSM_INITIAL, VOW_FSM_FINAL, VOW_FSM_DURABLE, or 0
 *   EVENT(name, meaning)
 *   EDGE(from, event, guard, handler, to, rule)      guard in words ("" = always); rule = an id in docs/protocol.md
 *   CELL(state, event, verdict, why)                 verdict: IGNORE or PROTOCOL_ERROR
 *
 * The lists expand to the enums, the dispatch, the diagrams and the tables in docs/. Every state x event cell is filled
 * exactly once: by one CELL, or by one or more EDGEs that share one handler. There is no default and no catch-all;
 * vow_fsm_check() proves it and a test calls that.
 *
 * The file begins with proto/fsm_begin.h and ends with proto/fsm_end.h: whoever includes it defines only the lists that
 * it wants. proto/fsm_table.h makes the structs below of it.
 *
 * Pure.
 */
#ifndef VOW_PROTO_FSM_H
#define VOW_PROTO_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOW_FSM_INITIAL 0x1u
#define VOW_FSM_FINAL 0x2u
#define VOW_FSM_DURABLE 0x4u

enum vow_fsm_verdict { VOW_FSM_IGNORE = 1, VOW_FSM_PROTOCOL_ERROR = 2 };

struct vow_fsm_state {
    const char *name;
    unsigned flags;
    const char *meaning;
};

struct vow_fsm_event {
    const char *name;
    const char *meaning;
};

struct vow_fsm_edge {
    uint8_t from, event, to;
    const char *guard, *handler, *rule;
};

struct vow_fsm_cell {
    uint8_t state, event;
    enum vow_fsm_verdict verdict;
    const char *why;
};

struct vow_fsm {
    const char *name;
    const struct vow_fsm_state *states;
    const struct vow_fsm_event *events;
    const struct vow_fsm_edge *edges;
    const struct vow_fsm_cell *cells;
    size_t states_len, events_len, edges_len, cells_len;
};

/* True if the table has an edge from --event--> to. */
bool vow_fsm_has_edge(const struct vow_fsm *fsm, unsigned from, unsigned event, unsigned to);

/* Counts the move from --event--> to: in hits[], of the edges in the table's order. A move along an edge that the table
 * does not have is our own mistake, and ends the process. What the one mover of a machine calls. */
void vow_fsm_count(const struct vow_fsm *fsm, uint64_t *hits, unsigned from, unsigned event, unsigned to);

/* The CELL of an event that no edge takes out of this state. */
const struct vow_fsm_cell *vow_fsm_cell_of(const struct vow_fsm *fsm, unsigned state, unsigned event);

/*
 * Checks the table: each cell filled exactly once, the edges of one cell share a handler, FINAL states that are not
 * INITIAL have no way to another state, every state is reached from INITIAL. Returns NULL if all holds, else writes one
 * line that names the first fault to `why` and returns it.
 */
const char *vow_fsm_check(const struct vow_fsm *fsm, char *why, size_t why_size);

#endif
