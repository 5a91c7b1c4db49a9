#include "proto/codec_shape.h"

#include <stdbool.h>
#include <string.h>

#include "proto/assert.h"
#include "proto/codec.h"

_Static_assert(CODEC_ELEMENTS_MAX >= VOW_CALLS_MAX && CODEC_ELEMENTS_MAX >= VOW_IDS_MAX, "too few for a full message");

/* More than any message of vow.proto has. */
#define FIELDS_MAX 64
#define FIELD_NUMBER_MAX ((1u << 29) - 1)
/* Bytes of a varint of 32 and of 64 bits, at most. */
enum { VARINT32_BYTES = 5, VARINT64_BYTES = 10 };

struct shape {
    const uint8_t *at, *end; /* what is not read yet of the innermost message */
    unsigned unknown;        /* unknown fields so far, at all levels */
    const char *why;
};

/* One field as it is on the wire. */
struct value {
    uint32_t field;
    uint8_t wire_type;
    uint64_t number;     /* varints */
    const uint8_t *data; /* length-prefixed */
    size_t len;
};

static bool fault(struct shape *shape, const char *why)
{
    shape->why = why;
    return false;
}

static bool read_varint(struct shape *shape, int bytes_max, uint64_t *number)
{
    *number = 0;
    for (int i = 0; i < bytes_max && shape->at < shape->end; i++) {
        const uint8_t byte = *shape->at++;
        *number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            const bool overflows = i == VARINT64_BYTES - 1 && byte > 1;
            return !overflows || fault(shape, "a number over 64 bits");
        }
    }
    return fault(shape, "a number that does not end");
}

static bool read_tag(struct shape *shape, struct value *value)
{
    uint64_t tag;
    if (!read_varint(shape, VARINT32_BYTES, &tag))
        return false;
    value->wire_type = tag & 7;
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
        return fault(shape, "a field number that is not allowed");
    value->field = (uint32_t)(tag >> 3);
    return true;
}

static bool skip(struct shape *shape, uint64_t len)
{
    if (len > (uint64_t)(shape->end - shape->at))
        return fault(shape, "a field that is cut off");
    shape->at += len;
    return true;
}

static bool read_value(struct shape *shape, struct value *value)
{
    switch (value->wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(shape, VARINT64_BYTES, &value->number);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(shape, 8);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(shape, 4);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
        uint64_t len;
        if (!read_varint(shape, VARINT32_BYTES, &len))
            return false;
        value->data = shape->at;
        value->len = (size_t)len;
        return skip(shape, len);
    }
    default: /* groups, which proto3 does not have, and two that nobody has */
        return fault(shape, "a wire type that is not allowed");
    }
}

static bool is_packed(const ProtobufCFieldDescriptor *field, const struct value *value)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_FIXED64 &&
           value->wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
}

static bool check_varint(struct shape *shape, const struct value *value, uint64_t max)
{
    if (value->wire_type != PROTOBUF_C_WIRE_TYPE_VARINT)
        return fault(shape, "a field of the wrong wire type");
    return value->number <= max || fault(shape, "a number out of the range of its field");
}

static bool check_fields(struct shape *shape, const ProtobufCMessageDescriptor *type);

/* Nesting ends, because no message type contains itself (vow.proto, fault F164). */
static bool check_nested(struct shape *shape, const ProtobufCMessageDescriptor *type, const struct value *value)
{
    struct shape nested = {.at = value->data, .end = value->data + value->len, .unknown = shape->unknown};
    const bool good = check_fields(&nested, type);
    shape->unknown = nested.unknown;
    shape->why = nested.why;
    return good;
}

static bool check_bytes(struct shape *shape, const ProtobufCFieldDescriptor *field, const struct value *value)
{
    if (value->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return fault(shape, "a field of the wrong wire type");
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return check_nested(shape, field->descriptor, value);
    if (field->type == PROTOBUF_C_TYPE_STRING && value->len > 0 && memchr(value->data, 0, value->len) != NULL)
        return fault(shape, "a text with a NUL in it");
    return true;
}

/* The types that vow.proto uses, and no others. */
static bool check_type(struct shape *shape, const ProtobufCFieldDescriptor *field, const struct value *value)
{
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return check_varint(shape, value, 1);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return check_varint(shape, value, UINT32_MAX);
    case PROTOBUF_C_TYPE_UINT64:
        return check_varint(shape, value, UINT64_MAX);
    case PROTOBUF_C_TYPE_FIXED32:
        return value->wire_type == PROTOBUF_C_WIRE_TYPE_32BIT || fault(shape, "a field of the wrong wire type");
    case PROTOBUF_C_TYPE_FIXED64:
        if (is_packed(field, value))
            return value->len % 8 == 0 || fault(shape, "a packed field that is cut off");
        return value->wire_type == PROTOBUF_C_WIRE_TYPE_64BIT || fault(shape, "a field of the wrong wire type");
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return check_bytes(shape, field, value);
    default:
        VOW_UNREACHABLE("vow.proto uses a type that the codec does not know");
    }
}

/* counts[i] is how many elements of field i have come; all members of a oneof count as one field. */
static bool count(struct shape *shape, size_t counts[FIELDS_MAX], const ProtobufCMessageDescriptor *type,
                  const ProtobufCFieldDescriptor *field, const struct value *value)
{
    const bool in_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    size_t *seen = &counts[in_oneof ? 0 : field - type->fields];
    /* An empty packed field counts, too: protobuf-c keeps a note of each. */
    *seen += is_packed(field, value) && value->len > 0 ? value->len / 8 : 1;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *seen <= CODEC_ELEMENTS_MAX || fault(shape, "too many elements");
    return *seen <= 1 || fault(shape, "a field that came twice");
}

static bool check_fields(struct shape *shape, const ProtobufCMessageDescriptor *type)
{
    VOW_ASSERT(type->n_fields <= FIELDS_MAX);
    size_t counts[FIELDS_MAX] = {0};
    while (shape->at < shape->end) {
        struct value value = {0};
        if (!read_tag(shape, &value) || !read_value(shape, &value))
            return false;
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, value.field);
        if (field == NULL) {
            if (++shape->unknown > VOW_UNKNOWN_FIELDS_MAX)
                return fault(shape, "too many unknown fields");
            continue;
        }
        if (!check_type(shape, field, &value) || !count(shape, counts, type, field, &value))
            return false;
    }
    return true;
}

const char *codec_check_shape(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len)
{
    struct shape shape = {.at = data, .end = data + len};
    return check_fields(&shape, type) ? NULL : shape.why;
}
