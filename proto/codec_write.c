/* protobuf-c knows no const; packing only reads. */
#include "proto/codec_write.h"

#include "proto/assert.h"

char *codec_put_string(const char *string)
{
    return (char *)(string == NULL ? "" : string);
}

/* Texts come from handlers and from SQLite. One that may not travel is cleaned here: it must not cost a connection. */
char *codec_put_text(struct codec_out *out, const char *text)
{
    VOW_ASSERT(out->texts_len < CODEC_TEXTS);
    char *copy = out->texts[out->texts_len++];
    vow_text_copy(copy, text == NULL ? "" : text);
    return copy;
}

ProtobufCBinaryData codec_put_slice(struct vow_slice slice)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)slice.data, .len = slice.len};
}

/* All-zero bytes stand for "none" and stay away. */
ProtobufCBinaryData codec_put_gtrid(const struct vow_gtrid *gtrid)
{
    const size_t len = vow_gtrid_is_none(gtrid) ? 0 : VOW_GTRID_BYTES;
    return (ProtobufCBinaryData){.data = (uint8_t *)gtrid->bytes, .len = len};
}

Vow__Header *codec_put_header(struct codec_out *out, const struct vow_msg_header *from)
{
    vow__header__init(&out->header);
    out->header.gtrid = codec_put_gtrid(&from->gtrid);
    out->header.branch = from->branch;
    out->header.incarnation = from->incarnation;
    out->header.epoch = from->epoch;
    out->header.attempt = from->attempt;
    return &out->header;
}

Vow__Watermark *codec_put_watermark(struct codec_out *out, struct vow_watermark from)
{
    if (from.epoch == 0 && from.seq == 0)
        return NULL;
    vow__watermark__init(&out->watermark);
    out->watermark.epoch = from.epoch;
    out->watermark.seq = from.seq;
    return &out->watermark;
}

Vow__Call **codec_put_calls(struct codec_out *out, const struct vow_msg_call *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Call *call = &out->calls[i];
        vow__call__init(call);
        call->participant = codec_put_string(from[i].participant);
        call->handler = codec_put_string(from[i].handler);
        call->payload = codec_put_slice(from[i].payload);
        out->call_list[i] = call;
    }
    return out->call_list;
}

Vow__Work **codec_put_work(struct codec_out *out, const struct vow_msg_work *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Work *work = &out->work[i];
        vow__work__init(work);
        work->participant = codec_put_string(from[i].participant);
        work->ops = from[i].ops;
        out->work_list[i] = work;
    }
    return out->work_list;
}

Vow__Peer **codec_put_peers(struct codec_out *out, const struct vow_msg_peer *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Peer *peer = &out->peers[i];
        vow__peer__init(peer);
        peer->name = codec_put_string(from[i].name);
        peer->address = codec_put_string(from[i].address);
        peer->incarnation = from[i].incarnation;
        out->peer_list[i] = peer;
    }
    return out->peer_list;
}
