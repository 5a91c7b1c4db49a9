/* The participant on a real SQLite file, from the handler's SQL to the row that other connections see. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/token.h"
#include "service.h"

static char directory[] = "/tmp/vow-test-XXXXXX";
static char path[64];

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/stock.db", directory);
}

static void remove_directory(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char file[80];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    (void)rmdir(directory);
}

TestSuite(participant_sqlite, .timeout = 60, .init = make_directory, .fini = remove_directory);

/* --- A service --- */

static int put(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    sqlite3_stmt *statement;
    int result;

    (void)ctx;
    cr_assert_eq(vow_gtrid_coord(vow_branch_id(branch)), FAKE_COORD);
    cr_assert_eq(sqlite3_prepare_v2(db, "INSERT INTO item(name, stock) VALUES(?, 1)", -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_text(statement, 1, payload, (int)len, SQLITE_TRANSIENT);
    result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : result;
}

static int look(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return sqlite3_exec(db, "SELECT count(*) FROM item", NULL, NULL, NULL);
}

static int refuse(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)db, (void)payload, (void)len, (void)ctx;
    return vow_branch_refuse(branch, "out of apples\n");
}

/* Refuses and forgets to say so. */
static int refuse_and_return_0(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len,
                               void *ctx)
{
    (void)refuse(branch, db, payload, len, ctx);
    return 0;
}

static int fail(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)db, (void)payload, (void)len, (void)ctx;
    return 42;
}

/* Holds what the payload names, and writes nothing. */
static int hold(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char name[32] = "";

    (void)db, (void)ctx;
    memcpy(name, payload, len);
    cr_assert_eq(vow_branch_hold(NULL, "item", 1), VOW_E_ARGUMENT);
    cr_assert_eq(vow_branch_hold_text(branch, "item", NULL), VOW_E_ARGUMENT);
    cr_assert_eq(vow_branch_hold(branch, "item", 7), VOW_E_NOT_FOUND);
    cr_assert_eq(vow_branch_hold_key(branch, "item", NULL, 0), VOW_E_ARGUMENT);
    return vow_branch_hold_text(branch, "item", name);
}

static struct vow_participant *start_service(const struct fake *fake)
{
    struct vow_participant *participant = service_open(fake, path);

    cr_assert_eq(vow_participant_handle(participant, "put", put, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "look", look, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "refuse", refuse, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "forgetful", refuse_and_return_0, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "fail", fail, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "hold", hold, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    return participant;
}

/* What somebody else sees in the file. */
static int count_items(void)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    int count;

    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM item", -1, &statement, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
    count = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

static int delete_items(void)
{
    sqlite3 *db;
    int rc;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    rc = sqlite3_exec(db, "DELETE FROM item", NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

/* --- Tests --- */

Test(participant_sqlite, a_row_is_there_when_the_commit_is_acknowledged_and_not_before)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid id = service_id(fake, 1);

    fake_until_up(fake, 1);
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    cr_assert_eq(count_items(), 0);
    service_commit(fake, &id);
    cr_assert_eq(count_items(), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, an_aborted_branch_leaves_nothing)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid first = service_id(fake, 1), second = service_id(fake, 2);

    fake_until_up(fake, 1);
    service_vote(fake, &first, "put", "apple", VOW_VOTE_YES);
    service_decide(fake, &first, VOW_ABORT);
    /* The same row is free again. */
    service_vote(fake, &second, "put", "apple", VOW_VOTE_YES);
    service_commit(fake, &second);
    cr_assert_eq(count_items(), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_handler_that_only_reads_votes_read_only)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid id = service_id(fake, 1);

    fake_until_up(fake, 1);
    service_vote(fake, &id, "look", "", VOW_VOTE_READ_ONLY);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_refusal_reaches_the_coordinator_in_its_words)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid first = service_id(fake, 1), second = service_id(fake, 2), third = service_id(fake, 3);
    const struct heard *vote;

    fake_until_up(fake, 1);
    vote = service_vote(fake, &first, "refuse", "", VOW_VOTE_NO);
    cr_assert_eq(vote->msg.vote.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(strncmp(vote->text, "out of apples", 13), 0, "%s", vote->text);
    vote = service_vote(fake, &second, "forgetful", "", VOW_VOTE_NO);
    cr_assert_eq(vote->msg.vote.cause, VOW_CAUSE_HANDLER_REFUSED);
    vote = service_vote(fake, &third, "fail", "", VOW_VOTE_NO);
    cr_assert_eq(vote->msg.vote.cause, VOW_CAUSE_HANDLER_FAILED);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_handler_that_is_not_there_is_named)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid id = service_id(fake, 1);
    const struct heard *vote;

    fake_until_up(fake, 1);
    vote = service_vote(fake, &id, "nonesuch", "", VOW_VOTE_NO);
    cr_assert_eq(vote->msg.vote.cause, VOW_CAUSE_NO_SUCH_HANDLER);
    cr_assert_not_null(strstr(vote->text, "nonesuch"));
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_row_in_doubt_is_a_lock_conflict)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid first = service_id(fake, 1), second = service_id(fake, 2);

    fake_until_up(fake, 1);
    service_vote(fake, &first, "put", "apple", VOW_VOTE_YES);
    cr_assert_eq(service_vote(fake, &second, "put", "apple", VOW_VOTE_NO)->msg.vote.cause, VOW_CAUSE_LOCK_CONFLICT);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_row_that_is_held_stays_until_the_decision)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid put_it = service_id(fake, 1), hold_it = service_id(fake, 2), miss = service_id(fake, 3);

