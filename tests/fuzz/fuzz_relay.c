/*
 * Sequences of messages, connections, answers of the journal, orders, crashes and time against the core of the relay,
 * from publishers and consumers that need not be honest. Whatever they say, seen from outside: PUBLISHED is said of
 * what is durable (B58); an event is delivered as it was published, and only when each earlier one of its key is done
 * or dead (I27); no cursor passes what is neither (I28); dead letters stay within their bound (I29); and what the
 * driver keeps for the core is given back once, and not read afterwards (which AddressSanitizer sees).
 */
#include <stdbool.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "coordinator/core/relay/relay.h"
#include "input.h"
#include "message.h"
#include "message_event.h"
#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "target.h"

#define PARTICIPANTS 3
#define GROUPS 4
#define ROWS_MAX 4096
#define ASKED_MAX 16
#define EVENTS_MAX 400
#define EVENT_SIZE 512

static const char *const names[GROUPS] = {"stock", "payment", "order", "nobody"};

/* What is on its way to the journal, and what is in it: a record, or a LOAD that is to be answered in its turn. The LSN
 * of a record is its place in the log. */
struct row {
    struct vow_record record;
    uint64_t token, after;
    uint32_t group, rows; /* of a LOAD */
    bool is_load;
    uint8_t bytes[EVENT_SIZE]; /* EVENT, GROUP: the message */
    size_t len;
    struct vow_msg_event event; /* EVENT: its texts are static */
    bool is_owed[GROUPS], is_done[GROUPS], is_dead[GROUPS], is_retried[GROUPS];
};

static struct vow_relay *core;
static struct vow_arena *arena;
static struct vow_relay_limits limits;
static uint64_t now_ms, last_session, sessions[PARTICIPANTS];
static uint32_t epoch;
static struct row rows[ROWS_MAX];
static size_t rows_len, durable; /* [0, durable) is the log */
static struct vow_msg_event *kept[ROWS_MAX];
static size_t kept_len;
static struct vow_relay_effect asked[ASKED_MAX];
static uint32_t asked_len;
static bool is_logged; /* the PUBLISH under way */

static uint32_t group_of(const char *name)
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    FUZZ_REQUIRE(false);
    return 0;
}

static struct row *event_at(uint64_t lsn)
{
    FUZZ_REQUIRE(lsn >= 1 && lsn <= durable && rows[lsn - 1].record.kind == VOW_RECORD_EVENT);
    return &rows[lsn - 1];
}

static bool is_same_key(const struct vow_msg_event *a, const char *key, const uint8_t *db_uuid)
{
    return strcmp(a->key, key) == 0 && memcmp(a->db_uuid, db_uuid, VOW_DB_UUID_BYTES) == 0;
}

/* ---- what the driver keeps ---- */

static const struct vow_msg_event *keep(const struct vow_msg_event *event)
{
    struct vow_msg_event *copy = malloc(sizeof(*copy));

    FUZZ_REQUIRE(kept_len < ROWS_MAX);
    *copy = *event;
    kept[kept_len++] = copy;
    return copy;
}

static void give_back(const struct vow_msg_event *event)
{
    size_t at = 0;

    while (at < kept_len && kept[at] != event)
        at++;
    FUZZ_REQUIRE(at < kept_len);
    free(kept[at]);
    kept[at] = kept[--kept_len];
}

static void give_all_back(void)
{
    while (kept_len > 0)
        free(kept[--kept_len]);
}

/* ---- what must hold ---- */

static bool takes(const struct vow_msg_subscribe *subscribe, const struct vow_msg_event *event)
{
    bool on = false;

    for (uint32_t i = 0; i < subscribe->filters_len; i++) {
        bool has = false;

        for (uint32_t k = 0; k < event->headers_len; k++)
            has = has || (strcmp(event->headers[k].name, subscribe->filters[i].name) == 0 &&
                          strcmp(event->headers[k].value, subscribe->filters[i].value) == 0);
        if (!has)
            return false;
    }
    for (uint32_t i = 0; i < subscribe->patterns_len; i++)
        on = on || vow_pattern_matches(subscribe->patterns[i], event->topic);
    return on && vow_key_filter_matches(subscribe->key_filter, event->key);
}

static bool view_of(const char *name, struct vow_relay_group_view *view)
{
    uint32_t at = 0;

    while (vow_relay_next_group(core, &at, view)) {
        if (strcmp(view->name, name) == 0)
            return true;
    }
    return false;
}

