/* What the store tells in the trace: of what is durable, in the order in which it was done. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event_fixture.h"
#include "fault_vfs.h"

static char path[128];
static struct vow_error_detail detail;

static void traced_service(void)
{
    service_init();
    service.options.fail_fast = false;
    service.options.lock_grace_ms = UINT32_MAX;
    (void)snprintf(path, sizeof(path), "%s/trace", service.dir);
    cr_assert_eq(vow_trace_open(path, &service.options.trace, &detail), 0, "%s", detail.text);
}

static void end(void)
{
    service_close();
    vow_trace_close(service.options.trace);
    (void)unlink(path);
    service_fini();
}

TestSuite(store_trace, .init = traced_service, .fini = end, .timeout = 60);

#undef ROWS
#define ROWS                                                                                                           \
    "CREATE TABLE item (id INTEGER PRIMARY KEY, v INT); CREATE TABLE account (id TEXT PRIMARY KEY, mail UNIQUE);"      \
    "INSERT INTO item VALUES (1, 0), (2, 0), (3, 0); INSERT INTO account VALUES ('alice', 'a@x');"
#define HOT "UPDATE item SET v = v + 1 WHERE id = 1"

/* The value of a key in a line, without quotes; "" = there is none. */
static const char *value(const char *line, const char *key, char out[128])
{
    char name[32];
    (void)snprintf(name, sizeof(name), "\"%s\":", key);
    const char *at = strstr(line, name);
    out[0] = '\0';
    if (at == NULL)
        return out;
    at += strlen(name);
    at += *at == '"';
    const size_t len = strcspn(at, "\",}");
    memcpy(out, at, len);
    out[len] = '\0';
    return out;
}

static void add_id(char *all, size_t size, const char *text)
{
    struct vow_gtrid id;
    if (text[0] == '\0')
        return;
    cr_assert(vow_gtrid_from_text(text, strlen(text), &id), "%s", text);
    (void)snprintf(all + strlen(all), size - strlen(all), " %llu", (unsigned long long)vow_gtrid_seq(&id));
}

/* What was told so far, as "lock 1 item/1; yes 1; ...": ids by their sequence. */
static const char *told(void)
{
    static char all[16384];
    static const char *const others[] = {"key",  "shared", "outcome", "heuristic", "step",
                                         "kind", "says",   "group",   "event",     "of"};
    char line[1024], text[128];
    vow_trace_flush(service.options.trace);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    all[0] = '\0';
    while (fgets(line, sizeof(line), file) != NULL) {
        cr_assert_eq(line[strlen(line) - 1], '\n');
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", all[0] != '\0' ? "; " : "",
                       value(line, "what", text));
        add_id(all, sizeof(all), value(line, "id", text));
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
            if (value(line, others[i], text)[0] != '\0')
                (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", text);
        add_id(all, sizeof(all), value(line, "for", text));
    }
    (void)fclose(file);
    return all;
}

#define expect_told(wanted) cr_assert_str_eq(told(), wanted, "%s", told())

Test(store_trace, a_branch_takes_votes_ends_and_frees)
{
    service_start(ROWS);
    cr_assert_eq(prepare(1, HOT), VOW_STORE_DONE);
    commit(1);
    cr_assert_eq(prepare(2, "UPDATE account SET mail = 'b@x'"), VOW_STORE_DONE);
    abort_branch(2);
    expect_told("lock 1 item/1; yes 1; applied 1 commit; free 1 item/1; "
                "lock 2 account/alice; lock 2 account.sqlite_autoindex_account_2/a@x; "
                "lock 2 account.sqlite_autoindex_account_2/b@x; yes 2; applied 2 abort; free 2 account/alice; "
                "free 2 account.sqlite_autoindex_account_2/a@x; free 2 account.sqlite_autoindex_account_2/b@x");
}

/* Rule 2.3: nothing is said before it is durable, and what an undone batch did was not. */
Test(store_trace, no_yes_is_told_before_it_is_durable)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    fault_vfs.sync_fails = true;
    struct work work = work_of(VOW_STORE_PREPARE, 1, HOT);
    cr_assert_neq(run_batch(&work, 1), 0);
    fault_vfs.sync_fails = false;
    expect_told("");
}

Test(store_trace, a_row_is_free_before_the_next_one_has_it)
{
    service_start(ROWS);
    prepare(2, HOT);
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT);
    cr_assert_eq(run_batch(&older, 1), 0);
    cr_assert_eq(run_batch(NULL, 0), 0, "it waits on, and that is not told again");
    struct work decision = work_of(VOW_STORE_COMMIT, 2, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    expect_told("lock 2 item/1; yes 2; wait 1 item/1 2; applied 2 commit; free 2 item/1; lock 1 item/1; yes 1");
}

Test(store_trace, who_is_refused_is_told_with_whose_lock_it_was)
{
    service.options.fail_fast = true;
    service_start(ROWS);
    prepare(1, "UPDATE item SET v = 1 WHERE id < 3");
    expect_refused(prepare(2, HOT), VOW_CAUSE_LOCK_CONFLICT);
    expect_told("lock 1 item/1; lock 1 item/2; yes 1; refused 2 item/1 1");
}

/* Of a holder of many rows: that which was met, be it by a guard or by a claim, by its key or by a unique value. */
Test(store_trace, who_meets_a_lock_is_told_with_which_it_was)
{
    service.options.fail_fast = true;
    service_start(ROWS);
    prepare(1, "UPDATE item SET v = 1; UPDATE account SET mail = 'b@x'");
    prepare(2, "UPDATE item SET v = 1 WHERE id = 3");
    prepare(3, "INSERT INTO account VALUES ('bob', 'a@x')");
    prepare(4, "SELECT vow_hold('item', 2)");
    expect_told("lock 1 account/alice; lock 1 account.sqlite_autoindex_account_2/a@x; "
                "lock 1 account.sqlite_autoindex_account_2/b@x; lock 1 item/1; lock 1 item/2; lock 1 item/3; yes 1; "
                "refused 2 item/3 1; refused 3 account.sqlite_autoindex_account_2/a@x 1; "
                "refused 4 item/2 1");
}

