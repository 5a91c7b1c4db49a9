/*
 * The records of events: what they add up to is there after a start, and an event stays until each group has done it
 * and none has buried it, however old it is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "faults.h"
#include "kit.h"

#define DAY_MS (24 * (int64_t)3600000)

static struct bed bed;

static void setup(void)
{
    bed_make(&bed);
    bed_start(&bed);
}

static void teardown(void)
{
    bed_remove(&bed);
}

TestSuite(journal_relay, .init = setup, .fini = teardown, .timeout = 120);

/* ---- writing ---- */

static struct vow_journal_op op_of(enum vow_record_kind kind)
{
    struct vow_journal_op op;

    op_append(&op, &bed, kind, 1);
    op.record.gtrid = (struct vow_gtrid){{0}};
    op.record.who[0] = op.record.text[0] = '\0';
    op.record.cause = VOW_CAUSE_NONE;
    return op;
}

static uint64_t commit(struct vow_journal_op *op)
{
    bed.ops->commit(bed.engine, op);
    cr_assert_eq(op->result, VOW_JOURNAL_WON);
    return op->lsn;
}

/* Returns its LSN. */
static uint64_t publish(const char *key, uint64_t seq)
{
    struct vow_journal_op op = op_of(VOW_RECORD_EVENT);

    op.record.body = (struct vow_slice){(const uint8_t *)key, strlen(key)};
    op.key = (struct vow_journal_key){.db_uuid = {7}, .key_seq = seq};
    memcpy(op.key.key, key, strlen(key) + 1);
    return commit(&op);
}

static void write_group(enum vow_record_kind kind, const char *name, uint64_t lsn, uint32_t detail)
{
    struct vow_journal_op op = op_of(kind);

    memcpy(op.record.who, name, strlen(name) + 1);
    op.record.relay.lsn = lsn;
    op.record.relay.attempts = 3;
    op.record.detail = detail;
    if (kind == VOW_RECORD_GROUP) {
        memcpy(op.record.text, "billing", 8);
        op.record.body = (struct vow_slice){(const uint8_t *)"subscription", 12};
    }
    if (kind == VOW_RECORD_DEAD) {
        op.record.cause = VOW_CAUSE_CONSTRAINT;
        memcpy(op.record.text, "no stock", 9);
    }
    commit(&op);
}

/* ---- reading ---- */

struct seen {
    unsigned keys, groups, dead, events;
    uint64_t key_seq, cursor, dead_lsn, first_event, last_event;
    bool is_retried, is_dropped;
};

static bool knows_dead, knows_waiting; /* the keys of these names */

static int see_key(void *ctx, const struct vow_journal_key *key)
{
    struct seen *seen = ctx;

    cr_assert_eq(key->db_uuid[0], 7);
    knows_dead = knows_dead || strcmp(key->key, "dead") == 0;
    knows_waiting = knows_waiting || strcmp(key->key, "waits") == 0;
    seen->keys++;
    seen->key_seq = key->key_seq;
    return 0;
}

static int see_group(void *ctx, const struct vow_journal_group *group)
{
    struct seen *seen = ctx;

    cr_assert_str_eq(group->participant, "billing");
    cr_assert_eq(group->body.len, 12);
    seen->groups++;
    seen->cursor = group->cursor;
    return 0;
}

static int see_dead(void *ctx, const struct vow_journal_dead *dead)
{
    struct seen *seen = ctx;

    cr_assert_eq(dead->cause, VOW_CAUSE_CONSTRAINT);
    cr_assert_eq(dead->attempts, 3);
    cr_assert_str_eq(dead->text, "no stock");
    seen->dead++;
    seen->dead_lsn = dead->lsn;
    seen->is_retried = dead->is_retried;
    seen->is_dropped = dead->is_dropped;
    return 0;
}

static int see_event(void *ctx, const struct vow_journal_event *event)
{
    struct seen *seen = ctx;

    cr_assert_eq(event->record.kind, VOW_RECORD_EVENT);
    if (seen->events++ == 0)
        seen->first_event = event->lsn;
    seen->last_event = event->lsn;
    return 0;
}

