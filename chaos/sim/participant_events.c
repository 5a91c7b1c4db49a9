/*
 * A participant's events, as participant/participant_relay.c and participant_events.c do it: its outbox to the
 * coordinator, and deliveries to the store. What of the outbox is under way, and what a reaction may be given and may
 * publish, is the library's own (participant/flights.c, participant/reaction.c).
 */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/participant_private.h"
#include "participant/participant_events.h"
#include "proto/assert.h"
#include "proto/error.h"

static void tell(struct sim_world *world, const struct sim_participant *p, const struct vow_msg *msg)
{
    if (p->conn != NULL)
        sim_net_send(world, p->conn, 0, msg);
}

/* --- The outbox --- */

static void send_event(struct sim_world *world, const struct sim_node *node, const struct vow_flight *flight)
{
    const struct sim_participant *p = node->participant;
    struct vow_publish_place place;
    const struct vow_msg msg = vow_event_publish(&flight->copy->event, node->name, p->identity.db_uuid, &place);

    tell(world, p, &msg);
}

static void send_waiting(struct sim_world *world, struct sim_node *node, bool all)
{
    struct sim_participant *p = node->participant;
    const struct vow_flight *flight;
    uint32_t at = 0;

    while (p->conn != NULL &&
           (flight = vow_flights_next(&p->events.flights, sim_now_us(world) / 1000, all, &at)) != NULL)
        send_event(world, node, flight);
}

static struct store_op *outbox_op(struct sim_world *world, struct sim_participant *p, enum vow_store_op_kind kind)
{
    struct store_op *op = participant_op_take(world, p);

    memset(&op->outbox, 0, sizeof(op->outbox));
    op->op.kind = kind;
    op->op.outbox = &op->outbox;
    return op;
}

void participant_events_turn_end(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    if (!sim_has_events(&world->options))
        return;
    if (p->events.kept != NULL) {
        participant_put(world, node, p->events.kept);
        p->events.kept = NULL;
    }
    if (p->events.reading != NULL || p->conn == NULL || p->events.flights.len == VOW_OUTBOX_WINDOW)
        return;
    p->events.reading = outbox_op(world, p, VOW_STORE_OUTBOX_READ);
    (void)vow_flights_ask(&p->events.flights, &p->events.reading->outbox);
    participant_put(world, node, p->events.reading);
}

void participant_outbox_done(struct sim_world *world, struct sim_node *node, struct store_op *op)
{
    struct sim_participant *p = node->participant;

    if (op == p->events.reading)
        p->events.reading = NULL;
    if (op->op.kind == VOW_STORE_OUTBOX_READ)
        vow_flights_take_read(&p->events.flights, &op->outbox);
    else
        vow_flights_take_deleted(&p->events.flights, &op->outbox);
    send_waiting(world, node, false);
}

static void take_published(struct sim_world *world, struct sim_participant *p, const struct vow_msg_published *said)
{
    const uint64_t now_ms = sim_now_us(world) / 1000;
    struct vow_flight *flight;

    if (vow_flights_published(&p->events.flights, said, now_ms, &flight) != VOW_FLIGHT_IS_KEPT)
        return;
    if (p->events.kept == NULL)
        p->events.kept = outbox_op(world, p, VOW_STORE_OUTBOX_DONE);
    vow_flights_let_go(&p->events.flights, flight, &p->events.kept->outbox, now_ms);
}

/* --- Subscriptions --- */

static bool is_of(const struct sim_world *world, const struct sim_node *node, uint32_t reaction)
{
    const uint32_t coords = world->options.coordinators, number = node->index - coords;
    const uint32_t rank = number / coords;
    uint32_t mates = 0;

    for (uint32_t i = 0; i < world->options.participants; i++)
        mates += world->nodes[coords + i].coord == node->coord;
    return mates > 0 && reaction % mates == rank;
}

void participant_group_name(const struct sim_node *node, uint32_t reaction, char name[VOW_NAME_SIZE])
{
    (void)snprintf(name, VOW_NAME_SIZE, "%s.%u", sim_reactions[reaction].group, node->coord);
}

/* Of the first and the last: what follows from an event that they do not ask for does not happen. */
static const char *keys_of(const struct sim_options *o, uint32_t which)
{
    static const char *const filters[] = {"", "t0", "t1*"};

    return which % 5 == 0 ? filters[o->event_filter] : "";
}

