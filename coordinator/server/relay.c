/*
 * Events beside transactions and sagas: sessions, the journal and the timer for their core (coordinator/core/relay),
 * which says what is sent, logged and told; the book has what the events say. Their records go into the same group
 * commits as those of transactions.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/assert.h"
#include "proto/codec.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* ---- effects ---- */

/* The core is in its step: it hears of it after that. */
static void note_undelivered(struct server_relay *relay, const struct vow_relay_effect *effect)
{
    struct undelivered *to;
    if (relay->undelivered_len == relay->undelivered_cap) {
        const size_t cap = relay->undelivered_cap > 0 ? relay->undelivered_cap * 2 : 64;
        to = realloc(relay->undelivered, cap * sizeof(*to));
        if (to == NULL)
            return; /* like a message that is lost: it is delivered again */
        relay->undelivered = to;
        relay->undelivered_cap = cap;
    }
    to = &relay->undelivered[relay->undelivered_len++];
    *to = (struct undelivered){.session = effect->session, .lsn = effect->msg.deliver.offset};
    memcpy(to->group, effect->msg.deliver.group, strlen(effect->msg.deliver.group) + 1);
}

/* A consumer for whom much waits already is not sent more (fault F029). */
static void effect_send(struct vow_server *server, const struct vow_relay_effect *effect)
{
    struct session *session = session_find(server, effect->session);
    if (session == NULL || !session->up)
        return;
    if (session->is_full && effect->msg.kind == VOW_MSG_DELIVER) {
        note_undelivered(&server->relay, effect);
        return;
    }
    server_send(server, session, &effect->msg);
}

/* What the record is about, as it travels. An id that is not one of ours has no place in the history. */
static void fill_event(struct vow_server *server, struct log_op *op, const struct vow_msg_event *event)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISH, .publish = {.event = *event}};
    log_op_put_message(op, &msg);
    memcpy(op->op.key.db_uuid, event->db_uuid, VOW_DB_UUID_BYTES);
    memcpy(op->op.key.key, event->key, strlen(event->key) + 1);
    op->op.key.key_seq = event->key_seq;
    op->event_us = event->wall_us;
    if (vow_gtrid_is_none(&event->gtrid) || vow_coord_id(server->core, &event->gtrid) == VOW_COORD_ID_VOID)
        op->op.record.gtrid = (struct vow_gtrid){{0}};
}

static void effect_log(struct vow_server *server, const struct vow_relay_effect *effect)
{
    const struct vow_record *record = &effect->log.record;
    VOW_CRASH("log", "before", vow_record_name(record->kind));
    struct log_op *op = log_op_take(server);
    op->is_relay = true;
    op->op.kind = VOW_JOURNAL_APPEND;
    op->op.token = effect->log.token;
    op->op.record = *record;
    op->op.record.branches = op->op.branches;
    if (record->kind == VOW_RECORD_EVENT) {
        fill_event(server, op, effect->log.event);
        server->relay.is_kept = true;
    } else if (record->kind == VOW_RECORD_GROUP) {
        const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE, .subscribe = *effect->log.subscribe};
        log_op_put_message(op, &msg);
    } else {
        log_op_put_bytes(op, record->body);
    }
    log_op_push(server, op, effect->log.forced);
}

static void effect_load(struct vow_server *server, const struct vow_relay_effect *effect)
{
    struct log_op *op = log_op_take(server);
    op->is_relay = true;
    op->op.kind = VOW_JOURNAL_EVENTS;
    op->op.after = effect->load.after;
    op->op.token = effect->load.group;
    op->op.events_max = effect->load.rows;
    log_op_push(server, op, true);
}

static void effect_alarm(const struct vow_relay_effect *effect)
{
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what), VOW_STR("group", effect->alarm.group),
            VOW_NUM("offset", effect->alarm.lsn), VOW_STR("do", "vowctl dlq list; then dlq retry, or dlq drop"));
}

/* Who has not done what by its deadline, since when, and why (docs/events.md). */
static void effect_late(const struct vow_relay_effect *effect)
{
    const struct vow_msg_event *event = effect->late.kept.event;
    const struct vow_relay_reaction *reaction = &effect->late.reaction;
    const uint64_t now_us = vow_clock_wall_us();
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&event->gtrid, id);
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", "the deadline of an event has passed, and a group has not done it"),
            VOW_STR("id", id), VOW_STR("service", reaction->participant), VOW_STR("group", reaction->group),
            VOW_NUM("offset", effect->late.kept.lsn), VOW_STR("topic", event->topic), VOW_STR("key", event->key),
            VOW_NUM("age_ms", now_us > event->wall_us ? (now_us - event->wall_us) / 1000 : 0),
            VOW_STR("why", vow_relay_wait_text(reaction->wait)), VOW_NUM("behind", reaction->behind),
            VOW_NUM("attempts", reaction->attempts), VOW_STR("cause", vow_cause_name((int)reaction->cause)),
            VOW_STR("do", "vowctl history ID; vowctl topics"));
}

static void carry_out(struct vow_server *server, const struct vow_relay_effect *effect)
{
    switch (effect->kind) {
    case VOW_RELAY_SEND:
        effect_send(server, effect);
        break;
    case VOW_RELAY_LOG:
        effect_log(server, effect);
        break;
    case VOW_RELAY_LOAD:
        effect_load(server, effect);
        break;
    case VOW_RELAY_ALARM:
        effect_alarm(effect);
        break;
    case VOW_RELAY_LATE:
        effect_late(effect);
        break;
    case VOW_RELAY_ORDERED:
        operate_ordered(server, effect->ordered.tag, effect->ordered.error, effect->ordered.text);
        break;
    case VOW_RELAY_FREED:
        relay_book_remove(&server->relay.book, effect->kept.event);
        break;
    }
}

