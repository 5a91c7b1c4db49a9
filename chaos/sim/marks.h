/*
 * Fault marks (I31): which faults of docs/faults.md a world really met, told from the stream of sights alone, by the
 * predicates of marks.def.
 */
#ifndef VOW_CHAOS_SIM_MARKS_H
#define VOW_CHAOS_SIM_MARKS_H

#include "chaos/sim/book.h"

/* clang-format off */
enum sim_mark {
#define MARK(number, within, text) SIM_MARK_##number,
#include "chaos/sim/marks.def"
#undef MARK
    SIM_MARKS
};
/* clang-format on */

struct sim_marks {
    const struct sim_book *book; /* of who watches the same world, and sees each sight first */
    bool hit[SIM_MARKS];
};

void sim_marks_begin(struct sim_marks *marks, const struct sim_book *book);
/* A sim_see_fn. */
void sim_marks_see(void *marks, const struct sim_sight *sight);

/* "F008"; what it is; how many worlds must have met it, 0 = it may stay away. */
const char *sim_mark_number(enum sim_mark mark);
const char *sim_mark_text(enum sim_mark mark);
uint32_t sim_mark_within(enum sim_mark mark);

#endif