/* How many of these every second group asks for: an event has to have each. */
static const struct vow_msg_header_of_event filters[] = {{"size", "large"}, {"color", "red"}};

static void subscribe(struct sim_world *world, struct sim_node *node, uint32_t which)
{
    const struct sim_options *o = &world->options;
    const struct sim_reaction *reaction = &sim_reactions[which];
    char name[VOW_NAME_SIZE];
    struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE};

    participant_group_name(node, which, name);
    msg.subscribe = (struct vow_msg_subscribe){.group = name,
                                               .patterns_len = 1,
                                               .patterns = &reaction->on,
                                               .key_filter = keys_of(o, which),
                                               .filters_len = which % 2 == 1 ? o->event_headers : 0,
                                               .filters = filters,
                                               .publishes = reaction->publishes,
                                               .from = VOW_FROM_RESUME,
                                               .window = o->event_window,
                                               .attempts_max = o->event_attempts,
                                               .backoff_ms = 20,
                                               .backoff_max_ms = o->event_backoff_max_ms};
    while (msg.subscribe.publishes_len < 2 && reaction->publishes[msg.subscribe.publishes_len] != NULL)
        msg.subscribe.publishes_len++;
    tell(world, node->participant, &msg);
}

static void subscribe_to_all(struct sim_world *world, struct sim_node *node, uint32_t mask)
{
    for (uint32_t i = 0; i < SIM_REACTIONS; i++) {
        if ((mask >> i & 1) != 0 && is_of(world, node, i))
            subscribe(world, node, i);
    }
}

/* Another attempt of what is BUSY, in a moment. */
static void take_subscribed(struct sim_world *world, struct sim_node *node, const struct vow_msg_subscribed *said)
{
    struct sim_participant *p = node->participant;
    char name[VOW_NAME_SIZE];

    for (uint32_t i = 0; i < SIM_REACTIONS; i++) {
        participant_group_name(node, i, name);
        if (strcmp(name, said->group) != 0 || !is_of(world, node, i))
            continue;
        if (said->error == VOW_E_BUSY) {
            p->events.again |= 1u << i;
            p->events.again_ms = sim_now_us(world) / 1000 + 200;
        } else if (said->error == 0) {
            p->events.done_to[i] = said->cursor;
        }
    }
}

/* --- The connection, and the timer --- */

void participant_events_up(struct sim_world *world, struct sim_node *node)
{
    if (!sim_has_events(&world->options))
        return;
    send_waiting(world, node, true);
    subscribe_to_all(world, node, UINT32_MAX);
}

void participant_events_timer(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    const uint32_t again = p->events.again;

    if (!sim_has_events(&world->options))
        return;
    send_waiting(world, node, false);
    if (again != 0 && p->events.again_ms <= sim_now_us(world) / 1000) {
        p->events.again = 0;
        subscribe_to_all(world, node, again);
    }
}

uint64_t participant_events_deadline_ms(const struct sim_participant *p)
{
    uint64_t due_ms = UINT64_MAX;

    if (p->conn != NULL)
        due_ms = vow_flights_due_ms(&p->events.flights);
    return p->conn != NULL && p->events.again != 0 && p->events.again_ms < due_ms ? p->events.again_ms : due_ms;
}

/* --- Deliveries --- */

static struct store_op *find(const struct sim_participant *p, const struct vow_msg_deliver *deliver)
{
    struct store_op *op = p->events.deliveries;

    while (op != NULL && (op->delivery.offset != deliver->offset || strcmp(op->delivery.group, deliver->group) != 0))
        op = op->next_flight;
    return op;
}

static uint64_t done_to(const struct sim_world *world, const struct sim_node *node, const char *group)
{
    char name[VOW_NAME_SIZE];

    for (uint32_t i = 0; i < SIM_REACTIONS; i++) {
        participant_group_name(node, i, name);
        if (strcmp(name, group) == 0 && is_of(world, node, i))
            return node->participant->events.done_to[i];
    }
    return 0;
}

