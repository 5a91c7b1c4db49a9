#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "proto/error.h"
#include "proto/jitter.h"

enum { MAIL_MAX = 8192, TURNS_MAX = 400000, CHAOS_TURNS = 600, ATTEMPTS_MAX = 3 };

static const char *const groups[WORLD_GROUPS] = {"all", "paid", "eu"};
static const char *const everything[] = {"#"}, *const paid[] = {"order.paid"}, *const orders[] = {"order.*"};
static const char *const keys[WORLD_KEYS] = {"order 1", "order 2", "order 3", "x"};
static const struct vow_msg_header_of_event eu[] = {{"region", "eu"}};
static const struct vow_msg_subscribe subscriptions[WORLD_GROUPS] = {
    {.group = "all", .patterns_len = 1, .patterns = everything, .key_filter = "", .attempts_max = ATTEMPTS_MAX},
    {.group = "paid", .patterns_len = 1, .patterns = paid, .key_filter = "order*", .attempts_max = ATTEMPTS_MAX},
    {.group = "eu",
     .patterns_len = 1,
     .patterns = orders,
     .key_filter = "",
     .filters_len = 1,
     .filters = eu,
     .attempts_max = ATTEMPTS_MAX,
     .window = 1},
};

static uint32_t below(struct world *world, uint32_t limit)
{
    return (uint32_t)(vow_jitter_next(&world->random) % limit);
}

static bool chance(struct world *world, uint32_t of_100)
{
    return !world->calm && below(world, 100) < of_100;
}

static int group_of(const char *name)
{
    for (int i = 0; i < WORLD_GROUPS; i++) {
        if (strcmp(groups[i], name) == 0)
            return i;
    }
    cr_assert_fail("a group that nobody asked for");
    return 0;
}

static struct world_event *event_of(struct world *world, const struct vow_msg_event *msg)
{
    return &world->events[msg->db_uuid[0] - 1][msg->key_seq - 1];
}

static bool is_for(const struct vow_msg_event *msg, int group)
{
    if (group == 0)
        return true;
    if (group == 1)
        return strcmp(msg->topic, "order.paid") == 0 && strncmp(msg->key, "order", 5) == 0;
    return msg->headers_len > 0;
}

/* ---- effects ---- */

static void take_freed(struct world *world, const struct vow_relay_kept *kept)
{
    for (size_t i = 0; i < world->held_len; i++) {
        if (world->held[i].event != kept->event)
            continue;
        world->held[i] = world->held[--world->held_len];
        return;
    }
    cr_assert_fail("seed %llu: an event was freed that the core does not have",
                   (unsigned long long)world->options.seed);
}

static bool is_durable(const struct world *world, const struct world_event *event)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        if (world->log[i].event == event)
            return true;
    }
    return false;
}

static void published(struct world *world, const struct vow_msg_published *answer, uint64_t session)
{
    uint32_t key = 0;

    world->busy += answer->error == VOW_E_BUSY;
    if (answer->error != 0)
        return;
    while (strcmp(keys[key], answer->key) != 0)
        key++;
    if (!is_durable(world, &world->events[key][answer->key_seq - 1]))
        world->told_early++;
    if (session == world->publisher && world->in_outbox[key] == answer->key_seq - 1)
        world->in_outbox[key]++;
}

static void log_record(struct world *world, const struct vow_relay_effect *effect)
{
    struct world_record *to = &world->log[world->log_len++];

    cr_assert_lt(world->log_len, WORLD_LOG);
    *to = (struct world_record){.record = effect->log.record, .token = effect->log.token, .lsn = ++world->lsn};
    if (effect->log.event != NULL) {
        to->event = event_of(world, effect->log.event);
        world->held[world->held_len++].event = effect->log.event;
    }
    if (to->record.kind == VOW_RECORD_CURSOR && to->record.body.len > 0) {
        cr_assert_leq(to->record.body.len, sizeof(to->body));
        memcpy(to->body, to->record.body.data, to->record.body.len);
        to->record.body.data = to->body;
    }
    if (effect->log.subscribe != NULL)
        to->subscribe = subscriptions[group_of(effect->log.subscribe->group)];
}

static void step(struct world *world, struct vow_relay_event *event);

