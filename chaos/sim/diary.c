#include "chaos/sim/diary.h"

#include <stdio.h>
#include <string.h>

#include "chaos/sim/diary_private.h"
#include "chaos/sim/news.h"

#define TABLE 1024u

void sim_diary_init(struct sim_diary *diary, struct sim_memory *memory, const struct sim_book *book)
{
    *diary = (struct sim_diary){.memory = memory, .book = book};
    diary->events_last = &diary->events;
    diary->tags = sim_memory_take(memory, TABLE * sizeof(struct diary_event *));
    diary->lsns = sim_memory_take(memory, TABLE * sizeof(struct diary_event *));
}

/* ---- what there is ---- */

struct diary_event *sim_diary_find(const struct sim_diary *diary, uint64_t tag)
{
    struct diary_event *event = diary->tags[tag % TABLE];

    while (event != NULL && event->tag != tag)
        event = event->by_tag;
    return event;
}

struct diary_event *sim_diary_at(const struct sim_diary *diary, uint8_t coord, uint64_t lsn)
{
    struct diary_event *event = diary->lsns[lsn % TABLE];

    while (event != NULL && (event->coord != coord || event->lsn != lsn))
        event = event->by_lsn;
    return event;
}

struct diary_event *sim_diary_named(const struct sim_diary *diary, uint8_t node, const char *key, uint64_t key_seq)
{
    uint32_t thing;

    if (!sim_thing_of(key, &thing))
        return NULL;
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        if (event->node == node && event->thing == thing && event->number == key_seq && event->became_true != 0)
            return event;
    }
    return NULL;
}

uint64_t sim_event_tag(const struct vow_msg_event *event)
{
    struct sim_news news = {.tag = 0};

    return event != NULL && sim_news_decode(event->payload.data, event->payload.len, &news) ? news.tag : 0;
}

struct diary_group *sim_diary_group(const struct sim_diary *diary, uint8_t coord, const char *name)
{
    struct diary_group *group = diary->groups;

    while (group != NULL && (group->coord != coord || strcmp(group->name, name) != 0))
        group = group->next;
    return group;
}

struct diary_key *sim_diary_key(const struct sim_diary *diary, uint8_t node, const uint8_t *db_uuid, uint32_t thing)
{
    struct diary_key *key = diary->keys;

    while (key != NULL &&
           (key->node != node || key->thing != thing || memcmp(key->db_uuid, db_uuid, VOW_DB_UUID_BYTES) != 0))
        key = key->next;
    return key;
}

struct diary_share *sim_event_share(struct sim_diary *diary, struct diary_event *event, struct diary_group *group)
{
    struct diary_share *share = event->shares;

    while (share != NULL && share->group != group)
        share = share->next;
    if (share != NULL)
        return share;
    share = sim_memory_take(diary->memory, sizeof(*share));
    share->group = group;
    share->next = event->shares;
    event->shares = share;
    return share;
}

bool sim_event_is_heard(const struct sim_diary *diary, const struct diary_event *event, const struct diary_group *group)
{
    const struct diary_event *first = event->first != NULL ? event->first : event;

    for (const struct diary_event *each = diary->events; each != NULL; each = each->next) {
        const struct diary_share *share = each == first || each->first == first ? each->shares : NULL;

        while (share != NULL && share->group != group)
            share = share->next;
        if (share != NULL && share->heard != 0)
            return true;
    }
    return false;
}

/* It waits for a group that was there when it was kept. */
static bool has_been_waited_for(struct sim_diary *diary, struct diary_event *event)
{
    for (struct diary_group *group = diary->groups; group != NULL; group = group->next) {
        if (group->known != 0 && group->known < event->kept && sim_event_is_owed(event, group) &&
            !sim_share_is_over(sim_event_share(diary, event, group)))
            return true;
    }
    return false;
}

bool sim_diary_may_forget(struct sim_diary *diary, const struct diary_key *key)
{
    struct diary_event *newest = sim_diary_at(diary, key->coord, key->newest_lsn);
    uint32_t others = 0;

    for (const struct diary_key *other = diary->keys; other != NULL; other = other->next)
        others += other != key && other->coord == key->coord &&
                  (other->newest_lsn > key->newest_lsn || sim_diary_is_harmed(diary, other->node));
    return diary->keys_max[key->coord] != 0 && others >= diary->keys_max[key->coord] &&
           (newest == NULL || !has_been_waited_for(diary, newest));
}

bool sim_diary_is_harmed(const struct sim_diary *diary, uint8_t node)
{
    return node >= diary->book->nodes_len || diary->book->nodes[node].harm != 0;
}

