/* The names of branch.def as enums, and its handlers as declarations: one expansion for all files of this box. */
#ifndef VOW_PARTICIPANT_STATES_H
#define VOW_PARTICIPANT_STATES_H

struct vow_branches;
struct vow_branch_entry;

/* clang-format off */
enum vow_branch_state {
#define STATE(name, flags, meaning) VOW_BRANCH_##name,
#include "participant/core/branch.def"
    VOW_BRANCH_STATES
};

enum vow_branch_event {
#define EVENT(name, meaning) VOW_BRANCH_EV_##name,
#include "participant/core/branch.def"
    VOW_BRANCH_EVENTS
};

/* The edges in the table's order: indexes of vow_branches_edge_hits(). */
enum {
#define EDGE(from, event, guard, handler, to, rule) 1 +
    VOW_BRANCH_EDGES =
#include "participant/core/branch.def"
    0
};
/* clang-format on */

/*
 * A handler carries out one cell of the table: it fills the entry, emits effects, and moves the entry once with
 * branch_move(). In UNKNOWN the entry is a blank one; dispatch keeps it in the table if the handler moved it to
 * another state.
 */
typedef void vow_branch_handler_fn(struct vow_branches *core, struct vow_branch_entry *entry);

#define EDGE(from, event, guard, handler, to, rule) vow_branch_handler_fn branch_##handler;
#include "participant/core/branch.def"

#endif