    fake_until_up(fake, 1);
    service_vote(fake, &put_it, "put", "apple", VOW_VOTE_YES);
    service_commit(fake, &put_it);
    service_vote(fake, &hold_it, "hold", "apple", VOW_VOTE_YES);
    cr_assert_eq(delete_items(), SQLITE_CONSTRAINT);
    service_vote(fake, &miss, "hold", "pear", VOW_VOTE_NO);
    service_commit(fake, &hold_it);
    cr_assert_eq(delete_items(), SQLITE_OK);
    vow_participant_close(participant);
    fake_close(fake);
}

/* Work that joins: the row is held as by a handler. */
static int hold_apple(struct vow_branch *branch, struct sqlite3 *db, void *ctx)
{
    return hold(branch, db, "apple", 5, ctx);
}

struct waiting {
    struct fake *fake;
    atomic_bool done;
};

static void joined_well(void *ctx, int error, const struct vow_joined *joined)
{
    struct waiting *waiting = ctx;

    cr_assert_eq(error, 0);
    cr_assert_eq(joined->ops, 1);
    atomic_store(&waiting->done, true);
    fake_wake(waiting->fake);
}

static void answer_enlist(struct fake *fake, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_ENLISTED};

    msg.enlisted.header = fake_hear(fake, VOW_MSG_ENLIST)->msg.enlist.header;
    cr_assert(vow_gtrid_equal(&msg.enlisted.header.gtrid, id));
    msg.enlisted.header.epoch = fake->epoch;
    msg.enlisted.header.branch = 0;
    fake_send(fake, &msg);
}

Test(participant_sqlite, joined_work_holds_rows_too)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid put_it = service_id(fake, 1);
    struct vow_token token = {.gtrid = service_id(fake, 2), .addresses = "127.0.0.1:1"};
    struct waiting waiting = {.fake = fake};
    char text[VOW_TOKEN_SIZE];

    cr_assert_eq(vow_token_print(&token, text), 0);
    fake_until_up(fake, 1);
    service_vote(fake, &put_it, "put", "apple", VOW_VOTE_YES);
    service_commit(fake, &put_it);
    cr_assert_eq(vow_join_async(participant, text, hold_apple, NULL, joined_well, &waiting), 0);
    answer_enlist(fake, &token.gtrid);
    fake_until(fake, &waiting.done);
    cr_assert_eq(delete_items(), SQLITE_CONSTRAINT);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, one_phase_commits_at_once)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid first = service_id(fake, 1), second = service_id(fake, 2);
    const struct heard *done;

    fake_until_up(fake, 1);
    service_one_phase(fake, &first, "put", "apple");
    done = fake_hear(fake, VOW_MSG_ONE_PHASE_DONE);
    cr_assert_eq(done->msg.one_phase_done.result, VOW_ONE_PHASE_COMMITTED);
    cr_assert_eq(count_items(), 1);
    service_one_phase(fake, &second, "refuse", "");
    done = fake_hear(fake, VOW_MSG_ONE_PHASE_DONE);
    cr_assert_eq(done->msg.one_phase_done.result, VOW_ONE_PHASE_ABORTED);
    cr_assert_eq(done->msg.one_phase_done.cause, VOW_CAUSE_HANDLER_REFUSED);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_prepared_branch_outlives_the_process_and_asks)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid id = service_id(fake, 1);
    struct vow_participant_stats stats;
    uint64_t incarnation;

    fake_until_up(fake, 1);
    incarnation = fake->hello.incarnation;
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    vow_participant_close(participant);
    participant = start_service(fake);
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_eq(stats.in_doubt, 1);
    cr_assert(vow_gtrid_equal(&fake_hear(fake, VOW_MSG_INQUIRY)->id, &id));
    cr_assert_eq(fake->hello.incarnation, incarnation + 1);
    cr_assert_eq(fake->hello.coord, FAKE_COORD);
    service_commit(fake, &id);
    cr_assert_eq(count_items(), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_commit_is_acknowledged_again_after_a_restart)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid id = service_id(fake, 1);

    fake_until_up(fake, 1);
    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    service_commit(fake, &id);
    vow_participant_close(participant);
    participant = start_service(fake);
    fake_until_up(fake, 2);
    service_commit(fake, &id);
    cr_assert_eq(count_items(), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, the_database_is_the_services_until_start)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, path);
    sqlite3 *db = vow_participant_db(participant);

    cr_assert_not_null(db);
    cr_assert_eq(sqlite3_exec(db, "INSERT INTO item VALUES('pear', 3)", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(vow_participant_start(participant), 0);
    cr_assert_null(vow_participant_db(participant));
    cr_assert_eq(count_items(), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_sqlite, a_schema_that_is_wrong_is_named)
{
    const struct vow_participant_options options = {
        .size = sizeof(options), .name = "stock", .path = path, .schema = "CREATE TABBLE item(name)"};
    struct vow_participant *participant;
    struct vow_error_detail detail;

    cr_assert_eq(vow_participant_open(&options, &participant, &detail), VOW_E_DATABASE);
    cr_assert_not_null(strstr(detail.text, "TABBLE"), "%s", detail.text);
}
