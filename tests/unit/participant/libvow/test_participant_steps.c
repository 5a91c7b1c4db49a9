/* Steps of sagas at a participant with a real file, as its coordinator sees them. */
#include <criterion/criterion.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "participant/participant_internal.h"
#include "service.h"

static char directory[] = "/tmp/vow-test-XXXXXX";
static char path[64];

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/stock.db", directory);
    service_lock_wait_ms = UINT32_MAX; /* what waits goes on when the row is free, and not before */
}

static void remove_directory(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char file[80];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    (void)rmdir(directory);
}

TestSuite(participant_steps, .timeout = 60, .init = make_directory, .fini = remove_directory);

/* --- A service --- */

static int run(struct sqlite3 *db, const char *sql, const void *text, size_t len)
{
    sqlite3_stmt *statement;
    int result;

    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_bind_text(statement, 1, text, (int)len, SQLITE_TRANSIENT);
    result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : result;
}

/* One more of what the payload names; answers "took it". */
static int put(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    static const char big[VOW_BRANCH_ANSWER_MAX + 1];
    size_t given;

    (void)ctx;
    cr_assert_null(vow_branch_given(branch, &given));
    cr_assert_eq(given, 0);
    cr_assert_eq(vow_branch_answer(branch, "something else", 14), 0);
    cr_assert_eq(vow_branch_answer(branch, "took it", 7), 0);
    cr_assert_eq(vow_branch_answer(branch, big, sizeof(big)), VOW_E_TOO_LARGE);
    cr_assert_eq(vow_branch_answer(branch, NULL, 1), VOW_E_ARGUMENT);
    cr_assert_eq(vow_branch_answer(NULL, "", 0), VOW_E_ARGUMENT);
    return run(db, "INSERT INTO item VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET stock = stock + 1", payload, len);
}

/* Takes it away, and leaves the answer of put() as the name of another one. */
static int take(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    size_t given_len;
    const void *given = vow_branch_given(branch, &given_len);
    int rc = run(db, "UPDATE item SET stock = stock - 1 WHERE name = ?1", payload, len);

    (void)ctx;
    return rc == 0 && given != NULL ? run(db, "INSERT INTO item VALUES (?1, 0)", given, given_len) : rc;
}

static int refuse(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)put(branch, db, payload, len, ctx);
    return vow_branch_refuse(branch, "out of apples");
}

static struct vow_participant *start_service(const struct fake *fake)
{
    struct vow_participant *participant = service_open(fake, path);

    cr_assert_eq(vow_participant_handle(participant, "put", put, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "take", take, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "refuse", refuse, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    return participant;
}

/* What somebody else sees: "name=stock ...". */
static const char *items(void)
{
    static char seen[256];
    sqlite3 *db;
    sqlite3_stmt *statement;

    seen[0] = '\0';
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT name || '=' || stock FROM item ORDER BY name", -1, &statement, NULL),
                 SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t len = strlen(seen);

        (void)snprintf(seen + len, sizeof(seen) - len, "%s%s", len > 0 ? " " : "", sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return seen;
}

/* --- The coordinator's part --- */

static struct vow_msg step_msg(const struct fake *fake, uint64_t seq, enum vow_step_direction direction,
                               const char *handler, uint32_t attempt)
{
    return (struct vow_msg){.kind = VOW_MSG_STEP,
                            .step = {.gtrid = service_id(fake, seq),
                                     .direction = direction,
                                     .attempt = attempt,
                                     .epoch = fake->epoch,
                                     .handler = handler,
                                     .payload = {(const uint8_t *)"apple", 5}}};
}

static void send_step(struct fake *fake, uint64_t seq, enum vow_step_direction direction, const char *handler,
                      uint32_t attempt)
{
    const struct vow_msg msg = step_msg(fake, seq, direction, handler, attempt);

    fake_send(fake, &msg);
}

static const struct heard *hear_done(struct fake *fake, uint64_t seq, uint32_t attempt, enum vow_step_result result)
{
    const struct heard *heard = fake_hear(fake, VOW_MSG_STEP_DONE);

    cr_assert_eq(vow_gtrid_seq(&heard->id), seq);
    cr_assert_eq(heard->msg.step_done.attempt, attempt);
    cr_assert_eq(heard->msg.step_done.result, result, "%d: %s", (int)heard->msg.step_done.result, heard->text);
    return heard;
}

static const struct heard *act(struct fake *fake, uint64_t seq, const char *handler, uint32_t attempt,
                               enum vow_step_result result)
{
    send_step(fake, seq, VOW_STEP_ACTION, handler, attempt);
    return hear_done(fake, seq, attempt, result);
}

static const struct heard *undo(struct fake *fake, uint64_t seq, const char *handler, uint32_t attempt,
                                enum vow_step_result result)
{
    send_step(fake, seq, VOW_STEP_COMPENSATION, handler, attempt);
    return hear_done(fake, seq, attempt, result);
}

/* --- Tests --- */

Test(participant_steps, a_step_is_done_and_undone_with_what_it_answered)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_participant_stats stats;

    fake_until_up(fake, 1);
    cr_assert_str_eq(act(fake, 1, "put", 1, VOW_STEP_DONE)->answer, "took it");
    cr_assert_str_eq(items(), "apple=1"); /* durable before it was told */
    cr_assert_str_eq(undo(fake, 1, "take", 1, VOW_STEP_DONE)->answer, "");
    cr_assert_str_eq(items(), "apple=0 took it=0");
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_eq(stats.steps_refused, 0);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, F193_F196_what_is_asked_for_again_is_answered_again)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);

