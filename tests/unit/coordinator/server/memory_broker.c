#include <stdlib.h>
#include <string.h>

#include "memory_private.h"
#include "proto/error.h"

static bool say(const struct memory_broker *memory, uint64_t session, const struct vow_msg *msg)
{
    return memory->broker.host->send(memory->broker.host_ctx, session, msg);
}

static uint64_t now_ms(const struct memory_broker *memory)
{
    return memory->broker.host->now_ms(memory->broker.host_ctx);
}

/* ---- delivering ---- */

static bool is_of_key(const struct kept *event, const struct vow_msg_event *msg)
{
    return strcmp(event->key, msg->key) == 0 && memcmp(event->msg.db_uuid, msg->db_uuid, VOW_DB_UUID_BYTES) == 0;
}

bool memory_takes(const struct group *group, const struct kept *event)
{
    return event->is_durable && vow_pattern_matches(group->pattern, event->topic);
}

bool memory_is_open(const struct memory_broker *memory, const struct group *group, uint32_t i)
{
    return memory_takes(group, &memory->events[i]) && group->deliveries[i].state != DONE;
}

bool memory_is_behind(const struct memory_broker *memory, const struct group *group, uint32_t event)
{
    for (uint32_t i = 0; i < event; i++) {
        if (is_of_key(&memory->events[i], &memory->events[event].msg) && memory_is_open(memory, group, i) &&
            group->deliveries[i].state != DEAD)
            return true;
    }
    return false;
}

static void deliver(struct memory_broker *memory, struct group *group, uint32_t i)
{
    struct delivery *delivery = &group->deliveries[i];
    const struct vow_msg msg = {
        .kind = VOW_MSG_DELIVER,
        .deliver = {
            .group = group->name, .offset = i + 1, .attempt = delivery->attempt + 1, .event = memory->events[i].msg}};

    group->is_full = !say(memory, group->session, &msg);
    if (group->is_full)
        return;
    delivery->attempt++;
    delivery->state = SENT;
    delivery->due_ms = now_ms(memory) + ATTEMPT_MS;
    memory->counts.sent++;
}

static void pump(struct memory_broker *memory)
{
    for (uint32_t g = 0; g < memory->groups_len; g++) {
        struct group *group = &memory->groups[g];
        for (uint32_t i = 0; i < memory->events_len; i++) {
            if (group->session != 0 && !group->is_joining && !group->is_full &&
                memory_takes(group, &memory->events[i]) && group->deliveries[i].state == WAITING &&
                !memory_is_behind(memory, group, i))
                deliver(memory, group, i);
        }
    }
}

static void failed(struct memory_broker *memory, struct delivery *delivery, enum vow_cause cause)
{
    delivery->cause = cause;
    delivery->state = delivery->attempt < ATTEMPTS_MAX ? PAUSING : BURYING;
    delivery->due_ms = now_ms(memory) + BACKOFF_MS;
}

/* ---- publish ---- */

static void published(const struct memory_broker *memory, uint64_t session, const struct vow_msg_event *event,
                      uint64_t offset, int error)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISHED,
                                .published = {.key = event->key,
                                              .key_seq = event->key_seq,
                                              .offset = offset,
                                              .error = error,
                                              .text = error != 0 ? vow_error_text(error) : ""}};

    (void)say(memory, session, &msg);
}

static struct kept *newest_of(struct memory_broker *memory, const struct vow_msg_event *event)
{
    for (uint32_t i = memory->events_len; i > 0; i--) {
        if (is_of_key(&memory->events[i - 1], event))
            return &memory->events[i - 1];
    }
    return NULL;
}

uint32_t memory_count_open(const struct memory_broker *memory)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < memory->events_len; i++) {
        bool is_held = !memory->events[i].is_durable;
        for (uint32_t g = 0; g < memory->groups_len; g++)
            is_held = is_held || memory_is_open(memory, &memory->groups[g], i);
        open += is_held;
    }
    return open;
}

static void keep(struct memory_broker *memory, uint64_t publisher, const struct vow_msg_event *event)
{
    struct kept *kept = &memory->events[memory->events_len++];

    *kept = (struct kept){.msg = *event, .publisher = publisher};
    memcpy(kept->topic, event->topic, strlen(event->topic) + 1);
    memcpy(kept->key, event->key, strlen(event->key) + 1);
    memcpy(kept->source, event->source, strlen(event->source) + 1);
    memcpy(kept->payload, event->payload.data, event->payload.len);
    kept->msg.topic = kept->topic;
    kept->msg.key = kept->key;
    kept->msg.source = kept->source;
    kept->msg.payload.data = kept->payload;
}