static void begin(struct sim_world *world, struct sim_node *node, const struct vow_msg_deliver *deliver)
{
    struct sim_participant *p = node->participant;
    const struct vow_msg_event *event = &deliver->event;
    struct store_op *op = participant_op_take(world, p);
    char headers[VOW_HEADERS_TEXT_SIZE];

    vow_headers_write(event->headers, event->headers_len, headers);
    op->op.kind = VOW_STORE_EVENT;
    op->op.gtrid = event->gtrid;
    op->op.coord = p->coord;
    op->op.delivery = &op->delivery;
    op->delivery = (struct vow_store_delivery){.group = participant_copy(world, deliver->group),
                                               .offset = deliver->offset,
                                               .done_to = done_to(world, node, deliver->group),
                                               .attempt = deliver->attempt,
                                               .source_name = participant_copy(world, event->source),
                                               .event = {.topic = participant_copy(world, event->topic),
                                                         .key = participant_copy(world, event->key),
                                                         .gtrid = event->gtrid,
                                                         .version = event->version,
                                                         .hops = event->hops,
                                                         .deadline_us = event->deadline_us,
                                                         .headers = participant_copy(world, headers),
                                                         .key_seq = event->key_seq,
                                                         .wall_us = event->wall_us}};
    memcpy(op->delivery.source, event->db_uuid, VOW_DB_UUID_BYTES);
    op->delivery.event.payload =
        (struct vow_slice){sim_arena_copy(&world->arena, event->payload.data, event->payload.len), event->payload.len};
    op->attempt = deliver->attempt;
    op->next_flight = p->events.deliveries;
    p->events.deliveries = op;
    participant_put(world, node, op);
}

static void answer(struct sim_world *world, const struct sim_participant *p, const struct vow_msg_delivered *delivered)
{
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED, .delivered = *delivered};

    tell(world, p, &msg);
}

static const struct sim_reaction *reaction_of(const struct sim_world *world, const struct sim_node *node,
                                              const char *group)
{
    char name[VOW_NAME_SIZE];

    for (uint32_t i = 0; i < SIM_REACTIONS; i++) {
        participant_group_name(node, i, name);
        if (strcmp(name, group) == 0 && is_of(world, node, i))
            return &sim_reactions[i];
    }
    return NULL;
}

static void take_deliver(struct sim_world *world, struct sim_node *node, const struct vow_msg_deliver *deliver)
{
    struct sim_participant *p = node->participant;
    struct store_op *op = find(p, deliver);

    if (reaction_of(world, node, deliver->group) == NULL)
        answer(world, p,
               &(struct vow_msg_delivered){.group = deliver->group,
                                           .offset = deliver->offset,
                                           .attempt = deliver->attempt,
                                           .result = VOW_EVENT_NOT_YET,
                                           .cause = VOW_CAUSE_NO_SUCH_HANDLER,
                                           .text = "this service has not subscribed for the group"});
    else if (op != NULL)
        op->attempt = deliver->attempt;
    else
        begin(world, node, deliver);
}

/* Now and then the consumer goes back, and is delivered again what it had done; or ahead, and passes over the rest. */
static void seek(struct sim_world *world, struct sim_node *node, const struct vow_store_delivery *delivery)
{
    struct sim_participant *p = node->participant;
    struct sim_rng luck = sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(3) << 32 | node->index,
                                     (uint64_t)node->life << 32 | ++p->events.handled);
    struct vow_msg msg = {.kind = VOW_MSG_SEEK,
                          .seek = {.group = delivery->group, .offset = sim_rng_below(&luck, delivery->offset)}};

    if (sim_rng_below(&luck, 100) < world->options.event_forward_pct)
        msg.seek.offset = delivery->offset + sim_rng_below(&luck, 32);
    if (!world->net.is_calm && sim_rng_chance(&luck, world->options.event_seek))
        tell(world, p, &msg);
}

void participant_event_done(struct sim_world *world, struct sim_node *node, struct store_op *op)
{
    struct sim_participant *p = node->participant;
    struct store_op **link = &p->events.deliveries;
    const bool is_done = op->delivery.outcome == VOW_EVENT_DONE;

    while (*link != op)
        link = &(*link)->next_flight;
    *link = op->next_flight;
    answer(world, p,
           &(struct vow_msg_delivered){.group = op->delivery.group,
                                       .offset = op->delivery.offset,
                                       .attempt = op->attempt,
                                       .result = op->delivery.outcome,
                                       .cause = is_done ? VOW_CAUSE_NONE : op->op.cause,
                                       .text = is_done ? "" : op->op.text});
    if (is_done)
        seek(world, node, &op->delivery);
}

