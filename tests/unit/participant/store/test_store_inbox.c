/*
 * Events that a service receives: each takes effect once in its group, however often it is delivered (I24, F192), with
 * the events that it leads to (F190).
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_fixture.h"
#include "proto/net/crash.h"

TestSuite(store_inbox, .init = service_of_events, .fini = service_fini, .timeout = 60);

#define expect(is, wanted) cr_assert_eq(is, wanted, "%d: %s", (int)delivered.delivery.outcome, delivered.work.op.text)

Test(store_inbox, F192_an_event_that_is_delivered_again_has_one_effect)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD "SELECT publish('next', 'n')"), VOW_EVENT_DONE);
    cr_assert_not(delivered.delivery.is_repeat);
    expect(deliver("g", 5, "k", 1, ADD "SELECT publish('next', 'n')"), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_repeat);
    events_restart();
    expect(deliver("g", 5, "k", 1, ADD "SELECT publish('next', 'n')"), VOW_EVENT_DONE);
    expect_seen(VALUES, "1 0 0");
    expect_seen(OUTBOX, "n1next");
    expect_seen(INBOX, "gk1");
}

Test(store_inbox, F192_twice_in_one_batch_it_has_one_effect)
{
    events_start(ROWS);
    struct delivering twice[2] = {delivering_of("g", 5, "k", 1, ADD), delivering_of("g", 5, "k", 1, ADD)};
    struct work works[2] = {twice[0].work, twice[1].work};
    for (int i = 0; i < 2; i++)
        works[i].op.delivery = &twice[i].delivery;
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(twice[1].delivery.outcome, VOW_EVENT_DONE);
    expect_seen(VALUES, "1 0 0");
}

Test(store_inbox, each_group_each_source_and_each_number_has_its_own)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("h", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 6, "k", 2, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 7, "l", 1, ADD), VOW_EVENT_DONE);
    struct delivering other = delivering_of("g", 8, "k", 1, ADD);
    other.delivery.source[3] = 9; /* a restored or another file */
    cr_assert_eq(run_delivering(&other), 0);
    cr_assert_eq(other.delivery.outcome, VOW_EVENT_DONE);
    expect_seen(VALUES, "5 0 0");
}