bool sim_event_is_asked_for(const struct diary_event *event, const struct diary_group *group)
{
    char key[VOW_EVENT_KEY_SIZE];

    (void)snprintf(key, sizeof(key), "t%u", event->thing);
    if (group->key_filter[0] != '\0' && !vow_key_filter_matches(group->key_filter, key))
        return false;
    for (uint32_t i = 0; i < group->filters_len; i++) {
        if (!sim_news_has_header(event->tag, &group->filters[i]))
            return false;
    }
    for (uint32_t i = 0; i < group->patterns_len; i++) {
        if (vow_pattern_matches(group->patterns[i], event->topic))
            return true;
    }
    return false;
}

bool sim_event_is_owed(const struct diary_event *event, const struct diary_group *group)
{
    if (event->kept == 0 || group->known == 0 || group->is_gone || event->coord != group->coord ||
        event->lsn <= group->start || event->lsn <= group->passed)
        return false;
    for (const struct diary_share *share = event->shares; share != NULL; share = share->next) {
        if (share->group == group && share->is_passed)
            return false;
    }
    return sim_event_is_asked_for(event, group);
}

/* ---- changes ---- */

static struct diary_event *new_event(struct sim_diary *diary, uint8_t node, uint64_t tag)
{
    struct diary_event **head = &diary->tags[tag % TABLE], *event = sim_memory_take(diary->memory, sizeof(*event));

    event->tag = tag;
    event->node = node;
    event->coord = diary->book->nodes[node].coord;
    event->by_tag = *head;
    *head = event;
    *diary->events_last = event;
    diary->events_last = &event->next;
    return event;
}

void diary_change(struct sim_diary *diary, uint8_t node, const struct sim_dump_told *told, book_moment now)
{
    struct diary_event *event = sim_diary_find(diary, told->tag);

    if (event == NULL)
        event = new_event(diary, node, told->tag);
    if (event->became_true != 0)
        return;
    event->became_true = now;
    event->thing = told->thing;
    event->number = told->number;
    (void)snprintf(event->topic, sizeof(event->topic), "%s", told->topic);
}

/* ---- the journal ---- */

static void link_lsn(struct sim_diary *diary, struct diary_event *event, uint64_t lsn)
{
    struct diary_event **at = &diary->lsns[event->lsn % TABLE];

    while (*at != NULL && *at != event)
        at = &(*at)->by_lsn;
    if (*at == event)
        *at = event->by_lsn; /* it was taken back once */
    event->lsn = lsn;
    at = &diary->lsns[lsn % TABLE];
    event->by_lsn = *at;
    *at = event;
}

/* It is found by its offset alone. */
static struct diary_event *new_offset(struct sim_diary *diary, struct diary_event *first, uint64_t lsn)
{
    struct diary_event *event = sim_memory_take(diary->memory, sizeof(*event));

    event->first = first;
    event->tag = first->tag;
    event->node = first->node;
    event->coord = first->coord;
    event->thing = first->thing;
    event->number = first->number;
    memcpy(event->topic, first->topic, sizeof(event->topic));
    memcpy(event->db_uuid, first->db_uuid, sizeof(event->db_uuid));
    *diary->events_last = event;
    diary->events_last = &event->next;
    link_lsn(diary, event, lsn);
    return event;
}

struct diary_event *diary_keep(struct sim_diary *diary, struct diary_event *event, uint64_t lsn, book_moment now)
{
    struct diary_event *at = sim_diary_at(diary, event->coord, lsn);

    if (event->kept == 0)
        link_lsn(diary, event, lsn);
    else if (event->lsn != lsn)
        event = at != NULL && at->tag == event->tag ? at : new_offset(diary, event, lsn);
    diary_first(&event->kept, now);
    return event;
}

static struct diary_key *take_key(struct sim_diary *diary, const struct diary_event *event)
{
    struct diary_key *key = sim_diary_key(diary, event->node, event->db_uuid, event->thing);

    if (key != NULL)
        return key;
    key = sim_memory_take(diary->memory, sizeof(*key));
    key->node = event->node;
    key->coord = event->coord;
    key->thing = event->thing;
    memcpy(key->db_uuid, event->db_uuid, VOW_DB_UUID_BYTES);
    key->next = diary->keys;
    diary->keys = key;
    return key;
}

void diary_raise_key(struct sim_diary *diary, struct diary_event *event, uint64_t key_seq)
{
    struct diary_key *key = take_key(diary, event);

    if (event->lsn <= key->newest_lsn)
        return;
    event->newest_before = key->newest;
    event->newest_lsn_before = key->newest_lsn;
    key->newest = key_seq;
    key->newest_lsn = event->lsn;
}

