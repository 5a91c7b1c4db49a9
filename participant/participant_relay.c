/*
 * The relay: what is in the outbox, to the coordinator. What is under way, and what follows, flights.c says. A row
 * is deleted here after PUBLISHED has said that the event is durable there, and not before (B58).
 *
 * The reading waits at the store (sqlite_outbox_read.c), so nothing is polled here.
 */
#include "participant/participant_internal.h"

#include <stdlib.h>

#include "proto/net/clock.h"
#include "proto/net/log.h"

struct vow_relay_op {
    struct vow_store_op op; /* first */
    struct vow_store_outbox outbox;
};

/* --- To the coordinator --- */

static void send_event(struct vow_participant *participant, const struct vow_flight *flight)
{
    struct vow_publish_place place;
    const struct vow_msg msg =
        vow_event_publish(&flight->copy->event, participant->name, participant->identity.db_uuid, &place);

    vow_participant_tell(participant, 0, &msg);
}

static void arm(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;
    const uint64_t now_ms = vow_clock_ms(), due_ms = vow_flights_due_ms(&relay->flights);

    if (due_ms == UINT64_MAX || !relay->is_up)
        vow_timer_disarm(&relay->timer);
    else
        vow_timer_arm(&relay->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* Those that are due, or all that are not kept there yet. */
static void send_waiting(struct vow_participant *participant, bool all)
{
    struct vow_relay *relay = &participant->relay;
    const struct vow_flight *flight;
    uint32_t at = 0;

    while (relay->is_up && (flight = vow_flights_next(&relay->flights, vow_clock_ms(), all, &at)) != NULL)
        send_event(participant, flight);
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

/* Asks for more, if there is room; without memory another turn does it. */
static void read_more(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    if (relay->reading != NULL || !relay->is_up || relay->flights.len == VOW_OUTBOX_WINDOW || participant->closing)
        return;
    relay->reading = op_new(VOW_STORE_OUTBOX_READ);
    if (relay->reading == NULL)
        return;
    (void)vow_flights_ask(&relay->flights, &relay->reading->outbox);
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
    vow_flights_take_read(&participant->relay.flights, outbox);
    send_waiting(participant, false);
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
        vow_flights_take_deleted(&participant->relay.flights, &op->outbox);
    free(op);
}

/* --- From the coordinator --- */

static void say_refused(const struct vow_participant *participant, const struct vow_flight *flight,
                        const struct vow_msg_published *published)
{
    const struct vow_store_event *event = &flight->copy->event;

    VOW_LOG(VOW_LOG_ERROR, "event_refused", VOW_STR("name", participant->name), VOW_STR("topic", event->topic),
            VOW_STR("key", event->key), VOW_NUM("key_seq", event->key_seq),
            VOW_STR("error", vow_error_name(published->error)), VOW_STR("why", published->text),
            VOW_STR("then", "it stays in the outbox and is offered again: later events of its key wait for it"));
}

/* Its row goes with this turn. Without memory it is offered again, and answered again. */
static void let_go(struct vow_participant *participant, struct vow_flight *flight)
{
    struct vow_relay *relay = &participant->relay;

    if (relay->kept == NULL)
        relay->kept = op_new(VOW_STORE_OUTBOX_DONE);
    vow_flights_let_go(&relay->flights, flight, relay->kept != NULL ? &relay->kept->outbox : NULL, vow_clock_ms());
}

void vow_relay_published(struct vow_participant *participant, const struct vow_msg_published *published)
{
    struct vow_flight *flight;
    const enum vow_flight_verdict verdict =
        vow_flights_published(&participant->relay.flights, published, vow_clock_ms(), &flight);

    if (verdict == VOW_FLIGHT_IS_KEPT)
        let_go(participant, flight);
    else if (verdict == VOW_FLIGHT_IS_REFUSED)
        say_refused(participant, flight, published);
    if (verdict != VOW_FLIGHT_IS_OLD)
        arm(participant);
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

    *relay = (struct vow_relay){.is_up = false};
    (void)vow_random_bytes(&relay->flights.random, sizeof(relay->flights.random));
    vow_timer_init(&relay->timer, participant->loop.base, participant->loop.timers, time_is_up, participant);
}

void vow_relay_deinit(struct vow_participant *participant)
{
    struct vow_relay *relay = &participant->relay;

    vow_flights_deinit(&relay->flights);
    free(relay->kept);
    relay->kept = NULL;
    vow_timer_deinit(&relay->timer);
}
