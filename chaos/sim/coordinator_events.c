/*
 * A coordinator's events: the real core of the relay, and between it, the sessions and the journal what
 * coordinator/server/relay.c does in vowd. What events say is in vowd's own book, and what the journal keeps of them
 * comes to the core through vowd's own reading (coordinator/fold).
 */
#include <string.h>

#include "chaos/sim/coordinator_private.h"
#include "chaos/sim/core_memory.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/clock.h"

/* --- Messages --- */

/* A consumer for whom much waits already is not sent more (fault F029). The core is in its step: it hears of it after
 * that. */
static void note_undelivered(struct coordinator_events *events, const struct vow_relay_effect *effect)
{
    struct coordinator_undelivered *to = &events->undelivered[events->undelivered_len++];

    VOW_ASSERT(events->undelivered_len <= COORDINATOR_UNDELIVERED_MAX);
    *to = (struct coordinator_undelivered){.session = effect->session, .lsn = effect->msg.deliver.offset};
    memcpy(to->group, effect->msg.deliver.group, strlen(effect->msg.deliver.group) + 1);
}

static void effect_send(struct sim_world *world, struct sim_coordinator *c, const struct vow_relay_effect *effect)
{
    const struct session *session = coordinator_session_find(c, effect->session);

    if (session == NULL || !session->up)
        return;
    if (session->is_full && effect->msg.kind == VOW_MSG_DELIVER)
        note_undelivered(&c->events, effect);
    else
        sim_net_send(world, session->conn, 1, &effect->msg);
}

/* --- The journal --- */

static const char *copy_text(struct sim_world *world, const char *text)
{
    return sim_arena_copy(&world->arena, text, strlen(text) + 1);
}

static const char *const *copy_texts(struct sim_world *world, const char *const *texts, uint32_t len)
{
    const char **copy = sim_arena_take(&world->arena, (len + 1) * sizeof(*copy));

    for (uint32_t i = 0; i < len; i++)
        copy[i] = copy_text(world, texts[i]);
    return copy;
}

static const struct vow_msg_header_of_event *copy_headers(struct sim_world *world,
                                                          const struct vow_msg_header_of_event *from, uint32_t len)
{
    struct vow_msg_header_of_event *copy = sim_arena_take(&world->arena, (len + 1) * sizeof(*copy));

    for (uint32_t i = 0; i < len; i++)
        copy[i] = (struct vow_msg_header_of_event){copy_text(world, from[i].name), copy_text(world, from[i].value)};
    return copy;
}

/* For who looks on: the core's own is gone with its next step. */
static const struct vow_msg_subscribe *copy_subscribe(struct sim_world *world, const struct vow_msg_subscribe *from)
{
    struct vow_msg_subscribe *copy = sim_arena_copy(&world->arena, from, sizeof(*from));

    copy->group = copy_text(world, from->group);
    copy->key_filter = copy_text(world, from->key_filter);
    copy->patterns = copy_texts(world, from->patterns, from->patterns_len);
    copy->publishes = copy_texts(world, from->publishes, from->publishes_len);
    copy->filters = copy_headers(world, from->filters, from->filters_len);
    return copy;
}

static const struct vow_msg_event *copy_event(struct sim_world *world, const struct vow_msg_event *from)
{
    struct vow_msg_event *copy = sim_arena_copy(&world->arena, from, sizeof(*from));

    copy->topic = copy_text(world, from->topic);
    copy->key = copy_text(world, from->key);
    copy->source = copy_text(world, from->source);
    copy->headers = copy_headers(world, from->headers, from->headers_len);
    copy->payload.data = sim_arena_copy(&world->arena, from->payload.data, from->payload.len);
    return copy;
}

