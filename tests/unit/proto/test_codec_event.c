/* What the decoder refuses in the messages of events: cores, journal and handlers may count on the rest. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "sample.h"

static uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];

/* wanted: what the refusal says; NULL = it is taken. */
static void expect(const struct vow_msg *msg, const char *wanted)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg read;
    const char *why = NULL;
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    cr_assert_gt(len, VOW_FRAME_HEADER_BYTES);
    const int error = vow_msg_decode(arena, frame + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES, &read, &why);
    cr_expect_eq(error, wanted == NULL ? 0 : VOW_E_MESSAGE, "%s", wanted != NULL ? wanted : why);
    if (wanted != NULL && error != 0)
        cr_expect_str_eq(why, wanted);
    vow_arena_free(arena);
}

/* Changes one part of a good event, and says what is wrong then. PUBLISH and DELIVER have it in the same form. */
#define EXPECT_EVENT(part, value, wanted)                                                                              \
    do {                                                                                                               \
        struct vow_msg publish = sample_full(VOW_MSG_PUBLISH), deliver = sample_full(VOW_MSG_DELIVER);                 \
        publish.publish.event.part = value;                                                                            \
        deliver.deliver.event.part = value;                                                                            \
        expect(&publish, wanted);                                                                                      \
        expect(&deliver, wanted);                                                                                      \
    } while (0)

Test(codec_event, F162_an_event)
{
    EXPECT_EVENT(topic, "a.*", "a topic that is none");
    EXPECT_EVENT(topic, "", "a topic that is none");
    EXPECT_EVENT(key, "", "a key that is none");
    EXPECT_EVENT(key, "a\nb", "a key that is none");
    EXPECT_EVENT(source, "", "a name that is none");
    EXPECT_EVENT(key_seq, 0, "an event without its number");
    EXPECT_EVENT(version, 0, "an event without a version");
    EXPECT_EVENT(gtrid, (struct vow_gtrid){{0}}, NULL);
}

/* F213: a chain that is too long is refused with words, so it has to come through. */
Test(codec_event, F213_a_long_chain_comes_through)
{
    EXPECT_EVENT(hops, VOW_EVENT_HOPS_MAX + 1, NULL);
    EXPECT_EVENT(hops, 255, NULL);
    EXPECT_EVENT(hops, 256, "a chain of events that is too long");
}

Test(codec_event, F163_the_size_of_an_event)
{
    static const uint8_t bytes[VOW_EVENT_PAYLOAD_MAX + 1];
    const struct vow_slice most = {bytes, VOW_EVENT_PAYLOAD_MAX}, more = {bytes, VOW_EVENT_PAYLOAD_MAX + 1};
    EXPECT_EVENT(payload, most, NULL);
    EXPECT_EVENT(payload, more, "a payload of an event that is too long");
}

Test(codec_event, F162_the_headers_of_an_event)
{
    char value[VOW_EVENT_VALUE_MAX + 2] = "";
    struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX];
    struct vow_msg msg = sample_full(VOW_MSG_PUBLISH);
    for (size_t i = 0; i < VOW_EVENT_HEADERS_MAX; i++)
        headers[i] = (struct vow_msg_header_of_event){"h", value};
    memset(value, 'v', VOW_EVENT_VALUE_MAX);
    msg.publish.event.headers = headers;
    msg.publish.event.headers_len = VOW_EVENT_HEADERS_MAX;
    expect(&msg, NULL);
    value[VOW_EVENT_VALUE_MAX] = 'v';
    expect(&msg, "a header's value that is none");
    headers[0] = (struct vow_msg_header_of_event){"a b", "v"};
    expect(&msg, "a name that is none");
}

Test(codec_event, F162_a_subscription)
{
    static const char *const none[] = {"a..b"}, *const wild[] = {"a.*"};
    struct vow_msg msg = sample_full(VOW_MSG_SUBSCRIBE);
    msg.subscribe.patterns_len = 0;
    expect(&msg, "a subscription to nothing");
    msg = sample_full(VOW_MSG_SUBSCRIBE);
    msg.subscribe.patterns = none;
    msg.subscribe.patterns_len = 1;
    expect(&msg, "a topic that is none");
    msg = sample_full(VOW_MSG_SUBSCRIBE);
    msg.subscribe.publishes = wild;
    msg.subscribe.publishes_len = 1;
    expect(&msg, "a topic that is none");
    msg = sample_full(VOW_MSG_SUBSCRIBE);
    msg.subscribe.key_filter = "a*b";
    expect(&msg, "a filter of keys that is none");
    msg.subscribe.key_filter = "";
    expect(&msg, NULL);
    msg.subscribe.from = 0;
    expect(&msg, "a beginning that is none");
    msg.subscribe.from = VOW_FROM_OFFSET + 1;
    expect(&msg, "a beginning that is none");
}

Test(codec_event, F163_the_filters_of_a_subscription)
{
    struct vow_msg_header_of_event filters[VOW_FILTERS_MAX];
    struct vow_msg msg = sample_full(VOW_MSG_SUBSCRIBE);
    for (size_t i = 0; i < VOW_FILTERS_MAX; i++)
        filters[i] = (struct vow_msg_header_of_event){"h", "v"};
    msg.subscribe.filters = filters;
    msg.subscribe.filters_len = VOW_FILTERS_MAX;
    expect(&msg, NULL);
}

Test(codec_event, F162_a_delivery_and_what_became_of_it)
{
    struct vow_msg msg = sample_full(VOW_MSG_DELIVER);
    msg.deliver.attempt = 0;
    expect(&msg, "a delivery without its number");
    msg = sample_full(VOW_MSG_DELIVERED);
    msg.delivered.attempt = 0;
    expect(&msg, "a delivery without its number");
    msg = sample_full(VOW_MSG_DELIVERED);
    msg.delivered.result = 0;
    expect(&msg, "a result of a delivery that is none");
    msg.delivered.result = VOW_EVENT_UNABLE + 1;
    expect(&msg, "a result of a delivery that is none");
    msg = sample_full(VOW_MSG_DELIVERED);
    msg.delivered.group = "";
    expect(&msg, "a name that is none");
    msg = sample_full(VOW_MSG_SEEK);
    msg.seek.group = "a b";
    expect(&msg, "a name that is none");
}
