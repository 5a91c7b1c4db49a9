/* Numbers in frames, files and hashes: fixed width, big-endian, the same on every machine. */
#ifndef VOW_PROTO_BYTES_H
#define VOW_PROTO_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Writes the low `len` bytes of value; returns the place after them. */
static inline uint8_t *vow_bytes_put(uint8_t *at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return at + len;
}

static inline uint64_t vow_bytes_take(const uint8_t *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
