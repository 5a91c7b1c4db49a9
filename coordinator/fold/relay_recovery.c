#include "coordinator/fold/relay_recovery.h"

#include "coordinator/core/beyond.h"

#include <stdio.h>
#include <string.h>

static int damaged(const struct relay_recovery *recovery, const char *what, uint64_t lsn)
{
    recovery->detail->error = VOW_E_DAMAGED;
    snprintf(recovery->detail->text, sizeof(recovery->detail->text), "lsn %llu: %s; restore the journal",
             (unsigned long long)lsn, what);
    return VOW_E_DAMAGED;
}

static int no_memory(const struct relay_recovery *recovery)
{
    recovery->detail->error = VOW_E_NO_MEMORY;
    snprintf(recovery->detail->text, sizeof(recovery->detail->text), "no memory for the events that are not done");
    return VOW_E_NO_MEMORY;
}

static struct vow_relay_event event_of(const struct relay_recovery *recovery, enum vow_relay_event_kind kind)
{
    return (struct vow_relay_event){.kind = kind, .now_ms = recovery->now_ms};
}

/* A deadline is of the wall's clock, and the core's is another one. */
uint64_t relay_due_ms(const struct vow_msg_event *event, uint64_t now_ms, uint64_t wall_us)
{
    if (event->deadline_us == 0)
        return 0;
    if (event->deadline_us <= wall_us)
        return now_ms > 0 ? now_ms : 1;
    const uint64_t left_ms = (event->deadline_us - wall_us) / 1000 + 1;
    return left_ms < UINT64_MAX - now_ms ? now_ms + left_ms : UINT64_MAX - 1;
}

static uint64_t due_ms(const struct relay_recovery *recovery, const struct vow_msg_event *event)
{
    return relay_due_ms(event, recovery->now_ms, recovery->wall_us);
}

/* ---- counting ---- */

static int count_event(void *ctx, const struct vow_journal_event *event)
{
    (void)event;
    ((struct relay_recovery *)ctx)->events++;
    return 0;
}

static int count_group(void *ctx, const struct vow_journal_group *group)
{
    (void)group;
    ((struct relay_recovery *)ctx)->groups++;
    return 0;
}

static int count_dead(void *ctx, const struct vow_journal_dead *dead)
{
    ((struct relay_recovery *)ctx)->dead += !dead->is_dropped;
    return 0;
}

int relay_recovery_count(struct relay_recovery *recovery, const struct vow_journal_engine *ops, void *engine)
{
    const struct vow_journal_relay counting = {
        .ctx = recovery, .group = count_group, .dead = count_dead, .event = count_event};
    return ops->relay != NULL ? ops->relay(engine, &counting, recovery->detail) : 0;
}

static void widen(uint32_t *limit, uint32_t by, uint32_t highest)
{
    *limit = by < highest - *limit ? *limit + by : highest;
}

void relay_recovery_widen(const struct relay_recovery *recovery, struct vow_relay_limits *limits)
{
    const uint32_t known = limits->keys_max;
    /* So many may wait again; what is new comes beside it. Of very many the groups read the rest later. */
    widen(&limits->events_max, recovery->events < limits->events_max ? recovery->events : limits->events_max,
          VOW_RELAY_HIGHEST);
    if (limits->groups_max < recovery->groups)
        limits->groups_max = recovery->groups;
    if (limits->dead_max < recovery->dead)
        limits->dead_max = recovery->dead;
    /* Each event may wait under a key of its own, and no less is known of the others. */
    limits->keys_max = limits->events_max;
    widen(&limits->keys_max, known, 4 * VOW_RELAY_HIGHEST);
}

/* ---- feeding ---- */

static int feed_key(void *ctx, const struct vow_journal_key *key)
{
    const struct relay_recovery *recovery = ctx;
    struct vow_relay_event event = event_of(recovery, VOW_RELAY_RECOVERED_KEY);
    memcpy(event.key.db_uuid, key->db_uuid, VOW_DB_UUID_BYTES);
    event.key.key = key->key;
    event.key.key_seq = key->key_seq;
    event.key.lsn = key->lsn;
    recovery->step(recovery->ctx, &event);
    return 0;
}

static int feed_group(void *ctx, const struct vow_journal_group *group)
{
    const struct relay_recovery *recovery = ctx;
    struct vow_relay_event event = event_of(recovery, VOW_RELAY_RECOVERED_GROUP);
    struct vow_msg msg;
    const char *why;
    if (vow_msg_decode(recovery->arena, group->body.data, group->body.len, &msg, &why) != 0 ||
        msg.kind != VOW_MSG_SUBSCRIBE || strcmp(msg.subscribe.group, group->name) != 0 ||
        !vow_name_is_valid(group->participant) || !vow_beyond_is_valid(group->cursor, group->beyond))
        return damaged(recovery, "a group's body is no subscription of it", group->cursor);
    event.group.msg = &msg.subscribe;
    event.group.participant = group->participant;
    event.group.cursor = group->cursor;
    event.group.beyond = group->beyond;
    recovery->step(recovery->ctx, &event);
    return 0;
}

static bool has_group(const struct relay_recovery *recovery, const char *name)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;
    while (vow_relay_next_group(recovery->core, &at, &view)) {
        if (strcmp(view.name, name) == 0)
            return true;
    }
    return false;
}

