#include "store_run.h"

#include <stdio.h>
#include <string.h>

#define COORD 7
#define EPOCH 3
#define BATCH 3

char store_text[256];

struct shop {
    char path[64];
    const struct vow_store_ops *ops;
    void *store;
    struct vow_error_detail detail;
};

static struct vow_gtrid id_of(unsigned seq)
{
    return vow_gtrid_make(COORD, EPOCH, seq, 0, seq);
}

static int add_one(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                   enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    return sqlite3_exec(db, call->handler, NULL, NULL, NULL);
}

static bool open_shop(struct shop *shop, struct sim_disk *where)
{
    struct vow_sqlite_options options = {.vfs = SIM_DISKS_VFS, .call = add_one, .fail_fast = true, .busy_ms = 1};

    memset(shop, 0, sizeof(*shop));
    (void)snprintf(shop->path, sizeof(shop->path), "%s/store.db", sim_disk_path(where));
    options.path = shop->path;
    if (vow_store_sqlite_open(&options, &shop->ops, &shop->store, &shop->detail) != 0)
        shop->store = NULL;
    return shop->store != NULL;
}

static bool start(struct shop *shop, struct sim_disk *where)
{
    return open_shop(shop, where) &&
           vow_store_sqlite_schema(shop->store,
                                   "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, fill BLOB);"
                                   "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 64) "
                                   "INSERT INTO account SELECT i, 0, zeroblob(200) FROM n",
                                   &shop->detail) == 0;
}

static void close_shop(struct shop *shop)
{
    if (shop->store != NULL)
        shop->ops->close(shop->store);
    shop->store = NULL;
}

/* Operations of one batch. They outlive the store, which may keep them. */
struct work {
    struct vow_store_op op;
    struct vow_msg_call call;
    char sql[96];
};

static void fill(struct work *work, enum vow_store_op_kind kind, unsigned seq)
{
    memset(work, 0, sizeof(*work));
    (void)snprintf(work->sql, sizeof(work->sql), "UPDATE account SET balance = balance + 1 WHERE id = %u", seq);
    work->op.kind = kind;
    work->op.gtrid = id_of(seq);
    work->op.branch = 1;
    work->op.epoch = EPOCH;
    work->call = (struct vow_msg_call){.participant = "shop", .handler = work->sql};
    work->op.calls = &work->call;
    work->op.calls_len = kind == VOW_STORE_PREPARE || kind == VOW_STORE_ONE_PHASE;
}

/* True if all of them are done. */
static bool run_batch(struct shop *shop, struct work *works, unsigned len)
{
    struct vow_job *jobs = &works[0].op.job;
    unsigned done = 0;

    for (unsigned i = 0; i < len; i++)
        works[i].op.job.next = i + 1 < len ? &works[i + 1].op.job : NULL;
    if (shop->ops->run(shop->store, &jobs, &shop->detail) != 0)
        return false;
    for (; jobs != NULL; jobs = jobs->next)
        done++;
    for (unsigned i = 0; i < len; i++)
        done -= works[i].op.result != VOW_STORE_DONE;
    return done == len;
}

/* Three are prepared; then the first is committed, the second aborted, a fourth committed in one phase; the third stays
 * prepared for a while. */
static bool run_turn(struct store_run *run, struct shop *shop, unsigned seq)
{
    static struct work works[BATCH];
    struct store_fate *fates = &run->fates[seq];

    for (unsigned i = 0; i < 3; i++) {
        fill(&works[i], VOW_STORE_PREPARE, seq + i);
        fates[i].prepare_asked = true;
    }
    if (!run_batch(shop, works, 3))
        return false;
    fates[0].prepared = fates[1].prepared = fates[2].prepared = true;
    fill(&works[0], VOW_STORE_COMMIT, seq);
    fill(&works[1], VOW_STORE_ABORT, seq + 1);
    fill(&works[2], VOW_STORE_ONE_PHASE, seq + 3);
    fates[0].commit_asked = fates[1].abort_asked = fates[3].one_phase_asked = true;
    if (!run_batch(shop, works, 3))
        return false;
    return fates[0].committed = fates[3].one_phase = true;
}

static bool commit_late(struct store_run *run, struct shop *shop, unsigned seq)
{
    static struct work work;

    fill(&work, VOW_STORE_COMMIT, seq);
    run->fates[seq].commit_asked = true;
    return run->fates[seq].committed = run_batch(shop, &work, 1);
}

void shop_run(struct store_run *run, struct sim_disk *where, unsigned length)
{
    struct shop shop;
    bool goes_on = start(&shop, where);

    for (unsigned seq = 1; goes_on && seq + 3 < length; seq += 4) {
        goes_on = run_turn(run, &shop, seq);
        if (goes_on && seq > 4)
            goes_on = commit_late(run, &shop, seq - 2);
        if (goes_on && seq == 9) {
            close_shop(&shop);
            goes_on = start(&shop, where);
        }
    }
    run->is_stopped = !goes_on;
    if (run->is_stopped && run->dies)
        sim_disk_kill(where);
    close_shop(&shop);
}

