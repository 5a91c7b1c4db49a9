/*
 * Events that the coordinator delivers, from the DELIVER message to its DELIVERED, and the subscriptions that ask for
 * them. What makes an event take effect once is the store's (sqlite_inbox.c). As with steps of sagas, one that is
 * delivered again while the store has it is not handed over twice, and is answered once, for the attempt that came
 * last; what is not answered is delivered again.
 */
#include "participant/participant_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "participant/options.h"
#include "proto/jitter.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* What may be with the store at once: more is told to come again (NOT_YET). */
#define EVENTS_BYTES_MAX ((size_t)64 << 20)
/* Between attempts to subscribe that were told to come again, at most. */
#define RETRY_MAX_MS 30000u
/* How often a group that is delivered to asks what it has done by now: the inbox forgets nothing above that. */
#define ASK_EVERY_MS 60000u

/* --- Subscriptions --- */

static void subscribe(struct vow_subscription_kept *subscription)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE, .subscribe = subscription->msg};

    vow_participant_tell(subscription->participant, 0, &msg);
}

static void retry(void *ctx)
{
    struct vow_subscription_kept *subscription = ctx;

    subscribe(subscription);
    vow_participant_turn_end(subscription->participant);
}

void vow_subscriptions_up(struct vow_participant *participant)
{
    struct vow_subscription_kept *each = participant->subscriptions;

    for (; each != NULL; each = each->next)
        subscribe(each);
}

void vow_subscriptions_down(struct vow_participant *participant)
{
    struct vow_subscription_kept *each = participant->subscriptions;

    for (; each != NULL; each = each->next)
        vow_timer_disarm(&each->retry);
}

/* A circle, say: the service goes on without. It is said once, and asked for again with the next connection. */
static void say_refused(const struct vow_subscription_kept *subscription, const struct vow_msg_subscribed *subscribed)
{
    VOW_LOG(VOW_LOG_ERROR, "subscription_refused", VOW_STR("name", subscription->participant->name),
            VOW_STR("group", subscribed->group), VOW_STR("error", vow_error_name(subscribed->error)),
            VOW_STR("why", subscribed->text), VOW_STR("then", "its events are not delivered to this service"));
}

static void come_again(struct vow_subscription_kept *subscription)
{
    const uint32_t doublings = subscription->refusals < 8 ? subscription->refusals : 8;
    const uint64_t most = UINT64_C(200) << doublings;

    subscription->refusals++;
    vow_timer_arm(&subscription->retry, vow_jitter_next(&subscription->participant->relay.flights.random) %
                                                (most < RETRY_MAX_MS ? most : RETRY_MAX_MS) +
                                            1);
}

void vow_participant_hear_subscribed(struct vow_participant *participant, const struct vow_msg_subscribed *subscribed)
{
    struct vow_subscription_kept *subscription = vow_subscription_find(participant, subscribed->group);

    if (subscription == NULL)
        return;
    (void)pthread_mutex_lock(&participant->lock);
    subscription->is_answered = true;
    subscription->error = subscribed->error;
    vow_text_copy(subscription->text, subscribed->text);
    (void)pthread_cond_broadcast(&participant->changed);
    (void)pthread_mutex_unlock(&participant->lock);
    if (subscribed->error == 0) {
        subscription->refusals = 0;
        subscription->done_to = subscribed->cursor;
    } else if (subscribed->error == VOW_E_BUSY)
        come_again(subscription);
    else
        say_refused(subscription, subscribed);
}

void vow_subscriptions_init(struct vow_participant *participant)
{
    struct vow_subscription_kept *each = participant->subscriptions;

    for (; each != NULL; each = each->next)
        vow_timer_init(&each->retry, participant->loop.base, participant->loop.timers, retry, each);
}

void vow_subscriptions_deinit(struct vow_participant *participant)
{
    struct vow_subscription_kept *each = participant->subscriptions;

    for (; each != NULL; each = each->next)
        vow_timer_deinit(&each->retry);
}

/* VOW_E_BUSY is no answer: it goes on by itself. */
static int answer_of(const struct vow_subscription_kept *subscription, struct vow_error_detail *detail)
{
    if (!subscription->is_answered || subscription->error == VOW_E_BUSY)
        return VOW_E_UNREACHABLE;
    return subscription->error != 0 ? vow_detail(detail, subscription->error, "%s", subscription->text) : 0;
}

int vow_participant_subscribed(struct vow_participant *participant, const char *group, uint32_t timeout_ms,
                               struct vow_error_detail *detail)
{
    const struct timespec until = vow_participant_after(timeout_ms);
    const struct vow_subscription_kept *subscription;
    int error;