static struct seen look(void)
{
    struct seen seen = {0};
    const struct vow_journal_relay relay = {
        .ctx = &seen, .keys_max = 100, .key = see_key, .group = see_group, .dead = see_dead, .event = see_event};

    cr_assert_eq(bed.ops->relay(bed.engine, &relay, &bed.detail), 0, "%s", bed.detail.text);
    return seen;
}

static unsigned keys_known(uint32_t keys_max)
{
    struct seen seen = {0};
    const struct vow_journal_relay relay = {.ctx = &seen, .keys_max = keys_max, .key = see_key};

    knows_dead = knows_waiting = false;
    cr_assert_eq(bed.ops->relay(bed.engine, &relay, &bed.detail), 0, "%s", bed.detail.text);
    return seen.keys;
}

/* Beyond the next LSN that `step` divides, if it is among the next ones. */
static void pass(uint64_t lsn, uint64_t next, uint64_t step)
{
    while ((lsn + next) / step != lsn / step) {
        struct vow_journal_op op = op_of(VOW_RECORD_CURSOR);

        memcpy(op.record.who, "all", 4);
        op.record.relay.lsn = UINT32_MAX;
        lsn = commit(&op);
    }
}

/* So many events of a key each, none of which has an LSN that `step` divides. */
static void publish_many(unsigned from, unsigned len, uint64_t step)
{
    static struct vow_journal_op ops[64];
    uint64_t lsn = publish("first", from + 1);

    for (unsigned i = 0; i < len; i += 64) {
        pass(lsn, 64, step);
        for (unsigned at = 0; at < 64; at++) {
            ops[at] = op_of(VOW_RECORD_EVENT);
            ops[at].key = (struct vow_journal_key){.db_uuid = {7}, .key_seq = 1};
            (void)snprintf(ops[at].key.key, sizeof(ops[at].key.key), "order %u", from + i + at);
        }
        bed.ops->commit(bed.engine, op_link(ops, 64));
        lsn = ops[63].lsn;
    }
}

/* All that the journal has, needed or not. */
static unsigned count_events(uint64_t after)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_EVENTS, .after = after, .events_max = 100};

    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, 0);
    vow_journal_events_free(op.events, op.events_len);
    return op.events_len;
}

static void grow_old(void)
{
    bed_retain(&bed, DAY_MS);
    clock_shift(2 * DAY_MS);
    bed_rest(&bed);
}

/* ---- tests ---- */

Test(journal_relay, F026_what_records_add_up_to_is_there_after_a_start)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 1", 2), third = publish("order 2", 9);
    struct seen seen;

    write_group(VOW_RECORD_GROUP, "billing", 0, 0);
    write_group(VOW_RECORD_CURSOR, "billing", first, 0);
    write_group(VOW_RECORD_DEAD, "billing", first, 0);
    bed_restart(&bed);
    seen = look();
    cr_assert_eq(seen.keys, 2);
    cr_assert_eq(seen.key_seq, 9, "the newest comes last");
    cr_assert_eq(seen.groups, 1);
    cr_assert_eq(seen.cursor, first);
    cr_assert_eq(seen.dead, 1);
    cr_assert_eq(seen.events, 3, "one is dead, two are not done");
    cr_assert_eq(seen.last_event, third);
    write_group(VOW_RECORD_REVIVED, "billing", first, VOW_REVIVAL_RETRY);
    cr_assert(look().is_retried);
    write_group(VOW_RECORD_REVIVED, "billing", first, VOW_REVIVAL_DONE);
    seen = look();
    cr_assert_eq(seen.dead, 0);
    cr_assert_eq(seen.first_event, second);
}

