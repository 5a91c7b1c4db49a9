/*
 * What is going to happen in a world, and in which order.
 *
 * By time: each event has its moment, and events of one moment come in the order in which they were added.
 *
 * By priority (PCT, "probabilistic concurrency testing"): what can happen at once, a frame that is under way or a disk
 * that is at work, belongs to a task; each task has a random priority, the highest that has something goes first, and
 * at a few steps drawn beforehand the task that would go next falls to the bottom. Any bug that needs d such steps in a
 * run of k events and n tasks is found with a probability of at least 1/(n*k^(d-1)). What waits for a time (timers, the
 * nemesis) waits for it here, too; each step lets a little time pass, and if nothing can happen the clock goes on.
 *
 * Somebody else may choose instead: agenda->pick. All of what it chooses from is listed in the order it was added.
 */
#ifndef VOW_CHAOS_SIM_AGENDA_H
#define VOW_CHAOS_SIM_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/sim/arena.h"
#include "chaos/sim/rng.h"

enum sim_event_kind {
    SIM_EVENT_NONE,
    SIM_EVENT_WAKE,      /* node: its core's deadline */
    SIM_EVENT_TICK,      /* node: the worker's tick */
    SIM_EVENT_DISK_RUN,  /* node: the worker takes what was submitted */
    SIM_EVENT_DISK_DONE, /* node: ptr, what the worker has done */
    SIM_EVENT_ARRIVE,    /* conn, side, ptr: bytes arrive */
    SIM_EVENT_CLOSED,    /* conn, side: the side learns that the connection is gone */
    SIM_EVENT_SILENT,    /* conn, side: has it been silent for too long? */
    SIM_EVENT_DIAL,      /* node connects to peer */
    SIM_EVENT_CONNECT,   /* conn: the attempt arrives */
    SIM_EVENT_STRAY,     /* ptr: a copy of a frame that has been somewhere */
    SIM_EVENT_DRAINED,   /* node: the queue to a participant, session `number`, has room again */
    SIM_EVENT_CALL,      /* ptr: a service's own call arrives */
    SIM_EVENT_CALL_DONE, /* ptr: and its answer */
    SIM_EVENT_CLIENT,    /* node: a client goes on */
    SIM_EVENT_ORDER,     /* node: an operator looks at the sagas that are stuck */
    SIM_EVENT_NEMESIS,   /* number: the action of the plan */
    SIM_EVENT_START,     /* node: a process starts */
    SIM_EVENT_RESUME,    /* node */
    SIM_EVENT_LOOK,      /* the world looks whether it is over */
    SIM_EVENT_KINDS
};

struct sim_event {
    uint64_t at_us;
    uint64_t order; /* from 1, by addition */
    enum sim_event_kind kind;
    uint32_t task;
    uint8_t node; /* whom it happens to */
    uint8_t side;
    bool is_timed; /* waits for its time whatever the order is made by */
    uint32_t life; /* of the node; 0 = any */
    uint64_t number;
    void *ptr;
    struct sim_event *next; /* in a list of whoever has it */
};

struct sim_agenda;
/* Which of `len` events (at least 1) goes next. */
typedef uint32_t sim_pick_fn(void *ctx, struct sim_agenda *agenda, struct sim_event *const *ready, uint32_t len);

#define SIM_TASKS_MAX 4096u
#define SIM_CHANGES_MAX 8

struct sim_agenda {
    struct sim_arena *arena;
    uint64_t now_us;
    uint64_t orders;
    uint64_t steps;
    struct sim_event **heap; /* by time */
    uint32_t heap_len, heap_max;
    struct sim_event **ready; /* without a time, in the order of addition; NULL pick: unused */
    uint32_t ready_len, ready_max;
    struct sim_event *unused;
    sim_pick_fn *pick;
    void *pick_ctx;
    uint32_t step_us_max; /* with a pick: how much time a step takes at most */
    struct sim_rng rng;
    /* PCT */
    uint32_t priorities[SIM_TASKS_MAX]; /* 0 = not drawn yet */
    uint64_t changes[SIM_CHANGES_MAX];
    uint32_t changes_len, lowest;
};

void sim_agenda_begin(struct sim_agenda *agenda, struct sim_arena *arena, struct sim_rng rng);
/* Somebody chooses from here on; steps are counted from 0, and each lets at most step_us_max pass. */
void sim_agenda_use_pick(struct sim_agenda *agenda, sim_pick_fn *pick, void *ctx, uint32_t step_us_max);
/* By priority from here on, with `changes` change points in the first `steps` steps. */
void sim_agenda_use_priorities(struct sim_agenda *agenda, uint32_t changes, uint64_t steps);
/* By time from here on: what could happen at once happens within spread_us. */
void sim_agenda_use_time(struct sim_agenda *agenda, uint64_t spread_us);
/* Adds a copy. delay_us: from now; is_timed is the caller's. Returns it; valid until it was taken. */
struct sim_event *sim_agenda_add(struct sim_agenda *agenda, uint64_t delay_us, const struct sim_event *event);
/* An event that had its turn and was put off: it keeps its place before those that were added after it. */
void sim_agenda_add_again(struct sim_agenda *agenda, uint64_t delay_us, const struct sim_event *event);
/* Takes the next one and moves the clock. False if there is none. *event is a copy. */
bool sim_agenda_next(struct sim_agenda *agenda, struct sim_event *event);
void sim_agenda_free(struct sim_agenda *agenda);

#endif
