/*
 * Death at every crash point of the store: a child process does the batch and is killed there; then the file is opened
 * again. Before the transaction's COMMIT nothing of the batch may be there, after it all of it.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "proto/net/crash.h"

TestSuite(store_crash, .init = service_init, .fini = service_fini, .timeout = 60);

struct death {
    char point[32];
    enum vow_store_op_kind kind;
    char state[16];  /* of branch 1 afterwards; "" = there is none */
    char values[16]; /* of the table */
};

static const struct death deaths[] = {
    {"store.before.PREPARE", VOW_STORE_PREPARE, "", "0 0"},
    {"store.after.PREPARE", VOW_STORE_PREPARE, "prepared", "0 0"},
    {"store.before.COMMIT", VOW_STORE_COMMIT, "prepared", "0 0"},
    {"store.mid.COMMIT", VOW_STORE_COMMIT, "prepared", "0 0"},
    {"store.after.COMMIT", VOW_STORE_COMMIT, "committed", "1 0"},
    {"store.before.ABORT", VOW_STORE_ABORT, "prepared", "0 0"},
    {"store.after.ABORT", VOW_STORE_ABORT, "", "0 0"},
    {"store.before.ONE_PHASE", VOW_STORE_ONE_PHASE, "", "0 0"},
    {"store.after.ONE_PHASE", VOW_STORE_ONE_PHASE, "memo", "1 0"},
};

ParameterizedTestParameters(store_crash, B55_at_every_point)
{
    return cr_make_param_array(struct death, (struct death *)deaths, sizeof(deaths) / sizeof(deaths[0]), NULL);
}

#define WORK "UPDATE t SET v = v + 1 WHERE id = 1"

static void die_at(const struct death *death)
{
    setenv("VOW_CRASH_AT", death->point, 1);
    if (service_open() == 0 && vow_crash_init() == 0) {
        struct work work = work_of(death->kind, 1, WORK);
        run_batch(&work, 1);
    }
    _exit(1);
}

static void expect_death(const struct death *death)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        die_at(death);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not met", death->point);
}

ParameterizedTest(struct death *death, store_crash, B55_at_every_point)
{
#ifndef VOW_CRASH_POINTS
    cr_skip_test("no crash points in this build");
#endif
    struct vow_store_identity before, after;
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0)");
    service.ops->identity(service.store, &before);
    if (death->kind == VOW_STORE_COMMIT || death->kind == VOW_STORE_ABORT)
        prepare(1, WORK);
    service_close();
    expect_death(death);
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    service.ops->identity(service.store, &after);
    cr_assert_eq(after.incarnation, before.incarnation + 2);
    cr_assert_arr_eq(after.db_uuid, before.db_uuid, VOW_DB_UUID_BYTES);
    expect_seen("SELECT state FROM vow_branch", death->state);
    expect_seen("SELECT v FROM t ORDER BY id", death->values);
    bool is_prepared = strcmp(death->state, "prepared") == 0;
    cr_assert_eq(recovered_branches(), is_prepared ? 1 : 0);
    cr_assert_eq(outside("UPDATE t SET v = v WHERE id = 1"), is_prepared ? LOCKED : SQLITE_OK);
    if (is_prepared) {
        commit(1);
        expect_seen("SELECT v FROM t ORDER BY id", "1 0");
    }
    expect_seen("PRAGMA integrity_check", "ok");
}
