/*
 * Private to the codec: what protobuf-c itself lets pass, refused before it sees the bytes.
 *
 * protobuf-c takes the last of a repeated singular field, cuts numbers to the width of their field, ends a string at
 * its first NUL, and has had bugs in odd bytes (bug B61). One pass over the tags refuses all of that (faults F162,
 * F163) and bounds how often it will allocate.
 */
#ifndef VOW_PROTO_CODEC_SHAPE_H
#define VOW_PROTO_CODEC_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/* Elements of one repeated field, at most; the decoder knows the exact limits. */
#define CODEC_ELEMENTS_MAX 256

/* Returns NULL if the bytes are a well-formed message of that type, else what is wrong (static text). */
const char *codec_check_shape(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len);

#endif