    fake_until_up(fake, 1);
    act(fake, 1, "put", 1, VOW_STEP_DONE);
    cr_assert_str_eq(act(fake, 1, "put", 2, VOW_STEP_DONE)->answer, "took it");
    vow_participant_close(participant);
    participant = start_service(fake);
    fake_until_up(fake, 2);
    cr_assert_str_eq(act(fake, 1, "put", 3, VOW_STEP_DONE)->answer, "took it");
    undo(fake, 1, "take", 1, VOW_STEP_DONE);
    undo(fake, 1, "take", 2, VOW_STEP_DONE);
    cr_assert_str_eq(items(), "apple=0 took it=0");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, F195_an_action_after_its_compensation_is_too_late)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);

    fake_until_up(fake, 1);
    undo(fake, 1, "take", 1, VOW_STEP_DONE);
    cr_assert_eq(act(fake, 1, "put", 1, VOW_STEP_TOO_LATE)->msg.step_done.cause, VOW_CAUSE_TOO_LATE);
    cr_assert_str_eq(items(), "");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, what_is_refused_is_told_in_its_words)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_participant_stats stats = {0};
    const struct heard *heard;

    fake_until_up(fake, 1);
    heard = act(fake, 1, "refuse", 1, VOW_STEP_REJECTED);
    cr_assert_eq(heard->msg.step_done.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_str_eq(heard->text, "out of apples");
    cr_assert_str_eq(heard->answer, "");
    heard = act(fake, 2, "nonesuch", 1, VOW_STEP_UNABLE);
    cr_assert_eq(heard->msg.step_done.cause, VOW_CAUSE_NO_SUCH_HANDLER);
    cr_assert_not_null(strstr(heard->text, "nonesuch"));
    cr_assert_str_eq(items(), "");
    act(fake, 3, "put", 1, VOW_STEP_DONE);
    act(fake, 3, "put", 2, VOW_STEP_DONE); /* the numbers of the turns before are published now */
    vow_participant_stats(participant, &stats, sizeof(stats));
    cr_assert_eq(stats.steps_refused, 2);
    cr_assert_geq(stats.steps_done, 1);
    vow_participant_close(participant);
    fake_close(fake);
}

/* A handler answers with 0, or a refusal: whatever else it gives is no answer, however much it looks like one. */
static const int no_answers[] = {1, 42, -1, INT_MIN, INT_MAX, SQLITE_ROW, SQLITE_DONE, VOW_STEP_DONE, VOW_E_IN_DOUBT};
#define NO_ANSWERS (sizeof(no_answers) / sizeof(no_answers[0]))

/* Does its work, and gives the number that is its name. */
static int give(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    cr_assert_eq(put(branch, db, payload, len, NULL), 0);
    return *(const int *)ctx;
}

static void handle_no_answers(struct vow_participant *participant, char names[NO_ANSWERS][16])
{
    for (size_t i = 0; i < NO_ANSWERS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "give-%zu", i);
        cr_assert_eq(vow_participant_handle(participant, names[i], give, (void *)&no_answers[i]), 0);
    }
}

