/* The files of a small world's coordinator among themselves: the real core, and a journal that is a set of records. */
#ifndef VOW_CHAOS_SIM_SMALL_COORD_PRIVATE_H
#define VOW_CHAOS_SIM_SMALL_COORD_PRIVATE_H

#include "chaos/sim/small/node.h"

/* A step under way: the state that it leads to is being made. */
struct run {
    struct small_nodes *nodes;
    struct small_step *step;
    struct small_coord to;
    struct vow_coord *core;
    struct small_journal_op queue[SMALL_QUEUE_MAX]; /* .to.queue */
};

/* --- coord_journal.c --- */

/* A record of that kind is durable; was handed to the journal and is not. */
bool coord_has(const struct small_coord *coord, enum vow_record_kind kind);
bool coord_is_submitted(const struct small_coord *coord, enum vow_record_kind kind);
/* COMMIT without END; a HAZARD would have ended the search. */
bool coord_is_open(const struct small_coord *coord);
uint16_t coord_mask_of(const struct small_yes_list *yes);
/* Carry out LOG and LOOKUP. */
void coord_take_log(struct run *run, const struct vow_coord_effect *effect);
void coord_ask_journal(struct run *run, const struct vow_coord_effect *effect);
/* The journal works in the order in which it was asked. */
void coord_finish_oldest(struct run *run);
void coord_write_down(struct run *run, const struct small_journal_op *op);

/* --- coord_core.c --- */

/* One step of the core, and all that it wants is done or under way. */
void coord_feed(struct run *run, struct vow_coord_event event);

#endif