/* What the journal had when it was read: at some time since it was asked for. */
static void load(struct world *world)
{
    struct vow_relay_event done = {.kind = VOW_RELAY_LOAD_DONE, .load_done = {.has_more = false}};
    const uint64_t after = world->load.load.after;
    const size_t len = below(world, 2) == 0 ? world->log_durable : world->load_durable;
    uint32_t rows = world->load.load.rows;

    done.load_done.group = world->load.load.group;
    done.load_done.upto = after;
    world->load.kind = 0;
    world->loads++;
    for (size_t i = 0; i < len && !done.load_done.has_more; i++) {
        const struct world_record *row = &world->log[i];
        struct vow_relay_event event = {.kind = VOW_RELAY_LOADED};
        enum vow_relay_want want;

        if (row->event == NULL || row->is_gone || row->lsn <= after)
            continue;
        want = vow_relay_wants(world->core, row->lsn, &row->event->msg);
        if (want == VOW_RELAY_WANT_NO_MORE)
            break;
        done.load_done.has_more = want == VOW_RELAY_WANT_LATER || rows-- == 0;
        if (done.load_done.has_more)
            break;
        done.load_done.upto = row->lsn;
        if (want == VOW_RELAY_WANT_NOT)
            continue;
        event.kept = (struct vow_relay_kept){&row->event->msg, row->lsn};
        world->held[world->held_len++] = event.kept;
        step(world, &event);
    }
    step(world, &done);
}

/* What was not sent is no attempt. */
static void post(struct world *world, const struct vow_relay_effect *effect)
{
    const struct vow_msg_deliver *msg = &effect->msg.deliver;
    uint32_t *attempt = &event_of(world, &msg->event)->attempt[group_of(msg->group)];

    world->is_full = world->is_full || chance(world, world->options.full);
    if (world->is_full) {
        cr_assert_lt(world->unsent_len, 64);
        world->unsent[world->unsent_len++] = *effect;
        return;
    }
    cr_assert_leq(msg->attempt, *attempt + 1, "seed %llu: F029", (unsigned long long)world->options.seed);
    *attempt = msg->attempt;
    world->mail[world->mail_len++] = *effect;
}

static void carry_out(struct world *world, const struct vow_relay_effect *effect)
{
    switch (effect->kind) {
    case VOW_RELAY_SEND:
        world->subscribed += effect->msg.kind == VOW_MSG_SUBSCRIBED && effect->msg.subscribed.error == 0;
        cr_assert_lt(world->mail_len, MAIL_MAX);
        if (effect->msg.kind == VOW_MSG_PUBLISHED)
            published(world, &effect->msg.published, chance(world, world->options.lost) ? 0 : effect->session);
        else if (effect->msg.kind == VOW_MSG_DELIVER)
            post(world, effect);
        break;
    case VOW_RELAY_LOG:
        log_record(world, effect);
        break;
    case VOW_RELAY_LATE:
    case VOW_RELAY_ALARM:
        world->alarms++;
        break;
    case VOW_RELAY_LOAD:
        cr_assert_eq(world->load.kind, 0, "one at a time");
        world->load = *effect;
        world->load_durable = world->log_durable;
        break;
    case VOW_RELAY_ORDERED:
        break;
    case VOW_RELAY_FREED:
        take_freed(world, &effect->kept);
        break;
    }
}

static void step(struct world *world, struct vow_relay_event *event)
{
    struct vow_relay_effects effects;
    struct vow_relay_counts counts;

    event->now_ms = world->now_ms;
    vow_relay_step(world->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, &effects.items[i]);
    vow_relay_counts(world->core, &counts);
    cr_assert_leq(counts.events, world->events_max, "seed %llu: I20", (unsigned long long)world->options.seed);
    world->most_dead = counts.dead > world->most_dead ? counts.dead : world->most_dead;
    cr_assert_eq(counts.protocol_errors, 0, "seed %llu", (unsigned long long)world->options.seed);
    if (world->unsent_len > 0) {
        const struct vow_relay_effect *last = &world->unsent[--world->unsent_len];
        struct vow_relay_event back = {.kind = VOW_RELAY_UNSENT, .session = last->session};

        back.unsent.group = last->msg.deliver.group;
        back.unsent.lsn = last->msg.deliver.offset;
        step(world, &back);
    }
}

/* ---- the journal, as its tables have it ---- */

static const struct world_record *group_row(const struct world *world, int group, uint64_t *cursor,
                                            struct vow_slice *beyond)
{
    const struct world_record *found = NULL;

