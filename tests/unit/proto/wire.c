#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

void wire_byte(struct wire *wire, unsigned byte)
{
    cr_assert_lt(wire->len, WIRE_MAX);
    wire->data[wire->len++] = (uint8_t)byte;
}

void wire_varint(struct wire *wire, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        wire_byte(wire, (value & 0x7f) | 0x80);
    wire_byte(wire, (unsigned)value);
}

void wire_tag(struct wire *wire, uint32_t field, unsigned wire_type)
{
    wire_varint(wire, (uint64_t)field << 3 | wire_type);
}

void wire_number(struct wire *wire, uint32_t field, uint64_t value)
{
    wire_tag(wire, field, WIRE_VARINT);
    wire_varint(wire, value);
}

void wire_bytes(struct wire *wire, uint32_t field, const void *data, size_t len)
{
    wire_tag(wire, field, WIRE_LEN);
    wire_varint(wire, len);
    for (size_t i = 0; i < len; i++)
        wire_byte(wire, ((const uint8_t *)data)[i]);
}

void wire_text(struct wire *wire, uint32_t field, const char *text)
{
    wire_bytes(wire, field, text, strlen(text));
}

void wire_nested(struct wire *wire, uint32_t field, const struct wire *nested)
{
    wire_bytes(wire, field, nested->data, nested->len);
}

size_t wire_seal_bytes(uint8_t *data, size_t len)
{
    const uint32_t crc = (uint32_t)crc32(0, data, (uInt)len);
    data[len] = 9 << 3 | WIRE_32;
    for (unsigned i = 0; i < 4; i++)
        data[len + 1 + i] = (uint8_t)(crc >> (8 * i));
    return len + WIRE_SEAL_BYTES;
}

void wire_seal(struct wire *envelope)
{
    cr_assert_leq(envelope->len + WIRE_SEAL_BYTES, WIRE_MAX);
    envelope->len = wire_seal_bytes(envelope->data, envelope->len);
}