static void check_published(const struct vow_msg_published *published)
{
    bool is_there = published->error != 0;

    for (size_t i = 0; i < durable && !is_there; i++) {
        const struct row *row = &rows[i];

        is_there = row->record.kind == VOW_RECORD_EVENT && strcmp(row->event.key, published->key) == 0 &&
                   (published->offset == 0 ? row->event.key_seq >= published->key_seq
                                           : i + 1 == published->offset && row->event.key_seq == published->key_seq);
    }
    FUZZ_REQUIRE(is_there);
}

static void check_deliver(const struct vow_relay_effect *effect)
{
    const struct vow_msg_deliver *deliver = &effect->msg.deliver;
    const struct row *row = event_at(deliver->offset);
    const uint32_t group = group_of(deliver->group);
    struct vow_relay_group_view view;

    FUZZ_REQUIRE(view_of(deliver->group, &view) && view.session == effect->session && effect->session != 0);
    FUZZ_REQUIRE(strcmp(deliver->event.topic, row->event.topic) == 0 && deliver->event.key_seq == row->event.key_seq &&
                 is_same_key(&row->event, deliver->event.key, deliver->event.db_uuid));
    FUZZ_REQUIRE(!row->is_dead[group] || row->is_retried[group]);
    asked[asked_len] = *effect;
    asked[asked_len].msg.deliver.group = names[group];
    asked_len = (asked_len + 1) % ASKED_MAX;
    if (row->is_retried[group])
        return;
    for (uint64_t lsn = view.cursor + 1; lsn < deliver->offset; lsn++) {
        const struct row *earlier = &rows[lsn - 1];

        FUZZ_REQUIRE(earlier->record.kind != VOW_RECORD_EVENT || earlier->is_done[group] || earlier->is_dead[group] ||
                     !is_same_key(&earlier->event, row->event.key, row->event.db_uuid) || !earlier->is_owed[group]);
    }
}

/* The GROUP record in force, or NULL; and up to where its group has done all, as the log says. */
static const struct row *subscription_of(uint32_t group, uint64_t *base, uint64_t *cursor, struct vow_slice *beyond)
{
    const struct row *found = NULL;

    *beyond = (struct vow_slice){NULL, 0};

    for (size_t i = 0; i < durable; i++) {
        const struct vow_record *record = &rows[i].record;

        if (strcmp(record->who, names[group]) != 0)
            continue;
        if (record->kind == VOW_RECORD_GROUP) {
            found = &rows[i];
            *base = *cursor = record->relay.lsn;
            *beyond = (struct vow_slice){NULL, 0};
        } else if (record->kind == VOW_RECORD_CURSOR) {
            FUZZ_REQUIRE(found != NULL);
            *cursor = record->relay.lsn;
            *beyond = (struct vow_slice){rows[i].bytes, rows[i].len};
        } else if (record->kind == VOW_RECORD_REMOVED) {
            found = NULL;
        }
    }
    return found;
}

static void check_group(const struct vow_relay_group_view *view)
{
    const uint32_t group = group_of(view->name);
    uint64_t base = 0, noted = 0;
    struct vow_slice beyond;

    if (strcmp(view->state, "JOINING") == 0 || strcmp(view->state, "LEAVING") == 0)
        return;
    FUZZ_REQUIRE(subscription_of(group, &base, &noted, &beyond) != NULL && view->cursor >= noted &&
                 view->cursor <= durable);
    for (uint64_t lsn = base + 1; lsn <= view->cursor; lsn++) {
        const struct row *row = &rows[lsn - 1];

        FUZZ_REQUIRE(row->record.kind != VOW_RECORD_EVENT || row->is_done[group] || row->is_dead[group] ||
                     !row->is_owed[group]);
    }
}

static void check_all(void)
{
    struct vow_relay_group_view view;
    struct vow_relay_counts counts;
    uint32_t at = 0;

    vow_relay_counts(core, &counts);
    FUZZ_REQUIRE(counts.dead <= limits.dead_max && counts.events <= vow_relay_events_most(&limits));
    FUZZ_REQUIRE(counts.groups <= limits.groups_max && counts.overdue <= counts.deliveries + counts.dead);
    while (vow_relay_next_group(core, &at, &view))
        check_group(&view);
}

/* ---- effects, and the journal ---- */

