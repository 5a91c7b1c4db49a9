#include "proto/codec_read.h"

#include <string.h>

#include "proto/address.h"
#include "proto/error.h"

/* Error codes lie between this and 0. A code of a newer peer is let through: error.h has an answer for unknown ones. */
#define ERROR_LOWEST (-9999)

bool codec_expect(struct codec_in *in, bool holds, const char *why)
{
    if (!holds)
        in->why = why;
    return holds;
}

/* --- Parts of messages --- */

/* True for 1 to highest: zero means "not set" in every list of ours. */
bool codec_read_enum(struct codec_in *in, uint32_t value, unsigned highest, const char *why)
{
    return codec_expect(in, value >= 1 && value <= highest, why);
}

bool codec_read_cause(struct codec_in *in, uint32_t value, enum vow_cause *cause)
{
    *cause = (enum vow_cause)value;
    return codec_expect(in, value <= INT32_MAX && vow_cause_is_valid((int)value), "a cause that is none");
}

bool codec_read_error(struct codec_in *in, int32_t value, int *error)
{
    *error = value;
    return codec_expect(in, value <= 0 && value >= ERROR_LOWEST, "an error code that is none");
}

bool codec_read_name(struct codec_in *in, const char *value, const char **name)
{
    *name = value;
    return codec_expect(in, vow_name_is_valid(value), "a name that is none");
}

bool codec_read_name_or_none(struct codec_in *in, const char *value, const char **name)
{
    *name = value;
    return codec_expect(in, value[0] == '\0' || vow_name_is_valid(value), "a name that is none");
}

bool codec_read_text(struct codec_in *in, const char *value, const char **text)
{
    *text = value;
    return codec_expect(in, strlen(value) <= VOW_TEXT_MAX, "a text that is too long") &&
           codec_expect(in, vow_text_is_printable(value), "a text that is not printable");
}

bool codec_read_coord(struct codec_in *in, uint64_t value, uint64_t *coord)
{
    *coord = value;
    return codec_expect(in, value <= VOW_COORD_MAX, "a coordinator id over 48 bits");
}

bool codec_read_gtrid_or_none(struct codec_in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid)
{
    *gtrid = (struct vow_gtrid){0};
    if (!codec_expect(in, bytes.len == 0 || bytes.len == VOW_GTRID_BYTES, "a transaction id that is not 26 bytes"))
        return false;
    if (bytes.len != 0)
        memcpy(gtrid->bytes, bytes.data, VOW_GTRID_BYTES);
    return true;
}

bool codec_read_gtrid(struct codec_in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid)
{
    return codec_read_gtrid_or_none(in, bytes, gtrid) &&
           codec_expect(in, !vow_gtrid_is_none(gtrid), "no transaction id");
}

bool codec_read_header(struct codec_in *in, const Vow__Header *from, struct vow_msg_header *to)
{
    if (!codec_expect(in, from != NULL, "no header") || !codec_read_gtrid(in, from->gtrid, &to->gtrid))
        return false;
    to->branch = from->branch;
    to->incarnation = from->incarnation;
    to->epoch = from->epoch;
    to->attempt = from->attempt;
    return true;
}

/* An absent watermark is the lowest one: it forgets nothing. A participant's store makes an id of it, and
 * vow_gtrid_make() counts on the range. */
bool codec_read_watermark(struct codec_in *in, const Vow__Watermark *from, struct vow_watermark *to)
{
    *to = from == NULL ? (struct vow_watermark){0} : (struct vow_watermark){.epoch = from->epoch, .seq = from->seq};
    return codec_expect(in, to->seq <= VOW_SEQ_MAX, "a watermark over 56 bits");
}

static bool read_call(struct codec_in *in, const Vow__Call *from, struct vow_msg_call *to)
{
    to->payload = (struct vow_slice){.data = from->payload.data, .len = from->payload.len};
    return codec_read_name(in, from->participant, &to->participant) && codec_read_name(in, from->handler, &to->handler);
}

bool codec_read_calls(struct codec_in *in, Vow__Call *const *from, size_t len, const struct vow_msg_call **calls,
                      uint32_t *calls_len)
{
    if (!codec_expect(in, len <= VOW_CALLS_MAX, "too many calls"))
        return false;
    struct vow_msg_call *to = arena_take(in->arena, len * sizeof(*to));
    if (!codec_expect(in, to != NULL, "no room for the calls"))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!read_call(in, from[i], &to[i]))
            return false;
    }
    *calls = to;
    *calls_len = (uint32_t)len;
    return true;
}

bool codec_read_key(struct codec_in *in, const char *value, const char **key)
{
    *key = value;
    return codec_expect(in, value[0] == '\0' || vow_key_is_valid(value), "a key that is none");
}

bool codec_read_work(struct codec_in *in, Vow__Work *const *from, size_t len, const struct vow_msg_work **work,
                     uint32_t *work_len)
{
    if (!codec_expect(in, len <= VOW_CALLS_MAX, "too many counts of work"))
        return false;
    struct vow_msg_work *to = arena_take(in->arena, len * sizeof(*to));
    if (!codec_expect(in, to != NULL, "no room for the counts of work"))
        return false;
    for (size_t i = 0; i < len; i++) {
        to[i].ops = from[i]->ops;
        if (!codec_read_name(in, from[i]->participant, &to[i].participant))
            return false;
    }
    *work = to;
    *work_len = (uint32_t)len;
    return true;
}

/* Peers connect to it, so it is one that the transport takes. */
bool codec_read_address(struct codec_in *in, const char *value, const char **address)
{
    struct vow_address parsed;
    *address = value;
    return codec_expect(in, value[0] == '\0' || vow_address_parse(value, &parsed) == 0, "an address that is none");
}

bool codec_read_peers(struct codec_in *in, Vow__Peer *const *from, size_t len, struct vow_msg_prepare *to)
{
    if (!codec_expect(in, len <= VOW_CALLS_MAX, "too many peers"))
        return false;
    struct vow_msg_peer *peers = arena_take(in->arena, len * sizeof(*peers));
    if (!codec_expect(in, peers != NULL, "no room for the peers"))
        return false;
    for (size_t i = 0; i < len; i++) {
        peers[i].incarnation = from[i]->incarnation;
        if (!codec_read_name(in, from[i]->name, &peers[i].name) ||
            !codec_read_address(in, from[i]->address, &peers[i].address))
            return false;
    }
    to->peers = peers;
    to->peers_len = (uint32_t)len;
    return true;
}
