#include "chaos/proxy/proxy_private.h"
#include "proto/frame.h"

size_t frames_span(const struct frames *frames)
{
    if (frames->is_foreign)
        return SIZE_MAX;
    if (frames->header_len == 0)
        return 1;
    return frames->header_len < VOW_FRAME_HEADER_BYTES ? VOW_FRAME_HEADER_BYTES - frames->header_len
                                                       : frames->body_left;
}

static void pass_header(struct frames *frames, uint8_t byte)
{
    uint32_t length = 0;

    frames->header[frames->header_len++] = byte;
    if (frames->header_len < VOW_FRAME_HEADER_BYTES)
        return;
    if (vow_frame_peek(frames->header, VOW_FRAME_HEADER_BYTES, VOW_FRAME_MAX_HIGHEST, &length) < 0)
        frames->is_foreign = true;
    frames->body_left = length;
}

uint64_t frames_pass(struct frames *frames, const uint8_t *bytes, size_t len)
{
    uint64_t ended = 0;
    size_t at = 0;

    while (at < len && !frames->is_foreign) {
        if (frames->header_len < VOW_FRAME_HEADER_BYTES) {
            pass_header(frames, bytes[at++]);
            continue;
        }
        const size_t part = len - at < frames->body_left ? len - at : frames->body_left;

        at += part;
        frames->body_left -= (uint32_t)part;
        if (frames->body_left == 0) {
            frames->header_len = 0;
            frames->is_vows = true;
            ended++;
        }
    }
    return ended;
}