static void put_message(struct row *row, const struct vow_msg *msg)
{
    uint8_t frame[EVENT_SIZE];
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));

    FUZZ_REQUIRE(len > VOW_FRAME_HEADER_BYTES && len <= sizeof(frame));
    row->len = len - VOW_FRAME_HEADER_BYTES;
    memcpy(row->bytes, frame + VOW_FRAME_HEADER_BYTES, row->len);
}

static void take_log(const struct vow_relay_effect *effect)
{
    struct row *row = &rows[rows_len++];

    FUZZ_REQUIRE(rows_len < ROWS_MAX);
    *row = (struct row){.record = effect->log.record, .token = effect->log.token};
    if (row->record.kind == VOW_RECORD_CURSOR && row->record.body.len > 0) {
        FUZZ_REQUIRE(row->record.body.len <= sizeof(row->bytes) &&
                     vow_beyond_is_valid(row->record.relay.lsn, row->record.body));
        row->len = row->record.body.len;
        memcpy(row->bytes, row->record.body.data, row->len);
    }
    row->record.body = (struct vow_slice){NULL, 0};
    if (row->record.kind == VOW_RECORD_EVENT) {
        row->event = *effect->log.event;
        is_logged = true;
    } else if (row->record.kind == VOW_RECORD_GROUP) {
        const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE, .subscribe = *effect->log.subscribe};

        put_message(row, &msg);
    }
    FUZZ_REQUIRE(effect->log.forced || row->record.kind == VOW_RECORD_CURSOR ||
                 (row->record.kind == VOW_RECORD_REVIVED && row->record.detail == VOW_REVIVAL_DONE));
}

static void take_load(const struct vow_relay_effect *effect)
{
    FUZZ_REQUIRE(rows_len + 1 < ROWS_MAX);
    rows[rows_len++] = (struct row){
        .is_load = true, .group = effect->load.group, .after = effect->load.after, .rows = effect->load.rows};
}

static void carry_out(const struct vow_relay_effect *effect)
{
    if (effect->kind == VOW_RELAY_LOG)
        take_log(effect);
    else if (effect->kind == VOW_RELAY_LOAD)
        take_load(effect);
    else if (effect->kind == VOW_RELAY_FREED)
        give_back(effect->kept.event);
    else if (effect->kind == VOW_RELAY_SEND && effect->msg.kind == VOW_MSG_PUBLISHED)
        check_published(&effect->msg.published);
    else if (effect->kind == VOW_RELAY_SEND && effect->msg.kind == VOW_MSG_DELIVER)
        check_deliver(effect);
}

/* What it frees was sent before: what is sent is looked at first. */
static void feed(struct vow_relay_event *event)
{
    struct vow_relay_effects effects;

    event->now_ms = now_ms;
    vow_relay_step(core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(&effects.items[i]);
}

static void change_letter(const struct vow_record *record, uint32_t group)
{
    struct row *event = event_at(record->relay.lsn);
    const bool is_retried = record->kind == VOW_RECORD_REVIVED && record->detail == VOW_REVIVAL_RETRY;

    if (record->kind == VOW_RECORD_REVIVED && record->detail == VOW_REVIVAL_DROP)
        event->is_done[group] = true;
    event->is_dead[group] = record->kind == VOW_RECORD_DEAD || is_retried;
    event->is_retried[group] = is_retried;
}

static void forget_group(uint32_t group)
{
    for (size_t i = 0; i < durable; i++)
        rows[i].is_dead[group] = rows[i].is_done[group] = rows[i].is_retried[group] = false;
}

/* It is for those that ask for it in the log: a crash may keep a GROUP of which the core has not heard. */
static void owe_event(struct row *row)
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        uint64_t base, cursor;
        struct vow_slice beyond;
        const struct row *group = subscription_of(i, &base, &cursor, &beyond);
        struct vow_msg msg;
        const char *why;

        if (group == NULL)
            continue;
        FUZZ_REQUIRE(vow_msg_decode(arena, group->bytes, group->len, &msg, &why) == 0);
        row->is_owed[i] = takes(&msg.subscribe, &row->event);
    }
}

/* One that is new, or moves, begins with what comes after its place; one that asks for something else is owed what it
 * has not done, as far as it asks for that. */
