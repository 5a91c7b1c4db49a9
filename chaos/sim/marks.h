/*
 * Fault marks (I31): which faults of docs/faults.md a world really met, told from the stream of sights alone, by the
 * predicates of marks.def.
 */
#ifndef VOW_CHAOS_SIM_MARKS_H
#define VOW_CHAOS_SIM_MARKS_H

#include "chaos/sim/ledger.h"

/* clang-format off */
enum sim_mark {
#define MARK(number, within, text) SIM_MARK_##number,
#include "chaos/sim/marks.def"
#undef MARK
    SIM_MARKS
};
/* clang-format on */

/* Of a participant: deliveries that its store has, events of its that are kept, rows of them that are gone. */
struct sim_marks_of_events {
    uint32_t handling;
    uint64_t kept, gone;
};

/* When a link was cut: the last few times. */
#define SIM_FLAPS_KEPT 3u
struct sim_flaps {
    uint32_t len;
    uint64_t at_us[SIM_FLAPS_KEPT];
};

struct sim_marks {
    const struct sim_book *book;     /* of who watches the same world, and sees each sight first */
    const struct sim_ledger *ledger; /* likewise */
    uint64_t answer;                 /* the newest frame with the answer to a step */
    bool hit[SIM_MARKS];
    book_moment paused[SIM_NODES_MAX]; /* the last time */
    uint64_t paused_us[SIM_NODES_MAX];
    struct sim_flaps flaps[SIM_NODES_MAX][SIM_NODES_MAX]; /* from, to */
    struct sim_marks_of_events events[SIM_NODES_MAX];
    /* The dead letter that was ordered to be tried again last. */
    uint8_t retried_node;
    uint64_t retried, retried_us;
};

void sim_marks_begin(struct sim_marks *marks, const struct sim_book *book, const struct sim_ledger *ledger);
/* A sim_see_fn. */
void sim_marks_see(void *marks, const struct sim_sight *sight);

/* "F008"; what it is; how many worlds must have met it, 0 = it may stay away. */
const char *sim_mark_number(enum sim_mark mark);
const char *sim_mark_text(enum sim_mark mark);
uint32_t sim_mark_within(enum sim_mark mark);
bool sim_mark_is_of_sagas(enum sim_mark mark);
bool sim_mark_is_of_events(enum sim_mark mark);

/* marks_saga.c, called by the first. */
void marks_saga_see(struct sim_marks *marks, const struct sim_sight *sight);
/* marks_events.c, likewise. */
void marks_events_see(struct sim_marks *marks, const struct sim_sight *sight);

#endif