static void see_event_record(struct sim_diary *diary, const struct sim_sight *sight)
{
    struct diary_event *event = sim_diary_find(diary, sim_event_tag(sight->log.event));

    if (event == NULL || sight->log.event == NULL)
        return;
    memcpy(event->db_uuid, sight->log.event->db_uuid, VOW_DB_UUID_BYTES);
    if (sight->kind != SIM_SEEN_LOG_DURABLE)
        return;
    event = diary_keep(diary, event, sight->log.lsn, sight->seq);
    event->is_kept_sure = true;
    diary_raise_key(diary, event, sight->log.event->key_seq);
}

static const char *copy_text(struct sim_diary *diary, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = sim_memory_take(diary->memory, size);

    memcpy(copy, text, size);
    return copy;
}

static struct diary_group *new_group(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_msg_subscribe *subscribe = sight->log.subscribe;
    struct diary_group *group = sim_memory_take(diary->memory, sizeof(*group));
    const char **patterns = sim_memory_take(diary->memory, subscribe->patterns_len * sizeof(patterns[0]));
    struct vow_msg_header_of_event *filters =
        sim_memory_take(diary->memory, (subscribe->filters_len + 1) * sizeof(*filters));

    for (uint32_t i = 0; i < subscribe->patterns_len; i++)
        patterns[i] = copy_text(diary, subscribe->patterns[i]);
    for (uint32_t i = 0; i < subscribe->filters_len; i++)
        filters[i] = (struct vow_msg_header_of_event){copy_text(diary, subscribe->filters[i].name),
                                                      copy_text(diary, subscribe->filters[i].value)};
    group->name = copy_text(diary, subscribe->group);
    group->coord = sight->node;
    group->node = sim_book_named(diary->book, sight->log.record->text);
    group->patterns = patterns;
    group->patterns_len = subscribe->patterns_len;
    group->key_filter = copy_text(diary, subscribe->key_filter);
    group->filters = filters;
    group->filters_len = subscribe->filters_len;
    group->attempts_max = subscribe->attempts_max;
    group->next = diary->groups;
    diary->groups = group;
    return group;
}

void diary_leave(struct sim_diary *diary, struct diary_group *group, book_moment now)
{
    group->is_gone = true;
    group->left = now;
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        for (struct diary_share *share = event->shares; share != NULL; share = share->next) {
            if (share->group != group)
                continue;
            diary->dead_len[group->coord] -= share->is_letter;
            share->is_letter = share->is_going = false;
        }
    }
}

/* What it has done it has done; of all else a group that is made anew knows nothing. */
static void begin_anew(struct sim_diary *diary, struct diary_group *group)
{
    group->known = group->sought = group->remove_ordered = 0;
    group->start = group->passed = group->seek = group->tried = 0;
    group->has_begun = group->is_gone = group->is_paused = false;
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        for (struct diary_share *share = event->shares; share != NULL; share = share->next) {
            if (share->group == group)
                *share = (struct diary_share){.next = share->next,
                                              .group = group,
                                              .heard = share->heard,
                                              .is_heard_sure = share->is_heard_sure,
                                              .answered = share->answered};
        }
    }
}

static void see_removed_record(struct sim_diary *diary, const struct sim_sight *sight)
{
    struct diary_group *group = sim_diary_group(diary, sight->node, sight->log.record->who);

    if (group != NULL && sight->kind == SIM_SEEN_LOG_DURABLE)
        diary_leave(diary, group, sight->seq);
}

static void see_group_record(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_group *group = sim_diary_group(diary, sight->node, record->who);

    if (sight->log.subscribe == NULL)
        return;
    if (group == NULL)
        group = new_group(diary, sight);
    if (group->is_gone)
        begin_anew(diary, group);
    if (group->known == 0)
        group->start = record->relay.lsn;
    group->tried = record->relay.lsn;
    if (sight->kind != SIM_SEEN_LOG_DURABLE)
        return;
    diary_first(&group->known, sight->seq);
    if (record->relay.lsn <= group->seek && record->relay.lsn > group->passed)
        group->passed = record->relay.lsn < sight->log.lsn ? record->relay.lsn : sight->log.lsn; /* no further */
}