static int feed_dead(void *ctx, const struct vow_journal_dead *dead)
{
    const struct relay_recovery *recovery = ctx;
    struct vow_relay_event event = event_of(recovery, VOW_RELAY_RECOVERED_DEAD);
    if (!has_group(recovery, dead->group))
        return damaged(recovery, "a dead letter of no group", dead->lsn);
    event.dead.group = dead->group;
    event.dead.lsn = dead->lsn;
    event.dead.cause = dead->cause;
    event.dead.attempts = dead->attempts;
    event.dead.text = dead->text;
    event.dead.is_retried = dead->is_retried;
    event.dead.is_dropped = dead->is_dropped;
    recovery->step(recovery->ctx, &event);
    return 0;
}

static int feed_event(void *ctx, const struct vow_journal_event *from)
{
    const struct relay_recovery *recovery = ctx;
    struct vow_relay_event event = event_of(recovery, VOW_RELAY_RECOVERED_EVENT);
    struct vow_msg msg;
    const char *why = "";
    if (vow_msg_decode(recovery->arena, from->record.body.data, from->record.body.len, &msg, &why) != 0)
        return damaged(recovery, why, from->lsn);
    if (msg.kind != VOW_MSG_PUBLISH)
        return damaged(recovery, "its body is no event", from->lsn);
    event.kept.event = relay_book_add(recovery->book, &msg.publish.event);
    event.kept.lsn = from->lsn;
    if (event.kept.event == NULL)
        return no_memory(recovery);
    event.due_ms = due_ms(recovery, event.kept.event);
    recovery->step(recovery->ctx, &event);
    return 0;
}

int relay_recovery_feed(struct relay_recovery *recovery, const struct vow_relay_limits *limits,
                        const struct vow_journal_engine *ops, void *engine)
{
    const struct vow_journal_relay feeding = {.ctx = recovery,
                                              .keys_max = limits->keys_max - limits->events_max,
                                              .key = feed_key,
                                              .group = feed_group,
                                              .dead = feed_dead,
                                              .event = feed_event};
    struct vow_journal_stats stats = {0};
    int error = ops->relay != NULL ? ops->relay(engine, &feeding, recovery->detail) : 0;
    if (error != 0)
        return error;
    if (ops->stats != NULL)
        ops->stats(engine, &stats);
    struct vow_relay_event done = event_of(recovery, VOW_RELAY_RECOVERY_DONE);
    done.last_lsn = stats.last_lsn;
    recovery->step(recovery->ctx, &done);
    return 0;
}

/* ---- older ones, later ---- */

struct load {
    struct relay_recovery *recovery;
    uint64_t bytes_max;
    uint32_t taken;
    struct vow_relay_event done;
};

static bool has_room(const struct load *load, const struct vow_msg_event *event, enum vow_relay_want want)
{
    const struct relay_book *book = load->recovery->book;
    if (want == VOW_RELAY_WANT_LATER)
        return false;
    return load->bytes_max == 0 || book->bytes + relay_book_size(event) <= load->bytes_max ||
           (want == VOW_RELAY_WANT_NOW && load->taken == 0);
}

static int give(struct load *load, const struct vow_msg_event *from, uint64_t lsn)
{
    const struct relay_recovery *recovery = load->recovery;
    struct vow_relay_event event = event_of(recovery, VOW_RELAY_LOADED);
    event.kept.lsn = lsn;
    event.kept.event = relay_book_add(recovery->book, from);
    if (event.kept.event == NULL)
        return VOW_E_NO_MEMORY;
    event.due_ms = due_ms(recovery, event.kept.event);
    recovery->step(recovery->ctx, &event);
    load->taken++;
    return 0;
}

/* Returns 0, or VOW_E_BUSY: the page ends before it; VOW_E_EXPIRED: and it was the last; or another error. */
static int load_one(struct load *load, const struct vow_journal_event *from)
{
    const struct relay_recovery *recovery = load->recovery;
    struct vow_msg msg;
    const char *why;
    if (vow_msg_decode(recovery->arena, from->record.body.data, from->record.body.len, &msg, &why) != 0 ||
        msg.kind != VOW_MSG_PUBLISH)
        return VOW_E_DAMAGED;
    const enum vow_relay_want want = vow_relay_wants(recovery->core, from->lsn, &msg.publish.event);
    if (want == VOW_RELAY_WANT_NO_MORE)
        return VOW_E_EXPIRED;
    if (want != VOW_RELAY_WANT_NOT && !has_room(load, &msg.publish.event, want))
        return VOW_E_BUSY;
    load->done.load_done.upto = from->lsn;
    return want != VOW_RELAY_WANT_NOT ? give(load, &msg.publish.event, from->lsn) : 0;
}

int relay_recovery_load(struct relay_recovery *recovery, uint64_t bytes_max, const struct vow_journal_op *op)
{
    struct load load = {.recovery = recovery, .bytes_max = bytes_max};
    int error = 0;
    load.done = event_of(recovery, VOW_RELAY_LOAD_DONE);
    load.done.load_done.group = (uint32_t)op->token;
    load.done.load_done.upto = op->after;
    for (uint32_t i = 0; error == 0 && i < op->events_len; i++)
        error = load_one(&load, &op->events[i]);
    if (error == VOW_E_DAMAGED)
        return error;
    /* Without memory for one more it is as if there were no room. */
    load.done.load_done.has_more = error == 0 ? op->events_len == op->events_max : error != VOW_E_EXPIRED;
    recovery->step(recovery->ctx, &load.done);
    return 0;
}
