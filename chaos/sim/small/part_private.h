/* The files of a small world's participant among themselves: the real core, and a store that is one row. */
#ifndef VOW_CHAOS_SIM_SMALL_PART_PRIVATE_H
#define VOW_CHAOS_SIM_SMALL_PART_PRIVATE_H

#include "chaos/sim/small/node.h"

/* A step under way: the state that it leads to is being made. */
struct run {
    struct small_nodes *nodes;
    struct small_step *step;
    struct small_part to;
    struct vow_branches *core;
    const struct vow_msg *msg; /* under way, or NULL */
    bool was_prepared;         /* before this */
    /* A peer's question to the store, which is answered at once: what it can say then stays true. */
    struct vow_branches_done recall;
    bool is_recalling;
};

/* --- part_store.c --- */

/* The row as it survives a crash, and as the store sees it. */
const struct small_row *part_durable(const struct small_part *part);
const struct small_row *part_seen(const struct small_part *part);
/* Does an operation with the result that the store gives it. */
void part_carry_out(struct run *run, const struct small_store_op *op, enum vow_store_result result);

/* --- part_core.c --- */

/* One step of the core, and all that it wants is done or under way. */
void part_feed(struct run *run, struct vow_branches_event event);

#endif
