/*
 * The embedded broker: sessions, the journal and the timer for the core of the relay, which says what is sent, logged
 * and told; the book has what the events say.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/relay.h"
#include "proto/assert.h"
#include "proto/codec.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* ---- effects ---- */

/* The core is in its step: it hears of it after that. */
static void note_undelivered(struct relay *relay, const struct vow_relay_effect *effect)
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

static void effect_send(struct relay *relay, const struct vow_relay_effect *effect)
{
    const struct broker *broker = &relay->broker;
    if (!broker->host->send(broker->host_ctx, effect->session, &effect->msg))
        note_undelivered(relay, effect);
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

static void journal_done(void *who, struct log_op *log);

static struct log_op *take(struct relay *relay)
{
    struct log_op *op = log_op_take(relay->server);
    op->done = journal_done;
    op->who = relay;
    return op;
}

static void effect_log(struct relay *relay, const struct vow_relay_effect *effect)
{
    const struct vow_record *record = &effect->log.record;
    VOW_CRASH("log", "before", vow_record_name(record->kind));
    struct log_op *op = take(relay);
    op->op.kind = VOW_JOURNAL_APPEND;
    op->op.token = effect->log.token;
    op->op.record = *record;
    op->op.record.branches = op->op.branches;
    if (record->kind == VOW_RECORD_EVENT) {
        fill_event(relay->server, op, effect->log.event);
        relay->is_kept = true;
    } else if (record->kind == VOW_RECORD_GROUP) {
        const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE, .subscribe = *effect->log.subscribe};
        log_op_put_message(op, &msg);
    } else {
        log_op_put_bytes(op, record->body);
    }
    log_op_push(relay->server, op, effect->log.forced);
}

static void effect_load(struct relay *relay, const struct vow_relay_effect *effect)
{
    struct log_op *op = take(relay);
    op->op.kind = VOW_JOURNAL_EVENTS;
    op->op.after = effect->load.after;
    op->op.token = effect->load.group;
    op->op.events_max = effect->load.rows;
    log_op_push(relay->server, op, true);
}

static void effect_alarm(const struct vow_relay_effect *effect)
{
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what), VOW_STR("group", effect->alarm.group),
            VOW_NUM("offset", effect->alarm.lsn), VOW_STR("do", "vowctl dlq list; then dlq retry, or dlq drop"));
}

/* Who has not done what by its deadline, since when, and why (docs/events.md). */
static void effect_late(const struct relay *relay, const struct vow_relay_effect *effect)
{
    const struct vow_msg_event *event = effect->late.kept.event;
    const struct vow_relay_reaction *reaction = &effect->late.reaction;
    const uint64_t now_us = relay_wall_us(relay);
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

static void carry_out(struct relay *relay, const struct vow_relay_effect *effect)
{
    const struct broker *broker = &relay->broker;
    switch (effect->kind) {
    case VOW_RELAY_SEND:
        effect_send(relay, effect);
        break;
    case VOW_RELAY_LOG:
        effect_log(relay, effect);
        break;
    case VOW_RELAY_LOAD:
        effect_load(relay, effect);
        break;
    case VOW_RELAY_ALARM:
        effect_alarm(effect);
        break;
    case VOW_RELAY_LATE:
        effect_late(relay, effect);
        break;
    case VOW_RELAY_ORDERED:
        broker->host->ordered(broker->host_ctx, effect->ordered.tag, effect->ordered.error, effect->ordered.text);
        break;
    case VOW_RELAY_FREED:
        relay_book_remove(&relay->book, effect->kept.event);
        break;
    }
}

static void step(struct relay *relay, const struct vow_relay_event *event)
{
    struct vow_relay_effects effects;
    vow_relay_step(relay->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(relay, &effects.items[i]);
}

/* Nothing is sent meanwhile, so there is an end. */
void relay_step(struct relay *relay, const struct vow_relay_event *event)
{
    step(relay, event);
    while (relay->undelivered_len > 0) {
        const struct undelivered *last = &relay->undelivered[--relay->undelivered_len];
        struct vow_relay_event back = {.kind = VOW_RELAY_UNSENT, .now_ms = event->now_ms, .session = last->session};
        back.unsent.group = last->group;
        back.unsent.lsn = last->lsn;
        step(relay, &back);
    }
}

/* An event of that kind, now. */
static struct vow_relay_event now(const struct broker *broker, enum vow_relay_event_kind kind, uint64_t session)
{
    return (struct vow_relay_event){.kind = kind, .now_ms = relay_now_ms(relay_of(broker)), .session = session};
}

/* ---- what the journal has to say ---- */

static void loaded(struct relay *relay, struct vow_journal_op *op)
{
    struct relay_recovery recovery = relay_recovery_of(relay, NULL);
    const int error = relay_recovery_load(&recovery, relay->server->settings.event_bytes_max, op);
    vow_journal_events_free(op->events, op->events_len);
    op->events = NULL;
    op->events_len = 0;
    if (error != 0) {
        op->error = error;
        server_journal_failed(relay->server, op);
    }
}

/* What became of a dead letter; NULL: the record is of something else. */
static const char *letter_says(const struct vow_record *record)
{
    static const char *const revivals[] = {
        [VOW_REVIVAL_RETRY] = "retried", [VOW_REVIVAL_DROP] = "dropped", [VOW_REVIVAL_DONE] = "done"};
    if (record->kind == VOW_RECORD_DEAD)
        return "dead";
    if (record->kind == VOW_RECORD_REMOVED)
        return "removed";
    return record->kind == VOW_RECORD_REVIVED ? revivals[record->detail] : NULL;
}

static void journal_done(void *who, struct log_op *log)
{
    struct relay *relay = who;
    struct broker *broker = &relay->broker;
    struct vow_journal_op *op = &log->op;
    if (op->kind == VOW_JOURNAL_EVENTS && op->error == 0) {
        loaded(relay, op);
        return;
    }
    if (op->kind == VOW_JOURNAL_EVENTS || op->result != VOW_JOURNAL_WON) {
        server_journal_failed(relay->server, op);
        return;
    }
    VOW_CRASH("log", "after", vow_record_name(op->record.kind));
    if (op->record.kind == VOW_RECORD_EVENT)
        broker->host->kept(broker->host_ctx, &op->record.gtrid, log->event_us);
    struct vow_relay_event event = now(broker, VOW_RELAY_LOG_DONE, 0);
    event.logged.token = op->token;
    event.logged.lsn = op->lsn;
    relay_step(relay, &event);
    const char *says = letter_says(&op->record);
    if (says != NULL)
        broker->host->lettered(broker->host_ctx, op->record.who, op->record.relay.lsn, says);
}

/* ---- the operations ---- */

static void publish(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_event *from)
{
    struct relay *relay = relay_of(broker);
    const uint64_t bytes_max = relay->server->settings.event_bytes_max;
    struct vow_relay_event event = now(broker, VOW_RELAY_PUBLISH, peer->session);
    const struct vow_msg_event *copy = relay_book_add(&relay->book, from);
    event.publish.event = copy != NULL ? copy : from;
    event.due_ms = relay_due_ms(from, event.now_ms, relay_wall_us(relay));
    event.publish.no_room = copy == NULL || (bytes_max != 0 && relay->book.bytes > bytes_max);
    relay->full_bytes += copy != NULL && event.publish.no_room;
    relay->is_kept = false;
    relay_step(relay, &event);
    if (copy != NULL && !relay->is_kept)
        relay_book_remove(&relay->book, copy);
}

static void subscribe(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_subscribe *msg)
{
    struct vow_relay_event event = now(broker, VOW_RELAY_SUBSCRIBE, peer->session);
    event.subscribe.msg = msg;
    event.subscribe.participant = peer->name;
    relay_step(relay_of(broker), &event);
}

static void message(struct broker *broker, const struct broker_peer *peer, const struct vow_msg *msg)
{
    struct vow_relay_event event = now(broker, VOW_RELAY_MESSAGE, peer->session);
    event.msg = msg;
    relay_step(relay_of(broker), &event);
}

static void ack(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_delivered *delivered)
{
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED, .delivered = *delivered};
    message(broker, peer, &msg);
}

static void seek(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_seek *to)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SEEK, .seek = *to};
    message(broker, peer, &msg);
}