static void publish(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_event *event)
{
    struct memory_broker *memory = memory_of(broker);
    struct kept *newest = newest_of(memory, event);
    const uint64_t seq = newest != NULL ? newest->msg.key_seq : 0;

    if (vow_event_fault(event) != NULL || event->headers_len > 0 || event->payload.len > PAYLOAD) {
        published(memory, peer->session, event, 0, VOW_E_REFUSED);
    } else if (newest != NULL && event->key_seq == seq && !newest->is_durable) {
        newest->publisher = peer->session;
    } else if (event->key_seq <= seq) {
        published(memory, peer->session, event, event->key_seq == seq ? (uint64_t)(newest - memory->events) + 1 : 0, 0);
    } else if (seq != 0 && event->key_seq != seq + 1) {
        published(memory, peer->session, event, 0, VOW_E_STATE);
    } else if (memory->is_shedding || memory->is_draining || memory->events_len == EVENTS ||
               memory_count_open(memory) >= memory->events_max) {
        memory->counts.busy++;
        published(memory, peer->session, event, 0, VOW_E_BUSY);
    } else {
        keep(memory, peer->session, event);
    }
}

/* ---- subscribe, seek ---- */

static struct group *find(struct memory_broker *memory, const char *name)
{
    for (uint32_t g = 0; g < memory->groups_len; g++) {
        if (strcmp(memory->groups[g].name, name) == 0)
            return &memory->groups[g];
    }
    return NULL;
}

static void subscribed(const struct memory_broker *memory, uint64_t session, const char *group, int error)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_SUBSCRIBED,
        .subscribed = {.group = group, .error = error, .text = error != 0 ? vow_error_text(error) : ""}};

    (void)say(memory, session, &msg);
}

/* All up to there is done, and nothing that comes after it. */
static void place(struct group *group, uint64_t offset)
{
    for (uint32_t i = 0; i < EVENTS; i++)
        group->deliveries[i] = (struct delivery){.state = i < offset ? DONE : WAITING};
}

static struct group *begin(struct memory_broker *memory, const struct broker_peer *peer,
                           const struct vow_msg_subscribe *subscribe)
{
    struct group *group = &memory->groups[memory->groups_len++];

    memcpy(group->name, subscribe->group, strlen(subscribe->group) + 1);
    memcpy(group->participant, peer->name, strlen(peer->name) + 1);
    place(group, subscribe->from == VOW_FROM_END ? memory->events_len : subscribe->offset);
    return group;
}

static void subscribe(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_subscribe *msg)
{
    struct memory_broker *memory = memory_of(broker);
    struct group *group = find(memory, msg->group);

    if (group != NULL && strcmp(group->participant, peer->name) != 0) {
        subscribed(memory, peer->session, msg->group, VOW_E_REFUSED);
        return;
    }
    if (group == NULL && memory->groups_len == GROUPS) {
        subscribed(memory, peer->session, msg->group, VOW_E_BUSY);
        return;
    }
    if (group == NULL)
        group = begin(memory, peer, msg);
    memcpy(group->pattern, msg->patterns[0], strlen(msg->patterns[0]) + 1);
    group->session = peer->session;
    group->is_joining = true;
    group->is_full = false;
}

static void seek(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_seek *to)
{
    struct memory_broker *memory = memory_of(broker);
    struct group *group = find(memory, to->group);

    if (group == NULL || group->session != peer->session) {
        subscribed(memory, peer->session, to->group, VOW_E_NOT_FOUND);
        return;
    }
    place(group, to->offset);
    group->is_joining = true;
}

/* ---- ack ---- */

static void take_answer(struct memory_broker *memory, struct delivery *delivery, const struct vow_msg_delivered *answer)
{
    if (answer->result == VOW_EVENT_DONE) {
        memory->counts.done += delivery->state != DONE;
        *delivery = (struct delivery){.state = DONE};
    } else if (delivery->state == SENT && delivery->attempt == answer->attempt) {
        failed(memory, delivery, answer->cause);
        if (answer->result == VOW_EVENT_UNABLE)
            delivery->state = BURYING;
    }
}

static void ack(struct broker *broker, const struct broker_peer *peer, const struct vow_msg_delivered *answer)
{
    struct memory_broker *memory = memory_of(broker);
    struct group *group = find(memory, answer->group);

    if (group == NULL || group->session != peer->session || answer->offset == 0 || answer->offset > memory->events_len)
        return;
    if (group->deliveries[answer->offset - 1].attempt > 0)
        take_answer(memory, &group->deliveries[answer->offset - 1], answer);
    pump(memory);
}

/* ---- sessions, time ---- */

static void session_gone(struct broker *broker, uint64_t session)
{
    struct memory_broker *memory = memory_of(broker);

    for (uint32_t g = 0; g < memory->groups_len; g++) {
        struct group *group = &memory->groups[g];
        if (group->session != session)
            continue;
        group->session = 0;
        for (uint32_t i = 0; i < memory->events_len; i++) {
            if (group->deliveries[i].state == SENT)
                failed(memory, &group->deliveries[i], VOW_CAUSE_PARTICIPANT_LOST);
        }
    }
}

static void ready(struct broker *broker, uint64_t session)
{
    struct memory_broker *memory = memory_of(broker);

    for (uint32_t g = 0; g < memory->groups_len; g++) {
        if (memory->groups[g].session == session)
            memory->groups[g].is_full = false;
    }
    pump(memory);
}

