#include "proto/codec_seal.h"

#include <zlib.h>

/* (9 << 3) | 5, as protobuf writes the tag of a fixed32. */
#define SEAL_TAG 0x4d

static uint32_t sum(const uint8_t *body, size_t len)
{
    return (uint32_t)crc32_z(0, body, len);
}

void codec_seal_put(uint8_t *body, size_t len)
{
    const uint32_t crc = sum(body, len);
    uint8_t *seal = body + len;

    *seal++ = SEAL_TAG;
    for (unsigned shift = 0; shift < 32; shift += 8)
        *seal++ = (uint8_t)(crc >> shift);
}

enum codec_seal codec_seal_check(const uint8_t *body, size_t len)
{
    if (len < CODEC_SEAL_BYTES || body[len - CODEC_SEAL_BYTES] != SEAL_TAG)
        return CODEC_SEAL_NONE;
    const size_t sealed = len - CODEC_SEAL_BYTES;
    uint32_t crc = 0;
    for (size_t i = 0; i < 4; i++)
        crc |= (uint32_t)body[sealed + 1 + i] << (8 * i);
    return crc == sum(body, sealed) ? CODEC_SEAL_GOOD : CODEC_SEAL_BROKEN;
}
