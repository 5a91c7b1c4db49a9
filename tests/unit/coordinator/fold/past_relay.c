#include "past_relay.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "past.h"
#include "proto/codec.h"
#include "proto/frame.h"

enum { PUBLISHER = 9000, KEYS_MAX = 64, ALL_KEYS = 1 << 20 };

static const char *const group_names[RELAY_GROUPS] = {"first", "second"};

/* ---- a state as a number ---- */

static int mix_key(void *digest, const struct vow_journal_key *key)
{
    past_mix(digest, key->db_uuid, sizeof(key->db_uuid));
    past_mix(digest, key->key, strlen(key->key));
    past_mix_number(digest, key->key_seq);
    past_mix_number(digest, key->lsn);
    return 0;
}

static int mix_group(void *digest, const struct vow_journal_group *group)
{
    past_mix(digest, group->name, strlen(group->name));
    past_mix(digest, group->participant, strlen(group->participant));
    past_mix(digest, group->body.data, group->body.len);
    past_mix_number(digest, group->cursor);
    past_mix(digest, group->beyond.data, group->beyond.len);
    return 0;
}

static int mix_dead(void *digest, const struct vow_journal_dead *dead)
{
    past_mix(digest, dead->group, strlen(dead->group));
    past_mix(digest, dead->text, strlen(dead->text));
    past_mix_number(digest, dead->lsn);
    past_mix_number(digest, (uint64_t)dead->cause | (uint64_t)dead->attempts << 8 | (uint64_t)dead->is_retried << 40 |
                                (uint64_t)dead->is_dropped << 41);
    return 0;
}

static int mix_event(void *digest, const struct vow_journal_event *event)
{
    past_mix_number(digest, event->lsn);
    past_mix(digest, event->record.body.data, event->record.body.len);
    return 0;
}

static void mix_core(uint64_t *digest, struct vow_relay *core)
{
    struct vow_relay_group_view group;
    struct vow_relay_dead_view dead;

    for (uint32_t at = 0; vow_relay_next_group(core, &at, &group);)
        past_mix_number(digest, group.cursor ^ (uint64_t)group.lag << 40 ^ (uint64_t)group.dead << 20);
    for (uint32_t at = 0; vow_relay_next_dead(core, &at, &dead);)
        past_mix_number(digest, dead.kept.lsn);
}

static uint64_t digest_of(const struct vow_journal_engine *ops, void *engine, struct vow_relay *core, uint64_t *keys)
{
    uint64_t digest = UINT64_C(14695981039346656037);
    const struct vow_journal_relay mixing_keys = {.ctx = keys, .keys_max = ALL_KEYS, .key = mix_key};
    const struct vow_journal_relay mixing = {.ctx = &digest, .group = mix_group, .dead = mix_dead, .event = mix_event};
    struct vow_error_detail detail;

    *keys = digest;
    cr_assert_eq(ops->relay(engine, &mixing_keys, &detail), 0);
    cr_assert_eq(ops->relay(engine, &mixing, &detail), 0);
    mix_core(&digest, core);
    return digest;
}

uint64_t past_relay_of_sum(struct relay_sum *sum, struct vow_relay *core, uint64_t *keys)
{
    return digest_of(&relay_sum_engine, sum, core, keys);
}

/* ---- a start ---- */

static struct vow_relay_limits limits(void)
{
    struct vow_relay_limits limits = vow_relay_default_limits;

    limits.events_max = 12;
    limits.keys_max = 13 + KEYS_MAX;
    limits.groups_max = RELAY_GROUPS;
    limits.dead_max = 8;
    limits.attempts_max = 3;
    return limits;
}

/* Counts, and makes the core, which is the caller's memory then. */
static void *make_core(struct past *past, struct relay_recovery *recovery, struct vow_relay_limits *room)
{
    void *memory;

    *room = limits();
    recovery->now_ms = past->txns.now_ms;
    recovery->detail = &past->bed.detail;
    recovery->arena = vow_arena_new(0);
    cr_assert_eq(relay_recovery_count(recovery, past->bed.ops, past->bed.engine), 0, "%s", past->bed.detail.text);
    relay_recovery_widen(recovery, room);
    memory = malloc(vow_relay_size(room));
    recovery->core = vow_relay_core_init(memory, room, past->bed.identity.epoch, 0);
    return memory;
}