    for (size_t i = 0; i < world->log_durable; i++) {
        const struct world_record *row = &world->log[i];

        if (strcmp(row->record.who, groups[group]) != 0)
            continue;
        if (row->record.kind == VOW_RECORD_GROUP)
            found = row;
        if (row->record.kind == VOW_RECORD_GROUP || row->record.kind == VOW_RECORD_CURSOR) {
            *cursor = row->record.relay.lsn;
            *beyond = row->record.kind == VOW_RECORD_CURSOR ? row->record.body : (struct vow_slice){NULL, 0};
        }
    }
    return found;
}

/* The last record of a dead letter: NULL = it is none. */
static const struct vow_record *letter(const struct world *world, int group, uint64_t lsn, bool *is_retried)
{
    const struct vow_record *found = NULL;

    for (size_t i = 0; i < world->log_durable; i++) {
        const struct vow_record *record = &world->log[i].record;

        if (strcmp(record->who, groups[group]) != 0 || record->relay.lsn != lsn)
            continue;
        if (record->kind == VOW_RECORD_DEAD) {
            found = record;
            *is_retried = false;
        } else if (record->kind == VOW_RECORD_REVIVED) {
            *is_retried = record->detail == VOW_REVIVAL_RETRY;
            found = *is_retried ? found : NULL;
        }
    }
    return found;
}

/* It is not passed by what the journal has as the group's cursor. */
static bool is_dropped(const struct world *world, int group, uint64_t lsn)
{
    struct vow_slice beyond = {NULL, 0};
    uint64_t cursor = 0;
    bool is_last = false;

    for (size_t i = 0; i < world->log_durable; i++) {
        const struct vow_record *record = &world->log[i].record;

        if (strcmp(record->who, groups[group]) == 0 && record->relay.lsn == lsn &&
            (record->kind == VOW_RECORD_DEAD || record->kind == VOW_RECORD_REVIVED))
            is_last = record->kind == VOW_RECORD_REVIVED && record->detail == VOW_REVIVAL_DROP;
        else if (strcmp(record->who, groups[group]) == 0 && record->kind == VOW_RECORD_GROUP)
            is_last = is_last && record->detail != VOW_GROUP_MOVED;
    }
    return is_last && group_row(world, group, &cursor, &beyond) != NULL && cursor < lsn;
}

static bool may_be_cut(const struct world *world, uint64_t lsn)
{
    for (int i = 0; i < WORLD_GROUPS; i++) {
        struct vow_slice beyond = {NULL, 0};
        uint64_t cursor = 0;
        bool is_retried;

        /* Before all have subscribed nothing is old enough. */
        if (group_row(world, i, &cursor, &beyond) == NULL || vow_beyond_owes(cursor, beyond, lsn))
            return false;
        if (letter(world, i, lsn, &is_retried) != NULL)
            return false;
    }
    return true;
}

static void cut(struct world *world)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        struct world_record *row = &world->log[i];

        if (row->event != NULL && !row->is_gone)
            row->is_gone = may_be_cut(world, row->lsn);
    }
}

/* ---- the coordinator ---- */

static void recover_keys(struct world *world)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        const struct world_record *row = &world->log[i];
        struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_KEY};

        if (row->event == NULL)
            continue;
        memcpy(event.key.db_uuid, row->event->msg.db_uuid, VOW_DB_UUID_BYTES);
        event.key.key = row->event->msg.key;
        event.key.key_seq = row->event->msg.key_seq;
        event.key.lsn = row->lsn;
        step(world, &event);
    }
}

static uint64_t recover_groups(struct world *world)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < WORLD_GROUPS; i++) {
        struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_GROUP};
        uint64_t cursor = 0;
        const struct world_record *row = group_row(world, i, &cursor, &event.group.beyond);

        if (row == NULL)
            continue;
        event.group.msg = &row->subscribe;
        event.group.participant = row->record.text;
        event.group.cursor = cursor;
        least = cursor < least ? cursor : least;
        step(world, &event);
    }
    return least;
}

