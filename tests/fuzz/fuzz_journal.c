/*
 * The log or its witness, damaged in any way. The journal is refused, or it gives all that it had acknowledged: a
 * decision that is lost in silence would be presumed an abort (guarantee 4, faults F113 to F117). Both at once are not
 * damaged: the newest slot of the witness and the last commit of the log, torn together, are what a crash leaves.
 */
#include <stdbool.h>
#include <string.h>

#include "coordinator/journal/journal.h"
#include "damage.h"
#include "proto/error.h"
#include "target.h"

#define DECIDED 6 /* COMMIT of 1 to 6 is durable, END of 1 and 2 */

enum { TEMPLATE, WORK, DISKS };

static struct sim_disks *disks;
static const struct vow_journal_engine *ops;
static void *engine;
static struct vow_journal_identity identity, original;
static struct vow_error_detail detail;

static uint64_t wall_us(void *ctx)
{
    (void)ctx;
    return UINT64_C(1700000000000000);
}

static struct vow_gtrid id_of(uint64_t seq)
{
    return vow_gtrid_make(4711, 1, seq, 0, seq * 0x9e3779b97f4a7c15U);
}

static int open_on(unsigned disk)
{
    const struct vow_journal_options options = {
        .directory = sim_disk_path(sim_disks_at(disks, disk)), .name = "alpha", .vfs = SIM_DISKS_VFS};
    return vow_journal_sqlite_open(&options, &ops, &engine, &detail);
}

static void append(enum vow_journal_op_kind kind, enum vow_record_kind record, uint64_t seq)
{
    static const struct vow_record_branch branches[2] = {{.name = "stock", .branch = 0},
                                                         {.name = "payment", .branch = 1}};
    struct vow_journal_op op = {.kind = kind, .gtrid = id_of(seq), .forced = true};
    op.record = (struct vow_record){.kind = record, .gtrid = op.gtrid, .epoch = identity.epoch};
    if (record == VOW_RECORD_COMMIT) {
        op.record.branches = branches;
        op.record.branches_len = 2;
    }
    ops->commit(engine, &op);
    FUZZ_REQUIRE(op.result == VOW_JOURNAL_WON);
}

/* The journal of a coordinator that was killed: part of it is in the database, the rest in the WAL. */
static void make_template(void)
{
    FUZZ_REQUIRE(open_on(TEMPLATE) == 0 && ops->takeover(engine, &identity, &detail) == 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        append(VOW_JOURNAL_DECIDE, VOW_RECORD_COMMIT, seq);
    append(VOW_JOURNAL_END, VOW_RECORD_END, 1);
    ops->close(engine);
    FUZZ_REQUIRE(open_on(TEMPLATE) == 0 && ops->takeover(engine, &identity, &detail) == 0);
    append(VOW_JOURNAL_END, VOW_RECORD_END, 2);
    for (uint64_t seq = 4; seq <= DECIDED; seq++)
        append(VOW_JOURNAL_DECIDE, VOW_RECORD_COMMIT, seq);
    original = identity;
    sim_disk_kill(sim_disks_at(disks, TEMPLATE));
    ops->close(engine);
    sim_disk_boot(sim_disks_at(disks, TEMPLATE));
}

static int count(void *ctx, const struct vow_journal_event *event)
{
    unsigned *commits = ctx;
    *commits += event->record.kind == VOW_RECORD_COMMIT;
    return 0;
}

/* False if the journal has found meanwhile that it is damaged, and has stopped. */
static bool has_decision(uint64_t seq)
{
    for (int turn = 0; turn < 64; turn++) {
        struct vow_journal_op op = {.kind = VOW_JOURNAL_GET, .gtrid = id_of(seq)};
        ops->commit(engine, &op);
        if (op.error != VOW_E_RECOVERING) {
            FUZZ_REQUIRE(op.error != 0 || op.outcome == VOW_COMMITTED);
            FUZZ_REQUIRE(op.error != VOW_E_NOT_FOUND && op.error != VOW_E_EXPIRED);
            return op.error == 0;
        }
        ops->idle(engine);
    }
    fprintf(stderr, "broken: it is never proved whether the decision is there\n");
    abort();
}

static void expect_all(void)
{
    unsigned commits = 0;
    if (ops->takeover(engine, &identity, &detail) != 0)
        return;
    if (identity.coord != original.coord) {
        FUZZ_REQUIRE(identity.epoch == 1);
        return;
    }
    FUZZ_REQUIRE(identity.epoch > original.epoch);
    if (ops->scan(engine, count, &commits, &detail) != 0)
        return;
    FUZZ_REQUIRE(commits == DECIDED - 2);
    for (uint64_t seq = 1; seq <= DECIDED; seq++) {
        if (!has_decision(seq))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const log_files[] = {"journal.db", "journal.db-wal", NULL};
    static const char *const witness_files[] = {"witness", NULL};
    struct input in = {data, data + size};
    if (disks == NULL) {
        disks = sim_disks_new(&(struct sim_disks_options){.count = DISKS, .wall_us = wall_us});
        sim_disks_reset(disks, 1);
        make_template();
    }
    struct sim_disk *disk = sim_disks_at(disks, WORK);
    sim_disk_copy(disk, sim_disks_at(disks, TEMPLATE));
    (void)fuzz_damage(&in, disk, input_below(&in, 4) == 0 ? witness_files : log_files);
    engine = NULL;
    detail = (struct vow_error_detail){0};
    if (open_on(WORK) == 0) {
        expect_all();
        ops->close(engine);
    } else
        FUZZ_REQUIRE(detail.error != 0 && detail.text[0] != '\0');
    return 0;
}