static void feed(struct past *past, struct relay_recovery *recovery, const struct vow_relay_limits *room)
{
    cr_assert_eq(relay_recovery_feed(recovery, room, past->bed.ops, past->bed.engine), 0, "%s", past->bed.detail.text);
}

static void step_trial(void *ctx, const struct vow_relay_event *event)
{
    struct relay_recovery *trial = ctx;
    struct vow_relay_effects effects;

    vow_relay_step(trial->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        if (effects.items[i].kind == VOW_RELAY_FREED)
            relay_book_remove(trial->book, effects.items[i].kept.event);
    }
}

uint64_t past_relay_of_start(struct past *past, uint64_t *keys)
{
    struct relay_book book = {0};
    struct relay_recovery trial = {.book = &book, .step = step_trial};
    struct vow_relay_limits room;
    void *memory = make_core(past, &trial, &room);
    uint64_t digest;

    trial.ctx = &trial;
    feed(past, &trial, &room);
    digest = digest_of(past->bed.ops, past->bed.engine, trial.core, keys);
    vow_arena_free(trial.arena);
    relay_book_free(&book);
    free(memory);
    return digest;
}

/* ---- effects ---- */

static void put_message(struct past_op *op, const struct vow_msg *msg)
{
    uint8_t frame[2048];
    size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_HIGHEST, frame, sizeof(frame));

    cr_assert_gt(len, VOW_FRAME_HEADER_BYTES);
    past_op_body(op, frame + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES);
}

static void log_record(struct past *past, const struct vow_relay_effect *effect)
{
    struct past_op *op = past_op_new(past, &effect->log.record, effect->log.token, PAST_RELAY);
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISH};

    if (effect->log.record.kind == VOW_RECORD_EVENT) {
        msg.publish.event = *effect->log.event;
        put_message(op, &msg);
        past_op_key(op, effect->log.event);
        past->relay.is_kept = true;
    } else if (effect->log.record.kind == VOW_RECORD_GROUP) {
        msg.kind = VOW_MSG_SUBSCRIBE;
        msg.subscribe = *effect->log.subscribe;
        put_message(op, &msg);
    }
}

static void take_message(struct past_relay *relay, const struct vow_relay_effect *effect)
{
    const struct vow_msg *msg = &effect->msg;

    if (msg->kind == VOW_MSG_PUBLISHED && msg->published.error == 0) {
        uint64_t *newest = &relay->acknowledged[msg->published.key[1] - '0'];

        *newest = msg->published.key_seq > *newest ? msg->published.key_seq : *newest;
    } else if (msg->kind == VOW_MSG_DELIVER && relay->mails_len < RELAY_MAILS) {
        relay->mails[relay->mails_len++] =
            (struct past_delivery){.session = effect->session,
                                   .offset = msg->deliver.offset,
                                   .attempt = msg->deliver.attempt,
                                   .group = strcmp(msg->deliver.group, group_names[0]) != 0};
    }
}

static void step(struct past *past, const struct vow_relay_event *event)
{
    struct past_relay *relay = &past->relay;
    struct vow_relay_event timed = *event;
    struct vow_relay_effects effects;

    timed.now_ms = past->txns.now_ms;
    vow_relay_step(relay->core, &timed, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_relay_effect *effect = &effects.items[i];

        if (effect->kind == VOW_RELAY_LOG)
            log_record(past, effect);
        else if (effect->kind == VOW_RELAY_SEND)
            take_message(relay, effect);
        else if (effect->kind == VOW_RELAY_FREED)
            relay_book_remove(&relay->book, effect->kept.event);
        else if (effect->kind == VOW_RELAY_LOAD) {
            relay->has_load = true;
            relay->load = (struct vow_journal_op){.kind = VOW_JOURNAL_EVENTS,
                                                  .token = effect->load.group,
                                                  .after = effect->load.after,
                                                  .events_max = effect->load.rows};
        }
    }
}

static void step_life(void *past, const struct vow_relay_event *event)
{
    step(past, event);
}