Test(journal_relay, I28_an_event_stays_until_each_group_has_done_it)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 1", 2);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_group(VOW_RECORD_GROUP, "b", second, 0);
    grow_old();
    cr_assert_eq(count_events(0), 2, "one group has done none of them");
    bed_restart(&bed);
    cr_assert_eq(look().events, 2);
    write_group(VOW_RECORD_CURSOR, "a", first, 0);
    bed_rest(&bed);
    cr_assert_eq(count_events(0), 2, "a state of the past has it before a group");
    grow_old();
    cr_assert_eq(count_events(0), 1);
    write_group(VOW_RECORD_CURSOR, "a", second, 0);
    grow_old();
    cr_assert_eq(count_events(0), 0);
    bed_restart(&bed);
    cr_assert_eq(look().groups, 2, "they stay, though their records are gone");
    cr_assert_eq(look().keys, 1);
}

/* All up to `upto`, but for the one that holds the cursor. */
static void write_beyond(const char *name, uint64_t stuck, uint64_t upto)
{
    struct vow_journal_op op = op_of(VOW_RECORD_CURSOR);
    struct vow_beyond beyond;
    uint8_t bytes[VOW_BEYOND_BYTES_MAX];

    memcpy(op.record.who, name, strlen(name) + 1);
    op.record.relay.lsn = stuck - 1;
    vow_beyond_begin(&beyond, bytes, stuck - 1, upto);
    vow_beyond_leave_out(&beyond, stuck);
    op.record.body = (struct vow_slice){bytes, beyond.len};
    commit(&op);
}

Test(journal_relay, I28_an_event_that_is_never_done_holds_itself_alone)
{
    const uint64_t stuck = publish("order 1", 1), second = publish("order 2", 1), third = publish("order 3", 1);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_beyond("a", stuck, second);
    cr_assert_eq(look().events, 2, "a start reads what is not done, or not noted");
    grow_old();
    cr_assert_eq(count_events(0), 2);
    bed_restart(&bed);
    cr_assert_eq(look().first_event, stuck);
    cr_assert_eq(look().last_event, third);
    write_beyond("a", stuck, third);
    grow_old();
    cr_assert_eq(count_events(0), 1);
    cr_assert_eq(look().first_event, stuck);
    write_group(VOW_RECORD_CURSOR, "a", third, 0);
    grow_old();
    cr_assert_eq(count_events(0), 0);
}

Test(journal_relay, I28_a_dead_letter_keeps_its_event)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 1", 2);

    write_group(VOW_RECORD_GROUP, "a", second, 0);
    write_group(VOW_RECORD_DEAD, "a", first, 0);
    grow_old();
    cr_assert_eq(count_events(0), 1);
    bed_restart(&bed);
    bed_rest(&bed);
    cr_assert_eq(look().first_event, first);
    write_group(VOW_RECORD_REVIVED, "a", first, VOW_REVIVAL_DROP);
    grow_old();
    cr_assert_eq(count_events(0), 0);
}

/* What lies behind a cursor comes again with a start. */
Test(journal_relay, I28_what_was_dropped_is_known_until_it_is_passed)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 2", 1), third = publish("order 3", 1);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_group(VOW_RECORD_DEAD, "a", second, 0);
    write_group(VOW_RECORD_REVIVED, "a", second, VOW_REVIVAL_DROP);
    bed_restart(&bed);
    cr_assert_eq(look().dead, 1);
    cr_assert_eq(look().dead_lsn, second);
    cr_assert(look().is_dropped);
    write_group(VOW_RECORD_CURSOR, "a", first, 0);
    cr_assert_eq(look().dead, 1);
    write_group(VOW_RECORD_CURSOR, "a", second, 0);
    cr_assert_eq(look().dead, 0, "it does not come again");
    write_group(VOW_RECORD_DEAD, "a", third, 0);
    write_group(VOW_RECORD_REVIVED, "a", third, VOW_REVIVAL_DROP);
    write_group(VOW_RECORD_GROUP, "a", third, 0);
    cr_assert_eq(look().dead, 0, "the group goes on behind it");
    bed_restart(&bed);
    cr_assert_eq(look().events, 0);
}