static void fill_event(struct sim_world *world, struct sim_coordinator *c, struct log_op *op,
                       const struct vow_msg_event *event)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISH, .publish = {.event = *event}};

    op->event = copy_event(world, event);
    op->op.record.body = coordinator_encode(world, &msg);
    memcpy(op->op.key.db_uuid, event->db_uuid, VOW_DB_UUID_BYTES);
    memcpy(op->op.key.key, event->key, strlen(event->key) + 1);
    op->op.key.key_seq = event->key_seq;
    if (vow_gtrid_is_none(&event->gtrid) || vow_coord_id(c->core, &event->gtrid) == VOW_COORD_ID_VOID)
        op->op.record.gtrid = (struct vow_gtrid){{0}};
}

static void effect_log(struct sim_world *world, struct sim_node *node, const struct vow_relay_effect *effect)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = coordinator_op_take(world, c);

    op->is_relay = true;
    op->op.kind = VOW_JOURNAL_APPEND;
    op->op.token = effect->log.token;
    op->op.branches = op->branches;
    op->op.record = effect->log.record;
    op->op.record.branches = op->branches;
    if (effect->log.record.kind == VOW_RECORD_EVENT) {
        fill_event(world, c, op, effect->log.event);
        c->events.is_kept = true;
    } else if (effect->log.record.kind == VOW_RECORD_GROUP) {
        const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE, .subscribe = *effect->log.subscribe};

        op->subscribe = copy_subscribe(world, effect->log.subscribe);
        op->op.record.body = coordinator_encode(world, &msg);
    } else if (effect->log.record.body.len > 0) {
        uint8_t *bytes = sim_arena_take(&world->arena, effect->log.record.body.len);

        memcpy(bytes, effect->log.record.body.data, effect->log.record.body.len);
        op->op.record.body.data = bytes;
    }
    coordinator_op_push(world, node, op, effect->log.forced);
}

static void effect_load(struct sim_world *world, struct sim_node *node, const struct vow_relay_effect *effect)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = coordinator_op_take(world, c);

    op->is_relay = true;
    op->op.kind = VOW_JOURNAL_EVENTS;
    op->op.after = effect->load.after;
    op->op.token = effect->load.group;
    op->op.events_max = effect->load.rows;
    op->next_load = c->events.loads;
    c->events.loads = op;
    coordinator_op_push(world, node, op, true);
}

static void free_found(struct log_op *op)
{
    vow_journal_events_free(op->op.events, op->op.events_len);
    op->op.events = NULL;
    op->op.events_len = 0;
}

static void loaded(struct sim_world *world, struct sim_node *node, struct log_op *op)
{
    struct sim_coordinator *c = node->coordinator;
    struct relay_recovery recovery = coordinator_events_recovery(world, node, NULL);
    struct log_op **link = &c->events.loads;
    const int error = relay_recovery_load(&recovery, 0, &op->op);

    while (*link != op)
        link = &(*link)->next_load;
    *link = op->next_load;
    free_found(op);
    VOW_ASSERT(error == 0);
}

void coordinator_events_journal_done(struct sim_world *world, struct sim_node *node, struct log_op *op)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_LOG_DONE};

    if (op->op.kind == VOW_JOURNAL_EVENTS) {
        loaded(world, node, op);
        return;
    }
    event.logged.token = op->op.token;
    event.logged.lsn = op->op.lsn;
    coordinator_events_step(world, node, &event);
}

/* --- Effects --- */

static void show_alarm(struct sim_world *world, const struct sim_node *node, const struct vow_relay_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ALARM, node);

    sight.alarm.what = effect->alarm.what;
    sight.alarm.who = effect->alarm.group;
    sight.alarm.is_of_event = true;
    sim_show(world, &sight);
}

static void show_late(struct sim_world *world, const struct sim_node *node, const struct vow_relay_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ALARM, node);

    sight.alarm.what = "late";
    sight.alarm.who = effect->late.reaction.group;
    sight.alarm.is_of_event = true;
    sim_show(world, &sight);
}