/* A dead letter that an operator has tried again. */
Test(store_inbox, F208_what_was_refused_is_not_recorded_and_can_be_done_later)
{
    events_start(ROWS);
    says_no = "not so";
    expect(deliver("g", 5, "k", 1, ADD "SELECT publish('next', 'n')"), VOW_EVENT_UNABLE);
    cr_assert_eq(delivered.work.op.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_str_eq(delivered.work.op.text, "not so");
    expect_seen(VALUES, "0 0 0");
    expect_seen(INBOX, "");
    expect_seen(OUTBOX, "");
    says_no = NULL;
    expect(deliver("g", 6, "k", 2, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect_seen(VALUES, "2 0 0");
}

Test(store_inbox, what_fails_is_tried_again_and_what_cannot_be_is_not)
{
    events_start(ROWS "CREATE TABLE keyless (x)");
    expect(deliver("g", 5, "k", 1, "SELECT * FROM nowhere"), VOW_EVENT_NOT_YET);
    expect(deliver("g", 5, "k", 1, "UPDATE t SET v = -1"), VOW_EVENT_NOT_YET);
    expect(deliver("g", 5, "k", 1, "UPDATE OR ROLLBACK t SET v = -1"), VOW_EVENT_NOT_YET);
    expect(deliver("g", 5, "k", 1, "INSERT INTO keyless VALUES (1)"), VOW_EVENT_UNABLE);
    expect(deliver("g", 5, "k", 1, "INSERT INTO vow_inbox SELECT * FROM vow_inbox"), VOW_EVENT_NOT_YET);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect_seen(VALUES, "1 0 0");
}

Test(store_inbox, a_row_that_is_held_is_waited_for)
{
    service.options.fail_fast = false;
    service.options.lock_wait_ms = UINT32_MAX;
    events_start(ROWS);
    prepare(1, "UPDATE t SET v = 7 WHERE id = 1");
    struct delivering waits = delivering_of("g", 5, "k", 1, ADD);
    cr_assert_eq(run_delivering(&waits), 0);
    cr_assert_eq(works_done, 0);
    struct work decision = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(waits.delivery.outcome, VOW_EVENT_DONE);
    expect_seen(VALUES, "8 0 0");
}

/* ---- retention ---- */

static void grow_old(const char *where)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "UPDATE vow_inbox SET wall_us = 1 WHERE %s", where);
    cr_assert_eq(outside(sql), SQLITE_OK);
    events_restart(); /* it looks for old records at once */
}

/* In offset order, with what the coordinator says is done. */
static struct delivering delivering_after(uint64_t done_to, const char *group, uint64_t offset, const char *key,
                                          uint64_t key_seq)
{
    struct delivering delivering = delivering_of(group, offset, key, key_seq, ADD);
    delivering.delivery.done_to = done_to;
    return delivering;
}

static enum vow_event_result deliver_after(uint64_t done_to, const char *group, uint64_t offset, const char *key,
                                           uint64_t key_seq)
{
    delivered = delivering_after(done_to, group, offset, key, key_seq);
    cr_assert_eq(run_delivering(&delivered), 0, "%s", service.detail.text);
    return delivered.delivery.outcome;
}

/* Its record has gone, and its offset is known. */
static void expect_known(const char *group, uint64_t offset, const char *key, uint64_t key_seq)
{
    expect(deliver(group, offset, key, key_seq, ADD), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_repeat);
    cr_assert(delivered.delivery.is_old);
}

static void expect_too_late(const char *group, uint64_t offset, const char *key, uint64_t key_seq)
{
    expect(deliver(group, offset, key, key_seq, ADD), VOW_EVENT_UNABLE);
    cr_assert_eq(delivered.work.op.cause, VOW_CAUSE_TOO_LATE);
}

Test(store_inbox, F209_a_duplicate_from_before_the_window_is_known_by_its_offset)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 6, "l", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("h", 4, "k", 1, ADD), VOW_EVENT_DONE);
    grow_old("agg_key = 'k' AND grp = 'g'");
    expect(deliver_after(6, "g", 7, "k", 2), VOW_EVENT_DONE);
    expect_seen(INBOX, "gk2 gl1 hk1");
    expect_known("g", 5, "k", 1);
    expect(deliver("h", 4, "k", 1, ADD), VOW_EVENT_DONE); /* the other group has its record still */
    cr_assert(!delivered.delivery.is_old);
    expect(deliver("g", 6, "l", 1, ADD), VOW_EVENT_DONE);
    events_restart();
    expect_known("g", 5, "k", 1);
    expect_seen(VALUES, "4 0 0");
}

/* A group that an operator has removed comes back, and begins with what is old: what it did it does not do again, and
 * what the one before it had not asked for, or not done, it does, however long ago that was. */
Test(store_inbox, F209_a_group_that_comes_back_does_what_the_one_before_had_not_done)
{
    events_start(ROWS);
    expect(deliver("g", 900, "k", 2, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 1500, "k", 4, ADD), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_after(1500, "g", 1501, "z", 1), VOW_EVENT_DONE);
    expect_seen(INBOX, "gz1");
    expect(deliver_after(0, "g", 7, "k", 1), VOW_EVENT_DONE);
    cr_assert(!delivered.delivery.is_repeat);
    expect_known("g", 900, "k", 2);
    expect(deliver_after(0, "g", 1000, "k", 3), VOW_EVENT_DONE);
    cr_assert(!delivered.delivery.is_repeat);
    expect_known("g", 1500, "k", 4);
    expect_seen(VALUES, "5 0 0");
}

/* Offsets are known up to a number of them, and of an event below those nothing: it is refused for good. */
Test(store_inbox, F209_a_duplicate_from_before_all_that_is_known_is_refused)
{
    service.options.inbox_known_max = 256;
    events_start(ROWS);
    expect(deliver("g", 255, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 256, "k", 2, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 511, "k", 3, ADD), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_after(511, "g", 600, "z", 1), VOW_EVENT_DONE);
    expect_seen("SELECT floor FROM vow_inbox_floor", "255");
    expect_too_late("g", 255, "k", 1);
    expect_too_late("g", 3, "m", 1);
    expect_known("g", 256, "k", 2);
    expect_known("g", 511, "k", 3);
    expect(deliver("g", 300, "n", 1, ADD), VOW_EVENT_DONE);
    cr_assert(!delivered.delivery.is_repeat);
    expect_seen(VALUES, "5 0 0");
}

