#include "participant/flights.h"

#include <string.h>

#include "proto/error.h"
#include "proto/jitter.h"

/* Between attempts with an event that was not taken: at random, up to this, twice as much, ... up to the second. */
#define BACKOFF_MS 100u
#define BACKOFF_MAX_MS 30000u

static struct vow_flight *find(struct vow_flights *flights, const char *key)
{
    for (uint32_t i = 0; i < flights->len; i++) {
        if (strcmp(flights->all[i].copy->event.key, key) == 0)
            return &flights->all[i];
    }
    return NULL;
}

void vow_flights_deinit(struct vow_flights *flights)
{
    for (uint32_t i = 0; i < flights->len; i++)
        vow_store_events_free(flights->all[i].copy);
    flights->len = 0;
}

/* --- Of the store --- */

static void add_key(struct vow_store_outbox *outbox, const struct vow_store_event *event)
{
    memcpy(outbox->keys[outbox->keys_len].key, event->key, strlen(event->key) + 1);
    outbox->keys[outbox->keys_len++].key_seq = event->key_seq;
}

/*
 * What is KEPT has its OUTBOX_DONE before this at the store: the next of its key may be read. To name its key here
 * would have it passed over for good, if that is done and has not been heard of yet.
 */
bool vow_flights_ask(const struct vow_flights *flights, struct vow_store_outbox *outbox)
{
    if (flights->len == VOW_OUTBOX_WINDOW)
        return false;
    outbox->max = VOW_OUTBOX_WINDOW - flights->len;
    memcpy(outbox->after, flights->after, sizeof(flights->after));
    for (uint32_t i = 0; i < flights->len; i++) {
        if (flights->all[i].state != VOW_FLIGHT_KEPT)
            add_key(outbox, &flights->all[i].copy->event);
    }
    return true;
}

void vow_flights_take_read(struct vow_flights *flights, struct vow_store_outbox *outbox)
{
    while (outbox->events != NULL) {
        struct vow_store_event_copy *copy = outbox->events;

        outbox->events = copy->next;
        copy->next = NULL;
        /* Its row is still there, because what was to delete it waits for room on the disk. */
        if (find(flights, copy->event.key) != NULL) {
            vow_store_events_free(copy);
            continue;
        }
        memcpy(flights->after, copy->event.key, strlen(copy->event.key) + 1);
        flights->all[flights->len++] = (struct vow_flight){.copy = copy, .state = VOW_FLIGHT_WAITS};
    }
}

void vow_flights_take_deleted(struct vow_flights *flights, const struct vow_store_outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->keys_len; i++) {
        struct vow_flight *flight = find(flights, outbox->keys[i].key);

        if (flight == NULL)
            continue;
        vow_store_events_free(flight->copy);
        *flight = flights->all[--flights->len];
    }
}

/* --- To the coordinator --- */

struct vow_flight *vow_flights_next(struct vow_flights *flights, uint64_t now_ms, bool all, uint32_t *at)
{
    while (*at < flights->len) {
        struct vow_flight *flight = &flights->all[(*at)++];

        if (flight->state == VOW_FLIGHT_KEPT)
            continue;
        if (all || (flight->state == VOW_FLIGHT_WAITS && flight->due_ms <= now_ms)) {
            flight->state = VOW_FLIGHT_SENT;
            return flight;
        }
    }
    return NULL;
}

uint64_t vow_flights_due_ms(const struct vow_flights *flights)
{
    uint64_t due_ms = UINT64_MAX;

    for (uint32_t i = 0; i < flights->len; i++) {
        if (flights->all[i].state == VOW_FLIGHT_WAITS && flights->all[i].due_ms < due_ms)
            due_ms = flights->all[i].due_ms;
    }
    return due_ms;
}

/* --- From the coordinator --- */

static void offer_later(struct vow_flights *flights, struct vow_flight *flight, uint32_t least_ms, uint64_t now_ms)
{
    const uint32_t doublings = flight->refusals < 9 ? flight->refusals : 9;
    const uint64_t most = (uint64_t)BACKOFF_MS << doublings;
    uint64_t wait_ms = vow_jitter_next(&flights->random) % (most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) + 1;

    flight->refusals++;
    if (wait_ms < least_ms)
        wait_ms = least_ms;
    flight->state = VOW_FLIGHT_WAITS;
    flight->due_ms = now_ms + wait_ms;
}

enum vow_flight_verdict vow_flights_published(struct vow_flights *flights, const struct vow_msg_published *published,
                                              uint64_t now_ms, struct vow_flight **flight)
{
    bool is_news;

    *flight = find(flights, published->key);
    if (*flight == NULL || (*flight)->copy->event.key_seq != published->key_seq || (*flight)->state == VOW_FLIGHT_KEPT)
        return VOW_FLIGHT_IS_OLD;
    if (published->error == 0)
        return VOW_FLIGHT_IS_KEPT;
    is_news = published->error != VOW_E_BUSY && (*flight)->refusals == 0;
    flights->refused += published->error != VOW_E_BUSY;
    offer_later(flights, *flight, published->retry_after_ms, now_ms);
    return is_news ? VOW_FLIGHT_IS_REFUSED : VOW_FLIGHT_IS_LATER;
}

void vow_flights_let_go(struct vow_flights *flights, struct vow_flight *flight, struct vow_store_outbox *outbox,
                        uint64_t now_ms)
{
    if (outbox == NULL) {
        offer_later(flights, flight, 0, now_ms);
        return;
    }
    add_key(outbox, &flight->copy->event);
    flight->state = VOW_FLIGHT_KEPT;
    flights->published++;
}
