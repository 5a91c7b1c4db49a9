/*
 * The relay: what is in the outbox, to the coordinator. Of each key the oldest event alone is under way, and the next
 * one follows when the coordinator has said that it keeps that one (I27, F204); up to 64 keys at once. A row is deleted
 * here after PUBLISHED has said that the event is durable there, and not before (B58). What was sent and is not
 * answered, because a connection was lost or a process died, is sent again: the coordinator tells it by its number
 * (F191).
 *
 * What the coordinator does not take stays, and is offered again, ever more rarely: an event is never dropped here. One
 * that is refused blocks its own key and no other.
 *
 * The reading waits at the store (sqlite_relay.c), so nothing is polled here.
 */
#include "participant/participant_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jitter.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* Between attempts with an event that was not taken: at random, up to this, twice as much, ... up to the second. */
#define BACKOFF_MS 100u
#define BACKOFF_MAX_MS 30000u

struct vow_relay_op {
    struct vow_store_op op; /* first */
    struct vow_store_outbox outbox;
};

static struct vow_relay_flight *find(struct vow_relay *relay, const char *key)
{
    for (uint32_t i = 0; i < relay->flights_len; i++) {
        if (strcmp(relay->flights[i].copy->event.key, key) == 0)
            return &relay->flights[i];
    }
    return NULL;
}

/* --- To the coordinator --- */

static void send_event(struct vow_participant *participant, struct vow_relay_flight *flight)
{
    const struct vow_store_event *event = &flight->copy->event;
    struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX];
    char text[VOW_HEADERS_TEXT_SIZE];
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISH,
                          .publish.event = {.topic = event->topic,
                                            .key = event->key,
                                            .source = participant->name,
                                            .key_seq = event->key_seq,
                                            .version = event->version,
                                            .wall_us = event->wall_us,
                                            .gtrid = event->gtrid,
                                            .hops = event->hops,
                                            .headers = headers,
                                            .payload = event->payload}};

    (void)snprintf(text, sizeof(text), "%s", event->headers);
    msg.publish.event.headers_len = vow_headers_read(text, headers);
    memcpy(msg.publish.event.db_uuid, participant->identity.db_uuid, VOW_DB_UUID_BYTES);
    flight->state = VOW_FLIGHT_SENT;
    vow_participant_tell(participant, 0, &msg);
}