static void ordered(struct sim_world *world, struct sim_node *node, const struct vow_relay_effect *effect)
{
    struct sim_order *order = coordinator_order_find(node->coordinator, effect->ordered.tag);

    if (order != NULL)
        coordinator_order_answer(world, node, order, effect->ordered.error, effect->ordered.text);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_relay_effect *effect)
{
    switch (effect->kind) {
    case VOW_RELAY_SEND:
        effect_send(world, node->coordinator, effect);
        break;
    case VOW_RELAY_LOG:
        effect_log(world, node, effect);
        break;
    case VOW_RELAY_LOAD:
        effect_load(world, node, effect);
        break;
    case VOW_RELAY_ALARM:
        show_alarm(world, node, effect);
        break;
    case VOW_RELAY_LATE:
        show_late(world, node, effect);
        break;
    case VOW_RELAY_ORDERED:
        ordered(world, node, effect);
        break;
    case VOW_RELAY_FREED:
        relay_book_remove(&node->coordinator->events.book, effect->kept.event);
        break;
    }
}

static void step(struct sim_world *world, struct sim_node *node, struct vow_relay_event *event)
{
    struct vow_relay_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_relay_step(node->coordinator->events.core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
}

void coordinator_events_step(struct sim_world *world, struct sim_node *node, struct vow_relay_event *event)
{
    struct coordinator_events *events = &node->coordinator->events;

    step(world, node, event);
    while (events->undelivered_len > 0) {
        const struct coordinator_undelivered *last = &events->undelivered[--events->undelivered_len];
        struct vow_relay_event back = {.kind = VOW_RELAY_UNSENT, .session = last->session};

        back.unsent.group = last->group;
        back.unsent.lsn = last->lsn;
        step(world, node, &back);
    }
}

void coordinator_events_drained(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    struct vow_relay_event ready = {.kind = VOW_RELAY_PEER_READY, .session = session};

    if (node->coordinator->events.core != NULL)
        coordinator_events_step(world, node, &ready);
}

/* --- What participants say --- */

static void refuse(struct sim_world *world, const struct session *session, const struct vow_msg_event *event)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISHED,
                                .published = {.key = event->key,
                                              .key_seq = event->key_seq,
                                              .error = VOW_E_IDENTITY,
                                              .text = "the event is of another participant"}};

    sim_net_send(world, session->conn, 1, &msg);
}

static void publish(struct sim_world *world, struct sim_node *node, const struct session *session,
                    const struct vow_msg_event *from)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = session->id};
    const struct vow_msg_event *copy;

    if (strcmp(from->source, session->name) != 0 ||
        memcmp(from->db_uuid, session->peer.db_uuid, VOW_DB_UUID_BYTES) != 0) {
        refuse(world, session, from);
        return;
    }
    copy = relay_book_add(&c->events.book, from);
    VOW_ASSERT(copy != NULL);
    event.publish.event = copy;
    event.due_ms = relay_due_ms(from, sim_now_us(world) / 1000, vow_clock_wall_us());
    c->events.is_kept = false;
    coordinator_events_step(world, node, &event);
    if (!c->events.is_kept)
        relay_book_remove(&c->events.book, copy);
}

bool coordinator_events_message(struct sim_world *world, struct sim_node *node, const struct session *session,
                                const struct vow_msg *msg)
{
    struct vow_relay_event event = {.session = session->id};

    if (node->coordinator->events.core == NULL || msg->kind < VOW_MSG_PUBLISH || msg->kind > VOW_MSG_SEEK)
        return false;
    if (session->role != VOW_ROLE_PARTICIPANT)
        return true;
    if (msg->kind == VOW_MSG_PUBLISH) {
        publish(world, node, session, &msg->publish.event);
        return true;
    }
    event.kind = msg->kind == VOW_MSG_SUBSCRIBE ? VOW_RELAY_SUBSCRIBE : VOW_RELAY_MESSAGE;
    if (msg->kind == VOW_MSG_SUBSCRIBE) {
        event.subscribe.msg = &msg->subscribe;
        event.subscribe.participant = session->name;
    } else {
        event.msg = msg;
    }
    coordinator_events_step(world, node, &event);
    return true;
}

