#include "coordinator/fold/relay_sum.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "coordinator/fold/event_copy.h"
#include "proto/codec.h"

_Static_assert(offsetof(struct vow_journal_key, key) == VOW_DB_UUID_BYTES, "a key is hashed without a gap");

/* ---- keys ---- */

static struct sum_key *find_key(const struct relay_sum *sum, const struct vow_journal_key *key)
{
    struct sum_key *found = NULL;

    HASH_FIND(hh, sum->keys, key, VOW_DB_UUID_BYTES + VOW_EVENT_KEY_SIZE, found);
    return found;
}

static struct sum_key *intern_key(struct relay_sum *sum, const struct vow_msg_event *from)
{
    struct vow_journal_key key = {.key = ""};
    struct sum_key *found;

    memcpy(key.db_uuid, from->db_uuid, VOW_DB_UUID_BYTES);
    memcpy(key.key, from->key, strlen(from->key) + 1);
    found = find_key(sum, &key);
    if (found != NULL)
        return found;
    found = calloc(1, sizeof(*found));
    if (found == NULL)
        return NULL;
    found->newest = key;
    HASH_ADD(hh, sum->keys, newest, VOW_DB_UUID_BYTES + VOW_EVENT_KEY_SIZE, found);
    return found;
}

static int take_event(struct relay_sum *sum, const struct vow_journal_event *event)
{
    struct vow_msg msg;
    struct sum_key *key;
    const char *why;

    if (sum->arena == NULL)
        sum->arena = vow_arena_new(0);
    if (sum->arena == NULL)
        return VOW_E_NO_MEMORY;
    if (vow_msg_decode(sum->arena, event->record.body.data, event->record.body.len, &msg, &why) != 0 ||
        msg.kind != VOW_MSG_PUBLISH)
        return VOW_E_DAMAGED;
    key = intern_key(sum, &msg.publish.event);
    if (key == NULL)
        return VOW_E_NO_MEMORY;
    key->newest.key_seq = msg.publish.event.key_seq;
    key->newest.lsn = event->lsn;
    memcpy(key->source, msg.publish.event.source, strlen(msg.publish.event.source) + 1);
    return 0;
}

/* ---- groups ---- */

static struct sum_group *find_group(const struct relay_sum *sum, const char *name)
{
    struct sum_group *found = NULL;

    HASH_FIND_STR(sum->groups, name, found);
    return found;
}

static struct sum_group *intern_group(struct relay_sum *sum, const char *name)
{
    struct sum_group *group = find_group(sum, name);

    if (group != NULL)
        return group;
    group = calloc(1, sizeof(*group));
    if (group == NULL)
        return NULL;
    memcpy(group->name, name, strlen(name) + 1);
    HASH_ADD_STR(sum->groups, name, group);
    return group;
}

static void free_group(struct relay_sum *sum, struct sum_group *group)
{
    HASH_DEL(sum->groups, group); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    free(group->body);
    free(group->beyond);
    free(group);
}

/* ---- dead letters ---- */

/* The one, or the first that comes after it. They are few. */
static struct sum_dead *seek_dead(const struct relay_sum *sum, const char *group, uint64_t lsn,
                                  struct sum_dead **before)
{
    struct sum_dead *dead = sum->dead;

    *before = NULL;
    while (dead != NULL && (dead->lsn < lsn || (dead->lsn == lsn && strcmp(dead->group, group) < 0))) {
        *before = dead;
        dead = dead->after;
    }
    return dead;
}

static bool is_dead(const struct sum_dead *dead, const char *group, uint64_t lsn)
{
    return dead != NULL && dead->lsn == lsn && strcmp(dead->group, group) == 0;
}

static struct sum_dead *add_dead(struct relay_sum *sum, struct sum_dead *before, struct sum_dead *after)
{
    struct sum_dead *dead = calloc(1, sizeof(*dead));

    if (dead == NULL)
        return NULL;
    dead->before = before;
    dead->after = after;
    if (before != NULL)
        before->after = dead;
    else
        sum->dead = dead;
    if (after != NULL)
        after->before = dead;
    return dead;
}

/* One that is buried once more is there already: what failed is now the newest attempt. In what
 * was cut its group may come later: of that the newest record was kept. That there is one is looked at in the end
 * (relay_recovery.h). */
static int take_dead(struct relay_sum *sum, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    struct sum_dead *before, *dead = seek_dead(sum, record->who, record->relay.lsn, &before);

    if (find_group(sum, record->who) == NULL && !sum->is_cut)
        return VOW_E_DAMAGED;
    if (!is_dead(dead, record->who, record->relay.lsn))
        dead = add_dead(sum, before, dead);
    if (dead == NULL)
        return VOW_E_NO_MEMORY;
    memcpy(dead->group, record->who, sizeof(dead->group));
    dead->lsn = record->relay.lsn;
    dead->cause = record->cause;
    dead->attempts = record->relay.attempts;
    dead->is_retried = dead->is_dropped = false;
    memcpy(dead->text, record->text, sizeof(dead->text));
    return 0;
}

