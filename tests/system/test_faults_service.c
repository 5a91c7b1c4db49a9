/*
 * A real service, in a process of its own, and a coordinator that says what the test tells it to: late, twice, out of
 * order, or about what the service does not have. The service's file says what became of it.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "files.h"
#include "kit.h"

TestSuite(faults_service, .timeout = 60);

struct place {
    struct cluster cluster;
    struct fake *fake;
    unsigned ups;
};

/* Starts the service, or starts it again, and waits until it has come. */
static void place_run_service(struct place *place, const char *crash)
{
    service_spawn(&place->cluster, 0, crash);
    fake_until_up(place->fake, ++place->ups);
    vow_channel_flush(place->fake->channel); /* our loop stands still while we wait */
    service_wait_ready(&place->cluster, 0);
}

static void place_start(struct place *place)
{
    memset(place, 0, sizeof(*place));
    cluster_init(&place->cluster);
    place->fake = fake_open();
    snprintf(place->cluster.address, sizeof(place->cluster.address), "%s", place->fake->address);
    place->cluster.services_len = 1;
    place->cluster.keeps_service_logs = true;
    place_run_service(place, NULL);
}

static void place_end(struct place *place)
{
    fake_close(place->fake);
    cluster_end(&place->cluster);
}

/* ---- what the coordinator says ---- */

static struct vow_gtrid take_id(struct place *place)
{
    uint64_t seq = place->fake->next_seq++;
    return vow_gtrid_make(place->fake->coord, place->fake->epoch, seq, 0, seq * 0x9e3779b97f4a7c15U);
}

static void say_prepare_of(struct place *place, const struct vow_gtrid *id, const char *handler)
{
    static const struct vow_msg_peer peers[] = {{"s0", "", 1}, {"s1", "", 1}};
    const struct vow_msg_call call = {.participant = "s0", .handler = handler};
    struct vow_msg msg = {.kind = VOW_MSG_PREPARE};
    msg.prepare = (struct vow_msg_prepare){.peers_len = 2, .peers = peers, .calls_len = 1, .calls = &call};
    msg.prepare.header = (struct vow_msg_header){.gtrid = *id, .epoch = place->fake->epoch};
    fake_send(place->fake, &msg);
}

static void say_prepare(struct place *place, const struct vow_gtrid *id)
{
    say_prepare_of(place, id, "add");
}

static void say(struct place *place, const struct vow_gtrid *id, enum vow_verdict verdict)
{
    struct vow_msg msg = {.kind = VOW_MSG_DECISION, .decision.verdict = verdict};
    msg.decision.header = (struct vow_msg_header){.gtrid = *id, .epoch = place->fake->epoch};
    fake_send(place->fake, &msg);
}

/* ---- what the service answers ---- */

static void expect_vote(struct place *place, const struct vow_gtrid *id, enum vow_vote vote)
{
    const struct heard *heard;
    do
        heard = fake_hear(place->fake, VOW_MSG_VOTE);
    while (!vow_gtrid_equal(&heard->id, id)); /* one that was aborted meanwhile may have voted all the same */
    cr_assert_eq(heard->msg.vote.vote, vote, "vote %d, cause %s: %s", (int)heard->msg.vote.vote,
                 vow_cause_name((int)heard->msg.vote.cause), heard->text);
}

static void expect_ack(struct place *place, const struct vow_gtrid *id, enum vow_ack ack)
{
    const struct heard *heard = fake_hear(place->fake, VOW_MSG_ACK);
    cr_assert(vow_gtrid_equal(&heard->id, id), "an acknowledgement of another transaction");
    cr_assert_eq(heard->msg.ack.ack, ack, "acknowledgement %d", (int)heard->msg.ack.ack);
}

static void expect_inquiry(struct place *place, const struct vow_gtrid *id)
{
    cr_assert(vow_gtrid_equal(&fake_hear(place->fake, VOW_MSG_INQUIRY)->id, id), "it asks for another transaction");
}

static struct vow_gtrid prepared(struct place *place)
{
    struct vow_gtrid id = take_id(place);
    say_prepare(place, &id);
    expect_vote(place, &id, VOW_VOTE_YES);
    return id;
}

/* The service works, and nothing stands in its way. That it has answered shows, too, that it has read what came before.
 */
static void expect_good(struct place *place)
{
    struct vow_gtrid id = prepared(place);
    say(place, &id, VOW_COMMIT);
    expect_ack(place, &id, VOW_ACK_DONE);
}