bool participant_events_message(struct sim_world *world, struct sim_node *node, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_PUBLISHED)
        take_published(world, node->participant, &msg->published);
    else if (msg->kind == VOW_MSG_SUBSCRIBED)
        take_subscribed(world, node, &msg->subscribed);
    else if (msg->kind == VOW_MSG_DELIVER)
        take_deliver(world, node, &msg->deliver);
    else
        return false;
    return true;
}

/* --- The handler --- */

static int refuse(enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(text, "never");
    return VOW_E_REFUSED;
}

static int fail(enum vow_cause *cause, char text[VOW_TEXT_SIZE], const char *why)
{
    *cause = VOW_CAUSE_HANDLER_FAILED;
    vow_text_copy(text, why);
    return VOW_E_STATE;
}

static int follow_up(struct sim_world *world, const struct sim_node *node, sqlite3 *db,
                     const struct vow_reaction_kept *reaction, const struct vow_store_delivery *delivery,
                     struct sim_rng *luck, const struct sim_news *news)
{
    const char *topic = reaction->publishes[reaction->publishes_len > 1 ? news->number % 2 : 0];
    struct sim_wish wish = sim_wish_draw(world, luck, topic);
    struct sim_thing_text text;
    struct vow_store_event event;
    int rc;

    wish.gtrid = delivery->event.gtrid;
    rc = sim_thing_change(db, &wish, participant_next_tag(world, node), &text, &event);
    if (rc == SQLITE_OK)
        rc = vow_reaction_publishes(reaction, delivery, &event);
    return rc == 0 ? vow_store_sqlite_publish(node->participant->store, &event) : rc;
}

static int run(struct sim_world *world, const struct sim_node *node, sqlite3 *db,
               const struct vow_reaction_kept *reaction, struct vow_store_delivery *delivery, enum vow_cause *cause,
               char text[VOW_TEXT_SIZE])
{
    struct sim_participant *p = node->participant;
    struct store_op *op = (struct store_op *)((char *)delivery - offsetof(struct store_op, delivery));
    struct sim_rng luck = sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(2) << 32 | node->index,
                                     (uint64_t)node->life << 32 | ++p->events.runs);
    struct sim_news news = {.tag = 0};
    int rc;

    /* It could not read it; and nobody else knows what this service knows (F210). */
    VOW_ASSERT(reaction->version_max == 0 || delivery->event.version <= reaction->version_max);
    if (!sim_news_decode(delivery->event.payload.data, delivery->event.payload.len, &news) || news.is_poison)
        return refuse(cause, text);
    rc = sim_thing_hear(db, delivery);
    if (rc == SQLITE_OK && reaction->publishes_len > 0)
        rc = follow_up(world, node, db, reaction, delivery, &luck, &news);
    if (rc != SQLITE_OK)
        return fail(cause, text, "it did not work out");
    if (!world->net.is_calm && sim_rng_chance(&luck, world->options.event_fail))
        return fail(cause, text, "something broke in the middle");
    op->has_run = true;
    return 0;
}

int participant_run_event(void *ctx, sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                          char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    const struct sim_reaction *of = reaction_of(work->world, work->node, delivery->group);
    /* A service that is brought up to date with its next start. */
    const bool is_new = work->node->life > 1 || work->world->net.is_calm;
    struct vow_reaction_kept reaction = {.version_max = is_new ? 0 : 1};
    int rc;

    ((struct store_op *)((char *)delivery - offsetof(struct store_op, delivery)))->has_run = false;
    if (of != NULL) {
        reaction.on = of->on;
        reaction.publishes = of->publishes;
        while (reaction.publishes_len < 2 && of->publishes[reaction.publishes_len] != NULL)
            reaction.publishes_len++;
    }
    rc = vow_reaction_check(of != NULL ? &reaction : NULL, delivery, delivery->event.version, cause, text);
    return rc != 0 ? rc : run(work->world, work->node, db, &reaction, delivery, cause, text);
}