Test(participant_steps, a_handler_that_answers_with_the_wrong_type_has_done_nothing)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, path);
    char names[NO_ANSWERS][16];

    handle_no_answers(participant, names);
    cr_assert_eq(vow_participant_handle(participant, "put", put, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    for (uint32_t i = 0; i < NO_ANSWERS; i++) {
        const struct vow_gtrid branch = service_id(fake, 2 * i + 1);
        const struct heard *heard = service_vote(fake, &branch, names[i], "apple", VOW_VOTE_NO);

        cr_assert_eq(heard->msg.vote.cause, VOW_CAUSE_HANDLER_FAILED, "%d", no_answers[i]);
        heard = act(fake, 2 * i + 2, names[i], 1, VOW_STEP_NOT_YET);
        cr_assert_eq(heard->msg.step_done.cause, VOW_CAUSE_HANDLER_FAILED, "%d", no_answers[i]);
        cr_assert_str_eq(heard->answer, "", "what it did not do is not answered");
        cr_assert_str_eq(items(), "");
    }
    act(fake, 2 * NO_ANSWERS + 1, "put", 1, VOW_STEP_DONE);
    cr_assert_str_eq(items(), "apple=1");
    vow_participant_close(participant);
    fake_close(fake);
}

/* A branch in doubt has the row, so that the steps wait in the store. */
static struct vow_gtrid hold_the_apple(struct fake *fake)
{
    struct vow_gtrid id = service_id(fake, 900);

    service_vote(fake, &id, "put", "apple", VOW_VOTE_YES);
    return id;
}

Test(participant_steps, a_step_in_flight_is_answered_once_for_its_last_attempt)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid holder;

    fake_until_up(fake, 1);
    holder = hold_the_apple(fake);
    send_step(fake, 1, VOW_STEP_ACTION, "put", 1);
    send_step(fake, 1, VOW_STEP_ACTION, "put", 2);
    send_step(fake, 1, VOW_STEP_ACTION, "take", 3); /* another request: it hears no answer to that of the first */
    send_step(fake, 2, VOW_STEP_ACTION, "nonesuch", 1);
    hear_done(fake, 1, 3, VOW_STEP_UNABLE);
    hear_done(fake, 2, 1, VOW_STEP_UNABLE);
    service_commit(fake, &holder);
    hear_done(fake, 1, 2, VOW_STEP_DONE);
    act(fake, 2, "refuse", 1, VOW_STEP_REJECTED);
    cr_assert_str_eq(items(), "apple=2");
    vow_participant_close(participant);
    fake_close(fake);
}

/* The answer to a coordinator that has gone is lost, or goes to the next connection; the step is done once. */
Test(participant_steps, F193_a_step_outlives_its_connection)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_gtrid holder;

    fake_until_up(fake, 1);
    holder = hold_the_apple(fake);
    send_step(fake, 1, VOW_STEP_ACTION, "put", 7);
    act(fake, 2, "nonesuch", 1, VOW_STEP_UNABLE); /* the first one is with the store by now */
    fake_drop(fake);
    fake_until_up(fake, 2);
    send_step(fake, 1, VOW_STEP_ACTION, "put", 1);
    service_decide(fake, &holder, VOW_COMMIT);
    hear_done(fake, 1, 1, VOW_STEP_DONE);
    act(fake, 1, "put", 2, VOW_STEP_DONE);
    cr_assert_str_eq(items(), "apple=2");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, an_older_epoch_and_a_foreign_coordinator_order_nothing)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);
    struct vow_msg msg;

    fake_until_up(fake, 1);
    msg = step_msg(fake, 1, VOW_STEP_ACTION, "put", 1);
    msg.step.epoch = fake->epoch - 1;
    fake_send(fake, &msg);
    msg = step_msg(fake, 1, VOW_STEP_ACTION, "put", 1);
    msg.step.gtrid = vow_gtrid_make(FAKE_COORD + 1, fake->epoch, 1, 0, 1);
    fake_send(fake, &msg);
    undo(fake, 2, "take", 1, VOW_STEP_DONE); /* the first answer of all */
    cr_assert_str_eq(items(), "");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, more_at_once_than_the_limit_are_told_to_come_again)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake);

    fake_until_up(fake, 1);
    (void)hold_the_apple(fake);
    for (uint32_t i = 1; i <= VOW_STEPS_IN_FLIGHT_MAX; i++)
        send_step(fake, 1000 + i, VOW_STEP_ACTION, "put", 1);
    send_step(fake, 1, VOW_STEP_ACTION, "nonesuch", 1);
    cr_assert_eq(hear_done(fake, 1, 1, VOW_STEP_NOT_YET)->msg.step_done.cause, VOW_CAUSE_NO_SPACE);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_steps, the_null_store_says_that_all_is_done)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);

    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    act(fake, 1, "put", 1, VOW_STEP_DONE);
    undo(fake, 1, "take", 1, VOW_STEP_DONE);
    vow_participant_close(participant);
    fake_close(fake);
}
