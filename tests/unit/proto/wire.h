/* Bytes of protobuf written by hand, right and wrong, for what our own encoder never makes. */
#ifndef VOW_TESTS_PROTO_WIRE_H
#define VOW_TESTS_PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX 65536

struct wire {
    uint8_t data[WIRE_MAX];
    size_t len;
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_GROUP = 3, WIRE_END_GROUP = 4, WIRE_32 = 5 };

void wire_byte(struct wire *wire, unsigned byte);
void wire_varint(struct wire *wire, uint64_t value);
void wire_tag(struct wire *wire, uint32_t field, unsigned wire_type);
void wire_number(struct wire *wire, uint32_t field, uint64_t value);
void wire_bytes(struct wire *wire, uint32_t field, const void *data, size_t len);
void wire_text(struct wire *wire, uint32_t field, const char *text);
void wire_nested(struct wire *wire, uint32_t field, const struct wire *nested);

/* An Envelope ends with the checksum of what is before it (proto/vow.proto). */
#define WIRE_SEAL_BYTES 5
/* Behind data[0..len). Returns the length with it. */
size_t wire_seal_bytes(uint8_t *data, size_t len);
void wire_seal(struct wire *envelope);

#endif
