/*
 * The messages of events, from protobuf-c's structs. The forms are checked here, once for all: a core, a journal and a
 * consumer's handlers may count on them. A chain that is too long (F213) is the core's to refuse, which can tell the
 * publisher so.
 */
#include <string.h>

#include "proto/codec_read.h"

/* What travels is one byte, and the limit may grow. */
#define HOPS_HIGHEST 255

static bool read_header(struct codec_in *in, const Vow__EventHeader *from, struct vow_msg_header_of_event *to)
{
    to->value = from->value;
    return codec_read_name(in, from->name, &to->name) &&
           codec_expect(in, vow_event_value_is_valid(from->value), "a header's value that is none");
}

static bool read_headers(struct codec_in *in, Vow__EventHeader *const *from, size_t len, size_t len_max,
                         const struct vow_msg_header_of_event **headers, uint32_t *headers_len)
{
    if (!codec_expect(in, len <= len_max, "too many headers of an event"))
        return false;
    struct vow_msg_header_of_event *to = arena_take(in->arena, len * sizeof(*to));
    if (to == NULL)
        return codec_expect(in, false, "no room for the headers of an event");
    for (size_t i = 0; i < len; i++) {
        if (!read_header(in, from[i], &to[i]))
            return false;
    }
    *headers = to;
    *headers_len = (uint32_t)len;
    return true;
}

static bool read_event_key(struct codec_in *in, const char *value, const char **key)
{
    *key = value;
    return codec_expect(in, vow_key_is_valid(value), "a key that is none");
}

static bool read_source(struct codec_in *in, const Vow__Event *from, struct vow_msg_event *to)
{
    if (!codec_expect(in, from->db_uuid.len == VOW_DB_UUID_BYTES, "a database id that is not 16 bytes"))
        return false;
    memcpy(to->db_uuid, from->db_uuid.data, VOW_DB_UUID_BYTES);
    return codec_read_name(in, from->source, &to->source);
}

static bool read_event(struct codec_in *in, const Vow__Event *from, struct vow_msg_event *to)
{
    if (from == NULL)
        return codec_expect(in, false, "no event");
    to->topic = from->topic;
    to->key_seq = from->key_seq;
    to->version = from->version;
    to->wall_us = from->wall_us;
    to->hops = from->hops;
    to->deadline_us = from->deadline_us;
    to->payload = (struct vow_slice){.data = from->payload.data, .len = from->payload.len};
    return codec_expect(in, vow_topic_is_valid(from->topic), "a topic that is none") &&
           read_event_key(in, from->key, &to->key) && read_source(in, from, to) &&
           codec_read_gtrid_or_none(in, from->gtrid, &to->gtrid) &&
           codec_expect(in, from->key_seq > 0, "an event without its number") &&
           codec_expect(in, from->version > 0, "an event without a version") &&
           codec_expect(in, from->hops <= HOPS_HIGHEST, "a chain of events that is too long") &&
           codec_expect(in, from->payload.len <= VOW_EVENT_PAYLOAD_MAX, "a payload of an event that is too long") &&
           read_headers(in, from->headers, from->n_headers, VOW_EVENT_HEADERS_MAX, &to->headers, &to->headers_len);
}

bool codec_read_publish(struct codec_in *in, const Vow__Publish *from, struct vow_msg_publish *to)
{
    return read_event(in, from->event, &to->event);
}

bool codec_read_published(struct codec_in *in, const Vow__Published *from, struct vow_msg_published *to)
{
    to->key_seq = from->key_seq;
    to->offset = from->offset;
    to->retry_after_ms = from->retry_after_ms;
    return read_event_key(in, from->key, &to->key) && codec_read_error(in, from->error, &to->error) &&
           codec_read_text(in, from->text, &to->text);
}

static bool read_words(struct codec_in *in, char *const *from, size_t len, bool (*is_valid)(const char *),
                       const char *const **words, uint32_t *words_len)
{
    if (!codec_expect(in, len <= VOW_PATTERNS_MAX, "too many topics"))
        return false;
    const char **to = arena_take(in->arena, len * sizeof(*to));
    if (to == NULL)
        return codec_expect(in, false, "no room for the topics");
    for (size_t i = 0; i < len; i++) {
        if (!codec_expect(in, is_valid(from[i]), "a topic that is none"))
            return false;
        to[i] = from[i];
    }
    *words = to;
    *words_len = (uint32_t)len;
    return true;
}

bool codec_read_subscribe(struct codec_in *in, const Vow__Subscribe *from, struct vow_msg_subscribe *to)
{
    to->key_filter = from->key_filter;
    to->from = (enum vow_event_from)from->from;
    to->offset = from->offset;
    to->window = from->window;
    to->attempts_max = from->attempts_max;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
    return codec_read_name(in, from->group, &to->group) &&
           codec_expect(in, from->n_patterns > 0, "a subscription to nothing") &&
           read_words(in, from->patterns, from->n_patterns, vow_pattern_is_valid, &to->patterns, &to->patterns_len) &&
           read_words(in, from->publishes, from->n_publishes, vow_topic_is_valid, &to->publishes, &to->publishes_len) &&
           codec_expect(in, from->key_filter[0] == '\0' || vow_key_filter_is_valid(from->key_filter),
                        "a filter of keys that is none") &&
           codec_read_enum(in, from->from, VOW_FROM_OFFSET, "a beginning that is none") &&
           read_headers(in, from->filters, from->n_filters, VOW_FILTERS_MAX, &to->filters, &to->filters_len);
}

bool codec_read_subscribed(struct codec_in *in, const Vow__Subscribed *from, struct vow_msg_subscribed *to)
{
    to->cursor = from->cursor;
    return codec_read_name(in, from->group, &to->group) && codec_read_error(in, from->error, &to->error) &&
           codec_read_text(in, from->text, &to->text);
}

static bool read_attempt(struct codec_in *in, uint32_t value, uint32_t *attempt)
{
    *attempt = value;
    return codec_expect(in, value > 0, "a delivery without its number");
}

bool codec_read_deliver(struct codec_in *in, const Vow__Deliver *from, struct vow_msg_deliver *to)
{
    to->offset = from->offset;
    return codec_read_name(in, from->group, &to->group) && read_attempt(in, from->attempt, &to->attempt) &&
           read_event(in, from->event, &to->event);
}

bool codec_read_delivered(struct codec_in *in, const Vow__Delivered *from, struct vow_msg_delivered *to)
{
    to->offset = from->offset;
    to->result = (enum vow_event_result)from->result;
    return codec_read_name(in, from->group, &to->group) && read_attempt(in, from->attempt, &to->attempt) &&
           codec_read_enum(in, from->result, VOW_EVENT_UNABLE, "a result of a delivery that is none") &&
           codec_read_cause(in, from->cause, &to->cause) && codec_read_text(in, from->text, &to->text);
}

bool codec_read_seek(struct codec_in *in, const Vow__Seek *from, struct vow_msg_seek *to)
{
    to->offset = from->offset;
    return codec_read_name(in, from->group, &to->group);
}
