/*
 * What the steps of sagas do at a participant: each adds an amount to the participant's purse, and leaves a row of
 * that. The amounts of a saga add up to nothing, so what is in all purses together shows what was done by halves; and
 * the rows show how often each step was done, and undone.
 */
#ifndef VOW_CHAOS_SIM_PURSE_H
#define VOW_CHAOS_SIM_PURSE_H

#include "chaos/sim/deed.h"
#include "chaos/sim/world.h"

struct sqlite3;

/* The schema of a participant in a world with sagas: the bank's, and this. */
extern const char sim_purse_schema[];

/* A handler's run: as vow_sqlite_step_fn. luck: of this run. */
struct vow_store_step;
int sim_purse_work(const struct sim_world *world, const struct vow_gtrid *gtrid, struct sqlite3 *db,
                   struct vow_store_step *step, struct sim_rng *luck, enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

#endif
