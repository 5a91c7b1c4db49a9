/*
 * What of the outbox is on its way to the coordinator: of each key the oldest event alone, and the next one follows
 * when the coordinator has said that it keeps that one (I27, F204); up to 64 keys at once. What was sent and is not
 * answered, because a connection was lost or a process died, is sent again: the coordinator tells it by its number
 * (F191). What it does not take stays, and is offered again, ever more rarely: an event is never dropped, and one that
 * is refused blocks its own key and no other.
 *
 * No I/O, clock or thread: who sends, asks the store and arms timers is participant_relay.c.
 */
#ifndef VOW_PARTICIPANT_FLIGHTS_H
#define VOW_PARTICIPANT_FLIGHTS_H

#include "participant/store/store.h"
#include "proto/message.h"

/* One event on its way. */
struct vow_flight {
    struct vow_store_event_copy *copy;
    enum { VOW_FLIGHT_SENT = 1, VOW_FLIGHT_WAITS, VOW_FLIGHT_KEPT } state; /* KEPT: there, and to be deleted here */
    uint64_t due_ms;                                                       /* WAITS: then it is sent again */
    uint32_t refusals;                                                     /* in a row */
};

/* Zeroed, with a seed. */
struct vow_flights {
    struct vow_flight all[VOW_OUTBOX_WINDOW];
    uint32_t len;
    char after[VOW_KEY_SIZE]; /* the last key that was read */
    uint64_t random;
    uint64_t published, refused;
};
void vow_flights_deinit(struct vow_flights *flights);

/* What to ask the store for (OUTBOX_READ); false: there is no room for more. */
bool vow_flights_ask(const struct vow_flights *flights, struct vow_store_outbox *outbox);
/* What it has read, which is taken over: it waits to be sent. */
void vow_flights_take_read(struct vow_flights *flights, struct vow_store_outbox *outbox);
/* They are deleted, and the next of their keys may be under way (OUTBOX_DONE). */
void vow_flights_take_deleted(struct vow_flights *flights, const struct vow_store_outbox *outbox);

/* The next one that is to be sent now, which counts as sent from here on; NULL: none. all: for a new connection, what
 * is not KEPT. *at from 0. */
struct vow_flight *vow_flights_next(struct vow_flights *flights, uint64_t now_ms, bool all, uint32_t *at);
/* When there will be one; UINT64_MAX. */
uint64_t vow_flights_due_ms(const struct vow_flights *flights);

enum vow_flight_verdict {
    VOW_FLIGHT_IS_OLD = 1, /* an answer to what was sent twice comes twice */
    VOW_FLIGHT_IS_KEPT,    /* its row may go: vow_flights_let_go() */
    VOW_FLIGHT_IS_LATER,   /* it is offered again */
    VOW_FLIGHT_IS_REFUSED, /* likewise, and that was the first refusal: somebody should be told */
};
enum vow_flight_verdict vow_flights_published(struct vow_flights *flights, const struct vow_msg_published *published,
                                              uint64_t now_ms, struct vow_flight **flight);
/* Its row is among those that are to go; outbox: NULL, there is no memory for that, and it is offered again. */
void vow_flights_let_go(struct vow_flights *flights, struct vow_flight *flight, struct vow_store_outbox *outbox,
                        uint64_t now_ms);

#endif
