/* The messages of events, as sample.h wants them. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/error.h"
#include "sample.h"

static const char text[] = "no \xe2\x82\xac left";
static const char longest_topic[] = "abcdefghijklmnopqrstuvwxyz.0123456789_-.abcdefghijklmnopqrstuvwx";
static const char longest_key[] = "0123456789 /abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXY";
static const struct vow_msg_header_of_event headers[] = {{"region", "eu"}, {"x", ""}, {"tenant.a", "k\xc3\xb6ln"}};
static const char *const patterns[] = {"order.*", "stock.#", "#", longest_topic};
static const char *const publishes[] = {"payment.done", longest_topic};

static struct vow_gtrid gtrid(void)
{
    return vow_gtrid_make(VOW_COORD_MAX, 7, VOW_SEQ_MAX, 0, UINT64_C(0x0123456789abcdef));
}

static void fill_event(struct vow_msg_event *event)
{
    *event = (struct vow_msg_event){.topic = longest_topic,
                                    .key = longest_key,
                                    .source = "stock",
                                    .key_seq = UINT64_MAX,
                                    .version = UINT32_MAX,
                                    .wall_us = UINT64_MAX,
                                    .gtrid = gtrid(),
                                    .hops = VOW_EVENT_HOPS_MAX,
                                    .deadline_us = 1764000000000000,
                                    .headers_len = 3,
                                    .headers = headers,
                                    .payload = {(const uint8_t *)"\0payload\xff", 9}};
    memset(event->db_uuid, 0xab, sizeof(event->db_uuid));
}

bool sample_fill_event(struct vow_msg *m)
{
    switch ((int)m->kind) {
    case VOW_MSG_PUBLISH:
        fill_event(&m->publish.event);
        return true;
    case VOW_MSG_PUBLISHED:
        m->published = (struct vow_msg_published){longest_key, UINT64_MAX, UINT64_MAX, VOW_E_BUSY, text, 250};
        return true;
    case VOW_MSG_SUBSCRIBE:
        m->subscribe = (struct vow_msg_subscribe){
            "shipping",      4,          patterns,   "order 7*", 3,          headers,    2, publishes,
            VOW_FROM_OFFSET, UINT64_MAX, UINT32_MAX, 10,         UINT32_MAX, UINT32_MAX,
        };
        return true;
    case VOW_MSG_SUBSCRIBED:
        m->subscribed = (struct vow_msg_subscribed){"shipping", VOW_E_REFUSED, text, UINT64_MAX};
        return true;
    case VOW_MSG_DELIVER:
        m->deliver = (struct vow_msg_deliver){.group = "shipping", .offset = UINT64_MAX, .attempt = UINT32_MAX};
        fill_event(&m->deliver.event);
        return true;
    case VOW_MSG_DELIVERED:
        m->delivered = (struct vow_msg_delivered){"shipping",       UINT64_MAX,           UINT32_MAX,
                                                  VOW_EVENT_UNABLE, VOW_CAUSE_CONSTRAINT, text};
        return true;
    case VOW_MSG_SEEK:
        m->seek = (struct vow_msg_seek){"shipping", UINT64_MAX};
        return true;
    default:
        return false;
    }
}

static const struct vow_msg_event bare_event = {.topic = "t", .key = "k", .source = "s", .key_seq = 1, .version = 1};

void sample_bare_event(struct vow_msg *m)
{
    static const char *const everything[] = {"#"};
    switch ((int)m->kind) {
    case VOW_MSG_PUBLISH:
        m->publish.event = bare_event;
        break;
    case VOW_MSG_PUBLISHED:
        m->published = (struct vow_msg_published){.key = "k", .text = ""};
        break;
    case VOW_MSG_SUBSCRIBE:
        m->subscribe = (struct vow_msg_subscribe){
            .group = "g", .patterns_len = 1, .patterns = everything, .key_filter = "", .from = VOW_FROM_RESUME};
        break;
    case VOW_MSG_SUBSCRIBED:
        m->subscribed = (struct vow_msg_subscribed){.group = "g", .text = ""};
        break;
    case VOW_MSG_DELIVER:
        m->deliver = (struct vow_msg_deliver){.group = "g", .attempt = 1, .event = bare_event};
        break;
    case VOW_MSG_DELIVERED:
        m->delivered = (struct vow_msg_delivered){.group = "g", .attempt = 1, .result = VOW_EVENT_DONE, .text = ""};
        break;
    case VOW_MSG_SEEK:
        m->seek.group = "g";
        break;
    default:
        break;
    }
}

/* --- Comparing --- */