/* An event that waits while younger ones are done may be older than all that the inbox has when it comes at last. */
Test(store_inbox, F209_what_was_never_done_is_not_refused)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 7, "l", 1, ADD), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_after(5, "g", 8, "m", 1), VOW_EVENT_DONE);
    expect_seen(INBOX, "gl1 gm1");
    expect(deliver_after(5, "g", 6, "n", 1), VOW_EVENT_DONE);
    expect_known("g", 5, "k", 1);
    expect_seen(VALUES, "4 0 0");
}

/* Nothing is forgotten that nobody has said is done. */
Test(store_inbox, F209_without_a_word_of_the_coordinator_all_is_kept)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("h", 5, "k", 1, ADD), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_after(9, "h", 9, "k", 2), VOW_EVENT_DONE);
    expect_seen(INBOX, "gk1 hk2");
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_repeat);
}

/* One that is young keeps all behind it. */
Test(store_inbox, F212_a_purge_takes_nothing_from_behind_what_is_young)
{
    events_start(ROWS);
    expect(deliver("g", 5, "k", 1, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 6, "k", 2, ADD), VOW_EVENT_DONE);
    expect(deliver("g", 7, "k", 3, ADD), VOW_EVENT_DONE);
    grow_old("agg_seq <> 2");
    struct delivering pair[2] = {delivering_after(7, "g", 7, "k", 3), delivering_after(7, "g", 5, "k", 1)};
    struct work works[2] = {pair[0].work, pair[1].work}; /* with the purge, in one batch */
    for (int i = 0; i < 2; i++)
        works[i].op.delivery = &pair[i].delivery;
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(pair[0].delivery.outcome, VOW_EVENT_DONE);
    cr_assert_eq(pair[1].delivery.outcome, VOW_EVENT_DONE);
    cr_assert(pair[1].delivery.is_old);
    expect_seen(INBOX, "gk2 gk3");
    expect_seen("SELECT count(*) FROM vow_inbox_floor", "0");
    expect_seen(VALUES, "3 0 0");
}

/* ---- another coordinator: offsets are numbers of its own journal ---- */

static struct delivering delivering_from(uint64_t coord, uint64_t done_to, uint64_t offset, const char *key)
{
    struct delivering delivering = delivering_after(done_to, "g", offset, key, 1);
    delivering.work.op.coord = coord;
    return delivering;
}

static enum vow_event_result deliver_from(uint64_t coord, uint64_t done_to, uint64_t offset, const char *key)
{
    delivered = delivering_from(coord, done_to, offset, key);
    cr_assert_eq(run_delivering(&delivered), 0, "%s", service.detail.text);
    return delivered.delivery.outcome;
}

Test(store_inbox, F209_of_another_coordinator_no_offset_is_known)
{
    events_start(ROWS);
    expect(deliver_from(1, 0, 5, "k"), VOW_EVENT_DONE);
    expect(deliver_from(1, 0, 6, "l"), VOW_EVENT_DONE);
    grow_old("agg_key = 'k'");
    expect(deliver_from(1, 6, 7, "m"), VOW_EVENT_DONE);
    expect(deliver_from(1, 6, 5, "k"), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_old, "a bit is all that is left");
    events_restart();
    expect(deliver_from(2, 0, 5, "new"), VOW_EVENT_DONE);
    cr_assert_not(delivered.delivery.is_repeat, "that was the other one's event at this offset");
    expect(deliver_from(2, 0, 9, "l"), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_repeat, "a name is a name, whoever brings it");
    expect_seen(VALUES, "4 0 0");
}

/* What is old by then says nothing of the events that have its offset now. */
Test(store_inbox, F209_what_was_done_for_another_coordinator_grows_old_apart)
{
    events_start(ROWS);
    expect(deliver_from(1, 0, 5, "k"), VOW_EVENT_DONE);
    expect(deliver_from(1, 0, 6, "l"), VOW_EVENT_DONE);
    events_restart();
    expect(deliver_from(2, 0, 7, "m"), VOW_EVENT_DONE);
    grow_old("agg_key <> 'm'");
    expect(deliver_from(2, 7, 8, "n"), VOW_EVENT_DONE);
    expect_seen(INBOX, "gm1 gn1");
    expect(deliver_from(2, 7, 5, "o"), VOW_EVENT_DONE);
    cr_assert_not(delivered.delivery.is_repeat);
    grow_old("TRUE");
    expect(deliver_from(2, 8, 9, "p"), VOW_EVENT_DONE);
    expect(deliver_from(2, 8, 7, "m"), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_old, "of this one it is known, also over a start");
    expect_seen(VALUES, "6 0 0");
}