    if (participant == NULL || group == NULL)
        return VOW_E_ARGUMENT;
    if (getpid() != participant->process)
        return VOW_E_FORKED;
    if (vow_loop_is_mine(&participant->loop))
        return VOW_E_STATE;
    subscription = vow_subscription_find(participant, group);
    if (subscription == NULL)
        return VOW_E_NOT_FOUND;
    (void)pthread_mutex_lock(&participant->lock);
    while ((error = answer_of(subscription, detail)) == VOW_E_UNREACHABLE) {
        if (pthread_cond_timedwait(&participant->changed, &participant->lock, &until) == ETIMEDOUT)
            break;
    }
    (void)pthread_mutex_unlock(&participant->lock);
    return error;
}

/* --- Deliveries --- */

struct vow_event_flight {
    struct vow_store_op op; /* first */
    struct vow_store_delivery delivery;
    struct vow_event_flight *next; /* of the same bucket */
    uint32_t attempt;              /* that came last; the handler's is in `delivery`, which is the store's meanwhile */
    size_t size;
    char texts[];
};

static struct vow_event_flight **bucket_of(struct vow_participant *participant, uint64_t offset)
{
    return &participant->events[offset % VOW_EVENT_BUCKETS];
}

static struct vow_event_flight *find(struct vow_participant *participant, const struct vow_msg_deliver *deliver)
{
    struct vow_event_flight *flight = *bucket_of(participant, deliver->offset);

    while (flight != NULL &&
           (flight->delivery.offset != deliver->offset || strcmp(flight->delivery.group, deliver->group) != 0))
        flight = flight->next;
    return flight;
}

static void answer(struct vow_participant *participant, const struct vow_msg_delivered *delivered)
{
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED, .delivered = *delivered};

    participant->events_handled += delivered->result == VOW_EVENT_DONE;
    participant->events_refused += delivered->result == VOW_EVENT_UNABLE;
    vow_participant_tell(participant, 0, &msg);
}

static char *put_text(char **end, const char *text)
{
    char *to = *end;
    const size_t size = strlen(text) + 1;

    memcpy(to, text, size);
    *end += size;
    return to;
}

static size_t size_of(const struct vow_msg_deliver *deliver)
{
    const struct vow_msg_event *event = &deliver->event;

    return sizeof(struct vow_event_flight) + strlen(deliver->group) + strlen(event->source) + strlen(event->topic) +
           strlen(event->key) + 4 + VOW_HEADERS_TEXT_SIZE + event->payload.len;
}

static struct vow_event_flight *flight_new(const struct vow_msg_deliver *deliver, uint64_t done_to)
{
    const struct vow_msg_event *event = &deliver->event;
    const size_t size = size_of(deliver);
    struct vow_event_flight *flight = malloc(size);
    char *end = flight != NULL ? flight->texts : NULL;

    if (flight == NULL)
        return NULL;
    *flight =
        (struct vow_event_flight){.op = {.kind = VOW_STORE_EVENT, .gtrid = event->gtrid, .delivery = &flight->delivery},
                                  .delivery = {.offset = deliver->offset,
                                               .done_to = done_to,
                                               .attempt = deliver->attempt,
                                               .event = {.gtrid = event->gtrid,
                                                         .version = event->version,
                                                         .hops = event->hops,
                                                         .deadline_us = event->deadline_us,
                                                         .key_seq = event->key_seq,
                                                         .wall_us = event->wall_us}},
                                  .attempt = deliver->attempt,
                                  .size = size};
    memcpy(flight->delivery.source, event->db_uuid, VOW_DB_UUID_BYTES);
    flight->delivery.group = put_text(&end, deliver->group);
    flight->delivery.source_name = put_text(&end, event->source);
    flight->delivery.event.topic = put_text(&end, event->topic);
    flight->delivery.event.key = put_text(&end, event->key);
    flight->delivery.event.payload = (struct vow_slice){(const uint8_t *)end, event->payload.len};
    if (event->payload.len > 0)
        memcpy(end, event->payload.data, event->payload.len);
    end += event->payload.len;
    vow_headers_write(event->headers, event->headers_len, end);
    flight->delivery.event.headers = end;
    return flight;
}

static void decline(struct vow_participant *participant, const struct vow_msg_deliver *deliver,
                    enum vow_event_result result, enum vow_cause cause, const char *text)
{
    answer(participant, &(struct vow_msg_delivered){.group = deliver->group,
                                                    .offset = deliver->offset,
                                                    .attempt = deliver->attempt,
                                                    .result = result,
                                                    .cause = cause,
                                                    .text = text});
}

static void begin(struct vow_participant *participant, const struct vow_msg_deliver *deliver, uint64_t done_to)
{
    struct vow_event_flight **bucket = bucket_of(participant, deliver->offset), *flight = NULL;

    if (participant->events_len < VOW_EVENTS_IN_FLIGHT_MAX && participant->events_bytes < EVENTS_BYTES_MAX)
        flight = flight_new(deliver, done_to);
    if (flight == NULL) {
        decline(participant, deliver, VOW_EVENT_NOT_YET, VOW_CAUSE_NO_SPACE, "too many events at once");
        return;
    }
    flight->op.coord = participant->coord;
    flight->next = *bucket;
    *bucket = flight;
    participant->events_len++;
    participant->events_bytes += flight->size;
    vow_participant_store_put(participant, &flight->op);
}