/* ... or until the group is sent elsewhere, from where it comes like all else. */
Test(journal_relay, I28_what_was_dropped_is_forgotten_when_the_group_is_moved)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 2", 1);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_group(VOW_RECORD_DEAD, "a", second, 0);
    write_group(VOW_RECORD_REVIVED, "a", second, VOW_REVIVAL_DROP);
    write_group(VOW_RECORD_GROUP, "b", 0, 0);
    write_group(VOW_RECORD_DEAD, "b", second, 0);
    write_group(VOW_RECORD_REVIVED, "b", second, VOW_REVIVAL_DROP);
    write_group(VOW_RECORD_GROUP, "a", first, 0);
    cr_assert_eq(look().dead, 2, "it asks for something else, and goes on where it is");
    write_group(VOW_RECORD_GROUP, "a", first, VOW_GROUP_MOVED);
    cr_assert_eq(look().dead, 1, "that of the other one stays");
    bed_restart(&bed);
    cr_assert_eq(look().dead, 1);
}

Test(journal_relay, a_removed_group_holds_nothing_any_more)
{
    const uint64_t first = publish("order 1", 1), second = publish("order 1", 2);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_group(VOW_RECORD_DEAD, "a", first, 0);
    write_group(VOW_RECORD_GROUP, "b", first, 0);
    write_group(VOW_RECORD_DEAD, "b", first, 0);
    grow_old();
    cr_assert_eq(count_events(0), 2);
    write_group(VOW_RECORD_REMOVED, "a", 0, 0);
    bed_rest(&bed);
    cr_assert_eq(count_events(0), 2, "the other group has them");
    cr_assert_eq(look().groups, 1);
    cr_assert_eq(look().dead, 1);
    write_group(VOW_RECORD_CURSOR, "b", second, 0);
    write_group(VOW_RECORD_REMOVED, "b", second, 0);
    grow_old();
    cr_assert_eq(count_events(0), 0);
    bed_restart(&bed);
    cr_assert_eq(look().groups, 0);
    cr_assert_eq(look().dead, 0);
}

Test(journal_relay, an_event_that_nobody_asks_for_goes_with_its_age)
{
    publish("order 1", 1);
    bed_retain(&bed, DAY_MS);
    bed_rest(&bed);
    cr_assert_eq(count_events(0), 1);
    grow_old();
    cr_assert_eq(count_events(0), 0);
    bed_restart(&bed);
}

Test(journal_relay, events_are_read_from_an_offset_on)
{
    const uint64_t first = publish("order 1", 1);

    publish("order 1", 2);
    cr_assert_eq(count_events(first), 1);
    cr_assert_eq(count_events(first - 1), 2);
}

Test(journal_relay, F026_log_of_format_4_takes_events)
{
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    bed_close(&bed);
    bed_sql(&bed, "DROP INDEX event_relay; DROP TABLE relay_key; DROP TABLE relay_group; DROP TABLE relay_dead;"
                  "PRAGMA user_version = 4");
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), 1);
    publish("order 1", 1);
    bed_restart(&bed);
    cr_assert_eq(look().keys, 1);
}

Test(journal_relay, F026_log_of_format_5_goes_on_with_its_groups)
{
    const uint64_t first = publish("order 1", 1);

    write_group(VOW_RECORD_GROUP, "a", first, 0);
    bed_close(&bed);
    bed_sql(&bed, "ALTER TABLE relay_group DROP COLUMN beyond; PRAGMA user_version = 5");
    bed_start(&bed);
    cr_assert_eq(look().groups, 1);
    cr_assert_eq(look().cursor, first);
    write_group(VOW_RECORD_CURSOR, "a", first + 1, 0);
    bed_restart(&bed);
    cr_assert_eq(look().cursor, first + 1);
}

static void expect_damaged(const char *sql)
{
    struct seen seen = {0};
    const struct vow_journal_relay relay = {
        .ctx = &seen, .keys_max = 100, .key = see_key, .group = see_group, .dead = see_dead, .event = see_event};

    bed_close(&bed);
    bed_sql(&bed, sql);
    bed_start(&bed);
    cr_assert_eq(bed.ops->relay(bed.engine, &relay, &bed.detail), VOW_E_DAMAGED, "%s", sql);
}