static bool recover_letters(struct world *world, uint64_t lsn)
{
    bool any = false;

    for (int i = 0; i < WORLD_GROUPS; i++) {
        struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_DEAD};
        bool is_retried = false;
        const struct vow_record *record = letter(world, i, lsn, &is_retried);

        event.dead.group = groups[i];
        event.dead.lsn = lsn;
        event.dead.text = "";
        event.dead.is_dropped = record == NULL && is_dropped(world, i, lsn);
        if (event.dead.is_dropped)
            step(world, &event);
        if (record == NULL)
            continue;
        any = true;
        event.dead.cause = record->cause;
        event.dead.attempts = record->relay.attempts;
        event.dead.text = record->text;
        event.dead.is_retried = is_retried;
        step(world, &event);
    }
    return any;
}

static void recover_events(struct world *world, uint64_t least)
{
    for (size_t i = 0; i < world->log_durable; i++) {
        const struct world_record *row = &world->log[i];
        struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_EVENT};

        if (row->event == NULL)
            continue;
        const bool is_dead = recover_letters(world, row->lsn);
        cr_assert(!is_dead || !row->is_gone, "a dead letter was cut off");
        if (!is_dead && (row->is_gone || row->lsn <= least))
            continue;
        event.kept = (struct vow_relay_kept){&row->event->msg, row->lsn};
        world->held[world->held_len++] = event.kept;
        step(world, &event);
    }
}

static void start(struct world *world)
{
    struct vow_relay_limits limits = vow_relay_default_limits;

    limits.events_max = WORLD_MEMORY;
    limits.keys_max = limits.events_max + 1;
    limits.groups_max = WORLD_GROUPS;
    limits.dead_max = WORLD_DEAD;
    limits.window = 3;
    world->events_max = vow_relay_events_most(&limits);
    world->load.kind = 0;
    free(world->memory);
    world->memory = malloc(vow_relay_size(&limits));
    world->core = vow_relay_core_init(world->memory, &limits, 1, world->random);
    world->held_len = world->mail_len = 0;
    recover_keys(world);
    recover_events(world, recover_groups(world));
    step(world, &(struct vow_relay_event){.kind = VOW_RELAY_RECOVERY_DONE, .last_lsn = world->lsn});
}

/* What the log had not made durable is lost; so is what was under way. */
static void crash(struct world *world)
{
    world->crashes_left--;
    world->log_durable +=
        world->log_len > world->log_durable ? below(world, (uint32_t)(world->log_len - world->log_durable + 1)) : 0;
    world->log_len = world->log_durable;
    world->lsn = world->log_len > 0 ? world->log[world->log_len - 1].lsn : 0;
    world->session = world->publisher = 0;
    world->is_full = false;
    start(world);
}

static void log_one(struct world *world)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_LOG_DONE};

    if (world->load.kind != 0 && below(world, 2) == 0) {
        load(world);
        return;
    }
    if (world->log_durable == world->log_len)
        return;
    event.logged.token = world->log[world->log_durable].token;
    event.logged.lsn = world->log[world->log_durable++].lsn;
    step(world, &event);
}

static void fire(struct world *world)
{
    uint64_t deadline = vow_relay_deadline_ms(world->core);

    if (deadline == UINT64_MAX)
        return;
    if (deadline > world->now_ms)
        world->now_ms = deadline;
    step(world, &(struct vow_relay_event){.kind = VOW_RELAY_TIMER});
}

/* ---- publishers and consumers ---- */

static void publish(struct world *world)
{
    const uint32_t key = below(world, WORLD_KEYS);
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = world->publisher};

    if (world->publisher == 0)
        event.session = world->publisher = ++world->sessions;
    if (world->in_outbox[key] == WORLD_EVENTS)
        return;
    event.publish.event = &world->events[key][world->in_outbox[key]].msg;
    step(world, &event);
}

static void subscribe(struct world *world)
{
    const int group = (int)below(world, WORLD_GROUPS);
    struct vow_msg_subscribe msg = subscriptions[group];
    struct vow_relay_event event = {.kind = VOW_RELAY_SUBSCRIBE, .session = world->session};

    if (world->session == 0)
        event.session = world->session = ++world->sessions;
    msg.from = VOW_FROM_RESUME;
    event.subscribe.msg = &msg;
    event.subscribe.participant = "shop";
    step(world, &event);
}

