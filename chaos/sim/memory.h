/*
 * Memory for one world's bookkeeping: taken piece by piece, given back all at once, and used again by the next world.
 * Running out of memory is an assert: a judge that cannot remember cannot judge.
 */
#ifndef VOW_CHAOS_SIM_MEMORY_H
#define VOW_CHAOS_SIM_MEMORY_H

#include <stddef.h>

struct sim_memory_block;

struct sim_memory {
    struct sim_memory_block *first, *now;
    size_t used; /* of `now` */
};

/* Zeroed, aligned for anything; lives until reset. */
void *sim_memory_take(struct sim_memory *memory, size_t size);
/* All is free again; the blocks stay. */
void sim_memory_reset(struct sim_memory *memory);
/* Right on zeroed memory, too. */
void sim_memory_free(struct sim_memory *memory);

#endif