void coordinator_events_session_down(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_SESSION_DOWN, .session = session};

    if (node->coordinator->events.core == NULL)
        return;
    coordinator_events_step(world, node, &event);
    coordinator_events_look_at_groups(world, node);
}

void coordinator_events_timer(struct sim_world *world, struct sim_node *node)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_TIMER};

    if (node->coordinator->events.core != NULL)
        coordinator_events_step(world, node, &event);
}

uint64_t coordinator_events_deadline_ms(const struct sim_coordinator *c)
{
    return c->events.core != NULL ? vow_relay_deadline_ms(c->events.core) : UINT64_MAX;
}

/* --- What is seen --- */

static void show_group(struct sim_world *world, const struct sim_node *node, const struct vow_relay_group_view *view,
                       struct shown_group *shown)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_GROUP, node);
    const struct shown_group now = {
        .state = view->state, .is_connected = view->session != 0, .cursor = view->cursor, .dead = view->dead};

    if (shown->state == now.state && shown->is_connected == now.is_connected && shown->cursor == now.cursor &&
        shown->dead == now.dead)
        return;
    *shown = now;
    sight.group.name = view->name;
    sight.group.participant = view->participant;
    sight.group.state = view->state;
    sight.group.is_connected = now.is_connected;
    sight.group.cursor = view->cursor;
    sight.group.lag = view->lag;
    sight.group.dead = view->dead;
    sim_show(world, &sight);
}

void coordinator_events_turn_end(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_relay_group_view view;
    uint32_t at = 0, i = 0;

    while (c->events.core != NULL && i < EVENT_GROUPS_MAX && vow_relay_next_group(c->events.core, &at, &view))
        show_group(world, node, &view, &c->events.shown[i++]);
}

void coordinator_events_show_counts(struct sim_world *world, const struct sim_node *node)
{
    const struct sim_coordinator *c = node->coordinator;
    struct vow_relay_counts counts;

    if (c->events.core == NULL)
        return;
    vow_relay_counts(c->events.core, &counts);
    sim_sample(world, node, SIM_SAMPLE_EVENTS, counts.events, vow_relay_events_most(&c->events.limits));
    sim_sample(world, node, SIM_SAMPLE_DEAD, counts.dead, c->events.limits.dead_max);
}

static bool is_served(const struct sim_world *world, const char *participant)
{
    const struct sim_node *node = sim_find(world, participant);

    return node != NULL && (world->healed_nodes >> node->index & 1) != 0 && !node->is_harmed;
}

/* There is no room for its dead letter, and some that take it up are on their way to somebody who will not come. */
static bool is_stuck(const struct sim_world *world, const struct sim_coordinator *c,
                     const struct vow_relay_group_view *view)
{
    struct vow_relay_dead_view dead;
    struct vow_relay_group_view of;
    uint32_t at = 0;

    if (strcmp(view->state, "PAUSED") != 0)
        return false;
    while (vow_relay_next_dead(c->events.core, &at, &dead)) {
        uint32_t group = 0;

        while (vow_relay_next_group(c->events.core, &group, &of)) {
            if (dead.is_retried && strcmp(of.name, dead.group) == 0 && !is_served(world, of.participant))
                return true;
        }
    }
    return false;
}

/* Those of who is healed have nothing left to do, but for what is dead, and know what they have to do. */
bool coordinator_events_are_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_coordinator *c = node->coordinator;
    struct vow_relay_group_view view;
    uint32_t at = 0;

    /* An event that is durable belongs to nobody before the loop has heard so. */
    if (c->events.core != NULL && sim_now_us(world) < c->reported_us)
        return false;
    while (c->events.core != NULL && vow_relay_next_group(c->events.core, &at, &view)) {
        const bool is_busy = view.lag > 0 || view.is_reading || strcmp(view.state, "JOINING") == 0;

        if (is_busy && is_served(world, view.participant) && !is_stuck(world, c, &view))
            return false;
    }
    return true;
}

