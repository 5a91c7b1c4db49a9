#include "proto/frame.h"

#include "proto/bytes.h"
#include "proto/error.h"

void vow_frame_put_length(uint8_t header[VOW_FRAME_HEADER_BYTES], uint32_t length)
{
    vow_bytes_put(header, length, VOW_FRAME_HEADER_BYTES);
}

int vow_frame_peek(const uint8_t *data, size_t len, uint32_t frame_max, uint32_t *length)
{
    *length = 0;
    if (len < VOW_FRAME_HEADER_BYTES)
        return 0;
    const uint32_t body = (uint32_t)vow_bytes_take(data, VOW_FRAME_HEADER_BYTES);
    /* Every message has at least the tag that names it, so an empty body is none of ours (fault F161). */
    if (body == 0 || body > frame_max)
        return VOW_E_FRAME;
    *length = body;
    return len - VOW_FRAME_HEADER_BYTES >= body;
}