/* ---- what is on its disk ---- */

static bool has_prepared(const struct place *place)
{
    return service_number(&place->cluster, 0, "SELECT count(*) FROM vow_branch WHERE state = 'prepared'") == 1 &&
           service_number(&place->cluster, 0, "SELECT count(*) FROM vow_lock") > 0;
}

/* What a shell meets that would change the row. */
static bool row_is_locked(const struct place *place)
{
    char path[160];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/s0.db", place->cluster.directory);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    int rc = sqlite3_exec(db, "UPDATE counter SET value = value + 100 WHERE id = 1", NULL, NULL, NULL);
    bool locked = rc == SQLITE_CONSTRAINT && strcmp(sqlite3_errmsg(db), "VOW_LOCKED") == 0;
    sqlite3_close(db);
    return locked;
}

static void expect_in_doubt(struct place *place)
{
    cr_assert(has_prepared(place), "not prepared");
    cr_assert(row_is_locked(place), "the row is free");
}

static void expect_alarms(const struct place *place, unsigned count)
{
    char *log = service_log(&place->cluster, 0);
    cr_expect_eq(lines_with(log, "event=alarm", ""), count, "not %u alarms:\n%s", count, log);
    free(log);
}

/* ---- in doubt ---- */

Test(faults_service, F041_B01_B06_B39_a_lost_connection_leaves_it_prepared)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = prepared(&place);
    fake_drop(place.fake);
    fake_until_up(place.fake, ++place.ups);
    expect_in_doubt(&place);
    expect_inquiry(&place, &id);
    expect_in_doubt(&place);
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_DONE);
    cluster_expect_counter(&place.cluster, 0, 1);
    expect_alarms(&place, 0);
    place_end(&place);
}

/* Longer than any time-out of the connection's: to the coordinator it is gone. */
Test(faults_service, F047_B28_a_pause_after_the_vote)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = prepared(&place);
    kill(place.cluster.services[0].pid, SIGSTOP);
    fake_restart(place.fake);
    expect_in_doubt(&place);
    kill(place.cluster.services[0].pid, SIGCONT);
    fake_until_up(place.fake, ++place.ups);
    expect_inquiry(&place, &id);
    expect_in_doubt(&place);
    say(&place, &id, VOW_ABORT);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    place_end(&place);
}

/* ---- as many as there may be ---- */

#define FULL 4

/* A branch on a row of its own. */
static struct vow_gtrid noted(struct place *place, enum vow_vote vote)
{
    struct vow_gtrid id = take_id(place);
    say_prepare_of(place, &id, "note");
    expect_vote(place, &id, vote);
    return id;
}

/* It is refused while nothing has been decided: whoever waited for room would wait for ever here. */
static void expect_full(struct place *place)
{
    noted(place, VOW_VOTE_NO);
    const struct heard *last = &place->fake->heard[place->fake->heard_at - 1];
    cr_expect_eq(last->msg.vote.cause, VOW_CAUSE_NO_SPACE, "cause %s", vow_cause_name((int)last->msg.vote.cause));
    cr_expect_not_null(strstr(last->text, "branches_max"), "%s", last->text);
}

Test(faults_service, F059_the_most_prepared_branches)
{
    struct place place;
    struct vow_gtrid ids[FULL];
    setenv("SERVICE_BRANCHES_MAX", "4", 1);
    place_start(&place);
    for (int i = 0; i < FULL; i++)
        ids[i] = noted(&place, VOW_VOTE_YES);
    expect_full(&place);
    expect_full(&place);
    say(&place, &ids[0], VOW_COMMIT);
    expect_ack(&place, &ids[0], VOW_ACK_DONE);
    ids[0] = noted(&place, VOW_VOTE_YES);
    expect_full(&place);

    /* What is found prepared has room beside the limit (F028). */
    process_kill(&place.cluster.services[0]);
    place_run_service(&place, NULL);
    for (int i = 0; i < FULL; i++)
        noted(&place, VOW_VOTE_YES);
    expect_full(&place);
    for (int i = 0; i < FULL; i++) {
        say(&place, &ids[i], i % 2 == 0 ? VOW_COMMIT : VOW_ABORT);
        if (i % 2 == 0)
            expect_ack(&place, &ids[i], VOW_ACK_DONE);
    }
    expect_good(&place);
    cr_expect_eq(service_number(&place.cluster, 0, "SELECT count(*) FROM note"), 3);
    place_end(&place);
}