static void step(struct vow_server *server, const struct vow_relay_event *event)
{
    struct vow_relay_effects effects;
    vow_relay_step(server->relay.core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(server, &effects.items[i]);
}

/* Nothing is sent meanwhile, so there is an end. */
void relay_step(struct vow_server *server, const struct vow_relay_event *event)
{
    struct server_relay *relay = &server->relay;
    step(server, event);
    while (relay->undelivered_len > 0) {
        const struct undelivered *last = &relay->undelivered[--relay->undelivered_len];
        struct vow_relay_event back = {.kind = VOW_RELAY_UNSENT, .now_ms = event->now_ms, .session = last->session};
        back.unsent.group = last->group;
        back.unsent.lsn = last->lsn;
        step(server, &back);
    }
}

/* ---- what the journal has to say ---- */

static void loaded(struct vow_server *server, struct vow_journal_op *op)
{
    struct relay_recovery recovery = relay_recovery_of(server, NULL);
    const int error = relay_recovery_load(&recovery, server->settings.event_bytes_max, op);
    vow_journal_events_free(op->events, op->events_len);
    op->events = NULL;
    op->events_len = 0;
    if (error != 0) {
        op->error = error;
        server_journal_failed(server, op);
    }
}

void relay_journal_done(struct vow_server *server, struct vow_journal_op *op)
{
    if (op->kind == VOW_JOURNAL_EVENTS && op->error == 0) {
        loaded(server, op);
        return;
    }
    if (op->kind == VOW_JOURNAL_EVENTS || op->result != VOW_JOURNAL_WON) {
        server_journal_failed(server, op);
        return;
    }
    VOW_CRASH("log", "after", vow_record_name(op->record.kind));
    if (op->record.kind == VOW_RECORD_EVENT)
        trace_event(server, &op->record.gtrid, ((const struct log_op *)op)->event_us);
    struct vow_relay_event event = {.kind = VOW_RELAY_LOG_DONE, .now_ms = vow_clock_ms()};
    event.logged.token = op->token;
    event.logged.lsn = op->lsn;
    relay_step(server, &event);
}

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

static void publish(struct vow_server *server, struct session *session, const struct vow_msg_event *from)
{
    const uint64_t bytes_max = server->settings.event_bytes_max;
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .now_ms = vow_clock_ms(), .session = session->id};
    if (strcmp(from->source, session->name) != 0 ||
        memcmp(from->db_uuid, session->peer.db_uuid, VOW_DB_UUID_BYTES) != 0) {
        refuse(server, session, from);
        return;
    }
    const struct vow_msg_event *copy = relay_book_add(&server->relay.book, from);
    event.publish.event = copy != NULL ? copy : from;
    event.due_ms = relay_due_ms(from, event.now_ms, vow_clock_wall_us());
    event.publish.no_room = copy == NULL || (bytes_max != 0 && server->relay.book.bytes > bytes_max);
    if (copy != NULL && event.publish.no_room)
        server->admission.refused[LIMIT_EVENT_BYTES]++;
    server->relay.is_kept = false;
    relay_step(server, &event);
    if (copy != NULL && !server->relay.is_kept)
        relay_book_remove(&server->relay.book, copy);
    admission_note_events(server);
}

static void subscribe(struct vow_server *server, const struct session *session, const struct vow_msg *msg)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_SUBSCRIBE, .now_ms = vow_clock_ms(), .session = session->id};
    event.subscribe.msg = &msg->subscribe;
    event.subscribe.participant = session->name;
    relay_step(server, &event);
}

void relay_message(struct vow_server *server, struct session *session, const struct vow_msg *msg)
{
    const struct vow_relay_event event = {
        .kind = VOW_RELAY_MESSAGE, .now_ms = vow_clock_ms(), .session = session->id, .msg = msg};
    if (msg->kind == VOW_MSG_PUBLISH)
        publish(server, session, &msg->publish.event);
    else if (msg->kind == VOW_MSG_SUBSCRIBE)
        subscribe(server, session, msg);
    else
        relay_step(server, &event);
}

void relay_session_gone(struct vow_server *server, uint64_t session)
{
    const struct vow_relay_event event = {.kind = VOW_RELAY_SESSION_DOWN, .now_ms = vow_clock_ms(), .session = session};
    relay_step(server, &event);
}

void relay_peer_ready(struct vow_server *server, uint64_t session)
{
    const struct vow_relay_event event = {.kind = VOW_RELAY_PEER_READY, .now_ms = vow_clock_ms(), .session = session};
    relay_step(server, &event);
}

/* ---- the rest ---- */

void relay_timer(struct vow_server *server)
{
    const struct vow_relay_event event = {.kind = VOW_RELAY_TIMER, .now_ms = vow_clock_ms()};
    relay_step(server, &event);
}

void relay_shed(struct vow_server *server, bool on)
{
    const struct vow_relay_event event = {.kind = VOW_RELAY_SHED, .now_ms = vow_clock_ms(), .shed = on};
    relay_step(server, &event);
}

void relay_drain(struct vow_server *server)
{
    const struct vow_relay_event event = {.kind = VOW_RELAY_DRAIN, .now_ms = vow_clock_ms()};
    relay_step(server, &event);
}

void relay_order(struct vow_server *server, const char *group, uint64_t lsn, enum vow_relay_order order, uint64_t tag)
{
    const struct vow_relay_event event = {
        .kind = VOW_RELAY_ORDER, .now_ms = vow_clock_ms(), .order = {group, lsn, order, tag}};
    relay_step(server, &event);
}

void relay_free(struct vow_server *server)
{
    relay_book_free(&server->relay.book);
    vow_arena_free(server->relay.arena);
    free(server->relay.memory);
    free(server->relay.undelivered);
}
