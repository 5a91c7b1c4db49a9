#include "stand.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/net/clock.h"

#define PUBLISHER 7u

/* ---- the host ---- */

static struct said *note(struct stand *stand)
{
    cr_assert_lt(stand->said_len, STAND_SAID_MAX);
    return &stand->said[stand->said_len++];
}

static void note_event(struct said *said, const struct vow_msg_deliver *deliver)
{
    said->key_seq = deliver->event.key_seq;
    said->offset = deliver->offset;
    said->attempt = deliver->attempt;
    snprintf(said->name, sizeof said->name, "%s", deliver->event.key);
    cr_assert_lt(deliver->event.payload.len, sizeof said->payload);
    memcpy(said->payload, deliver->event.payload.data, deliver->event.payload.len);
}

static bool on_send(void *ctx, uint64_t session, const struct vow_msg *msg)
{
    struct stand *stand = ctx;
    struct said *said;

    if (stand->is_full && msg->kind == VOW_MSG_DELIVER)
        return false;
    said = note(stand);
    *said = (struct said){.session = session, .kind = msg->kind};
    if (msg->kind == VOW_MSG_DELIVER) {
        note_event(said, &msg->deliver);
    } else if (msg->kind == VOW_MSG_PUBLISHED) {
        said->error = msg->published.error;
        said->key_seq = msg->published.key_seq;
        said->offset = msg->published.offset;
        snprintf(said->name, sizeof said->name, "%s", msg->published.key);
    } else {
        cr_assert_eq(msg->kind, VOW_MSG_SUBSCRIBED);
        said->error = msg->subscribed.error;
        snprintf(said->name, sizeof said->name, "%s", msg->subscribed.group);
    }
    return true;
}

static void on_kept(void *ctx, const struct vow_gtrid *gtrid, uint64_t wall_us)
{
    struct stand *stand = ctx;

    (void)gtrid, (void)wall_us;
    stand->kept++;
}

static void on_lettered(void *ctx, const char *group, uint64_t offset, const char *says)
{
    (void)ctx, (void)group, (void)offset, (void)says;
}

static void on_ordered(void *ctx, uint64_t tag, int error, const char *text)
{
    struct said *said = note(ctx);

    (void)text;
    *said = (struct said){.tag = tag, .error = error};
}

static uint64_t on_now_ms(void *ctx)
{
    const struct stand *stand = ctx;

    return vow_clock_ms() + stand->skew_ms;
}

static uint64_t on_wall_us(void *ctx)
{
    (void)ctx;
    return vow_clock_wall_us();
}

const struct broker_host stand_host = {.send = on_send,
                                       .kept = on_kept,
                                       .lettered = on_lettered,
                                       .ordered = on_ordered,
                                       .now_ms = on_now_ms,
                                       .wall_us = on_wall_us};

/* ---- the stand ---- */

struct stand *stand_new(const struct stand_ops *ops)
{
    struct stand *stand = calloc(1, sizeof *stand);

    cr_assert_not_null(stand);
    stand->ops = ops;
    ops->open(stand);
    return stand;
}

void stand_free(struct stand *stand)
{
    stand->ops->close(stand);
    free(stand);
}

static const struct said *next(struct stand *stand)
{
    cr_assert_lt(stand->heard_len, stand->said_len, "nothing was said");
    return &stand->said[stand->heard_len++];
}

const struct said *stand_next(struct stand *stand, enum vow_msg_kind kind)
{
    const struct said *said = next(stand);

    cr_assert_eq(said->kind, kind, "%s, and not %s", vow_msg_name(said->kind), vow_msg_name(kind));
    return said;
}

const struct said *stand_next_ordered(struct stand *stand)
{
    const struct said *said = next(stand);

    cr_assert_eq(said->session, 0);
    return said;
}

void stand_quiet(struct stand *stand)
{
    cr_assert_eq(stand->heard_len, stand->said_len, "%s was said of \"%s\"",
                 vow_msg_name(stand->said[stand->heard_len].kind), stand->said[stand->heard_len].name);
}

void stand_wait(struct stand *stand)
{
    const struct broker *broker = stand->broker;

    for (int turn = 0; turn < 64 && stand->heard_len == stand->said_len; turn++) {
        const uint64_t due_ms = broker->ops->deadline_ms(broker);
        cr_assert_neq(due_ms, UINT64_MAX, "it waits for nothing");
        const uint64_t now_ms = on_now_ms(stand);
        stand->skew_ms += due_ms > now_ms ? due_ms - now_ms : 0;
        broker->ops->timer(stand->broker);
    }
}

/* ---- those who publish and consume ---- */

void stand_publish(struct stand *stand, uint64_t session, const char *key, uint64_t key_seq)
{
    const struct broker_peer peer = {.session = session, .name = "shop"};
    char payload[32];
    struct vow_msg_event event = {.topic = "order.placed",
                                  .key = key,
                                  .source = "shop",
                                  .db_uuid = {1},
                                  .key_seq = key_seq,
                                  .version = 1,
                                  .wall_us = 1,
                                  .payload = {.data = (const uint8_t *)payload}};

    event.payload.len = (size_t)snprintf(payload, sizeof payload, "%s/%llu", key, (unsigned long long)key_seq);
    stand->broker->ops->publish(stand->broker, &peer, &event);
}

uint64_t stand_kept(struct stand *stand, const char *key, uint64_t key_seq)
{
    const struct said *said;

    stand_publish(stand, PUBLISHER, key, key_seq);
    stand->ops->settle(stand);
    said = stand_next(stand, VOW_MSG_PUBLISHED);
    cr_assert_eq(said->error, 0, "%d", said->error);
    return said->offset;
}

void stand_subscribe(struct stand *stand, uint64_t session)
{
    static const char *const patterns[] = {"order.*"};
    const struct broker_peer peer = {.session = session, .name = "pay"};
    const struct vow_msg_subscribe subscribe = {
        .group = "billing", .patterns_len = 1, .patterns = patterns, .key_filter = "", .from = VOW_FROM_START};

    stand->broker->ops->subscribe(stand->broker, &peer, &subscribe);
    stand->ops->settle(stand);
    cr_assert_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, 0);
}

void stand_ack(struct stand *stand, uint64_t session, const struct said *delivery, enum vow_event_result result)
{
    const struct broker_peer peer = {.session = session, .name = "pay"};
    const struct vow_msg_delivered delivered = {.group = "billing",
                                                .offset = delivery->offset,
                                                .attempt = delivery->attempt,
                                                .result = result,
                                                .cause = result == VOW_EVENT_DONE ? VOW_CAUSE_NONE
                                                                                  : VOW_CAUSE_HANDLER_REFUSED,
                                                .text = ""};

    stand->broker->ops->ack(stand->broker, &peer, &delivered);
    stand->ops->settle(stand);
}

void stand_seek(struct stand *stand, uint64_t session, const char *group, uint64_t offset)
{
    const struct broker_peer peer = {.session = session, .name = "pay"};
    const struct vow_msg_seek seek = {.group = group, .offset = offset};

    stand->broker->ops->seek(stand->broker, &peer, &seek);
    stand->ops->settle(stand);
}