static void session_gone(struct broker *broker, uint64_t session)
{
    const struct vow_relay_event event = now(broker, VOW_RELAY_SESSION_DOWN, session);
    relay_step(relay_of(broker), &event);
}

static void ready(struct broker *broker, uint64_t session)
{
    const struct vow_relay_event event = now(broker, VOW_RELAY_PEER_READY, session);
    relay_step(relay_of(broker), &event);
}

static uint64_t deadline_ms(const struct broker *broker)
{
    return vow_relay_deadline_ms(relay_of(broker)->core);
}

static void timer(struct broker *broker)
{
    const struct vow_relay_event event = now(broker, VOW_RELAY_TIMER, 0);
    relay_step(relay_of(broker), &event);
}

static void shed(struct broker *broker, bool on)
{
    struct vow_relay_event event = now(broker, VOW_RELAY_SHED, 0);
    event.shed = on;
    relay_step(relay_of(broker), &event);
}

static void drain(struct broker *broker)
{
    const struct vow_relay_event event = now(broker, VOW_RELAY_DRAIN, 0);
    relay_step(relay_of(broker), &event);
}

static void give_order(struct broker *broker, const char *group, uint64_t offset, enum vow_relay_order order,
                       uint64_t tag)
{
    struct vow_relay_event event = now(broker, VOW_RELAY_ORDER, 0);
    event.order.group = group;
    event.order.lsn = offset;
    event.order.order = order;
    event.order.tag = tag;
    relay_step(relay_of(broker), &event);
}

/* Also of one whose start failed on the way. */
static void free_relay(struct broker *broker)
{
    struct relay *relay = relay_of(broker);
    relay_book_free(&relay->book);
    vow_arena_free(relay->arena);
    free(relay->memory);
    free(relay->undelivered);
    free(relay);
}

const struct broker_ops relay_ops = {.publish = publish,
                                     .subscribe = subscribe,
                                     .ack = ack,
                                     .seek = seek,
                                     .session_gone = session_gone,
                                     .ready = ready,
                                     .deadline_ms = deadline_ms,
                                     .timer = timer,
                                     .shed = shed,
                                     .drain = drain,
                                     .free = free_relay,
                                     .counts = relay_counts,
                                     .next_group = relay_next_group,
                                     .next_dead = relay_next_dead,
                                     .next_reaction = relay_next_reaction,
                                     .topics = relay_topics,
                                     .cut = relay_cut,
                                     .order = give_order};
