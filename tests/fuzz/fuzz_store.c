/*
 * A service's database file that was damaged in any way: it is refused in words, or the store goes on with it; nothing
 * reads or writes where it must not. (SQLite has no checksum of its pages, so a flipped bit in a user's row is not seen
 * by the store: docs/operations.md.)
 */
#include <string.h>

#include "damage.h"
#include "participant/store/sqlite.h"
#include "proto/error.h"
#include "target.h"

enum { TEMPLATE, WORK, DISKS };

static struct sim_disks *disks;
static const struct vow_store_ops *ops;
static void *store;
static struct vow_error_detail detail;

static uint64_t wall_us(void *ctx)
{
    (void)ctx;
    return UINT64_C(1700000000000000);
}

static int call(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *work,
                enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    return sqlite3_exec(db, work->handler, NULL, NULL, NULL);
}

static int open_on(unsigned disk)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/service.db", sim_disk_path(sim_disks_at(disks, disk)));
    const struct vow_sqlite_options options = {.path = path, .vfs = SIM_DISKS_VFS, .call = call, .fail_fast = true};
    return vow_store_sqlite_open(&options, &ops, &store, &detail);
}

static int run(enum vow_store_op_kind kind, uint64_t seq, const char *sql)
{
    struct vow_msg_call work = {.participant = "service", .handler = sql};
    struct vow_store_op op = {.kind = kind, .gtrid = vow_gtrid_make(7, 3, seq, 0, seq), .epoch = 3};
    op.calls_len = sql != NULL;
    op.calls = &work;
    struct vow_job *jobs = &op.job;
    return ops->run(store, &jobs, &detail);
}

static void make_template(void)
{
    static const char schema[] =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT UNIQUE); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)";
    FUZZ_REQUIRE(open_on(TEMPLATE) == 0 && vow_store_sqlite_schema(store, schema, &detail) == 0);
    FUZZ_REQUIRE(run(VOW_STORE_PREPARE, 1, "UPDATE t SET v = 10 WHERE id = 1") == 0);
    FUZZ_REQUIRE(run(VOW_STORE_PREPARE, 2, "UPDATE t SET v = 20 WHERE id = 2") == 0);
    FUZZ_REQUIRE(run(VOW_STORE_COMMIT, 2, NULL) == 0);
    FUZZ_REQUIRE(run(VOW_STORE_ONE_PHASE, 3, "UPDATE t SET v = 30 WHERE id = 3") == 0);
    sim_disk_kill(sim_disks_at(disks, TEMPLATE));
    ops->close(store);
    sim_disk_boot(sim_disks_at(disks, TEMPLATE));
}

static int recovered(void *ctx, const struct vow_branches_recovered *found)
{
    (void)ctx, (void)found;
    return 0;
}

static void use(void)
{
    if (ops->recover(store, recovered, NULL, &detail) == 0 && run(VOW_STORE_COMMIT, 1, NULL) == 0 &&
        run(VOW_STORE_COMMIT, 2, NULL) == 0 && run(VOW_STORE_MEMO, 3, NULL) == 0 &&
        run(VOW_STORE_PREPARE, 4, "UPDATE t SET v = v + 100") == 0)
        (void)run(VOW_STORE_ABORT, 4, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const files[] = {"service.db", "service.db-wal", NULL};
    struct input in = {data, data + size};
    if (disks == NULL) {
        disks = sim_disks_new(&(struct sim_disks_options){.count = DISKS, .wall_us = wall_us});
        sim_disks_reset(disks, 1);
        make_template();
    }
    struct sim_disk *disk = sim_disks_at(disks, WORK);
    sim_disk_copy(disk, sim_disks_at(disks, TEMPLATE));
    (void)fuzz_damage(&in, disk, files);
    store = NULL;
    detail = (struct vow_error_detail){0};
    if (open_on(WORK) == 0) {
        use();
        ops->close(store);
    } else
        FUZZ_REQUIRE(detail.error != 0 && detail.text[0] != '\0');
    return 0;
}
