/* Faults of the participant's disk, file and file system, by their numbers in docs/faults.md. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "fixture.h"

TestSuite(store_faults, .init = service_init, .fini = service_fini, .timeout = 60);

#define ROWS "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0);"
#define VALUES "SELECT v FROM t ORDER BY id"

/* It is asked before the vote, so there is no way to fail after it. */
Test(store_faults, F054_a_deferred_constraint_cannot_fail_after_the_vote)
{
    service_start("CREATE TABLE p (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
    expect_refused(prepare(1, "INSERT INTO c VALUES (1, 1)"), VOW_CAUSE_CONSTRAINT);
    cr_assert_eq(prepare(2, "INSERT INTO c VALUES (2, 2); INSERT INTO p VALUES (2)"), VOW_STORE_DONE);
    /* What would make it fail is held. */
    cr_assert_eq(outside("PRAGMA foreign_keys = 1; INSERT INTO p VALUES (2)"), LOCKED);
    commit(2);
    expect_seen("SELECT count(*) FROM pragma_foreign_key_check", "0");
}

static void expect_stop(enum vow_store_op_kind kind, uint64_t seq, int error)
{
    struct work work = work_of(kind, seq, "UPDATE t SET v = 5 WHERE id = 3");
    cr_assert_eq(run_batch(&work, 1), error, "%s", service.detail.text);
    fault_vfs = (struct fault_vfs){0};
    cr_assert_eq(run_batch(&work, 1), VOW_E_CLOSED, "a store that has failed goes on");
}

static void expect_branch_after_restart(void)
{
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    expect_seen("SELECT count(*) > 0 FROM vow_lock", "1");
    commit(1);
    expect_seen(VALUES, "1 0 0");
    /* An error in mid-commit leaves no lock behind that nobody holds (B12). */
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    cr_assert_eq(outside("UPDATE t SET v = v"), SQLITE_OK);
}

Test(store_faults, F104_a_failed_write_stops_the_store)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    fault_vfs.write_errno = EIO;
    expect_stop(VOW_STORE_PREPARE, 2, VOW_E_IO);
    expect_branch_after_restart();
}

Test(store_faults, F104_B12_a_failed_write_stops_a_commit)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    fault_vfs.write_errno = EIO;
    expect_stop(VOW_STORE_COMMIT, 1, VOW_E_IO);
    expect_branch_after_restart();
}

Test(store_faults, F105_a_failed_sync_is_never_tried_again)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    fault_vfs.sync_fails = true;
    expect_stop(VOW_STORE_COMMIT, 1, VOW_E_IO);
}

static void copy_file(const char *from, const char *to)
{
    char buffer[4096];
    size_t len;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    cr_assert(in != NULL && out != NULL, "%s to %s: %m", from, to);
    while ((len = fread(buffer, 1, sizeof(buffer), in)) > 0)
        cr_assert_eq(fwrite(buffer, 1, len, out), len);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* The file and its WAL as a process that dies now leaves them. */
static void copy_as_left(char to[96])
{
    char wal[128], wal_to[128];
    snprintf(to, 96, "%s/left.db", service.dir);
    snprintf(wal, sizeof(wal), "%s-wal", service.path);
    snprintf(wal_to, sizeof(wal_to), "%s-wal", to);
    copy_file(service.path, to);
    copy_file(wal, wal_to);
}

/* What was in the WAL may be in the page cache alone, where a sync failed; nothing may come to lie behind it there. So
 * when the store has opened, the database alone has it. */
Test(store_faults, F105_what_a_failed_sync_left_in_the_wal_is_written_again)
{
    char alone[128];
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    char left[96];
    copy_as_left(left);
    service_close();
    memcpy(service.path, left, sizeof(left));
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    snprintf(alone, sizeof(alone), "%s/alone.db", service.dir);
    copy_file(left, alone);
    memcpy(service.path, alone, sizeof(left));
    expect_seen("SELECT state FROM vow_branch", "prepared");
}

/* The store syncs in a checkpoint as well. */
Test(store_faults, F105_a_failed_sync_of_a_checkpoint_stops_the_store)
{
    service.options.vfs = fault_vfs_register();
    service_start("CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB);" ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    cr_assert_eq(one_phase(2, "INSERT INTO big VALUES (1, zeroblob(7500000))"), VOW_STORE_DONE);
    fault_vfs.checkpoint_sync_fails = true;
    struct work work = work_of(VOW_STORE_ONE_PHASE, 3, "INSERT INTO big VALUES (2, zeroblob(800000))");
    cr_assert_neq(run_batch(&work, 1), 0);
    fault_vfs.checkpoint_sync_fails = false;
    cr_assert_eq(run_batch(&work, 1), VOW_E_CLOSED);
}

/* Nothing is guessed, and nothing is changed: when it can be read again, all is there. */
Test(store_faults, F106_B27_a_failed_read_at_recovery_stops_the_start)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    service_close();
    fault_vfs.read_fails = true;
    cr_assert_neq(service_open(), 0);
    cr_assert(strlen(service.detail.text) > 0);
    fault_vfs.read_fails = false;
    expect_branch_after_restart();
}

/* ---- short writes and EINTR ---- */

static unsigned interruptions;
static ssize_t (*system_pwrite)(int fd, const void *bytes, size_t len, off_t offset);

/* Every third write is interrupted, the others come in halves. */
static ssize_t short_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    if (++interruptions % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return system_pwrite(fd, bytes, len > 1 ? len / 2 : len, offset);
}

Test(store_faults, F107_short_and_interrupted_writes_are_finished)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const char *name = vfs->xGetSystemCall(vfs, "pwrite64") != NULL ? "pwrite64" : "pwrite";
    service_start(ROWS);
    system_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, name);
    cr_assert_eq(vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)short_pwrite), SQLITE_OK);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    prepare(2, "UPDATE t SET v = 2 WHERE id = 2");
    commit(1);
    cr_assert_eq(vfs->xSetSystemCall(vfs, name, NULL), SQLITE_OK);
    cr_assert_gt(interruptions, 3);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    commit(2);
    expect_seen(VALUES, "1 2 0");
    expect_seen("PRAGMA integrity_check", "ok");
}