/* DEAD and REVIVED. */
static void see_dead_record(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_event *event = sim_diary_at(diary, sight->node, record->relay.lsn);
    struct diary_group *group = sim_diary_group(diary, sight->node, record->who);
    struct diary_share *share;

    if (event == NULL || group == NULL || sight->kind != SIM_SEEN_LOG_DURABLE)
        return;
    share = sim_event_share(diary, event, group);
    if (record->kind == VOW_RECORD_DEAD) {
        diary->dead_len[sight->node] += !share->is_letter;
        share->is_letter = true;
        share->is_going = false;
        diary_first(&share->dead, sight->seq);
        return;
    }
    share->is_going = false;
    if (record->detail == VOW_REVIVAL_DROP)
        diary_first(&share->dropped, sight->seq);
    else
        diary_first(&share->revived, sight->seq);
    if (record->detail == VOW_REVIVAL_DONE)
        diary_first(&share->answered, sight->seq);
    if (record->detail != VOW_REVIVAL_RETRY && share->is_letter) {
        diary->dead_len[sight->node]--;
        share->is_letter = false;
    }
}

/* Until it is told that a letter is revived a coordinator goes on as before. */
static void see_told(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_share *share = diary_share_at(diary, sight->node, record->who, record->relay.lsn);

    if (share != NULL && record->kind == VOW_RECORD_REVIVED && record->detail == VOW_REVIVAL_RETRY)
        share->is_going = true;
}

static void see_log(struct sim_diary *diary, const struct sim_sight *sight)
{
    if (sight->log.record->kind == VOW_RECORD_EVENT)
        see_event_record(diary, sight);
    else if (sight->log.record->kind == VOW_RECORD_GROUP)
        see_group_record(diary, sight);
    else if (sight->log.record->kind == VOW_RECORD_REMOVED)
        see_removed_record(diary, sight);
    else if (sight->log.record->kind != VOW_RECORD_CURSOR)
        see_dead_record(diary, sight);
}

/* ---- messages ---- */

struct diary_share *diary_share_at(struct sim_diary *diary, uint8_t coord, const char *name, uint64_t lsn)
{
    struct diary_event *event = sim_diary_at(diary, coord, lsn);
    struct diary_group *group = sim_diary_group(diary, coord, name);

    return event != NULL && group != NULL ? sim_event_share(diary, event, group) : NULL;
}

/* A new group begins with the oldest event that is kept. */
static bool is_waited_for(struct sim_diary *diary, struct diary_event *event, const struct diary_group *but)
{
    for (struct diary_group *group = diary->groups; group != NULL; group = group->next) {
        if (group != but && sim_event_is_owed(event, group) && !sim_share_is_over(sim_event_share(diary, event, group)))
            return true;
    }
    return false;
}

/* Between what is kept lies what all others had done: a group that is new is not given that. */
static void pass_by(struct sim_diary *diary, struct diary_group *group)
{
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        if (event->kept != 0 && event->coord == group->coord && !is_waited_for(diary, event, group))
            sim_event_share(diary, event, group)->is_passed = true;
    }
}

static void see_begin(struct sim_diary *diary, uint8_t coord, const struct vow_msg_subscribed *said)
{
    struct diary_group *group = sim_diary_group(diary, coord, said->group);

    if (group == NULL || group->has_begun)
        return;
    group->has_begun = true;
    if (said->cursor > group->start)
        group->start = said->cursor;
    pass_by(diary, group);
}

static void see_delivery(struct diary_share *share, const struct sim_sight *sight)
{
    diary_first(&share->sent, sight->seq);
    share->attempt = sight->message.msg->deliver.attempt;
}

static void see_sent(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct diary_event *event;
    struct diary_share *share;

    if (msg->kind == VOW_MSG_PUBLISH && (event = sim_diary_find(diary, sim_event_tag(&msg->publish.event))) != NULL) {
        diary_first(&event->left, sight->seq);
        memcpy(event->db_uuid, msg->publish.event.db_uuid, VOW_DB_UUID_BYTES);
    }
    if (msg->kind == VOW_MSG_DELIVER &&
        (share = diary_share_at(diary, sight->node, msg->deliver.group, msg->deliver.offset)) != NULL)
        see_delivery(share, sight);
    if (msg->kind == VOW_MSG_SUBSCRIBED && msg->subscribed.error == 0)
        see_begin(diary, sight->node, &msg->subscribed);
}

/* Its consumer, or an operator, has it go on behind this event; UINT64_MAX: the newest. */
static void see_seek(struct diary_group *group, uint64_t after, book_moment now)
{
    group->sought = now;
    group->seek = after > group->seek ? after : group->seek;
}