static void seek(struct world *world)
{
    const char *group = groups[below(world, WORLD_GROUPS)];
    const struct vow_msg msg = {.kind = VOW_MSG_SEEK, .seek = {group, 0}};
    struct vow_relay_event event = {.kind = VOW_RELAY_ORDER, .order = {group, 0, VOW_RELAY_SEEK, 1}};

    /* By an operator, or by its consumer. */
    if (below(world, 2) == 0)
        step(world, &event);
    else
        step(world, &(struct vow_relay_event){.kind = VOW_RELAY_MESSAGE, .session = world->session, .msg = &msg});
}

static void disconnect(struct world *world)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_SESSION_DOWN, .session = world->session};

    world->session = 0;
    world->is_full = false;
    if (event.session != 0)
        step(world, &event);
}

/* The consumer has read. */
static void drain(struct world *world)
{
    if (!world->is_full)
        return;
    world->is_full = false;
    step(world, &(struct vow_relay_event){.kind = VOW_RELAY_PEER_READY, .session = world->session});
}

/* The inbox: what was done is done. */
static enum vow_event_result act(struct world *world, int group, struct world_event *event)
{
    const uint32_t key = event->msg.db_uuid[0] - 1u;

    if (event->effects[group] > 0)
        return VOW_EVENT_DONE;
    if (event->is_poison)
        return event->msg.key_seq % 2 == 0 ? VOW_EVENT_UNABLE : VOW_EVENT_NOT_YET;
    if (chance(world, world->options.not_yet))
        return VOW_EVENT_NOT_YET;
    /* I27, but for what an operator had delivered again. */
    if (event->msg.key_seq < world->newest[group][key] && !event->is_retried[group])
        world->out_of_order++;
    if (event->msg.key_seq > world->newest[group][key])
        world->newest[group][key] = event->msg.key_seq;
    event->effects[group]++;
    return VOW_EVENT_DONE;
}

static void answer(struct world *world, const struct vow_relay_effect *ask)
{
    const struct vow_msg_deliver *msg = &ask->msg.deliver;
    const int group = group_of(msg->group);
    struct vow_relay_effect reply = {.kind = VOW_RELAY_SEND, .session = ask->session};

    cr_assert(is_for(&msg->event, group), "an event that the group did not ask for");
    reply.msg.kind = VOW_MSG_DELIVERED;
    reply.msg.delivered = (struct vow_msg_delivered){
        .group = groups[group], .offset = msg->offset, .attempt = msg->attempt, .text = "no"};
    reply.msg.delivered.result = act(world, group, event_of(world, &msg->event));
    if (reply.msg.delivered.result != VOW_EVENT_DONE)
        reply.msg.delivered.cause = VOW_CAUSE_HANDLER_REFUSED;
    cr_assert_lt(world->mail_len, MAIL_MAX);
    world->mail[world->mail_len++] = reply;
}

/* The first of those to the consumer, or of its answers: a connection keeps their order. */
static size_t next_mail(struct world *world)
{
    const enum vow_msg_kind kind = below(world, 2) == 0 ? VOW_MSG_DELIVER : VOW_MSG_DELIVERED;
    size_t at = 0;

    while (at < world->mail_len && world->mail[at].msg.kind != kind)
        at++;
    return at;
}

/* Delivers, loses or repeats one of the messages under way. */
static void deliver(struct world *world)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_MESSAGE};
    struct vow_relay_effect mail;
    const size_t at = next_mail(world);

    if (at == world->mail_len)
        return;
    mail = world->mail[at];
    if (!chance(world, 10))
        memmove(&world->mail[at], &world->mail[at + 1], (--world->mail_len - at) * sizeof(mail));
    if (chance(world, world->options.lost))
        return;
    if (mail.msg.kind == VOW_MSG_DELIVER) {
        answer(world, &mail);
        return;
    }
    event.session = mail.session;
    event.msg = &mail.msg;
    step(world, &event);
}

/* An operator retries poison some of the time, and drops it in the end. */
static void order(struct world *world, bool drop)
{
    struct vow_relay_dead_view view;
    uint32_t at = 0;

    while (vow_relay_next_dead(world->core, &at, &view)) {
        struct vow_relay_event event = {.kind = VOW_RELAY_ORDER};

        if (view.is_retried || below(world, 2) == 0)
            continue;
        event.order.group = view.group;
        event.order.lsn = view.kept.lsn;
        event.order.order = drop ? VOW_RELAY_DROP : VOW_RELAY_RETRY;
        event_of(world, view.kept.event)->is_retried[group_of(view.group)] = true;
        event_of(world, view.kept.event)->is_dropped[group_of(view.group)] |= drop;
        step(world, &event);
        return;
    }
}

