/* Private to the codec: the memory that one decoded message lives in. It is reset at each decode and never grows. */
#ifndef VOW_PROTO_CODEC_ARENA_H
#define VOW_PROTO_CODEC_ARENA_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct vow_arena {
    ProtobufCAllocator allocator; /* takes from this arena; its free does nothing */
    size_t size, used;
    bool exhausted; /* something did not fit since the last reset */
    alignas(max_align_t) uint8_t memory[];
};

/* Takes everything back. Does not clear the memory: whoever takes some writes it before reading it. */
void arena_reset(struct vow_arena *arena);
/* Returns memory for any object the codec makes, or NULL if it does not fit. */
void *arena_take(struct vow_arena *arena, size_t size);

#endif