static void arm(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;
    const uint64_t now_ms = vow_clock_ms();
    uint64_t due_ms = UINT64_MAX;

    for (uint32_t i = 0; i < relay->flights_len; i++) {
        if (relay->flights[i].state == VOW_FLIGHT_WAITS && relay->flights[i].due_ms < due_ms)
            due_ms = relay->flights[i].due_ms;
    }
    if (due_ms == UINT64_MAX || !relay->is_up)
        vow_timer_disarm(&relay->timer);
    else
        vow_timer_arm(&relay->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* Those that are due, or all that are not kept there yet. */
static void send_waiting(struct vow_participant *participant, bool all)
{
    struct vow_relay *relay = &participant->relay;
    const uint64_t now_ms = vow_clock_ms();

    for (uint32_t i = 0; i < relay->flights_len && relay->is_up; i++) {
        struct vow_relay_flight *flight = &relay->flights[i];

        if (flight->state != VOW_FLIGHT_KEPT &&
            (all || (flight->state == VOW_FLIGHT_WAITS && flight->due_ms <= now_ms)))
            send_event(participant, flight);
    }
    arm(participant);
}

static void time_is_up(void *ctx)
{
    struct vow_participant *participant = ctx;

    send_waiting(participant, false);
    vow_participant_turn_end(participant);
}

/* --- Of the store --- */

static struct vow_relay_op *op_new(enum vow_store_op_kind kind)
{
    struct vow_relay_op *op = calloc(1, sizeof(*op));

    if (op == NULL)
        return NULL;
    op->op.kind = kind;
    op->op.outbox = &op->outbox;
    return op;
}

static void add_key(struct vow_store_outbox *outbox, const struct vow_store_event *event)
{
    memcpy(outbox->keys[outbox->keys_len].key, event->key, strlen(event->key) + 1);
    outbox->keys[outbox->keys_len++].key_seq = event->key_seq;
}

/*
 * Asks for more, if there is room; without memory another turn does it. What is KEPT has its OUTBOX_DONE before this at
 * the store: the next of its key may be read. To name its key here would have it passed over for good, if that is done
 * and has not been heard of yet.
 */
static void read_more(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    if (relay->reading != NULL || !relay->is_up || relay->flights_len == VOW_OUTBOX_WINDOW || participant->closing)
        return;
    relay->reading = op_new(VOW_STORE_OUTBOX_READ);
    if (relay->reading == NULL)
        return;
    relay->reading->outbox.max = VOW_OUTBOX_WINDOW - relay->flights_len;
    memcpy(relay->reading->outbox.after, relay->after, sizeof(relay->after));
    for (uint32_t i = 0; i < relay->flights_len; i++) {
        if (relay->flights[i].state != VOW_FLIGHT_KEPT)
            add_key(&relay->reading->outbox, &relay->flights[i].copy->event);
    }
    vow_participant_store_put(participant, &relay->reading->op);
}

void vow_relay_turn_end(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    if (relay->kept != NULL) {
        vow_participant_store_put(participant, &relay->kept->op);
        relay->kept = NULL;
    }
    read_more(participant);
}

static void take_read(struct vow_participant *participant, struct vow_store_outbox *outbox)
{
    struct vow_relay *relay = &participant->relay;

    while (outbox->events != NULL) {
        struct vow_store_event_copy *copy = outbox->events;
        struct vow_relay_flight *flight;

        outbox->events = copy->next;
        copy->next = NULL;
        /* Its row is still there, because what was to delete it waits for room on the disk. */
        if (find(relay, copy->event.key) != NULL) {
            vow_store_events_free(copy);
            continue;
        }
        memcpy(relay->after, copy->event.key, strlen(copy->event.key) + 1);
        flight = &relay->flights[relay->flights_len++];
        *flight = (struct vow_relay_flight){.copy = copy, .state = VOW_FLIGHT_WAITS};
        if (relay->is_up)
            send_event(participant, flight);
    }
}

/* They are deleted, and the next of their keys may be under way. */
static void take_deleted(struct vow_relay *relay, const struct vow_store_outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->keys_len; i++) {
        struct vow_relay_flight *flight = find(relay, outbox->keys[i].key);

        if (flight == NULL)
            continue;
        vow_store_events_free(flight->copy);
        *flight = relay->flights[--relay->flights_len];
    }
}

void vow_relay_store_done(struct vow_participant *participant, struct vow_store_op *store_op)
{
    struct vow_relay_op *op = (struct vow_relay_op *)store_op;

    if (op == participant->relay.reading)
        participant->relay.reading = NULL;
    if (participant->closing)
        vow_store_events_free(op->outbox.events);
    else if (store_op->kind == VOW_STORE_OUTBOX_READ)
        take_read(participant, &op->outbox);
    else
        take_deleted(&participant->relay, &op->outbox);
    free(op);
}

/* --- From the coordinator --- */

static void say_refused(const struct vow_participant *participant, const struct vow_relay_flight *flight,
                        const struct vow_msg_published *published)
{
    const struct vow_store_event *event = &flight->copy->event;

    VOW_LOG(VOW_LOG_ERROR, "event_refused", VOW_STR("name", participant->name), VOW_STR("topic", event->topic),
            VOW_STR("key", event->key), VOW_NUM("key_seq", event->key_seq),
            VOW_STR("error", vow_error_name(published->error)), VOW_STR("why", published->text),
            VOW_STR("then", "it stays in the outbox and is offered again: later events of its key wait for it"));
}

static void offer_later(struct vow_participant *participant, struct vow_relay_flight *flight,
                        const struct vow_msg_published *published)
{
    struct vow_relay *relay = &participant->relay;
    const uint32_t doublings = flight->refusals < 9 ? flight->refusals : 9;
    const uint64_t most = (uint64_t)BACKOFF_MS << doublings;
    uint64_t wait_ms = vow_jitter_next(&relay->random) % (most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) + 1;

    if (published->error != VOW_E_BUSY && flight->refusals == 0)
        say_refused(participant, flight, published);
    relay->refused += published->error != VOW_E_BUSY;
    flight->refusals++;
    if (wait_ms < published->retry_after_ms)
        wait_ms = published->retry_after_ms;
    flight->state = VOW_FLIGHT_WAITS;
    flight->due_ms = vow_clock_ms() + wait_ms;
    arm(participant);
}

/* Its row goes with this turn. Without memory it is offered again, and answered again. */
static void let_go(struct vow_participant *participant, struct vow_relay_flight *flight)
{
    struct vow_relay *relay = &participant->relay;

    if (relay->kept == NULL)
        relay->kept = op_new(VOW_STORE_OUTBOX_DONE);
    if (relay->kept == NULL) {
        offer_later(participant, flight, &(struct vow_msg_published){.error = VOW_E_BUSY, .text = ""});
        return;
    }
    add_key(&relay->kept->outbox, &flight->copy->event);
    flight->state = VOW_FLIGHT_KEPT;
    relay->published++;
}

void vow_relay_published(struct vow_participant *participant, const struct vow_msg_published *published)
{
    struct vow_relay_flight *flight = find(&participant->relay, published->key);

    /* An answer to what was sent twice comes twice. */
    if (flight == NULL || flight->copy->event.key_seq != published->key_seq || flight->state == VOW_FLIGHT_KEPT)
        return;
    if (published->error == 0)
        let_go(participant, flight);
    else
        offer_later(participant, flight, published);
}

/* --- The connection --- */

void vow_relay_up(struct vow_participant *participant)
{
    participant->relay.is_up = participant->store_is_sqlite;
    send_waiting(participant, true);
}

void vow_relay_down(struct vow_participant *participant)
{
    participant->relay.is_up = false;
    vow_timer_disarm(&participant->relay.timer);
}

void vow_relay_init(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    *relay = (struct vow_relay){.flights_len = 0};
    (void)vow_random_bytes(&relay->random, sizeof(relay->random));
    vow_timer_init(&relay->timer, participant->loop.base, participant->loop.timers, time_is_up, participant);
}

void vow_relay_deinit(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    for (uint32_t i = 0; i < relay->flights_len; i++)
        vow_store_events_free(relay->flights[i].copy);
    relay->flights_len = 0;
    free(relay->kept);
    relay->kept = NULL;
    vow_timer_deinit(&relay->timer);
}
