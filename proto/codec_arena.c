#include "proto/codec_arena.h"

#include <stdlib.h>

#include "proto/codec.h"
#include "proto/frame.h"

/* What the strictest member of any generated struct needs. */
#define ALIGNMENT 8

void arena_reset(struct vow_arena *arena)
{
    arena->used = 0;
    arena->exhausted = false;
}

void *arena_take(struct vow_arena *arena, size_t size)
{
    const size_t left = arena->size - arena->used;
    if (size > left) {
        arena->exhausted = true;
        return NULL;
    }
    void *taken = arena->memory + arena->used;
    const size_t padding = -size % ALIGNMENT;
    arena->used += padding <= left - size ? size + padding : left;
    return taken;
}

static void *take_for_protobuf(void *arena, size_t size)
{
    return arena_take(arena, size);
}

static void keep_until_reset(void *arena, void *taken)
{
    (void)arena;
    (void)taken;
}

struct vow_arena *vow_arena_new(size_t size)
{
    if (size == 0)
        size = 4 * (size_t)VOW_FRAME_MAX_DEFAULT;
    if (size > SIZE_MAX - sizeof(struct vow_arena))
        return NULL;
    struct vow_arena *arena = malloc(sizeof(*arena) + size);
    if (arena == NULL)
        return NULL;
    *arena = (struct vow_arena){
        .allocator = {.alloc = take_for_protobuf, .free = keep_until_reset, .allocator_data = arena},
        .size = size,
    };
    return arena;
}

void vow_arena_free(struct vow_arena *arena)
{
    free(arena);
}
