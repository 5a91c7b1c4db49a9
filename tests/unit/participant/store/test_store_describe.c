/* What the store tells an operator of a prepared branch: since when, what it holds, who waits. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "proto/net/clock.h"

static void waiting_service(void)
{
    service_init();
    service.options.fail_fast = false;
}

TestSuite(store_describe, .init = waiting_service, .fini = service_fini, .timeout = 60);

#define ACCOUNTS                                                                                                       \
    "CREATE TABLE account (id TEXT PRIMARY KEY, mail TEXT UNIQUE, v INT);"                                             \
    "CREATE TABLE seat (hall TEXT, number INT, who TEXT, PRIMARY KEY (hall, number));"                                 \
    "INSERT INTO account VALUES ('alice', 'a@x', 0), ('bob', 'b@x', 0);"                                               \
    "INSERT INTO seat VALUES ('big, blue', 3, ''), ('small', 4, '')"

static struct vow_store_told told;

/* A question as a batch of its own. */
static void ask(uint64_t seq)
{
    struct work question = work_of(VOW_STORE_DESCRIBE, seq, "");
    question.op.calls_len = 0;
    told = (struct vow_store_told){.gtrid = question.op.gtrid, .branch = question.op.branch};
    question.op.told = &told;
    question.op.told_len = 1;
    cr_assert_eq(run_batch(&question, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(question.op.result, VOW_STORE_DONE);
}

/* "table index key" of each lock shown, a shared one with an S, by ' | '. */
static const char *locks(void)
{
    static char all[4096];
    all[0] = '\0';
    for (uint32_t i = 0; i < told.locks_len && i < VOW_STORE_TOLD_LOCKS; i++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s.%s(%s)%s", i > 0 ? " | " : "", told.locks[i].table,
                 told.locks[i].index[0] != '\0' ? "unique" : "", told.locks[i].key, told.locks[i].is_shared ? "S" : "");
    return all;
}

Test(store_describe, a_lock_is_named_by_table_column_and_value)
{
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "UPDATE account SET v = 1 WHERE id = 'alice'"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE seat SET who = 'bob' WHERE number = 3"), VOW_STORE_DONE);
    ask(1);
    cr_assert(told.is_found);
    cr_assert_str_eq(locks(), "account.(id='alice') | account.unique(mail='a@x')");
    ask(2);
    cr_assert_str_eq(locks(), "seat.(hall='big, blue', number=3)");
    cr_assert_eq(told.locks_len, 1);
}

Test(store_describe, what_it_only_read_is_shared)
{
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "SELECT vow_hold('seat', 'small', 4); UPDATE account SET v = 1 WHERE id = 'bob'"),
                 VOW_STORE_DONE);
    ask(1);
    cr_assert_str_eq(locks(), "account.(id='bob') | account.unique(mail='b@x') | seat.(hall='small', number=4)S");
}

Test(store_describe, F177_a_key_with_control_characters_is_made_printable)
{
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "INSERT INTO account VALUES ('x' || char(27) || '[31m''y', NULL, 1)"), VOW_STORE_DONE);
    ask(1);
    cr_assert_str_eq(locks(), "account.(id='x?[31m''y')");
}

Test(store_describe, the_list_has_an_end_and_a_long_key_too)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE u (id TEXT PRIMARY KEY);");
    cr_assert_eq(prepare(1, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
                            "INSERT INTO t SELECT i, 0 FROM n"),
                 VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "INSERT INTO u VALUES (printf('%.5000c', 'x'))"), VOW_STORE_DONE);
    ask(1);
    cr_assert_eq(told.locks_len, 40);
    cr_assert_str_eq(told.locks[VOW_STORE_TOLD_LOCKS - 1].key, "id=16", "in the order of the keys' texts");
    ask(2);
    cr_assert_str_eq(told.locks[0].key + VOW_STORE_TOLD_KEY_SIZE - 5, "x...");
}

/* The age of a branch in doubt is that of its vote, whoever starts again (faults of age: B13). */
Test(store_describe, its_age_does_not_begin_anew_with_the_process)
{
    const uint64_t before_us = vow_clock_wall_us();
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "UPDATE account SET v = 1 WHERE id = 'alice'"), VOW_STORE_DONE);
    ask(1);
    const uint64_t since_us = told.since_us;
    cr_assert_geq(since_us, before_us);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    ask(1);
    cr_assert(told.is_found);
    cr_assert_eq(told.since_us, since_us);
    cr_assert_eq(told.locks_len, 2);
}

Test(store_describe, who_waits_is_told_of_the_branch_that_holds_the_row_alone)
{
    service_start(ACCOUNTS);
    prepare(3, "UPDATE account SET v = 1 WHERE id = 'alice'");
    prepare(4, "UPDATE account SET v = 1 WHERE id = 'bob'");
    struct work older = work_of(VOW_STORE_PREPARE, 1, "UPDATE account SET v = 2 WHERE id = 'alice'");
    cr_assert_eq(run_batch(&older, 1), 0);
    cr_assert_eq(works_done, 0);
    ask(3);
    cr_assert_eq(told.waiters_len, 1);
    cr_assert(vow_gtrid_equal(&told.waiters[0].gtrid, &older.op.gtrid));
    cr_assert_lt(told.waiters[0].waited_ms, 60000);
    ask(4);
    cr_assert_eq(told.waiters_len, 0);
}

Test(store_describe, who_was_refused_is_counted)
{
    service.options.fail_fast = true;
    service_start(ACCOUNTS);
    prepare(3, "UPDATE account SET v = 1 WHERE id = 'alice'");
    for (uint64_t seq = 5; seq < 9; seq++)
        expect_refused(prepare(seq, "UPDATE account SET v = 2 WHERE id = 'alice'"), VOW_CAUSE_LOCK_CONFLICT);
    ask(3);
    cr_assert_eq(told.refused, 4);
    cr_assert_eq(told.waiters_len, 0);
}

Test(store_describe, a_branch_that_is_not_there_is_not_found)
{
    service_start(ACCOUNTS);
    ask(9);
    cr_assert_not(told.is_found);
    cr_assert_eq(told.locks_len, 0);
}
