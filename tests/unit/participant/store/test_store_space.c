/* Room for a COMMIT is made before the vote (trap 15, F055), and what happens when there is none all the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_vfs.h"
#include "fixture.h"

TestSuite(store_space, .init = service_init, .fini = service_fini, .timeout = 60);

#define ROWS                                                                                                           \
    "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v BLOB); CREATE INDEX t_v ON t (v);"                       \
    "CREATE TABLE r (id INTEGER PRIMARY KEY, v INT); INSERT INTO r VALUES (1, 0);"

static void start_on_a_disk(void)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
}

/* Branches of many sizes, until the disk refuses one; *last is then the last that was prepared. */
static void prepare_until_full(uint64_t *last)
{
    char sql[200];
    enum vow_store_result result = VOW_STORE_DONE;
    for (*last = 0; result == VOW_STORE_DONE; ++*last) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO t (id, k, v) WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                 "SELECT %d + i, hex(randomblob(20)), randomblob(%d) FROM n",
                 1 + (int)(*last % 7), (int)*last * 100, *last % 5 == 0 ? 9000 : 40);
        result = prepare(*last + 1, sql);
    }
    --*last;
    expect_refused(result, VOW_CAUSE_NO_SPACE);
}

/* The disk has no room from the first vote on, and yet everything that was voted for is committed. */
Test(store_space, F055_trap_15_what_was_voted_for_is_committed_on_a_full_disk)
{
    uint64_t last;
    start_on_a_disk();
    prepare(9999, "UPDATE r SET v = 1"); /* the first one makes a file of some length */
    fault_vfs.is_full = true;
    prepare_until_full(&last);
    cr_assert_geq(last, 3);
    for (uint64_t seq = 1; seq <= last; seq++)
        commit(seq);
    commit(9999);
    fault_vfs.is_full = false;
    cr_assert_eq(prepare(last + 2, "UPDATE r SET v = 2"), VOW_STORE_DONE);
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "%d", (int)last);
    expect_seen("SELECT count(DISTINCT id / 100) FROM t", wanted);
    expect_seen("PRAGMA integrity_check", "ok");
}

Test(store_space, F055_room_is_made_again_after_a_restart)
{
    start_on_a_disk();
    prepare(1, "INSERT INTO t VALUES (1, 'a', randomblob(300000))");
    service_close(); /* the WAL goes, and with it the room */
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 1);
    fault_vfs.is_full = true;
    commit(1);
    fault_vfs.is_full = false;
    expect_seen("SELECT length(v) FROM t", "300000");
}

/* Room that nobody needs any more is for others. */
Test(store_space, an_aborted_branch_gives_its_room_back)
{
    start_on_a_disk();
    cr_assert_eq(prepare(1, "INSERT INTO t VALUES (1, 'a', randomblob(400000))"), VOW_STORE_DONE);
    fault_vfs.is_full = true;
    expect_refused(prepare(2, "INSERT INTO t VALUES (2, 'b', randomblob(400000))"), VOW_CAUSE_NO_SPACE);
    abort_branch(1);
    cr_assert_eq(outside("PRAGMA wal_checkpoint"), SQLITE_OK);
    fault_vfs.is_full = false;
    cr_assert_eq(prepare(3, "INSERT INTO t VALUES (2, 'b', randomblob(400000))"), VOW_STORE_DONE);
    commit(3);
}

Test(store_space, trap_15_max_page_count_is_honoured_before_the_vote)
{
    service_start(ROWS);
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %ld", strtol(look("PRAGMA page_count"), NULL, 10) + 60);
    cr_assert_eq(sqlite3_exec(service.db, sql, NULL, NULL, NULL), SQLITE_OK);
    uint64_t last;
    prepare_until_full(&last);
    cr_assert_geq(last, 1);
    for (uint64_t seq = 1; seq <= last; seq++)
        commit(seq);
}

/* Somebody took the room away, and the disk is full: the branch stays prepared, and is tried until there is room. */
static void expect_stall(uint64_t seq)
{
    static struct work works[2];
    works[0] = work_of(VOW_STORE_COMMIT, seq, "");
    works[1] = work_of(VOW_STORE_PREPARE, seq + 100, "UPDATE r SET v = 9");
    cr_assert_eq(run_batch(&works[0], 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 0);
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 0);
    cr_assert_eq(run_batch(&works[1], 1), 0);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(works[1].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[1].op.cause, VOW_CAUSE_NO_SPACE, "%s", works[1].op.text);
}

static void expect_end_of_stall(void)
{
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 1);
    expect_seen("SELECT v FROM r", "1");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

Test(store_space, F055_a_full_disk_never_aborts_what_is_decided)
{
    start_on_a_disk();
    prepare(1, "UPDATE r SET v = 1");
    fault_vfs.size_max = 1;
    expect_stall(1);
    fault_vfs.size_max = 0;
    expect_end_of_stall();
}

Test(store_space, F055_and_not_by_a_crash_meanwhile)
{
    start_on_a_disk();
    prepare(1, "UPDATE r SET v = 1");
    fault_vfs.size_max = 1;
    expect_stall(1);
    cr_assert_not_null(service.ops->give_back(service.store));
    service_close();
    fault_vfs.size_max = 0;
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 1);
    commit(1);
    expect_seen("SELECT v FROM r", "1");
}

/* A quota, the limit of a file's size, a file system that became read-only. */
static void expect_no_space(int error)
{
    start_on_a_disk();
    prepare(1, "UPDATE r SET v = 1");
    fault_vfs.write_errno = error;
    expect_refused(prepare(2, "INSERT INTO t VALUES (1, 'a', 1)"), VOW_CAUSE_NO_SPACE);
    expect_refused(one_phase(3, "INSERT INTO t VALUES (1, 'a', 1)"), VOW_CAUSE_NO_SPACE);
    expect_stall(1);
    fault_vfs.write_errno = 0;
    expect_end_of_stall();
}

Test(store_space, F103_a_quota)
{
    expect_no_space(EDQUOT);
}

Test(store_space, F103_the_limit_of_a_files_size)
{
    expect_no_space(EFBIG);
}

Test(store_space, F103_a_file_system_that_became_read_only)
{
    expect_no_space(EROFS);
}