static void owe_group(const struct row *row, const struct row *before)
{
    const uint32_t group = group_of(row->record.who);
    const bool keeps = before != NULL && (before->len != row->len || memcmp(before->bytes, row->bytes, row->len) != 0);
    struct vow_msg msg;
    const char *why;

    FUZZ_REQUIRE(vow_msg_decode(arena, row->bytes, row->len, &msg, &why) == 0);
    for (size_t i = 0; i < durable; i++) {
        if (rows[i].record.kind == VOW_RECORD_EVENT)
            rows[i].is_owed[group] = (rows[i].is_owed[group] || !keeps) && takes(&msg.subscribe, &rows[i].event) &&
                                     (keeps || i + 1 > row->record.relay.lsn);
    }
}

/* What a record says becomes true. */
static void make_durable(void)
{
    struct row *row = &rows[durable];
    const struct vow_record *record = &row->record;
    struct vow_slice beyond;
    uint64_t base, cursor;

    if (record->kind == VOW_RECORD_EVENT)
        owe_event(row);
    else if (record->kind == VOW_RECORD_GROUP)
        owe_group(row, subscription_of(group_of(record->who), &base, &cursor, &beyond));
    durable++;
    if (record->kind == VOW_RECORD_DEAD || record->kind == VOW_RECORD_REVIVED)
        change_letter(record, group_of(record->who));
    else if (record->kind == VOW_RECORD_REMOVED)
        forget_group(group_of(record->who));
}

/* False: the page ends before it. */
static bool load_one(uint64_t lsn, struct vow_relay_event *done)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_LOADED};
    const enum vow_relay_want want = vow_relay_wants(core, lsn, &rows[lsn - 1].event);

    done->load_done.has_more = want == VOW_RELAY_WANT_LATER;
    if (want == VOW_RELAY_WANT_LATER || want == VOW_RELAY_WANT_NO_MORE)
        return false;
    done->load_done.upto = lsn;
    if (want == VOW_RELAY_WANT_NOT)
        return true;
    event.kept = (struct vow_relay_kept){keep(&rows[lsn - 1].event), lsn};
    event.due_ms = rows[lsn - 1].event.deadline_us;
    feed(&event);
    return true;
}

/* A LOAD takes no place in the log: it goes when its turn comes. */
static void answer_load(void)
{
    const struct row load = rows[durable];
    struct vow_relay_event done = {.kind = VOW_RELAY_LOAD_DONE};
    uint32_t left = load.rows;

    memmove(&rows[durable], &rows[durable + 1], (rows_len - durable - 1) * sizeof(rows[0]));
    rows_len--;
    done.load_done.group = load.group;
    done.load_done.upto = load.after;
    for (uint64_t lsn = load.after + 1; lsn <= durable; lsn++) {
        if (rows[lsn - 1].record.kind != VOW_RECORD_EVENT)
            continue;
        done.load_done.has_more = left == 0;
        if (left-- == 0 || !load_one(lsn, &done))
            break;
    }
    feed(&done);
}

static void journal_answers(uint32_t count)
{
    for (; count > 0 && durable < rows_len; count--) {
        const uint64_t token = rows[durable].token;

        if (rows[durable].is_load) {
            answer_load();
            continue;
        }
        make_durable();
        feed(&(struct vow_relay_event){.kind = VOW_RELAY_LOG_DONE, .logged = {token, durable}});
    }
}

/* ---- events ---- */

static void publish(struct input *in)
{
    const struct vow_gtrid none = {{0}};
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = sessions[input_below(in, PARTICIPANTS)]};
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISH};

    fuzz_draw_event(in, &none, &msg);
    if (input_below(in, 4) != 0) { /* the next one of its key, mostly */
        msg.publish.event.key_seq = 1;
        for (size_t i = 0; i < durable; i++) {
            const struct row *row = &rows[i];

            if (row->record.kind == VOW_RECORD_EVENT &&
                is_same_key(&row->event, msg.publish.event.key, msg.publish.event.db_uuid))
                msg.publish.event.key_seq = row->event.key_seq + 1;
        }
    }
    event.publish.event = keep(&msg.publish.event);
    event.publish.no_room = input_below(in, 16) == 15;
    event.due_ms = msg.publish.event.deadline_us;
    is_logged = false;
    feed(&event);
    if (!is_logged)
        give_back(event.publish.event);
}