/* ---- other connections ---- */

/* Another connection, which commits and folds the WAL in, as no second connection of Vow's ever does: a round each time
 * that it is asked to, and only if it has ended the one before. So nobody is kept from the file for long, however slow
 * the machine is. */
static struct {
    sem_t go;
    atomic_bool is_idle, is_over;
    unsigned rounds;
} other;

static void *write_and_fold(void *path)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    while (sem_wait(&other.go) == 0 && !atomic_load(&other.is_over)) {
        other.rounds += sqlite3_exec(db, "UPDATE t SET v = v + 1 WHERE id = 3", NULL, NULL, NULL) == SQLITE_OK;
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        atomic_store(&other.is_idle, true);
    }
    sqlite3_close(db);
    return NULL;
}

/* It begins while the caller goes on. */
static void start_round(void)
{
    if (atomic_exchange(&other.is_idle, false))
        sem_post(&other.go);
}

/* The store has one connection. Others are the service's affair, and must not cost a branch either. */
Test(store_faults, F122_another_connection_commits_and_folds_in_the_wal)
{
    char changed[96];
    pthread_t thread;
    service.options.busy_ms = 60000;
    service_start(ROWS);
    atomic_store(&other.is_idle, true);
    cr_assert_eq(sem_init(&other.go, 0, 0), 0);
    cr_assert_eq(pthread_create(&thread, NULL, write_and_fold, service.path), 0);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        start_round();
        cr_assert_eq(prepare(seq, "UPDATE t SET v = v + 1 WHERE id = 1"), VOW_STORE_DONE, "%s", refusal.text);
        start_round();
        commit(seq);
    }
    atomic_store(&other.is_over, true);
    sem_post(&other.go);
    pthread_join(thread, NULL);
    service_restart();
    snprintf(changed, sizeof(changed), "100 0 %u", other.rounds);
    expect_seen(VALUES, changed);
    expect_seen("PRAGMA integrity_check", "ok");
}

/* ---- what is refused at the start ---- */

static long file_system; /* instead of the real one's kind; 0 = the real one's */
int __real_fstatfs(int fd, struct statfs *status);
int __wrap_fstatfs(int fd, struct statfs *status);
int __wrap_fstatfs(int fd, struct statfs *status) /* NOLINT(bugprone-reserved-identifier): the linker's name */
{
    int rc = __real_fstatfs(fd, status);
    if (file_system != 0)
        status->f_type = file_system;
    return rc;
}

/* The probe of its locks is tested with proto/net/filesystem.c. */
Test(store_faults, F123_a_network_file_system_is_refused)
{
    file_system = 0x6969;
    cr_assert_eq(service_open(), VOW_E_IO);
    cr_assert_not_null(strstr(service.detail.text, "NFS"), "%s", service.detail.text);
    cr_assert_neq(access(service.path, F_OK), 0, "nothing is made");
    file_system = 0;
    service_start(ROWS);
}

Test(store_faults, F124_a_file_without_a_wal_is_refused)
{
    service.options.vfs = fault_vfs_register();
    fault_vfs.no_shm = true;
    cr_assert_eq(service_open(), VOW_E_PRAGMA, "%s", service.detail.text);
    cr_assert_not_null(strstr(service.detail.text, "journal_mode"));
}

/* The file cannot be written any more: whether that is so for the next write as well, only a start can tell. */
Test(store_faults, F125_a_file_that_may_not_be_written_any_more_stops_the_store)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    fault_vfs.is_read_only = true;
    expect_stop(VOW_STORE_COMMIT, 1, VOW_E_DATABASE);
    expect_branch_after_restart();
}