/* ---- out of order ---- */

Test(faults_service, F048_a_prepare_that_comes_after_its_abort)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = prepared(&place);
    say(&place, &id, VOW_ABORT);
    expect_good(&place); /* on the same row: the abort is done */
    say_prepare(&place, &id);
    expect_vote(&place, &id, VOW_VOTE_NO);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 2);
    place_end(&place);
}

/* Also bug B46: that there is nothing to roll back yet is no success that may be forgotten. */
Test(faults_service, F053_an_abort_of_what_is_not_known)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = take_id(&place);
    say(&place, &id, VOW_ABORT);
    say_prepare(&place, &id);
    expect_vote(&place, &id, VOW_VOTE_NO);
    cr_expect_eq(place.fake->counts[VOW_MSG_ACK], 0, "an abort is not acknowledged");
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    expect_alarms(&place, 0);
    place_end(&place);
}

/* Both in one packet, or one shortly after the other, again and again: whichever is done first, no branch and no lock
 * is left, not after a crash either. */
static void prepare_beside_abort(void)
{
    struct place place;
    place_start(&place);
    for (int i = 0; i < 100; i++) {
        struct vow_gtrid id = take_id(&place);
        say_prepare(&place, &id);
        if (i % 2 == 0)
            vow_channel_flush(place.fake->channel);
        for (volatile int later = 0; later < i * 2000; later++)
            continue;
        say(&place, &id, VOW_ABORT);
        vow_channel_flush(place.fake->channel);
    }
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    process_kill(&place.cluster.services[0]);
    place_run_service(&place, NULL);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 2);
    cr_expect_eq(place.fake->counts[VOW_MSG_INQUIRY], 0, "it has come back with a branch that was aborted");
    place_end(&place);
}

Test(faults_service, F050_B09_B26_prepare_beside_abort)
{
    prepare_beside_abort();
}

Test(bugs, B25_no_prepared_record_outlives_a_rollback_beside_it, .timeout = 60)
{
    prepare_beside_abort();
}

/* In another order: the abort while the branch waits for a row, which another one holds. */
Test(bugs, B46_an_abort_of_work_under_way_leaves_no_branch, .timeout = 60)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid holder = prepared(&place), waiting = take_id(&place);
    say_prepare(&place, &waiting);
    say(&place, &waiting, VOW_ABORT);
    say(&place, &holder, VOW_COMMIT);
    expect_ack(&place, &holder, VOW_ACK_DONE);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 2);
    place_end(&place);
}

/* A late message neither revives a transaction that has ended nor touches the next one. */
Test(bugs, B51_a_late_message_touches_nothing, .timeout = 60)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid committed = prepared(&place);
    say(&place, &committed, VOW_COMMIT);
    expect_ack(&place, &committed, VOW_ACK_DONE);
    struct vow_gtrid aborted = prepared(&place);
    say(&place, &aborted, VOW_ABORT);
    struct vow_gtrid next = prepared(&place);

    say(&place, &committed, VOW_ABORT);
    say_prepare(&place, &committed);
    say_prepare(&place, &aborted);
    say(&place, &committed, VOW_COMMIT);
    expect_ack(&place, &committed, VOW_ACK_DONE);
    expect_in_doubt(&place);
    say(&place, &next, VOW_COMMIT);
    expect_ack(&place, &next, VOW_ACK_DONE);
    cluster_expect_counter(&place.cluster, 0, 2);
    place_end(&place);
}

/* ---- a decision that does not fit ---- */

Test(faults_service, F173_an_abort_after_the_commit)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = prepared(&place);
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_DONE);
    say(&place, &id, VOW_ABORT);
    expect_good(&place);
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_DONE);
    expect_alarms(&place, 1);
    cluster_expect_counter(&place.cluster, 0, 2);
    place_end(&place);
}

Test(faults_service, F052_a_commit_before_its_prepare)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid id = take_id(&place);
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_NO_RECORD);
    say_prepare(&place, &id);
    expect_vote(&place, &id, VOW_VOTE_NO);
    expect_alarms(&place, 1);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    place_end(&place);
}

