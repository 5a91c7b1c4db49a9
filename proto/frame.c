#include "proto/frame.h"

#include "proto/error.h"

void vow_frame_put_length(uint8_t header[VOW_FRAME_HEADER_BYTES], uint32_t length)
{
    header[0] = (uint8_t)(length >> 24);
    header[1] = (uint8_t)(length >> 16);
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
}

int vow_frame_peek(const uint8_t *data, size_t len, uint32_t frame_max, uint32_t *length)
{
    *length = 0;
    if (len < VOW_FRAME_HEADER_BYTES)
        return 0;
    const uint32_t body = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    /* Every message has at least the tag that names it, so an empty body is none of ours (fault F161). */
    if (body == 0 || body > frame_max)
        return VOW_E_FRAME;
    *length = body;
    return len - VOW_FRAME_HEADER_BYTES >= body;
}