/* What is older than memory, as vowd reads it. */
static void load(struct past *past)
{
    struct past_relay *relay = &past->relay;
    struct relay_recovery recovery = {.book = &relay->book,
                                      .arena = relay->arena,
                                      .now_ms = past->txns.now_ms,
                                      .step = step_life,
                                      .ctx = past,
                                      .core = relay->core};

    if (!relay->has_load)
        return;
    /* What comes of it may ask for the next page. */
    struct vow_journal_op op = relay->load;
    relay->has_load = false;
    past->bed.ops->commit(past->bed.engine, &op);
    cr_assert_eq(op.error, 0);
    cr_assert_eq(relay_recovery_load(&recovery, 0, &op), 0);
    vow_journal_events_free(op.events, op.events_len);
}

void past_relay_logged(struct past *past, uint64_t token, uint64_t lsn)
{
    step(past, &(struct vow_relay_event){.kind = VOW_RELAY_LOG_DONE, .logged = {token, lsn}});
}

/* ---- the life ---- */

static void publish(struct past *past)
{
    static const char *const topics[] = {"order.placed", "order.paid", "stock.low"};
    const uint32_t k = past_below(past, RELAY_KEYS);
    char key[3] = {'k', (char)('0' + k), '\0'};
    struct vow_msg_event event = {.topic = topics[past_below(past, 3)],
                                  .key = key,
                                  .source = "shop",
                                  .db_uuid = {1 + k % 2},
                                  .key_seq = past->relay.acknowledged[k] + 1,
                                  .version = 1,
                                  .wall_us = 1,
                                  .payload = {(const uint8_t *)"payload", 7}};
    struct vow_relay_event say = {.kind = VOW_RELAY_PUBLISH, .session = PUBLISHER};

    say.publish.event = relay_book_add(&past->relay.book, &event);
    past->relay.is_kept = false;
    step(past, &say);
    if (!past->relay.is_kept)
        relay_book_remove(&past->relay.book, say.publish.event);
}

static void subscribe(struct past *past, uint32_t i)
{
    const char *const patterns[] = {past_chance(past, 80) ? "order.*" : "#"};
    const struct vow_msg_subscribe msg = {.group = group_names[i],
                                          .patterns_len = 1,
                                          .patterns = patterns,
                                          .key_filter = "",
                                          .from = past_chance(past, 50) ? VOW_FROM_START : VOW_FROM_END,
                                          .attempts_max = 2};
    struct vow_relay_event say = {.kind = VOW_RELAY_SUBSCRIBE};

    if (past->relay.sessions[i] == 0)
        past->relay.sessions[i] = 5000 + ++past->relay.session;
    say.session = past->relay.sessions[i];
    say.subscribe.msg = &msg;
    say.subscribe.participant = group_names[i];
    step(past, &say);
}

static void seek(struct past *past, uint32_t i)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_SEEK, .seek = {.group = group_names[i], .offset = past_below(past, (uint32_t)past->last_lsn)}};

    step(past, &(struct vow_relay_event){.kind = VOW_RELAY_MESSAGE, .session = past->relay.sessions[i], .msg = &msg});
}

static void come_or_go(struct past *past)
{
    const uint32_t i = past_below(past, RELAY_GROUPS);
    const uint64_t session = past->relay.sessions[i];

    if (session == 0 || past_chance(past, 10)) {
        subscribe(past, i);
    } else if (past_chance(past, 10)) {
        seek(past, i);
    } else if (past_chance(past, 20)) {
        past->relay.sessions[i] = 0;
        step(past, &(struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = session});
    }
}

static void answer(struct past *past)
{
    struct past_relay *relay = &past->relay;
    struct vow_msg msg = {.kind = VOW_MSG_DELIVERED};
    const uint32_t draw = past_below(past, 100);
    struct past_delivery mail;
    uint32_t at;

    if (relay->mails_len == 0)
        return;
    at = past_below(past, relay->mails_len);
    mail = relay->mails[at];
    relay->mails[at] = relay->mails[--relay->mails_len];
    msg.delivered = (struct vow_msg_delivered){.group = group_names[mail.group],
                                               .offset = mail.offset,
                                               .attempt = mail.attempt,
                                               .result = draw < 80   ? VOW_EVENT_DONE
                                                         : draw < 90 ? VOW_EVENT_NOT_YET
                                                                     : VOW_EVENT_UNABLE,
                                               .cause = draw < 80 ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED,
                                               .text = draw < 80 ? "" : "no"};
    step(past, &(struct vow_relay_event){.kind = VOW_RELAY_MESSAGE, .session = mail.session, .msg = &msg});
}