/* Also when bits are all that is left of that one. */
Test(store_inbox, F209_what_is_forgotten_has_its_place_before_another_coordinator)
{
    events_start(ROWS);
    expect(deliver_from(1, 0, 5, "k"), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_from(1, 5, 5, "k"), VOW_EVENT_DONE);
    expect_seen(INBOX, "");
    events_restart();
    expect(deliver_from(2, 0, 5, "n"), VOW_EVENT_DONE);
    cr_assert_not(delivered.delivery.is_repeat, "that was the other one's event at this offset");
    expect_seen(VALUES, "2 0 0");
}

/* Nor is what it brings too old, when much was forgotten of the one before. */
Test(store_inbox, F209_nothing_of_another_coordinator_is_too_old)
{
    service.options.inbox_known_max = 256;
    events_start(ROWS);
    expect(deliver_from(1, 0, 255, "k"), VOW_EVENT_DONE);
    expect(deliver_from(1, 0, 511, "l"), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_from(1, 511, 600, "m"), VOW_EVENT_DONE);
    expect_seen("SELECT floor FROM vow_inbox_floor", "255");
    expect(deliver_from(2, 0, 1, "n"), VOW_EVENT_DONE);
    cr_assert_not(delivered.delivery.is_repeat);
    expect_seen(VALUES, "4 0 0");
}

/* A file of before the inbox said whose offsets it has: they are those of the coordinator that it belongs to. */
Test(store_inbox, F209_an_older_file_has_the_offsets_of_its_coordinator)
{
    events_start(ROWS);
    expect(deliver_from(1, 0, 5, "k"), VOW_EVENT_DONE);
    grow_old("TRUE");
    expect(deliver_from(1, 5, 6, "l"), VOW_EVENT_DONE);
    cr_assert_eq(outside("DELETE FROM vow_meta WHERE key IN ('inbox_coord', 'inbox_base');"
                         "UPDATE vow_meta SET value = 1 WHERE key = 'coord'"),
                 SQLITE_OK);
    events_restart();
    expect(deliver_from(1, 5, 5, "k"), VOW_EVENT_DONE);
    cr_assert(delivered.delivery.is_old);
    expect_seen(VALUES, "2 0 0");
}

/* ---- death ---- */

struct death {
    char point[24], inbox[8], values[8], outbox[8];
};

static const struct death deaths[] = {
    {"store.before.EVENT", "", "0 0 0", ""},
    {"store.mid.EVENT", "", "0 0 0", ""},
    {"store.mid.PUBLISH", "", "0 0 0", ""},
    {"store.after.EVENT", "gk1", "1 0 0", "n1next"},
};

ParameterizedTestParameters(store_inbox, F192_death_at_every_point)
{
    return cr_make_param_array(struct death, (struct death *)deaths, sizeof(deaths) / sizeof(deaths[0]), NULL);
}

#define REACTION ADD "SELECT publish('next', 'n')"

static void die_at(const struct death *death)
{
    setenv("VOW_CRASH_AT", death->point, 1);
    events_restart();
    if (vow_crash_init() == 0)
        (void)deliver("g", 5, "k", 1, REACTION);
    _exit(1);
}

/* Effect, record and event are there together or not at all; delivered again, it has taken effect once. */
ParameterizedTest(struct death *death, store_inbox, F192_death_at_every_point)
{
#ifndef VOW_CRASH_POINTS
    cr_skip_test("no crash points in this build");
#endif
    int status;
    events_start(ROWS);
    service_close();
    pid_t child = fork();
    if (child == 0)
        die_at(death);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not met", death->point);
    events_restart();
    expect_seen(INBOX, death->inbox);
    expect_seen(VALUES, death->values);
    expect_seen(OUTBOX, death->outbox);
    expect(deliver("g", 5, "k", 1, REACTION), VOW_EVENT_DONE);
    expect_seen(VALUES, "1 0 0");
    expect_seen(OUTBOX, "n1next");
}
