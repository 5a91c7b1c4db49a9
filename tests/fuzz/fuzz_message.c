/*
 * One message: any bytes with a good checksum behind them. What is accepted can be printed and sent on, and reads as
 * the same message there.
 */
#include <string.h>

#include "proto/codec.h"
#include "proto/codec_seal.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "target.h"

#define BODY_BYTES_MAX 8192u

static struct vow_arena *first_arena, *second_arena;
static uint8_t sealed[BODY_BYTES_MAX + CODEC_SEAL_BYTES];
static uint8_t frame[2][VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];

static int decode(struct vow_arena *arena, const uint8_t *body, size_t len, struct vow_msg *msg)
{
    const char *why = NULL;
    const int error = vow_msg_decode(arena, body, len, msg, &why);
    FUZZ_REQUIRE(error == 0 || ((error == VOW_E_MESSAGE || error == VOW_E_NO_MEMORY) && why != NULL));
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vow_msg msg, again;
    char text[512];
    if (size > BODY_BYTES_MAX)
        return 0;
    if (first_arena == NULL) {
        first_arena = vow_arena_new(0);
        second_arena = vow_arena_new(0);
    }
    memcpy(sealed, data, size);
    codec_seal_put(sealed, size);
    if (decode(first_arena, sealed, size + CODEC_SEAL_BYTES, &msg) != 0)
        return 0;
    (void)vow_msg_print(&msg, text, sizeof(text));
    const size_t len = vow_msg_encode(&msg, VOW_FRAME_MAX_DEFAULT, frame[0], sizeof(frame[0]));
    FUZZ_REQUIRE(len == VOW_FRAME_HEADER_BYTES + vow_msg_encoded_size(&msg));
    FUZZ_REQUIRE(decode(second_arena, frame[0] + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES, &again) == 0);
    FUZZ_REQUIRE(again.kind == msg.kind);
    FUZZ_REQUIRE(vow_msg_encode(&again, VOW_FRAME_MAX_DEFAULT, frame[1], sizeof(frame[1])) == len);
    FUZZ_REQUIRE(memcmp(frame[0], frame[1], len) == 0);
    return 0;
}
