/* What vowctl is told of events: one row of JSON for each group and topic, and for each dead letter. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/fold/event_rows.h"
#include "coordinator/server/rows.h"
#include "proto/codec.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u

static char *row_group(const struct vow_relay_group_view *view)
{
    json_t *row = group_object(view);
    if (row != NULL) {
        json_object_set_new(row, "state", json_string(view->state));
        json_object_set_new(row, "connected", json_boolean(view->session != 0));
        json_object_set_new(row, "in_flight", json_u64(view->in_flight));
        json_object_set_new(row, "overdue", json_u64(view->overdue));
    }
    return row_finish(row);
}

static int answer_topic(void *answer, const struct vow_relay_topic_view *view)
{
    (void)answer_row(answer, row_finish(topic_object(view)));
    return 0;
}

void events_topics(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct answer answer = {.server = server, .session = session, .tag = request->tag};
    struct broker *broker = server->broker;
    struct vow_relay_group_view view;
    uint32_t at = 0;
    while (broker->ops->next_group(broker, &at, &view))
        (void)answer_row(&answer, row_group(&view));
    (void)broker->ops->topics(broker, answer_topic, &answer);
    answer_end(&answer, 0);
}

/* ---- dead letters ---- */

static bool is_printable(struct vow_slice payload)
{
    char text[VOW_EVENT_PAYLOAD_MAX + 1];
    if (payload.len > 0)
        memcpy(text, payload.data, payload.len);
    text[payload.len] = '\0';
    return strlen(text) == payload.len && vow_text_is_printable(text);
}

static json_t *hex(struct vow_slice payload)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * VOW_EVENT_PAYLOAD_MAX + 1];
    for (size_t i = 0; i < payload.len; i++) {
        text[2 * i] = digits[payload.data[i] >> 4];
        text[2 * i + 1] = digits[payload.data[i] & 15];
    }
    return json_stringn(text, 2 * payload.len);
}

static json_t *headers_of(const struct vow_msg_event *event)
{
    json_t *headers = json_object();
    for (uint32_t i = 0; i < event->headers_len; i++)
        json_object_set_new(headers, event->headers[i].name, json_string(event->headers[i].value));
    return headers;
}

void event_describe(json_t *row, const struct vow_msg_event *event)
{
    char id[VOW_GTRID_TEXT_SIZE];
    json_object_set_new(row, "topic", json_string(event->topic));
    json_object_set_new(row, "key", json_string(event->key));
    json_object_set_new(row, "source", json_string(event->source));
    json_object_set_new(row, "key_seq", json_u64(event->key_seq));
    json_object_set_new(row, "version", json_u64(event->version));
    json_object_set_new(row, "hops", json_u64(event->hops));
    json_object_set_new(row, "published_us", json_u64(event->wall_us));
    if (event->deadline_us != 0)
        json_object_set_new(row, "deadline_us", json_u64(event->deadline_us));
    if (event->headers_len > 0)
        json_object_set_new(row, "headers", headers_of(event));
    if (!vow_gtrid_is_none(&event->gtrid)) {
        vow_gtrid_to_text(&event->gtrid, id);
        json_object_set_new(row, "id", json_string(id));
    }
    if (is_printable(event->payload))
        json_object_set_new(row, "payload", json_stringn((const char *)event->payload.data, event->payload.len));
    else
        json_object_set_new(row, "payload_hex", hex(event->payload));
}

void events_dead_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct answer answer = {.server = server, .session = session, .tag = request->tag};
    const uint32_t limit = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    struct vow_relay_dead_view view;
    uint32_t at = 0, rows = 0;
    while (server->broker->ops->next_dead(server->broker, &at, &view)) {
        if (request->participant[0] != '\0' && strcmp(request->participant, view.group) != 0)
            continue;
        if (rows++ < limit)
            (void)answer_row(&answer, row_finish(dead_object(&view)));
        else
            answer.left_out++;
    }
    answer_end(&answer, 0);
}

bool events_offset(const char *text, uint64_t *lsn)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *lsn = strtoull(text, &end, 10);
    return *end == '\0' && *lsn != 0 && *lsn <= INT64_MAX;
}

void events_dead_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct vow_relay_dead_view view;
    uint64_t lsn = 0;
    uint32_t at = 0;
    const bool is_offset = events_offset(request->filter, &lsn);
    while (is_offset && server->broker->ops->next_dead(server->broker, &at, &view)) {
        if (view.kept.lsn != lsn || strcmp(view.group, request->participant) != 0)
            continue;
        json_t *row = dead_object(&view);
        if (row != NULL && view.kept.event != NULL)
            event_describe(row, view.kept.event);
        admin_reply_row(server, session, request->tag, row_finish(row), true);
        return;
    }
    admin_reply(server, session, request->tag, VOW_E_NOT_FOUND, "", true);
}

/* ---- what becomes of the events of an id ---- */

static const char *state_of(enum vow_relay_wait wait)
{
    if (wait == VOW_RELAY_WAIT_NONE)
        return "done";
    return wait == VOW_RELAY_WAIT_DEAD || wait == VOW_RELAY_WAIT_RETRIED ? "dead" : "waiting";
}

static void add_why(json_t *row, const struct vow_relay_reaction *reaction)
{
    json_object_set_new(row, "wait", json_string(vow_relay_wait_name(reaction->wait)));
    json_object_set_new(row, "why", json_string(vow_relay_wait_text(reaction->wait)));
    if (reaction->behind != 0)
        json_object_set_new(row, "behind", json_u64(reaction->behind));
    if (reaction->attempts != 0)
        json_object_set_new(row, "attempts", json_u64(reaction->attempts));
    if (reaction->cause != VOW_CAUSE_NONE)
        json_object_set_new(row, "cause", json_string(vow_cause_name((int)reaction->cause)));
    if (reaction->text[0] != '\0')
        json_object_set_new(row, "text", json_text(reaction->text));
}

static char *row_reaction(const struct vow_relay_reaction *reaction, const struct vow_msg_event *event, uint64_t lsn)
{
    const uint64_t now_us = vow_clock_wall_us();
    json_t *row =
        json_pack("{s:s,s:s,s:o,s:s,s:s,s:s}", "group", reaction->group, "participant", reaction->participant, "offset",
                  json_u64(lsn), "topic", event->topic, "key", event->key, "state", state_of(reaction->wait));
    if (row == NULL || reaction->wait == VOW_RELAY_WAIT_NONE)
        return row_finish(row);
    add_why(row, reaction);
    json_object_set_new(row, "age_ms", json_u64(now_us > event->wall_us ? (now_us - event->wall_us) / 1000 : 0));
    if (event->deadline_us != 0 && event->deadline_us <= now_us)
        json_object_set_new(row, "late_ms", json_u64((now_us - event->deadline_us) / 1000));
    return row_finish(row);
}

void events_reactions(struct answer *answer, const struct vow_journal_event *from)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct broker *broker = answer->server->broker;
    struct vow_relay_reaction reaction;
    struct vow_msg msg;
    const char *why;
    uint32_t at = 0;
    if (arena != NULL && vow_msg_decode(arena, from->record.body.data, from->record.body.len, &msg, &why) == 0 &&
        msg.kind == VOW_MSG_PUBLISH) {
        while (broker->ops->next_reaction(broker, &at, &msg.publish.event, from->lsn, &reaction))
            (void)answer_row(answer, row_reaction(&reaction, &msg.publish.event, from->lsn));
    }
    vow_arena_free(arena);
}
