/*
 * What the steps of sagas do at a participant: each adds an amount to the participant's purse, and leaves a row of
 * that. The amounts of a saga add up to nothing, so what is in all purses together shows what was done by halves; and
 * the rows show how often each step was done, and undone.
 */
#ifndef VOW_CHAOS_SIM_PURSE_H
#define VOW_CHAOS_SIM_PURSE_H

#include "chaos/sim/world.h"

struct sqlite3;

/* The schema of a participant in a world with sagas: the bank's, and this. */
extern const char sim_purse_schema[];

/* A step as the payload of both of its handlers, and back. */
struct sim_deed {
    uint32_t step;
    int64_t amount;
    bool is_refused;  /* its action is, for good */
    bool is_stubborn; /* its compensation is, now and then */
};
#define SIM_DEED_BYTES 16
void sim_deed_encode(const struct sim_deed *deed, uint8_t bytes[SIM_DEED_BYTES]);
bool sim_deed_decode(const uint8_t *bytes, size_t len, struct sim_deed *deed);

/* A handler's run: as vow_sqlite_step_fn. luck: of this run. */
struct vow_store_step;
int sim_purse_work(const struct sim_world *world, const struct vow_gtrid *gtrid, struct sqlite3 *db,
                   struct vow_store_step *step, struct sim_rng *luck, enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

#endif
