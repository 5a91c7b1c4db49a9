#include "chaos/sim/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

#define BLOCK_BYTES ((size_t)256 << 10)

struct sim_arena_block {
    struct sim_arena_block *next;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct sim_arena_block *block_new(size_t size)
{
    struct sim_arena_block *block = malloc(sizeof(*block) + size);

    VOW_ASSERT(block != NULL); /* a world that is short of memory proves nothing */
    block->next = NULL;
    block->size = size;
    return block;
}

/* Moves on to a block that has room, a kept one if there is one. */
static void move_on(struct sim_arena *arena, size_t size)
{
    struct sim_arena_block **link = arena->at != NULL ? &arena->at->next : &arena->first;

    if (*link == NULL || (*link)->size < size) {
        struct sim_arena_block *block = block_new(size > BLOCK_BYTES ? size : BLOCK_BYTES);

        block->next = *link;
        *link = block;
    }
    arena->at = *link;
    arena->used = 0;
}

void *sim_arena_take(struct sim_arena *arena, size_t size)
{
    const size_t mask = alignof(max_align_t) - 1;
    void *piece;

    size = (size + mask) & ~mask;
    if (arena->at == NULL || arena->at->size - arena->used < size)
        move_on(arena, size);
    piece = arena->at->bytes + arena->used;
    arena->used += size;
    return piece;
}

void *sim_arena_copy(struct sim_arena *arena, const void *from, size_t size)
{
    void *piece = sim_arena_take(arena, size);

    if (size > 0)
        memcpy(piece, from, size);
    return piece;
}

void sim_arena_reset(struct sim_arena *arena)
{
    arena->at = NULL;
    arena->used = 0;
}

void sim_arena_free(struct sim_arena *arena)
{
    while (arena->first != NULL) {
        struct sim_arena_block *block = arena->first;

        arena->first = block->next;
        free(block);
    }
    sim_arena_reset(arena);
}
