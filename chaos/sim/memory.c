#include "chaos/sim/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

#define BLOCK_BYTES ((size_t)256 * 1024)

struct sim_memory_block {
    struct sim_memory_block *next;
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct sim_memory_block *block_new(size_t size)
{
    struct sim_memory_block *block;

    size = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    block = malloc(sizeof(*block) + size);
    VOW_ASSERT(block != NULL);
    block->next = NULL;
    block->size = size;
    return block;
}

/* The next block that has room; one of an earlier world, if there is one. */
static void go_on(struct sim_memory *memory, size_t size)
{
    struct sim_memory_block **at = memory->now != NULL ? &memory->now->next : &memory->first;

    while (*at != NULL && (*at)->size < size)
        at = &(*at)->next;
    if (*at == NULL)
        *at = block_new(size);
    memory->now = *at;
    memory->used = 0;
}

void *sim_memory_take(struct sim_memory *memory, size_t size)
{
    size_t align = alignof(max_align_t);
    void *piece;

    size = (size + align - 1) / align * align;
    if (memory->now == NULL || memory->now->size - memory->used < size)
        go_on(memory, size);
    piece = memory->now->bytes + memory->used;
    memory->used += size;
    return memset(piece, 0, size);
}

void sim_memory_reset(struct sim_memory *memory)
{
    memory->now = NULL;
    memory->used = 0;
}

void sim_memory_free(struct sim_memory *memory)
{
    while (memory->first != NULL) {
        struct sim_memory_block *block = memory->first;

        memory->first = block->next;
        free(block);
    }
    sim_memory_reset(memory);
}