static void remove_dead(struct relay_sum *sum, struct sum_dead *dead)
{
    if (dead->before != NULL)
        dead->before->after = dead->after;
    else
        sum->dead = dead->after;
    if (dead->after != NULL)
        dead->after->before = dead->before;
    free(dead);
}

/* That one is done may be said twice: the first time was told to nobody (it is not forced). */
static int take_revived(struct relay_sum *sum, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    struct sum_dead *before, *dead = seek_dead(sum, record->who, record->relay.lsn, &before);
    const struct sum_group *group = find_group(sum, record->who);
    bool is_there = is_dead(dead, record->who, record->relay.lsn);

    if (record->detail == VOW_REVIVAL_RETRY && !is_there)
        return VOW_E_DAMAGED;
    if (record->detail == VOW_REVIVAL_RETRY)
        dead->is_retried = true;
    else if (is_there && record->detail == VOW_REVIVAL_DROP && (group == NULL || dead->lsn > group->cursor)) {
        dead->is_dropped = true;
        dead->is_retried = false;
    } else if (is_there)
        remove_dead(sum, dead);
    return 0;
}

/* ---- where groups go on ---- */

/* What was dropped up to there is known no longer. */
static void move_cursor(struct relay_sum *sum, struct sum_group *group, uint64_t cursor, uint64_t dropped_to)
{
    struct sum_dead *dead = sum->dead;

    group->cursor = cursor;
    while (dead != NULL && dead->lsn <= dropped_to) {
        struct sum_dead *after = dead->after;

        if (dead->is_dropped && strcmp(dead->group, group->name) == 0)
            remove_dead(sum, dead);
        dead = after;
    }
}

static int take_group(struct relay_sum *sum, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    struct sum_group *group;
    uint8_t *body;

    if (!vow_name_is_valid(record->who) || !vow_name_is_valid(record->text) || record->body.len == 0)
        return VOW_E_DAMAGED;
    group = intern_group(sum, record->who);
    body = malloc(record->body.len);
    if (group == NULL || body == NULL) {
        free(body);
        return VOW_E_NO_MEMORY;
    }
    memcpy(body, record->body.data, record->body.len);
    free(group->body);
    group->body = body;
    group->body_len = record->body.len;
    memcpy(group->participant, record->text, strlen(record->text) + 1);
    group->beyond_len = 0;
    move_cursor(sum, group, record->relay.lsn, record->detail == VOW_GROUP_MOVED ? UINT64_MAX : record->relay.lsn);
    return 0;
}

static int take_cursor(struct relay_sum *sum, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    struct sum_group *group = find_group(sum, record->who);

    if (group == NULL || !vow_beyond_is_valid(record->relay.lsn, record->body))
        return VOW_E_DAMAGED;
    if (group->beyond == NULL)
        group->beyond = malloc(VOW_BEYOND_BYTES_MAX);
    if (group->beyond == NULL)
        return VOW_E_NO_MEMORY;
    if (record->body.len > 0)
        memcpy(group->beyond, record->body.data, record->body.len);
    group->beyond_len = record->body.len;
    move_cursor(sum, group, record->relay.lsn, record->relay.lsn);
    return 0;
}

/* ---- a group that is gone for good, with its dead letters ---- */

static int take_removed(struct relay_sum *sum, const struct vow_journal_event *event)
{
    struct sum_group *group = find_group(sum, event->record.who);
    struct sum_dead *dead = sum->dead;

    if (group == NULL)
        return VOW_E_DAMAGED;
    while (dead != NULL) {
        struct sum_dead *after = dead->after;

        if (strcmp(dead->group, group->name) == 0)
            remove_dead(sum, dead);
        dead = after;
    }
    free_group(sum, group);
    return 0;
}

/* ---- the first way ---- */

int relay_sum_take(struct relay_sum *sum, const struct vow_journal_event *event)
{
    switch ((int)event->record.kind) {
    case VOW_RECORD_EVENT:
        return take_event(sum, event);
    case VOW_RECORD_GROUP:
        return take_group(sum, event);
    case VOW_RECORD_CURSOR:
        return take_cursor(sum, event);
    case VOW_RECORD_DEAD:
        return take_dead(sum, event);
    case VOW_RECORD_REMOVED:
        return take_removed(sum, event);
    default:
        return take_revived(sum, event);
    }
}

/* ---- the second way ---- */

/* What comes after it some group has not done. */
static uint64_t least_cursor(const struct relay_sum *sum)
{
    const struct sum_group *group, *next;
    uint64_t least = UINT64_MAX;

    HASH_ITER(hh, sum->groups, group, next)
    {
        least = group->cursor < least ? group->cursor : least;
    }
    return least;
}

bool relay_sum_needs(const struct relay_sum *sum, uint64_t *after)
{
    *after = least_cursor(sum);
    if (sum->dead != NULL && sum->dead->lsn <= *after)
        *after = sum->dead->lsn - 1;
    return *after != UINT64_MAX;
}