#define SAME(field) cr_expect_eq(a->field, b->field, #field " differs")
#define SAME_TEXT(field) cr_expect_str_eq(a->field, b->field, #field " differs")
#define SAME_GTRID(field) cr_expect(vow_gtrid_equal(&a->field, &b->field), #field " differs")

static void same_headers(const struct vow_msg_header_of_event *a, const struct vow_msg_header_of_event *b, uint32_t len)
{
    for (; len > 0; len--, a++, b++) {
        SAME_TEXT(name);
        SAME_TEXT(value);
    }
}

static void same_words(const char *const *a, const char *const *b, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        cr_expect_str_eq(a[i], b[i]);
}

static void same_event(const struct vow_msg_event *a, const struct vow_msg_event *b)
{
    SAME_TEXT(topic);
    SAME_TEXT(key);
    SAME_TEXT(source);
    cr_expect_arr_eq(a->db_uuid, b->db_uuid, VOW_DB_UUID_BYTES);
    SAME(key_seq);
    SAME(version);
    SAME(wall_us);
    SAME_GTRID(gtrid);
    SAME(hops);
    SAME(deadline_us);
    SAME(headers_len);
    same_headers(a->headers, b->headers, a->headers_len);
    SAME(payload.len);
    if (a->payload.len != 0)
        cr_expect_eq(memcmp(a->payload.data, b->payload.data, a->payload.len), 0);
}

static void same_subscribe(const struct vow_msg_subscribe *a, const struct vow_msg_subscribe *b)
{
    SAME_TEXT(group);
    SAME(patterns_len);
    same_words(a->patterns, b->patterns, a->patterns_len);
    SAME_TEXT(key_filter);
    SAME(filters_len);
    same_headers(a->filters, b->filters, a->filters_len);
    SAME(publishes_len);
    same_words(a->publishes, b->publishes, a->publishes_len);
    SAME(from);
    SAME(offset);
    SAME(window);
    SAME(attempts_max);
    SAME(backoff_ms);
    SAME(backoff_max_ms);
}

static void same_answer(const struct vow_msg *a, const struct vow_msg *b)
{
    if (a->kind == VOW_MSG_PUBLISHED) {
        SAME_TEXT(published.key);
        SAME(published.key_seq);
        SAME(published.offset);
        SAME(published.error);
        SAME_TEXT(published.text);
        SAME(published.retry_after_ms);
        return;
    }
    SAME_TEXT(delivered.group);
    SAME(delivered.offset);
    SAME(delivered.attempt);
    SAME(delivered.result);
    SAME(delivered.cause);
    SAME_TEXT(delivered.text);
}

bool sample_same_event(const struct vow_msg *a, const struct vow_msg *b)
{
    switch ((int)a->kind) {
    case VOW_MSG_PUBLISH:
        same_event(&a->publish.event, &b->publish.event);
        return true;
    case VOW_MSG_PUBLISHED:
    case VOW_MSG_DELIVERED:
        same_answer(a, b);
        return true;
    case VOW_MSG_SUBSCRIBE:
        same_subscribe(&a->subscribe, &b->subscribe);
        return true;
    case VOW_MSG_SUBSCRIBED:
        SAME_TEXT(subscribed.group);
        SAME(subscribed.error);
        SAME_TEXT(subscribed.text);
        SAME(subscribed.cursor);
        return true;
    case VOW_MSG_DELIVER:
        SAME_TEXT(deliver.group);
        SAME(deliver.offset);
        SAME(deliver.attempt);
        same_event(&a->deliver.event, &b->deliver.event);
        return true;
    case VOW_MSG_SEEK:
        SAME_TEXT(seek.group);
        SAME(seek.offset);
        return true;
    default:
        return false;
    }
}
