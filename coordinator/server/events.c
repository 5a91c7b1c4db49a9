/*
 * Events: what stands between the sessions and the broker (broker.h), whichever it is. Who says that he is somebody
 * else is refused here, and what the broker says is sent, traced and told from here.
 */
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

/* ---- what the broker says ---- */

/* A consumer for whom much waits already is not sent more (fault F029). */
static bool host_send(void *ctx, uint64_t to, const struct vow_msg *msg)
{
    struct vow_server *server = ctx;
    struct session *session = session_find(server, to);
    if (session == NULL || !session->up)
        return true; /* lost, like any message; the broker hears that it is gone */
    if (session->is_full && msg->kind == VOW_MSG_DELIVER)
        return false;
    server_send(server, session, msg);
    return true;
}

static void host_kept(void *ctx, const struct vow_gtrid *gtrid, uint64_t wall_us)
{
    trace_event(ctx, gtrid, wall_us);
}

static void host_lettered(void *ctx, const char *group, uint64_t offset, const char *says)
{
    trace_letter(ctx, group, offset, says);
}

static void host_ordered(void *ctx, uint64_t tag, int error, const char *text)
{
    operate_ordered(ctx, tag, error, text);
}

static uint64_t host_now_ms(void *ctx)
{
    (void)ctx;
    return vow_clock_ms();
}

static uint64_t host_wall_us(void *ctx)
{
    (void)ctx;
    return vow_clock_wall_us();
}

const struct broker_host events_host = {.send = host_send,
                                        .kept = host_kept,
                                        .lettered = host_lettered,
                                        .ordered = host_ordered,
                                        .now_ms = host_now_ms,
                                        .wall_us = host_wall_us};

/* ---- what participants say ---- */

static void refuse(struct vow_server *server, struct session *session, const struct vow_msg_event *event)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISHED,
                                .published = {.key = event->key,
                                              .key_seq = event->key_seq,
                                              .error = VOW_E_IDENTITY,
                                              .text = "the event is of another participant, or of another data file"}};
    server_send(server, session, &msg);
}

static void publish(struct vow_server *server, struct session *session, const struct broker_peer *peer,
                    const struct vow_msg_event *event)
{
    if (strcmp(event->source, session->name) != 0 ||
        memcmp(event->db_uuid, session->peer.db_uuid, VOW_DB_UUID_BYTES) != 0) {
        refuse(server, session, event);
        return;
    }
    server->broker->ops->publish(server->broker, peer, event);
    admission_note_events(server);
}

bool events_takes(enum vow_msg_kind kind)
{
    return kind == VOW_MSG_PUBLISH || kind == VOW_MSG_SUBSCRIBE || kind == VOW_MSG_DELIVERED || kind == VOW_MSG_SEEK;
}

void events_message(struct vow_server *server, struct session *session, const struct vow_msg *msg)
{
    const struct broker_peer peer = {.session = session->id, .name = session->name};
    struct broker *broker = server->broker;
    if (msg->kind == VOW_MSG_PUBLISH)
        publish(server, session, &peer, &msg->publish.event);
    else if (msg->kind == VOW_MSG_SUBSCRIBE)
        broker->ops->subscribe(broker, &peer, &msg->subscribe);
    else if (msg->kind == VOW_MSG_DELIVERED)
        broker->ops->ack(broker, &peer, &msg->delivered);
    else
        broker->ops->seek(broker, &peer, &msg->seek);
}
