/*
 * The start of events: what the journal keeps is counted, so that there is room for it beside new work, and then fed.
 * The core takes it on trust, so all that it assumes is looked at here; what we cannot have written is damage, and no
 * start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/codec.h"
#include "proto/net/clock.h"

struct start {
    struct vow_server *server;
    struct vow_error_detail *detail;
    uint32_t events, groups, dead;
};

static int damaged(const struct start *start, const char *what, uint64_t lsn)
{
    start->detail->error = VOW_E_DAMAGED;
    snprintf(start->detail->text, sizeof(start->detail->text), "lsn %llu: %s; restore the journal",
             (unsigned long long)lsn, what);
    return VOW_E_DAMAGED;
}

static int no_memory(const struct start *start)
{
    start->detail->error = VOW_E_NO_MEMORY;
    snprintf(start->detail->text, sizeof(start->detail->text), "no memory for the events that are not done");
    return VOW_E_NO_MEMORY;
}

/* ---- counting ---- */

static int count_event(void *ctx, const struct vow_journal_event *event)
{
    (void)event;
    ((struct start *)ctx)->events++;
    return 0;
}

static int count_group(void *ctx, const struct vow_journal_group *group)
{
    (void)group;
    ((struct start *)ctx)->groups++;
    return 0;
}

static int count_dead(void *ctx, const struct vow_journal_dead *dead)
{
    (void)dead;
    ((struct start *)ctx)->dead++;
    return 0;
}

static void widen(uint32_t *limit, uint32_t by, uint32_t highest)
{
    *limit = by < highest - *limit ? *limit + by : highest;
}

static int make_core(struct start *start, uint64_t seed)
{
    struct server_relay *relay = &start->server->relay;
    vow_settings_relay_limits(&start->server->settings, &relay->limits);
    /* So many may wait again; what is new comes beside it. */
    widen(&relay->limits.events_max, start->events, VOW_RELAY_HIGHEST);
    if (relay->limits.groups_max < start->groups)
        relay->limits.groups_max = start->groups;
    if (relay->limits.dead_max < start->dead)
        relay->limits.dead_max = start->dead;
    if (relay->limits.keys_max <= relay->limits.events_max)
        relay->limits.keys_max = relay->limits.events_max + 1;
    const size_t size = vow_relay_size(&relay->limits);
    relay->memory = size > 0 ? malloc(size) : NULL;
    relay->arena = vow_arena_new(0);
    if (relay->memory == NULL || relay->arena == NULL)
        return no_memory(start);
    relay->core = vow_relay_core_init(relay->memory, &relay->limits, start->server->identity.epoch, seed);
    return 0;
}

/* ---- feeding ---- */

static int feed_key(void *ctx, const struct vow_journal_key *key)
{
    const struct start *start = ctx;
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_KEY, .now_ms = vow_clock_ms()};
    memcpy(event.key.db_uuid, key->db_uuid, VOW_DB_UUID_BYTES);
    event.key.key = key->key;
    event.key.key_seq = key->key_seq;
    event.key.lsn = key->lsn;
    relay_step(start->server, &event);
    return 0;
}

static int feed_group(void *ctx, const struct vow_journal_group *group)
{
    const struct start *start = ctx;
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_GROUP, .now_ms = vow_clock_ms()};
    struct vow_msg msg;
    const char *why;
    if (vow_msg_decode(start->server->relay.arena, group->body.data, group->body.len, &msg, &why) != 0 ||
        msg.kind != VOW_MSG_SUBSCRIBE || strcmp(msg.subscribe.group, group->name) != 0 ||
        !vow_name_is_valid(group->participant))
        return damaged(start, "a group's body is no subscription of it", group->cursor);
    event.group.msg = &msg.subscribe;
    event.group.participant = group->participant;
    event.group.cursor = group->cursor;
    relay_step(start->server, &event);
    return 0;
}

static bool has_group(const struct start *start, const char *name)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;
    while (vow_relay_next_group(start->server->relay.core, &at, &view)) {
        if (strcmp(view.name, name) == 0)
            return true;
    }
    return false;
}

static int feed_dead(void *ctx, const struct vow_journal_dead *dead)
{
    const struct start *start = ctx;
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_DEAD, .now_ms = vow_clock_ms()};
    if (!has_group(start, dead->group))
        return damaged(start, "a dead letter of no group", dead->lsn);
    event.dead.group = dead->group;
    event.dead.lsn = dead->lsn;
    event.dead.cause = dead->cause;
    event.dead.attempts = dead->attempts;
    event.dead.text = dead->text;
    event.dead.is_retried = dead->is_retried;
    relay_step(start->server, &event);
    return 0;
}

static int feed_event(void *ctx, const struct vow_journal_event *from)
{
    const struct start *start = ctx;
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_EVENT, .now_ms = vow_clock_ms()};
    struct vow_msg msg;
    const char *why = "";
    if (vow_msg_decode(start->server->relay.arena, from->record.body.data, from->record.body.len, &msg, &why) != 0)
        return damaged(start, why, from->lsn);
    if (msg.kind != VOW_MSG_PUBLISH)
        return damaged(start, "its body is no event", from->lsn);
    event.kept.event = relay_book_add(&start->server->relay.book, &msg.publish.event);
    event.kept.lsn = from->lsn;
    if (event.kept.event == NULL)
        return no_memory(start);
    relay_step(start->server, &event);
    return 0;
}

static int check_letters(const struct start *start)
{
    struct vow_relay_dead_view view;
    uint32_t at = 0;
    while (vow_relay_next_dead(start->server->relay.core, &at, &view)) {
        if (view.kept.event == NULL)
            return damaged(start, "the event of a dead letter is missing", view.kept.lsn);
    }
    return 0;
}

int relay_start(struct vow_server *server, const struct vow_journal_engine *ops, void *engine, uint64_t seed,
                struct vow_error_detail *detail)
{
    struct start start = {.server = server, .detail = detail};
    const struct vow_journal_relay counting = {
        .ctx = &start, .group = count_group, .dead = count_dead, .event = count_event};
    struct vow_journal_relay feeding = {
        .ctx = &start, .key = feed_key, .group = feed_group, .dead = feed_dead, .event = feed_event};
    struct vow_journal_stats stats = {0};
    int error = ops->relay != NULL ? ops->relay(engine, &counting, detail) : 0;
    error = error != 0 ? error : make_core(&start, seed);
    if (error != 0)
        return error;
    feeding.keys_max = server->relay.limits.keys_max - server->relay.limits.events_max;
    error = ops->relay != NULL ? ops->relay(engine, &feeding, detail) : 0;
    error = error != 0 ? error : check_letters(&start);
    if (error != 0)
        return error;
    if (ops->stats != NULL)
        ops->stats(engine, &stats);
    struct vow_relay_event done = {.kind = VOW_RELAY_RECOVERY_DONE, .now_ms = vow_clock_ms()};
    done.last_lsn = stats.last_lsn;
    relay_step(server, &done);
    return 0;
}