static void fill(void)
{
    const uint64_t first = publish("order 1", 1);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_group(VOW_RECORD_DEAD, "a", first, 0);
}

Test(journal_relay, F114_a_key_that_contradicts_itself_is_damage)
{
    fill();
    expect_damaged("UPDATE relay_key SET key_seq = 5");
}

Test(journal_relay, F114_a_cursor_that_contradicts_itself_is_damage)
{
    fill();
    expect_damaged("UPDATE relay_group SET cursor = 1");
}

Test(journal_relay, F114_what_is_done_beyond_a_cursor_is_sealed_too)
{
    const uint64_t stuck = publish("order 1", 1), second = publish("order 2", 1);

    write_group(VOW_RECORD_GROUP, "a", 0, 0);
    write_beyond("a", stuck, second);
    expect_damaged("UPDATE relay_group SET beyond = x'05'");
}

Test(journal_relay, F114_a_dead_letter_that_contradicts_itself_is_damage)
{
    fill();
    expect_damaged("UPDATE relay_dead SET attempts = 4");
}

/* ---- keys are forgotten ---- */

#define KEYS 64
#define KEYS_TURN (1024 + KEYS / 64)

static void open_with_few_keys(void)
{
    bed_make(&bed);
    bed.event_keys_max = KEYS;
    bed_start(&bed);
}

TestSuite(journal_keys, .init = open_with_few_keys, .fini = teardown, .timeout = 300);

/* Whatever LSNs the events have: before, keys were forgotten only with one that 4096 divides. */
Test(journal_keys, F205_there_are_never_many_more_than_the_limit)
{
    write_group(VOW_RECORD_GROUP, "all", UINT32_MAX, 0);
    publish_many(0, KEYS_TURN + KEYS, 4096);
    cr_assert_leq(keys_known(UINT32_MAX / 2), KEYS + KEYS_TURN);
    publish_many(2000, KEYS_TURN + 8, 4096);
    cr_assert_leq(keys_known(UINT32_MAX / 2), KEYS + KEYS_TURN);
    cr_assert_eq(keys_known(KEYS), KEYS, "a start is told of the newest");
    cr_assert_eq(look().key_seq, 1);
}

/* Each start looks: a coordinator that never lives for long forgets, too, and what a lower limit leaves goes. */
Test(journal_keys, F205_a_start_forgets_as_well)
{
    bed_close(&bed);
    bed.event_keys_max = 0;
    bed_start(&bed);
    write_group(VOW_RECORD_GROUP, "all", UINT32_MAX, 0);
    publish_many(0, 384, 4096);
    cr_assert_eq(keys_known(UINT32_MAX / 2), 385);
    bed.event_keys_max = KEYS;
    bed_restart(&bed);
    cr_assert_eq(keys_known(UINT32_MAX / 2), 385);
    publish("order 400", 1);
    cr_assert_eq(keys_known(UINT32_MAX / 2), KEYS);
    cr_assert_eq(look().key_seq, 1);
}

/* The core forgets no key of which something waits, so the journal must not either: its publisher may repeat itself. */
Test(journal_keys, F205_what_waits_keeps_its_key)
{
    write_group(VOW_RECORD_GROUP, "all", 0, 0);
    (void)publish("waits", 9);
    write_group(VOW_RECORD_DEAD, "all", publish("dead", 9), 0);
    publish_many(0, KEYS, 4096);
    bed_restart(&bed);
    publish("new", 1);
    cr_assert_eq(keys_known(KEYS), KEYS + 4, "a start is told of all that waits");
    write_group(VOW_RECORD_CURSOR, "all", UINT32_MAX, 0);
    cr_assert_eq(keys_known(KEYS), KEYS + 1, "the dead letter's comes on top");
    bed_restart(&bed);
    publish("newer", 1);
    cr_assert_eq(keys_known(UINT32_MAX / 2), KEYS + 1);
    cr_assert(knows_dead && !knows_waiting);
}