Test(store_trace, who_waits_is_told_with_the_row_of_many)
{
    service_start(ROWS);
    prepare(2, "UPDATE item SET v = 1");
    struct work older = work_of(VOW_STORE_PREPARE, 1, "UPDATE item SET v = 1 WHERE id = 2");
    cr_assert_eq(run_batch(&older, 1), 0);
    struct work decision = work_of(VOW_STORE_ABORT, 2, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    expect_told("lock 2 item/1; lock 2 item/2; lock 2 item/3; yes 2; wait 1 item/2 2; applied 2 abort; free 2 item/1; "
                "free 2 item/2; free 2 item/3; lock 1 item/2; yes 1");
}

Test(store_trace, joined_work_takes_rows_one_by_one_and_frees_them_all)
{
    service_start(ROWS);
    cr_assert_eq(work(1, HOT), VOW_STORE_DONE);
    cr_assert_eq(work(1, "UPDATE item SET v = 9 WHERE id = 2"), VOW_STORE_DONE);
    cr_assert_eq(prepare(1, "UPDATE item SET v = 9 WHERE id = 3"), VOW_STORE_DONE);
    commit(1);
    cr_assert_eq(work(2, HOT), VOW_STORE_DONE);
    expect_refused(prepare(2, "SELECT no_such_thing"), VOW_CAUSE_HANDLER_FAILED);
    expect_told("lock 1 item/1; lock 1 item/2; lock 1 item/3; yes 1; "
                "applied 1 commit; free 1 item/1; free 1 item/2; free 1 item/3; lock 2 item/1; free 2 item/1");
}

Test(store_trace, what_is_only_read_is_shared)
{
    service_start(ROWS);
    prepare(1, "SELECT vow_hold('item', 2)");
    expect_told("lock 1 item/2 1; yes 1");
}

Test(store_trace, a_start_finds_who_is_prepared_and_what_it_holds)
{
    service_start(ROWS);
    prepare(1, HOT);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    cr_assert_eq(prepare(1, HOT), VOW_STORE_DONE, "asked again");
    commit(1);
    commit(1);
    expect_told("lock 1 item/1; yes 1; found 1; lock 1 item/1; applied 1 commit; free 1 item/1");
}

Test(store_trace, one_phase_leaves_no_lock)
{
    service_start(ROWS);
    cr_assert_eq(one_phase(1, HOT), VOW_STORE_DONE);
    expect_told("applied 1 commit");
}

/* I19: who reads the trace can tell it from a decision. */
Test(store_trace, what_was_decided_by_hand_is_told_as_such)
{
    service_start(ROWS);
    prepare(1, HOT);
    struct work by_hand = work_of(VOW_STORE_HEURISTIC_ABORT, 1, "");
    by_hand.op.calls_len = 0;
    by_hand.op.who = "eva";
    by_hand.op.why = "the till is waiting";
    by_hand.op.cause = VOW_CAUSE_OPERATOR;
    cr_assert_eq(run_batch(&by_hand, 1), 0, "%s", service.detail.text);
    expect_told("lock 1 item/1; yes 1; applied 1 abort 1; free 1 item/1");
}

Test(store_trace, an_abort_of_nothing_is_not_told)
{
    service_start(ROWS);
    abort_branch(1);
    expect_told("");
}

static int run_step(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, struct vow_store_step *step,
                    enum vow_cause *cause, char said[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)said;
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    return sqlite3_exec(db, step->handler, NULL, NULL, NULL) == SQLITE_OK ? 0 : VOW_E_REFUSED;
}

static void do_step(uint32_t number, enum vow_step_direction direction, const char *sql)
{
    struct vow_store_step step = {
        .step = number, .direction = direction, .handler = sql, .kind = VOW_STEP_COMPENSATABLE};
    struct work work = work_of(VOW_STORE_STEP, 1, "");
    work.op.calls_len = 0;
    work.op.step = &step;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1);
}

Test(store_trace, a_step_is_told_when_it_is_done_and_that_it_was_asked_for_again)
{
    service.options.step = run_step;
    service_start(ROWS);
    do_step(0, VOW_STEP_ACTION, HOT);
    do_step(0, VOW_STEP_ACTION, HOT);
    do_step(1, VOW_STEP_ACTION, "no such thing");
    do_step(0, VOW_STEP_COMPENSATION, "UPDATE item SET v = v - 1 WHERE id = 1");
    expect_told("step 1 0 action done; again 1 step; step 1 1 action refused; step 1 0 compensation done");
}

static int run_event(void *ctx, sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                     char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)cause, (void)text;
    return sqlite3_exec(db, (const char *)delivery->event.payload.data, NULL, NULL, NULL);
}

/* I24: of each event one effect, by its name and not by its offset; what comes again has none, and that is told. */
Test(store_trace, an_event_is_told_when_it_is_done_and_that_it_was_delivered_again)
{
    service.options.event = run_event;
    service_start(ROWS);
    (void)deliver("billing", 7, "apple", 1, HOT);
    (void)deliver("billing", 9, "apple", 1, HOT);
    (void)deliver("billing", 11, "apple", 2, "no such thing");
    (void)deliver("post", 7, "apple", 1, HOT);
    expect_told("handled billing other/apple/1; again event; handled post other/apple/1");
}
