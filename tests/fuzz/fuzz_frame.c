/*
 * A stream of frames, as a connection brings it: cut anywhere, with any length prefix. The bytes must come out as the
 * same frames however they are sliced (faults F087, F160, F161), and each body is judged by the decoder.
 */
#include <string.h>

#include "input.h"
#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "target.h"

#define FRAME_MAX 4096u

static struct vow_arena *arena;

/* Returns how many of the bytes are used up, or -1 if the connection cannot go on. */
static long take_frames(const uint8_t *data, size_t len, unsigned *frames)
{
    size_t used = 0;
    for (;;) {
        uint32_t length;
        const int state = vow_frame_peek(data + used, len - used, FRAME_MAX, &length);
        if (state < 0)
            return -1;
        FUZZ_REQUIRE(length <= FRAME_MAX);
        if (state == 0)
            return (long)used;
        FUZZ_REQUIRE(VOW_FRAME_HEADER_BYTES + length <= len - used);
        struct vow_msg msg;
        const char *why = NULL;
        const int error = vow_msg_decode(arena, data + used + VOW_FRAME_HEADER_BYTES, length, &msg, &why);
        FUZZ_REQUIRE(error == 0 || why != NULL);
        used += VOW_FRAME_HEADER_BYTES + length;
        (*frames)++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned whole_frames = 0, sliced_frames = 0;
    size_t used = 0;
    long whole;
    if (arena == NULL)
        arena = vow_arena_new(0);
    whole = take_frames(data, size, &whole_frames);
    for (size_t come = 0; come <= size; come++) {
        const long taken = take_frames(data + used, come - used, &sliced_frames);
        if (taken < 0) {
            FUZZ_REQUIRE(whole == -1);
            FUZZ_REQUIRE(sliced_frames == whole_frames);
            return 0;
        }
        used += (size_t)taken;
    }
    FUZZ_REQUIRE(whole == (long)used && sliced_frames == whole_frames);
    return 0;
}