static bool is_needed(const struct relay_sum *sum, uint64_t lsn)
{
    const struct sum_group *group, *next;
    struct sum_dead *before;
    const struct sum_dead *dead = seek_dead(sum, "", lsn, &before);
    bool needed = dead != NULL && dead->lsn == lsn;

    HASH_ITER(hh, sum->groups, group, next)
    {
        needed = needed || vow_beyond_owes(group->cursor, (struct vow_slice){group->beyond, group->beyond_len}, lsn);
    }
    return needed;
}

int relay_sum_take_needed(struct relay_sum *sum, const struct vow_journal_event *event)
{
    int error;

    if (event->record.kind != VOW_RECORD_EVENT || !is_needed(sum, event->lsn))
        return 0;
    if (sum->events_len == sum->events_room) {
        uint32_t room = sum->events_room * 2 + 16;
        struct vow_journal_event *longer = realloc(sum->events, room * sizeof(*longer));

        if (longer == NULL)
            return VOW_E_NO_MEMORY;
        sum->events = longer;
        sum->events_room = room;
    }
    error = event_copy(event, &sum->events[sum->events_len]);
    sum->events_len += error == 0;
    return error;
}

/* ---- what it comes to ---- */

static int by_lsn(const struct sum_key *a, const struct sum_key *b)
{
    return a->newest.lsn < b->newest.lsn ? -1 : a->newest.lsn > b->newest.lsn;
}

static int by_name(const struct sum_group *a, const struct sum_group *b)
{
    return strcmp(a->name, b->name);
}

void relay_sum_sort(struct relay_sum *sum)
{
    HASH_SORT(sum->keys, by_lsn);
    HASH_SORT(sum->groups, by_name);
}

static int scan_keys(const struct relay_sum *sum, const struct vow_journal_relay *relay)
{
    const struct sum_key *key, *next;
    uint32_t len = HASH_COUNT(sum->keys), skipped = len > relay->keys_max ? len - relay->keys_max : 0, at = 0;
    int error = 0;

    HASH_ITER(hh, sum->keys, key, next)
    {
        if (error == 0 && at++ >= skipped)
            error = relay->key(relay->ctx, &key->newest);
    }
    return error;
}

static int scan_groups(const struct relay_sum *sum, const struct vow_journal_relay *relay)
{
    const struct sum_group *group, *next;
    int error = 0;

    HASH_ITER(hh, sum->groups, group, next)
    {
        const struct vow_journal_group found = {group->name,
                                                group->participant,
                                                group->cursor,
                                                {group->body, group->body_len},
                                                {group->beyond, group->beyond_len}};

        error = error != 0 ? error : relay->group(relay->ctx, &found);
    }
    return error;
}

static int scan_dead(const struct relay_sum *sum, const struct vow_journal_relay *relay)
{
    int error = 0;

    for (const struct sum_dead *dead = sum->dead; error == 0 && dead != NULL; dead = dead->after) {
        const struct vow_journal_dead found = {dead->group, dead->lsn,        dead->cause,     dead->attempts,
                                               dead->text,  dead->is_retried, dead->is_dropped};

        error = relay->dead(relay->ctx, &found);
    }
    return error;
}

static int scan(void *ctx, const struct vow_journal_relay *relay, struct vow_error_detail *detail)
{
    struct relay_sum *sum = ctx;
    int error;

    (void)detail;
    relay_sum_sort(sum);
    error = relay->key != NULL ? scan_keys(sum, relay) : 0;
    error = error != 0 || relay->group == NULL ? error : scan_groups(sum, relay);
    error = error != 0 || relay->dead == NULL ? error : scan_dead(sum, relay);
    for (uint32_t i = 0; error == 0 && relay->event != NULL && i < sum->events_len; i++)
        error = relay->event(relay->ctx, &sum->events[i]);
    return error;
}

static void say_last(const void *ctx, struct vow_journal_stats *stats)
{
    const struct relay_sum *sum = ctx;

    *stats = (struct vow_journal_stats){.last_lsn = sum->last_lsn};
}

const struct vow_journal_engine relay_sum_engine = {.name = "sum", .relay = scan, .stats = say_last};

void relay_sum_deinit(struct relay_sum *sum)
{
    struct sum_key *key, *next_key;
    struct sum_group *group, *next_group;

    HASH_ITER(hh, sum->keys, key, next_key)
    {
        HASH_DEL(sum->keys, key); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
        free(key);
    }
    HASH_ITER(hh, sum->groups, group, next_group)
    {
        free_group(sum, group);
    }
    for (struct sum_dead *dead = sum->dead, *next; dead != NULL; dead = next) {
        next = dead->after;
        free(dead);
    }
    vow_journal_events_free(sum->events, sum->events_len);
    vow_arena_free(sum->arena);
    memset(sum, 0, sizeof(*sum));
}