/* What never comes back. */
static void give_up(struct past *past)
{
    const uint32_t i = past_below(past, RELAY_GROUPS);

    if (past->relay.sessions[i] == 0)
        step(past,
             &(struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {group_names[i], 0, VOW_RELAY_REMOVE, 1}});
}

static void order(struct past *past)
{
    struct vow_relay_dead_view view;
    char group[VOW_NAME_SIZE];
    uint32_t at = 0;

    while (vow_relay_next_dead(past->relay.core, &at, &view)) {
        if (view.is_retried || !past_chance(past, 30))
            continue;
        memcpy(group, view.group, strlen(view.group) + 1);
        step(past, &(struct vow_relay_event){
                       .kind = VOW_RELAY_ORDER,
                       .order = {group, view.kept.lsn, past_chance(past, 60) ? VOW_RELAY_RETRY : VOW_RELAY_DROP, 1}});
        return;
    }
}

void past_relay_turn(struct past *past)
{
    const uint32_t draw = past_below(past, 100);

    if (draw < 25)
        publish(past);
    else if (draw < 75)
        answer(past);
    else if (draw < 90)
        come_or_go(past);
    else if (draw < 93)
        give_up(past);
    else
        order(past);
    load(past);
}

void past_relay_timer(struct past *past)
{
    step(past, &(struct vow_relay_event){.kind = VOW_RELAY_TIMER});
}

void past_relay_start(struct past *past)
{
    struct past_relay *relay = &past->relay;
    struct relay_recovery recovery = {.book = &relay->book, .ctx = past, .step = step_life};

    relay->memory = make_core(past, &recovery, &relay->limits);
    relay->core = recovery.core;
    relay->arena = recovery.arena;
    feed(past, &recovery, &relay->limits);
    memset(past->relay.sessions, 0, sizeof(past->relay.sessions));
    past->relay.mails_len = 0;
    past->relay.has_load = false;
}

void past_relay_stop(struct past *past)
{
    relay_book_free(&past->relay.book);
    past->relay.book.bytes = 0;
    free(past->relay.memory);
    vow_arena_free(past->relay.arena);
    past->relay.memory = NULL;
    past->relay.arena = NULL;
}

/* A start does not know which event was the newest if it is cut off: who has nothing to do is then at the end of the
 * journal, and not at that event (relay_recovery.c). */
static bool is_same_place(const struct vow_relay_group_view *live, const struct vow_relay_group_view *then)
{
    return live->cursor == then->cursor || (live->lag == 0 && then->lag == 0 && live->cursor < then->cursor);
}

/* What is done beyond the cursor is in no record. What a group has still to read is counted by what it asked for when
 * that was published (relay.h). */
void past_relay_compare(struct past *past, struct vow_relay *then)
{
    struct vow_relay_group_view live, group;
    struct vow_relay_counts counts, counts_then;

    for (uint32_t at = 0, at_then = 0; vow_relay_next_group(past->relay.core, &at, &live);) {
        bool is_there = false;

        for (at_then = 0; !is_there && vow_relay_next_group(then, &at_then, &group);)
            is_there = strcmp(group.name, live.name) == 0;
        cr_assert(is_there, "group %s is missing", live.name);
        cr_assert(is_same_place(&live, &group), "%s is at %llu, and not at %llu", live.name,
                  (unsigned long long)live.cursor, (unsigned long long)group.cursor);
        cr_assert_leq(live.lag - live.unread, group.lag);
        cr_assert_eq(live.dead, group.dead);
    }
    vow_relay_counts(past->relay.core, &counts);
    vow_relay_counts(then, &counts_then);
    cr_assert_eq(counts.groups, counts_then.groups);
    cr_assert_eq(counts.dead, counts_then.dead);
}
