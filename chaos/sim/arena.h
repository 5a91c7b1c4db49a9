/*
 * Memory for the things of one world: taken piece by piece, given back all at once. It is kept between worlds, so that
 * after the first few nothing is asked of the system any more.
 */
#ifndef VOW_CHAOS_SIM_ARENA_H
#define VOW_CHAOS_SIM_ARENA_H

#include <stddef.h>

struct sim_arena_block;

struct sim_arena {
    struct sim_arena_block *first, *at;
    size_t used; /* of `at` */
};

/* Not zeroed; aligned for anything. Without memory the process ends. */
void *sim_arena_take(struct sim_arena *arena, size_t size);
void *sim_arena_copy(struct sim_arena *arena, const void *from, size_t size);
/* All pieces are void; the blocks are kept. */
void sim_arena_reset(struct sim_arena *arena);
void sim_arena_free(struct sim_arena *arena);

#endif