static void subscribe(struct input *in)
{
    const uint32_t who = input_below(in, PARTICIPANTS);
    const struct vow_gtrid none = {{0}};
    struct vow_relay_event event = {.kind = VOW_RELAY_SUBSCRIBE, .session = sessions[who]};
    struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE};

    fuzz_draw_event(in, &none, &msg);
    event.subscribe.msg = &msg.subscribe;
    event.subscribe.participant = names[who];
    if (input_below(in, 4) != 0)
        msg.subscribe.group = names[who];
    if (event.session != 0)
        feed(&event);
}

static void consumer_says(struct input *in)
{
    const struct vow_gtrid none = {{0}};
    struct vow_relay_event event = {.kind = VOW_RELAY_MESSAGE, .session = sessions[input_below(in, PARTICIPANTS)]};
    struct vow_msg msg = {.kind = input_below(in, 3) == 0 ? VOW_MSG_SEEK : VOW_MSG_DELIVERED};

    fuzz_draw_event(in, &none, &msg);
    event.msg = &msg;
    if (event.session == 0 || (msg.kind == VOW_MSG_DELIVERED && msg.delivered.result == VOW_EVENT_DONE))
        return; /* that it is done is said of what was delivered alone: below */
    feed(&event);
}

static void consumer_answers(struct input *in)
{
    const uint8_t choice = input_byte(in);
    const struct vow_relay_effect *ask = &asked[(asked_len + ASKED_MAX - 1 - (choice & 3)) % ASKED_MAX];
    const struct vow_msg_deliver *deliver = &ask->msg.deliver;
    struct vow_relay_event event = {.kind = VOW_RELAY_MESSAGE, .session = ask->session};
    struct vow_msg msg = {.kind = VOW_MSG_DELIVERED};

    if (ask->session == 0)
        return;
    msg.delivered = (struct vow_msg_delivered){
        .group = deliver->group, .offset = deliver->offset, .attempt = deliver->attempt, .text = "no"};
    msg.delivered.result = choice < 128 ? VOW_EVENT_DONE : 1 + (choice >> 2) % VOW_EVENT_UNABLE;
    msg.delivered.cause = msg.delivered.result == VOW_EVENT_DONE ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED;
    if (msg.delivered.result == VOW_EVENT_DONE)
        event_at(deliver->offset)->is_done[group_of(deliver->group)] = true;
    event.msg = &msg;
    feed(&event);
}

static void operator_says(struct input *in)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_ORDER};

    event.order.group = names[input_below(in, GROUPS)];
    event.order.order = 1 + input_below(in, VOW_RELAY_REMOVE);
    event.order.lsn = event.order.order == VOW_RELAY_REMOVE ? 0 : 1 + input_below(in, (uint32_t)durable + 1);
    feed(&event);
}

static void connect_or_drop(struct input *in)
{
    const uint32_t who = input_below(in, PARTICIPANTS);
    struct vow_relay_event event = {.kind = VOW_RELAY_SESSION_DOWN, .session = sessions[who]};

    sessions[who] = sessions[who] != 0 ? 0 : ++last_session;
    if (event.session != 0)
        feed(&event);
}

static void pass_time(struct input *in)
{
    now_ms += input_number(in, 1) * 200;
    feed(&(struct vow_relay_event){.kind = VOW_RELAY_TIMER});
}

/* ---- a start ---- */

static void recover_key(size_t at)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_KEY};
    const struct vow_msg_event *newest = &rows[at].event;

    for (size_t i = at + 1; i < durable; i++) {
        if (rows[i].record.kind == VOW_RECORD_EVENT && is_same_key(&rows[i].event, newest->key, newest->db_uuid))
            return;
    }
    memcpy(event.key.db_uuid, newest->db_uuid, VOW_DB_UUID_BYTES);
    event.key.key = newest->key;
    event.key.key_seq = newest->key_seq;
    event.key.lsn = at + 1;
    feed(&event);
}

static void recover_group(uint32_t group, uint64_t cursors[GROUPS], struct vow_slice beyond[GROUPS],
                          bool is_there[GROUPS])
{
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_GROUP};
    uint64_t base = 0;
    const struct row *row = subscription_of(group, &base, &cursors[group], &beyond[group]);
    struct vow_msg msg;
    const char *why;

    is_there[group] = row != NULL;
    if (row == NULL)
        return;
    FUZZ_REQUIRE(vow_msg_decode(arena, row->bytes, row->len, &msg, &why) == 0);
    event.group.msg = &msg.subscribe;
    event.group.participant = row->record.text;
    event.group.cursor = cursors[group];
    event.group.beyond = beyond[group];
    feed(&event);
}