static bool is_timed(const struct delivery *delivery)
{
    return delivery->state == SENT || delivery->state == PAUSING;
}

static uint64_t deadline_ms(const struct broker *broker)
{
    const struct memory_broker *memory = memory_of(broker);
    uint64_t least = UINT64_MAX;

    for (uint32_t g = 0; g < memory->groups_len; g++) {
        for (uint32_t i = 0; i < memory->events_len; i++) {
            const struct delivery *delivery = &memory->groups[g].deliveries[i];
            if (is_timed(delivery) && delivery->due_ms < least)
                least = delivery->due_ms;
        }
    }
    return least;
}

static void ring(struct memory_broker *memory, struct delivery *delivery)
{
    if (!is_timed(delivery) || delivery->due_ms > now_ms(memory))
        return;
    if (delivery->state == SENT)
        failed(memory, delivery, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    else
        delivery->state = WAITING;
}

static void timer(struct broker *broker)
{
    struct memory_broker *memory = memory_of(broker);

    for (uint32_t g = 0; g < memory->groups_len; g++) {
        for (uint32_t i = 0; i < memory->events_len; i++)
            ring(memory, &memory->groups[g].deliveries[i]);
    }
    pump(memory);
}

static void shed(struct broker *broker, bool on)
{
    memory_of(broker)->is_shedding = on;
}

static void drain(struct broker *broker)
{
    memory_of(broker)->is_draining = true;
}

static void free_memory(struct broker *broker)
{
    free(memory_of(broker));
}

/* ---- orders ---- */

static void order(struct broker *broker, const char *name, uint64_t offset, enum vow_relay_order order, uint64_t tag)
{
    struct memory_broker *memory = memory_of(broker);
    struct group *group = find(memory, name);
    const bool is_of_letter = order == VOW_RELAY_RETRY || order == VOW_RELAY_DROP;
    int error = group == NULL ? VOW_E_NOT_FOUND : 0;

    if (error == 0 && !is_of_letter)
        error = VOW_E_REFUSED;
    else if (error == 0 && (offset - 1 >= memory->events_len || group->deliveries[offset - 1].state != DEAD))
        error = VOW_E_NOT_FOUND;
    if (error == 0)
        group->deliveries[offset - 1] =
            (struct delivery){.state = order == VOW_RELAY_DROP ? DONE : WAITING, .is_letter = true};
    memory->broker.host->ordered(memory->broker.host_ctx, tag, error, "");
    pump(memory);
}

static const struct broker_ops memory_ops = {.publish = publish,
                                             .subscribe = subscribe,
                                             .ack = ack,
                                             .seek = seek,
                                             .session_gone = session_gone,
                                             .ready = ready,
                                             .deadline_ms = deadline_ms,
                                             .timer = timer,
                                             .shed = shed,
                                             .drain = drain,
                                             .free = free_memory,
                                             .counts = memory_counts,
                                             .next_group = memory_next_group,
                                             .next_dead = memory_next_dead,
                                             .next_reaction = memory_next_reaction,
                                             .topics = memory_topics,
                                             .cut = memory_cut,
                                             .order = order};

/* ---- its disk ---- */

struct broker *memory_broker_new(uint32_t events_max, const struct broker_host *host, void *host_ctx)
{
    struct memory_broker *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        return NULL;
    memory->broker = (struct broker){.ops = &memory_ops, .host = host, .host_ctx = host_ctx};
    memory->events_max = events_max;
    return &memory->broker;
}

static void sync_group(struct memory_broker *memory, struct group *group)
{
    for (uint32_t i = 0; i < memory->events_len; i++) {
        if (group->deliveries[i].state == BURYING)
            group->deliveries[i].state = DEAD;
    }
    if (group->is_joining && group->session != 0)
        subscribed(memory, group->session, group->name, 0);
    group->is_joining = false;
}

void memory_broker_sync(struct broker *broker)
{
    struct memory_broker *memory = memory_of(broker);

    for (uint32_t i = 0; i < memory->events_len; i++) {
        struct kept *event = &memory->events[i];
        if (event->is_durable)
            continue;
        event->is_durable = true;
        memory->counts.published++;
        broker->host->kept(broker->host_ctx, &event->msg.gtrid, event->msg.wall_us);
        published(memory, event->publisher, &event->msg, i + 1, 0);
    }
    for (uint32_t g = 0; g < memory->groups_len; g++)
        sync_group(memory, &memory->groups[g]);
    pump(memory);
}

void memory_broker_crash(struct broker *broker)
{
    struct memory_broker *memory = memory_of(broker);

    memory->is_draining = memory->is_shedding = false;
    while (memory->events_len > 0 && !memory->events[memory->events_len - 1].is_durable)
        memory->events_len--;
    for (uint32_t g = 0; g < memory->groups_len; g++) {
        struct group *group = &memory->groups[g];
        group->session = 0;
        for (uint32_t i = 0; i < EVENTS; i++) {
            if (group->deliveries[i].state != DONE && group->deliveries[i].state != DEAD)
                group->deliveries[i] = (struct delivery){.state = WAITING};
        }
    }
}