/* --- The check --- */

struct check {
    struct store_run *run;
    bool is_prepared[STORE_SEQS_MAX];
};

static int note_prepared(void *ctx, const struct vow_branches_recovered *recovered)
{
    struct check *check = ctx;

    for (unsigned seq = 1; seq < STORE_SEQS_MAX; seq++) {
        struct vow_gtrid id = id_of(seq);

        if (memcmp(&id, &recovered->gtrid, sizeof(id)) == 0)
            check->is_prepared[seq] = true;
    }
    return 0;
}

/* -1: it cannot be read. */
static int balance_of(struct shop *shop, unsigned seq)
{
    sqlite3_stmt *stmt = NULL;
    int balance = -1;

    if (sqlite3_prepare_v2(vow_store_sqlite_db(shop->store), "SELECT balance FROM account WHERE id = ?", -1, &stmt,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_int(stmt, 1, (int)seq) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        balance = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return balance;
}

/* 0: it could not be run. */
static enum vow_store_result ask(struct shop *shop, enum vow_store_op_kind kind, unsigned seq)
{
    static struct work work;
    struct vow_job *jobs = &work.op.job;

    fill(&work, kind, seq);
    return shop->ops->run(shop->store, &jobs, &shop->detail) == 0 && jobs != NULL ? work.op.result : 0;
}

static enum store_found found(enum store_found what, unsigned seq, const char *text)
{
    if (what != STORE_HAS_ALL)
        (void)snprintf(store_text, sizeof(store_text), "transaction %u: %s", seq, text);
    return what;
}

static enum store_found check_one_phase(struct shop *shop, const struct store_fate *fate, unsigned seq)
{
    bool has_memo = ask(shop, VOW_STORE_MEMO, seq) == VOW_STORE_DONE;

    if (has_memo != (balance_of(shop, seq) == 1))
        return found(STORE_LIES, seq, "one phase: memo and data differ");
    return fate->one_phase && !has_memo ? found(STORE_LACKS, seq, "one phase: gone") : STORE_HAS_ALL;
}

/* A prepared branch changes nothing before its COMMIT, and once after it. */
static enum store_found check_commit(struct shop *shop, const struct store_fate *fate, unsigned seq, bool is_prepared)
{
    enum vow_store_result result;

    if (is_prepared && balance_of(shop, seq) != 0)
        return found(STORE_LIES, seq, "prepared, and its effect is there");
    if (fate->committed && is_prepared)
        return found(STORE_LACKS, seq, "committed, and prepared again");
    result = ask(shop, VOW_STORE_COMMIT, seq);
    if (result != VOW_STORE_DONE && result != VOW_STORE_NO_RECORD)
        return found(STORE_LIES, seq, "COMMIT without an answer");
    if ((result == VOW_STORE_DONE) != (balance_of(shop, seq) == 1))
        return found(STORE_LIES, seq, "COMMIT's answer and data differ");
    return fate->prepared && result != VOW_STORE_DONE ? found(STORE_LACKS, seq, "prepared, and gone") : STORE_HAS_ALL;
}

static enum store_found check_abort(struct shop *shop, const struct store_fate *fate, unsigned seq)
{
    (void)fate;
    if (ask(shop, VOW_STORE_ABORT, seq) != VOW_STORE_DONE || balance_of(shop, seq) != 0)
        return found(STORE_LIES, seq, "aborted, and its effect is there");
    return STORE_HAS_ALL;
}

static enum store_found check_seq(struct check *check, struct shop *shop, unsigned seq)
{
    const struct store_fate *fate = &check->run->fates[seq];

    if (fate->one_phase_asked)
        return check_one_phase(shop, fate, seq);
    if (fate->abort_asked)
        return check_abort(shop, fate, seq);
    if (fate->prepare_asked)
        return check_commit(shop, fate, seq, check->is_prepared[seq]);
    return balance_of(shop, seq) == 0 ? STORE_HAS_ALL : found(STORE_LIES, seq, "never asked for");
}

enum store_found shop_check(struct store_run *run, struct sim_disk *where)
{
    struct check check = {.run = run};
    enum store_found worst = STORE_HAS_ALL;
    struct shop shop;

    if (!start(&shop, where) || shop.ops->recover(shop.store, note_prepared, &check, &shop.detail) != 0) {
        (void)snprintf(store_text, sizeof(store_text), "%s", shop.detail.text);
        close_shop(&shop);
        return STORE_REFUSES;
    }
    for (unsigned seq = 1; seq < STORE_SEQS_MAX; seq++) {
        enum store_found one = check_seq(&check, &shop, seq);

        worst = one > worst ? one : worst;
    }
    close_shop(&shop);
    return worst;
}