/* ---- the run ---- */

static void draw_events(struct world *world)
{
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        for (uint32_t i = 0; i < WORLD_EVENTS; i++) {
            struct world_event *event = &world->events[key][i];

            event->msg = (struct vow_msg_event){.topic = i % 2 == 0 ? "order.placed" : "order.paid",
                                                .key = keys[key],
                                                .source = "shop",
                                                .key_seq = i + 1,
                                                .version = 1,
                                                .headers = eu,
                                                .headers_len = below(world, 2)};
            event->msg.db_uuid[0] = (uint8_t)(key + 1);
            event->is_poison = below(world, 100) < world->options.poison;
        }
    }
}

static void turn_of_fault(struct world *world)
{
    if (below(world, 4) == 0)
        drain(world);
    switch (below(world, 5)) {
    case 0:
        if (chance(world, 20))
            disconnect(world);
        break;
    case 1:
        if (world->crashes_left > 0 && chance(world, 8))
            crash(world);
        break;
    case 2:
        if (world->options.is_sought && world->session != 0 && chance(world, 10))
            seek(world);
        break;
    case 3:
        if (world->options.is_cut)
            cut(world);
        break;
    default:
        if (below(world, 4) == 0)
            order(world, world->calm || below(world, 3) == 0);
        break;
    }
}

static void turn(struct world *world)
{
    switch (below(world, 9)) {
    case 0:
    case 1:
    case 2:
        deliver(world);
        break;
    case 3:
    case 4:
        log_one(world);
        break;
    case 5:
        fire(world);
        break;
    case 6:
        publish(world);
        break;
    case 7:
        subscribe(world);
        break;
    default:
        turn_of_fault(world);
        break;
    }
}

static bool is_over(struct world *world)
{
    struct vow_relay_group_view view;
    struct vow_relay_counts counts;
    uint32_t at = 0;

    vow_relay_counts(world->core, &counts);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        if (world->in_outbox[key] < WORLD_EVENTS)
            return false;
    }
    while (vow_relay_next_group(world->core, &at, &view)) {
        if (view.is_reading)
            return false;
    }
    return counts.groups == WORLD_GROUPS && counts.deliveries == 0 && counts.dead == 0 &&
           world->log_durable == world->log_len;
}

void world_run(struct world *world, const struct world_options *options)
{
    *world = (struct world){.options = *options, .random = options->seed, .crashes_left = options->crashes};
    world->mail = malloc(MAIL_MAX * sizeof(*world->mail));
    world->log = malloc(WORLD_LOG * sizeof(*world->log));
    world->held = malloc(WORLD_LOG * sizeof(*world->held));
    draw_events(world);
    start(world);
    for (int i = 0; i < CHAOS_TURNS; i++)
        turn(world);
    world->calm = true;
    for (int i = 0; i < TURNS_MAX && !is_over(world) && world->log_len + 8 < WORLD_LOG; i++)
        turn(world);
}

void world_free(struct world *world)
{
    free(world->memory);
    free(world->mail);
    free(world->log);
    free(world->held);
}

/* ---- I26 to I29 ---- */

void world_check(struct world *world)
{
    unsigned long long seed = world->options.seed;

    cr_assert(is_over(world), "seed %llu: something does not end", seed);
    cr_assert_eq(world->told_early, 0, "seed %llu: B58: PUBLISHED before it was durable", seed);
    cr_assert_leq(world->most_dead, WORLD_DEAD, "seed %llu: I29", seed);
    cr_assert_eq(world->out_of_order, 0, "seed %llu: I27", seed);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        for (uint32_t i = 0; i < WORLD_EVENTS; i++) {
            const struct world_event *event = &world->events[key][i];

            cr_assert(is_durable(world, event), "seed %llu: an event was lost", seed);
            for (int group = 0; group < WORLD_GROUPS; group++) {
                const uint32_t wanted = is_for(&event->msg, group) && !event->is_poison;

                cr_assert_leq(event->effects[group], 1, "seed %llu: done twice", seed);
                if (!event->is_dropped[group])
                    cr_assert_eq(event->effects[group], wanted, "seed %llu: I26, I28: event %s/%u, group %s", seed,
                                 keys[key], i + 1, groups[group]);
            }
        }
    }
}