bool sim_coordinator_holds_events(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_coordinator *c = node->coordinator;
    struct vow_relay_group_view view;
    struct vow_relay_counts counts;
    bool has_lost = false;
    uint32_t at = 0;

    if (node->state != SIM_NODE_UP || c->events.core == NULL)
        return true;
    vow_relay_counts(c->events.core, &counts);
    while (vow_relay_next_group(c->events.core, &at, &view))
        has_lost = has_lost || !is_served(world, view.participant);
    return has_lost && counts.events >= c->events.limits.events_max;
}

/* --- The start --- */

static void feed(void *ctx, const struct vow_relay_event *event)
{
    const struct coordinator_feed *to = ctx;
    struct vow_relay_event fed = *event;

    coordinator_events_step(to->world, to->node, &fed);
}

struct relay_recovery coordinator_events_recovery(struct sim_world *world, struct sim_node *node,
                                                  struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;

    c->events.feed = (struct coordinator_feed){world, node};
    return (struct relay_recovery){.book = &c->events.book,
                                   .arena = c->events.arena,
                                   .now_ms = sim_now_us(world) / 1000,
                                   .wall_us = vow_clock_wall_us(),
                                   .step = feed,
                                   .ctx = &c->events.feed,
                                   .detail = detail,
                                   .core = c->events.core};
}

static void make(struct sim_world *world, struct sim_node *node, const struct relay_recovery *counted)
{
    const struct sim_options *o = &world->options;
    struct sim_coordinator *c = node->coordinator;
    struct sim_rng rng = sim_rng_of(o->seed, SIM_FOR_IDENTITY, UINT64_C(1) << 32 | node->index, node->life);
    size_t size;

    c->events.limits = (struct vow_relay_limits){.events_max = o->events_max,
                                                 .keys_max = o->events_max + 64,
                                                 .groups_max = EVENT_GROUPS_MAX,
                                                 .dead_max = o->dead_max,
                                                 .unread_max = VOW_RELAY_HIGHEST,
                                                 .window = 64,
                                                 .attempts_max = 10,
                                                 .attempt_ms = o->event_attempt_ms,
                                                 .backoff_ms = 20,
                                                 .backoff_max_ms = o->event_backoff_max_ms};
    relay_recovery_widen(counted, &c->events.limits);
    size = vow_relay_size(&c->events.limits);
    VOW_ASSERT(size > 0);
    c->events.core = vow_relay_core_init(sim_core_memory(node, SIM_CORE_RELAY, size), &c->events.limits,
                                         c->identity.epoch, sim_rng_next(&rng));
}

int coordinator_events_start(struct sim_world *world, struct sim_node *node, struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    struct relay_recovery recovery;
    int error;

    if (!sim_has_events(&world->options))
        return 0;
    c->events.arena = vow_arena_new(0);
    VOW_ASSERT(c->events.arena != NULL);
    recovery = coordinator_events_recovery(world, node, detail);
    error = relay_recovery_count(&recovery, c->ops, c->engine);
    if (error != 0)
        return error;
    make(world, node, &recovery);
    recovery = coordinator_events_recovery(world, node, detail);
    return relay_recovery_feed(&recovery, &c->events.limits, c->ops, c->engine);
}

void coordinator_events_stop(struct sim_coordinator *c)
{
    for (struct log_op *op = c->events.loads; op != NULL; op = op->next_load)
        free_found(op);
    c->events.loads = NULL;
    relay_book_free(&c->events.book);
    vow_arena_free(c->events.arena);
    c->events.arena = NULL;
    c->events.core = NULL;
}