/* It was killed with the work done and nothing on its disk. */
static void commit_of_what_is_lost(void)
{
    struct place place;
    place_start(&place);
    process_kill(&place.cluster.services[0]);
    place_run_service(&place, "store.before.PREPARE");
    struct vow_gtrid id = take_id(&place);
    say_prepare(&place, &id);
    while (place.fake->channel != NULL)
        fake_turn(place.fake);
    process_wait_killed(&place.cluster.services[0]);
    place_run_service(&place, NULL);
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_NO_RECORD);
    expect_alarms(&place, 1);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    place_end(&place);
}

Test(faults_service, F051_a_commit_to_a_service_that_lost_its_work)
{
    commit_of_what_is_lost();
}

Test(bugs, B21_no_such_transaction_is_no_success, .timeout = 60)
{
    commit_of_what_is_lost();
}

/* The service's files as they are, and back again. */
static void copy_files(const struct place *place, const char *from, const char *to)
{
    static const char *const ends[] = {"", "-wal"};
    for (size_t i = 0; i < 2; i++) {
        char source[192], target[192];
        snprintf(source, sizeof(source), "%s/%s.db%s", place->cluster.directory, from, ends[i]);
        snprintf(target, sizeof(target), "%s/%s.db%s", place->cluster.directory, to, ends[i]);
        unlink(target);
        if (access(source, F_OK) == 0)
            file_copy(source, target);
    }
}

/* F045, and bug B24: what was drained, restored or replaced has no record, and says so for ever. */
static void restored_from_before_the_prepare(void)
{
    struct place place;
    place_start(&place);
    cr_assert_eq(process_end(&place.cluster.services[0]), 0);
    copy_files(&place, "s0", "backup");
    place_run_service(&place, NULL);
    struct vow_gtrid id = prepared(&place);
    process_kill(&place.cluster.services[0]);
    copy_files(&place, "backup", "s0");
    place_run_service(&place, NULL);
    cr_expect_eq(service_number(&place.cluster, 0, "SELECT count(*) FROM vow_branch"), 0);
    for (unsigned i = 1; i <= 2; i++) {
        say(&place, &id, VOW_COMMIT);
        expect_ack(&place, &id, VOW_ACK_NO_RECORD);
        expect_alarms(&place, i);
    }
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 1);
    place_end(&place);
}

Test(faults_service, F045_B07_restored_from_before_the_prepare)
{
    restored_from_before_the_prepare();
}

Test(bugs, B24_a_commit_of_what_was_drained_is_no_success, .timeout = 60)
{
    restored_from_before_the_prepare();
}

Test(faults_service, F044_another_file_has_another_id)
{
    struct place place;
    char path[160];
    place_start(&place);
    struct vow_gtrid id = prepared(&place);
    struct vow_msg_hello before = place.fake->hello;
    process_kill(&place.cluster.services[0]);
    copy_files(&place, "nothing", "s0");
    snprintf(path, sizeof(path), "%s/s0.db-shm", place.cluster.directory);
    unlink(path);
    place_run_service(&place, NULL);
    cr_expect_neq(memcmp(before.db_uuid, place.fake->hello.db_uuid, VOW_DB_UUID_BYTES), 0);
    cr_expect_eq(place.fake->hello.coord, 0, "a new file is nobody's yet");
    say(&place, &id, VOW_COMMIT);
    expect_ack(&place, &id, VOW_ACK_NO_RECORD);
    expect_alarms(&place, 1);
    place_end(&place);
}

/* ---- restarts ---- */

/* B23: what it says after a restart is what its disk says, however often. */
Test(bugs, B23_the_state_after_a_restart_is_that_of_the_disk, .timeout = 60)
{
    struct place place;
    place_start(&place);
    struct vow_gtrid committed = prepared(&place);
    say(&place, &committed, VOW_COMMIT);
    expect_ack(&place, &committed, VOW_ACK_DONE);
    struct vow_gtrid open = prepared(&place);
    uint64_t incarnation = place.fake->hello.incarnation;
    for (int i = 0; i < 3; i++) {
        process_kill(&place.cluster.services[0]);
        place_run_service(&place, NULL);
        cr_expect_gt(place.fake->hello.incarnation, incarnation);
        incarnation = place.fake->hello.incarnation;
        expect_inquiry(&place, &open);
        expect_in_doubt(&place);
        say(&place, &committed, VOW_COMMIT);
        expect_ack(&place, &committed, VOW_ACK_DONE);
    }
    say(&place, &open, VOW_ABORT);
    expect_good(&place);
    cluster_expect_counter(&place.cluster, 0, 2);
    place_end(&place);
}