/* To subscribe once more, to the same, is to ask where the group stands. */
static void ask_later(struct vow_subscription_kept *subscription)
{
    if (!vow_timer_is_armed(&subscription->retry))
        vow_timer_arm(&subscription->retry, ASK_EVERY_MS);
}

void vow_participant_deliver(struct vow_participant *participant, const struct vow_msg_deliver *deliver)
{
    struct vow_subscription_kept *subscription = vow_subscription_find(participant, deliver->group);
    struct vow_event_flight *flight = find(participant, deliver);

    if (subscription != NULL)
        ask_later(subscription);
    if (subscription == NULL)
        decline(participant, deliver, VOW_EVENT_NOT_YET, VOW_CAUSE_NO_SUCH_HANDLER,
                "this service has not subscribed for the group");
    else if (flight != NULL)
        flight->attempt = deliver->attempt;
    else
        begin(participant, deliver, subscription->done_to);
}

static void leave(struct vow_participant *participant, struct vow_event_flight *flight)
{
    struct vow_event_flight **at = bucket_of(participant, flight->delivery.offset);

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    participant->events_len--;
    participant->events_bytes -= flight->size;
}

void vow_participant_event_done(struct vow_participant *participant, struct vow_store_op *op)
{
    struct vow_event_flight *flight = (struct vow_event_flight *)op;
    const struct vow_store_delivery *delivery = &flight->delivery;
    const bool is_done = delivery->outcome == VOW_EVENT_DONE;

    leave(participant, flight);
    if (!participant->closing)
        answer(participant, &(struct vow_msg_delivered){.group = delivery->group,
                                                        .offset = delivery->offset,
                                                        .attempt = flight->attempt,
                                                        .result = delivery->outcome,
                                                        .cause = is_done ? VOW_CAUSE_NONE : op->cause,
                                                        .text = is_done ? "" : op->text});
    free(flight);
}

/* --- The store's thread --- */

/* An event as the handler sees it. */
struct shown {
    struct vow_received_event event;
    struct vow_event_header headers[VOW_EVENT_HEADERS_MAX];
    char words[VOW_HEADERS_TEXT_SIZE];
};

static void show(const struct vow_store_delivery *delivery, struct shown *shown)
{
    const struct vow_store_event *event = &delivery->event;
    struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX];

    shown->event = (struct vow_received_event){.size = sizeof(shown->event),
                                               .topic = event->topic,
                                               .key = event->key,
                                               .payload = event->payload.data,
                                               .len = event->payload.len,
                                               .version = event->version,
                                               .headers = shown->headers,
                                               .source = delivery->source_name,
                                               .key_seq = event->key_seq,
                                               .offset = delivery->offset,
                                               .wall_us = event->wall_us,
                                               .id = event->gtrid,
                                               .hops = event->hops,
                                               .deadline_us = event->deadline_us,
                                               .attempt = delivery->attempt};
    (void)snprintf(shown->words, sizeof(shown->words), "%s", event->headers);
    shown->event.headers_len = vow_headers_read(shown->words, headers);
    for (uint32_t i = 0; i < shown->event.headers_len; i++)
        shown->headers[i] = (struct vow_event_header){headers[i].name, headers[i].value};
}

static int run(struct vow_participant *participant, struct sqlite3 *db, const struct vow_store_delivery *delivery,
               const struct vow_reaction_kept *reaction, const struct vow_received_event *event, enum vow_cause *cause,
               char text[VOW_TEXT_SIZE])
{
    struct vow_branch branch = {
        .participant = participant, .gtrid = &delivery->event.gtrid, .delivery = delivery, .reaction = reaction};

    return vow_participant_judge(&branch, reaction->handler(&branch, db, event, reaction->ctx), cause, text);
}

int vow_participant_react(void *ctx, struct sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                          char text[VOW_TEXT_SIZE])
{
    struct vow_participant *participant = ctx;
    const struct vow_subscription_kept *subscription = vow_subscription_find(participant, delivery->group);
    const struct vow_reaction_kept *reaction =
        subscription != NULL ? vow_reaction_find(subscription, delivery->event.topic) : NULL;
    struct shown shown;
    int error = 0;

    show(delivery, &shown);
    if (reaction != NULL)
        error = vow_transform_apply(subscription, &shown.event, cause, text);
    if (error == 0)
        error = vow_reaction_check(reaction, delivery, shown.event.version, cause, text);
    /* Without a reaction there is an error, which clang-tidy does not see. */
    return error != 0 || reaction == NULL ? error : run(participant, db, delivery, reaction, &shown.event, cause, text);
}