static void see_received(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct diary_group *group;
    struct diary_event *event;
    struct diary_share *share;

    if (msg->kind == VOW_MSG_SEEK && (group = sim_diary_group(diary, sight->node, msg->seek.group)) != NULL)
        see_seek(group, msg->seek.offset, sight->seq);
    if (msg->kind == VOW_MSG_PUBLISHED && msg->published.error == 0 &&
        (event = sim_diary_named(diary, sight->node, msg->published.key, msg->published.key_seq)) != NULL)
        diary_first(&event->acknowledged, sight->seq);
    if (msg->kind != VOW_MSG_DELIVERED ||
        (share = diary_share_at(diary, sight->node, msg->delivered.group, msg->delivered.offset)) == NULL)
        return;
    share->is_going &= msg->delivered.result != VOW_EVENT_DONE;
    if (msg->delivered.result == VOW_EVENT_DONE)
        diary_first(&share->answered, sight->seq);
    else if (msg->delivered.result == VOW_EVENT_UNABLE)
        diary_first(&share->unable, sight->seq);
}

/* ---- the store, the operator, the nodes ---- */

static void see_done(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct sim_seen_event *seen = &sight->store.event;
    struct diary_share *share;

    if (sight->store.op != VOW_STORE_EVENT || sight->store.result != VOW_STORE_DONE || seen->result != VOW_EVENT_DONE)
        return;
    share = diary_share_at(diary, diary->book->nodes[sight->node].coord, seen->group, seen->offset);
    if (share == NULL)
        return;
    diary_first(&share->heard, sight->seq);
    share->is_heard_sure = true;
}

static void see_order(struct sim_diary *diary, const struct sim_sight *sight)
{
    struct diary_share *share = diary_share_at(diary, sight->node, sight->operated.group, sight->operated.offset);
    struct diary_group *group = sim_diary_group(diary, sight->node, sight->operated.group);

    if (sight->operated.dead == VOW_ADMIN_GROUP_REMOVE && group != NULL)
        diary_first(&group->remove_ordered, sight->seq);
    else if (sight->operated.dead == VOW_ADMIN_GROUP_SEEK && group != NULL)
        see_seek(group, sight->operated.offset, sight->seq);
    else if (share != NULL)
        diary_first(sight->operated.dead == VOW_ADMIN_DLQ_DROP ? &share->drop_ordered : &share->retry_ordered,
                    sight->seq);
}

static void see_news(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct sim_dump_told told = {
        .tag = sight->news.tag, .thing = sight->news.thing, .number = sight->news.number, .topic = sight->news.topic};

    diary_change(diary, sight->node, &told, sight->seq);
}

static void see_group(struct sim_diary *diary, const struct sim_sight *sight)
{
    struct diary_group *group = sim_diary_group(diary, sight->node, sight->group.name);

    if (group != NULL)
        group->is_paused = strcmp(sight->group.state, "PAUSED") == 0;
}

static void see_node(struct sim_diary *diary, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_NODE && sight->node_is.role == SIM_COORDINATOR) {
        diary->keys_max[sight->node] = sight->node_is.keys_max;
        diary->dead_max[sight->node] = sight->node_is.dead_max;
        diary->is_on |= sight->node_is.dead_max != 0;
    }
    if (sight->kind == SIM_SEEN_NODE) {
        diary->forgets[sight->node] = sight->node_is.known_max != 0;
        diary->archive_max[sight->node] = sight->node_is.archive_max;
    }
    /* What it was found to keep it has written again by now (F105). */
    for (struct diary_event *event = sight->kind == SIM_SEEN_UP ? diary->events : NULL; event != NULL;
         event = event->next)
        event->is_kept_sure |= event->coord == sight->node && event->kept != 0;
}

void sim_diary_see(struct sim_diary *diary, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_NODE:
    case SIM_SEEN_UP:
        see_node(diary, sight);
        break;
    case SIM_SEEN_FAULT:
        if (sight->node < SIM_NODES_MAX)
            diary->was_full[sight->node] |=
                sight->fault.fault == SIM_FAULT_NO_SPACE || sight->fault.fault == SIM_FAULT_QUOTA;
        break;
    case SIM_SEEN_BECAME_TRUE:
        see_news(diary, sight);
        break;
    case SIM_SEEN_GROUP:
        see_group(diary, sight);
        break;
    default:
        break;
    }
    if (!sim_is_of_event(sight))
        return;
    if (sight->kind == SIM_SEEN_SENT)
        see_sent(diary, sight);
    else if (sight->kind == SIM_SEEN_RECEIVED)
        see_received(diary, sight);
    else if (sight->kind == SIM_SEEN_LOG_ASKED || sight->kind == SIM_SEEN_LOG_DURABLE)
        see_log(diary, sight);
    else if (sight->kind == SIM_SEEN_LOG_DONE)
        see_told(diary, sight);
    else if (sight->kind == SIM_SEEN_STORE_DONE)
        see_done(diary, sight);
    else if (sight->kind == SIM_SEEN_OPERATED)
        see_order(diary, sight);
}
