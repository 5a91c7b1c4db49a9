/* One branch in any state, and any event: for tests that go through the whole table of branch.def. */
#ifndef VOW_TESTS_PARTICIPANT_CELLS_H
#define VOW_TESTS_PARTICIPANT_CELLS_H

#include "fixture.h"
#include "participant/core/states.h"

#define CELLS_SUBJECT gtrid_of(100)

/* A core whose coordinator is connected. */
void cells_start(struct fixture *f);
/* Brings the subject into a state; returns the store's operation that is under way then, 0 if none. */
enum vow_store_op_kind bring_to(struct fixture *f, enum vow_branch_state state);
/* Makes the event happen; op: what bring_to() returned. */
void drive(struct fixture *f, enum vow_branch_event event, enum vow_store_op_kind op);

#endif