static void recover_dead(uint64_t lsn, uint32_t group)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_DEAD};

    event.dead.group = names[group];
    event.dead.lsn = lsn;
    event.dead.text = "no";
    event.dead.attempts = 1;
    event.dead.is_retried = rows[lsn - 1].is_retried[group];
    feed(&event);
}

/* What some group has not done, or has buried. */
static void recover_event(uint64_t lsn, const uint64_t cursors[GROUPS], const struct vow_slice beyond[GROUPS],
                          const bool is_there[GROUPS])
{
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_EVENT, .due_ms = rows[lsn - 1].event.deadline_us};
    bool is_needed = false;

    for (uint32_t i = 0; i < GROUPS; i++)
        is_needed =
            is_needed || (is_there[i] && (vow_beyond_owes(cursors[i], beyond[i], lsn) || rows[lsn - 1].is_dead[i]));
    if (!is_needed)
        return;
    event.kept = (struct vow_relay_kept){keep(&rows[lsn - 1].event), lsn};
    feed(&event);
}

static uint64_t feed_log(void)
{
    uint64_t cursors[GROUPS] = {0}, last_event = 0;
    struct vow_slice beyond[GROUPS];
    bool is_there[GROUPS];

    for (size_t i = 0; i < durable; i++) {
        if (rows[i].record.kind == VOW_RECORD_EVENT)
            recover_key(i);
    }
    for (uint32_t i = 0; i < GROUPS; i++)
        recover_group(i, cursors, beyond, is_there);
    for (size_t i = 0; i < durable; i++) {
        for (uint32_t k = 0; k < GROUPS && rows[i].record.kind == VOW_RECORD_EVENT; k++) {
            if (is_there[k] && rows[i].is_dead[k])
                recover_dead(i + 1, k);
        }
    }
    for (size_t i = 0; i < durable; i++) {
        if (rows[i].record.kind != VOW_RECORD_EVENT)
            continue;
        recover_event(i + 1, cursors, beyond, is_there);
        last_event = i + 1;
    }
    return last_event;
}

/* There is room for less than what may be kept: groups read the rest. */
static void start(void)
{
    struct vow_relay_event done = {.kind = VOW_RELAY_RECOVERY_DONE};

    limits = vow_relay_default_limits;
    limits.events_max = 6;
    limits.keys_max = limits.events_max + 4;
    limits.groups_max = GROUPS - 1;
    limits.dead_max = 2;
    free(core);
    core = vow_relay_core_init(malloc(vow_relay_size(&limits)), &limits, ++epoch, 7);
    done.last_lsn = feed_log();
    feed(&done);
}

/* The journal keeps a prefix of what was on its way. */
static void crash(struct input *in)
{
    for (uint32_t more = input_below(in, 4); more > 0 && durable < rows_len && !rows[durable].is_load; more--)
        make_durable();
    rows_len = durable;
    memset(sessions, 0, sizeof(sessions));
    memset(asked, 0, sizeof(asked));
    give_all_back();
    start();
}

static void rare_event(struct input *in)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_SHED};

    if (input_below(in, 3) != 0) {
        crash(in);
        return;
    }
    event.shed = input_below(in, 2) != 0;
    feed(&event);
}

static void one_event(struct input *in)
{
    switch (input_below(in, 16)) {
    case 0:
    case 1:
    case 2:
        publish(in);
        break;
    case 3:
    case 4:
        subscribe(in);
        break;
    case 5:
        consumer_says(in);
        break;
    case 6:
    case 7:
    case 8:
        consumer_answers(in);
        break;
    case 9:
    case 10:
    case 11:
        journal_answers(1 + input_below(in, 4));
        break;
    case 12:
        connect_or_drop(in);
        break;
    case 13:
        pass_time(in);
        break;
    case 14:
        operator_says(in);
        break;
    default:
        rare_event(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};

    if (arena == NULL)
        arena = vow_arena_new(0);
    memset(asked, 0, sizeof(asked));
    now_ms = rows_len = durable = asked_len = epoch = 0;
    for (uint32_t i = 0; i < PARTICIPANTS; i++)
        sessions[i] = 1 + i;
    last_session = PARTICIPANTS;
    start();
    for (int event = 0; event < EVENTS_MAX && input_left(&in) > 0; event++) {
        one_event(&in);
        check_all();
    }
    give_all_back();
    free(core);
    core = NULL;
    return 0;
}
