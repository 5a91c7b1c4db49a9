/* The messages of events, to protobuf-c's structs. */
#include "proto/assert.h"
#include "proto/codec_write.h"

static Vow__EventHeader **put_headers(struct codec_out *out, const struct vow_msg_header_of_event *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_EVENT_HEADERS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__EventHeader *header = &out->event_headers[i];
        vow__event_header__init(header);
        header->name = codec_put_string(from[i].name);
        header->value = codec_put_string(from[i].value);
        out->event_header_list[i] = header;
    }
    return out->event_header_list;
}

static Vow__Event *put_event(struct codec_out *out, const struct vow_msg_event *from)
{
    Vow__Event *to = &out->event;
    vow__event__init(to);
    to->topic = codec_put_string(from->topic);
    to->key = codec_put_string(from->key);
    to->source = codec_put_string(from->source);
    to->db_uuid = codec_put_slice((struct vow_slice){from->db_uuid, VOW_DB_UUID_BYTES});
    to->key_seq = from->key_seq;
    to->version = from->version;
    to->wall_us = from->wall_us;
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->hops = from->hops;
    to->deadline_us = from->deadline_us;
    to->n_headers = from->headers_len;
    to->headers = put_headers(out, from->headers, from->headers_len);
    to->payload = codec_put_slice(from->payload);
    return to;
}

Vow__Publish *codec_put_publish(struct codec_out *out, const struct vow_msg_publish *from)
{
    vow__publish__init(&out->publish);
    out->publish.event = put_event(out, &from->event);
    return &out->publish;
}

Vow__Published *codec_put_published(struct codec_out *out, const struct vow_msg_published *from)
{
    Vow__Published *to = &out->published;
    vow__published__init(to);
    to->key = codec_put_string(from->key);
    to->key_seq = from->key_seq;
    to->offset = from->offset;
    to->error = from->error;
    to->text = codec_put_text(out, from->text);
    to->retry_after_ms = from->retry_after_ms;
    return to;
}

/* protobuf-c knows no const; packing only reads. */
static char **put_words(char **list, const char *const *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_PATTERNS_MAX);
    for (uint32_t i = 0; i < len; i++)
        list[i] = codec_put_string(from[i]);
    return list;
}

Vow__Subscribe *codec_put_subscribe(struct codec_out *out, const struct vow_msg_subscribe *from)
{
    Vow__Subscribe *to = &out->subscribe;
    VOW_ASSERT(from->filters_len <= VOW_FILTERS_MAX);
    vow__subscribe__init(to);
    to->group = codec_put_string(from->group);
    to->n_patterns = from->patterns_len;
    to->patterns = put_words(out->pattern_list, from->patterns, from->patterns_len);
    to->key_filter = codec_put_string(from->key_filter);
    to->n_filters = from->filters_len;
    to->filters = put_headers(out, from->filters, from->filters_len);
    to->n_publishes = from->publishes_len;
    to->publishes = put_words(out->publish_list, from->publishes, from->publishes_len);
    to->from = from->from;
    to->offset = from->offset;
    to->window = from->window;
    to->attempts_max = from->attempts_max;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
    return to;
}

Vow__Subscribed *codec_put_subscribed(struct codec_out *out, const struct vow_msg_subscribed *from)
{
    Vow__Subscribed *to = &out->subscribed;
    vow__subscribed__init(to);
    to->group = codec_put_string(from->group);
    to->error = from->error;
    to->text = codec_put_text(out, from->text);
    to->cursor = from->cursor;
    return to;
}

Vow__Deliver *codec_put_deliver(struct codec_out *out, const struct vow_msg_deliver *from)
{
    Vow__Deliver *to = &out->deliver;
    vow__deliver__init(to);
    to->group = codec_put_string(from->group);
    to->offset = from->offset;
    to->attempt = from->attempt;
    to->event = put_event(out, &from->event);
    return to;
}

Vow__Delivered *codec_put_delivered(struct codec_out *out, const struct vow_msg_delivered *from)
{
    Vow__Delivered *to = &out->delivered;
    vow__delivered__init(to);
    to->group = codec_put_string(from->group);
    to->offset = from->offset;
    to->attempt = from->attempt;
    to->result = from->result;
    to->cause = from->cause;
    to->text = codec_put_text(out, from->text);
    return to;
}

Vow__Seek *codec_put_seek(struct codec_out *out, const struct vow_msg_seek *from)
{
    vow__seek__init(&out->seek);
    out->seek.group = codec_put_string(from->group);
    out->seek.offset = from->offset;
    return &out->seek;
}
