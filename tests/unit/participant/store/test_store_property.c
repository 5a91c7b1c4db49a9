/*
 * The store does what SQLite does: random schemas, random statements in branches that overlap, other connections that
 * write meanwhile, and crashes anywhere between prepare and commit. What is committed at the end of each step equals
 * what the same statements did locally. VOW_SEED=N runs one seed alone; VOW_WORLDS=N that many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "fixture.h"
#include "property.h"

TestSuite(store_property, .init = service_init, .fini = service_fini, .timeout = 3000);

#define WORLDS 20
#define STEPS 60
#define BRANCHES_MAX 4

struct branch {
    uint64_t seq; /* 0 = none */
    struct effect effect;
};

struct world {
    uint64_t seed, random, seq;
    struct schema schema;
    struct local local;
    struct branch branches[BRANCHES_MAX];
    int crashes;
    unsigned committed, aborted, refused, read_only, locked;
    char sql[1024];
};

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

#define check(w, holds, ...)                                                                                           \
    cr_assert(holds, "VOW_SEED=%llu: %s\n%s", (unsigned long long)(w)->seed, (w)->sql, "" __VA_ARGS__)

static bool any_prepared(const struct world *w)
{
    for (int i = 0; i < BRANCHES_MAX; i++)
        if (w->branches[i].seq != 0)
            return true;
    return false;
}

/* What another connection sees is what is committed, and it is sound. */
static void check_file(struct world *w)
{
    sqlite3 *db;
    struct rows seen;
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    rows_read(&seen, db, &w->schema);
    sqlite3_close(db);
    if (!rows_equal(&seen, &w->local.now)) {
        char *is = rows_text(&seen), *should = rows_text(&w->local.now);
        cr_assert_fail("VOW_SEED=%llu: %s\nis      %s\nand not %s\n%s", (unsigned long long)w->seed, w->sql, is, should,
                       w->schema.sql);
    }
    rows_free(&seen);
}

/* ---- steps ---- */

/* Does the store judge as SQLite does? Only locks are its own. */
static bool is_as_expected(const struct world *w, enum vow_store_result result, const struct effect *effect)
{
    const bool is_empty = effect->gone.len == 0 && effect->come.len == 0;
    switch (result) {
    case VOW_STORE_DONE:
        return !effect->fails;
    case VOW_STORE_READ_ONLY:
        return !effect->fails && is_empty;
    case VOW_STORE_REFUSED:
        return effect->fails || (refusal.cause == VOW_CAUSE_LOCK_CONFLICT && any_prepared(w));
    case VOW_STORE_NO_RECORD:
        break;
    }
    return false;
}

static void step_prepare(struct world *w, struct branch *branch)
{
    struct effect effect;
    property_statements(&w->random, &w->schema, w->sql, sizeof(w->sql));
    local_try(&w->local, w->sql, &effect);
    const enum vow_store_result result = prepare(++w->seq, w->sql);
    if (!is_as_expected(w, result, &effect)) {
        char *committed = rows_text(&w->local.now);
        cr_assert_fail("VOW_SEED=%llu: %s\nanswer %d %s (%s), locally it %s; committed: %s\n%s",
                       (unsigned long long)w->seed, w->sql, (int)result, vow_cause_name((int)refusal.cause),
                       refusal.text, effect.fails ? "fails" : "works", committed, w->schema.sql);
    }
    w->refused += result == VOW_STORE_REFUSED;
    w->read_only += result == VOW_STORE_READ_ONLY;
    if (result == VOW_STORE_DONE)
        *branch = (struct branch){.seq = w->seq, .effect = effect};
    else
        effect_free(&effect);
}

static void step_decide(struct world *w, struct branch *branch)
{
    const bool is_commit = property_draw(&w->random, 100) < 75;
    snprintf(w->sql, sizeof(w->sql), "%s of %d", is_commit ? "commit" : "abort", (int)branch->seq);
    if (is_commit) {
        commit(branch->seq);
        local_commit(&w->local, &branch->effect);
    } else {
        abort_branch(branch->seq);
    }
    w->committed += is_commit;
    w->aborted += !is_commit;
    effect_free(&branch->effect);
    *branch = (struct branch){0};
}

static void step_outside(struct world *w)
{
    char sql[1200];
    struct effect effect;
    property_statements(&w->random, &w->schema, w->sql, sizeof(w->sql));
    local_try(&w->local, w->sql, &effect);
    snprintf(sql, sizeof(sql),
             "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; BEGIN; %s COMMIT",
             w->sql);
    const int rc = outside(sql);
    if (rc == SQLITE_OK) {
        check(w, !effect.fails, "it fails locally");
        local_commit(&w->local, &effect);
    } else {
        check(w, effect.fails || (rc == LOCKED && any_prepared(w)), "it works locally");
    }
    w->locked += rc == LOCKED;
    effect_free(&effect);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    size_t len;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    cr_assert(in != NULL && out != NULL);
    while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0)
        cr_assert_eq(fwrite(bytes, 1, len, out), len);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
}

/* As a power cut leaves it: the file and its WAL as they are, nothing that is only in memory. */
static void step_crash(struct world *w)
{
    char from[120], to[120], path[100];
    snprintf(w->sql, sizeof(w->sql), "crash");
    snprintf(path, sizeof(path), "%s/crashed-%d.db", service.dir, w->crashes++);
    snprintf(from, sizeof(from), "%s-wal", service.path);
    snprintf(to, sizeof(to), "%s-wal", path);
    copy_file(service.path, path);
    copy_file(from, to);
    service_close();
    unlink(service.path);
    memcpy(service.path, path, sizeof(service.path));
    cr_assert_eq(service_open(), 0, "VOW_SEED=%llu: %s", (unsigned long long)w->seed, service.detail.text);
    int prepared = 0;
    for (int i = 0; i < BRANCHES_MAX; i++)
        prepared += w->branches[i].seq != 0;
    check(w, recovered_branches() == prepared, "a prepared branch is lost");
}

static void one_step(struct world *w)
{
    struct branch *branch = &w->branches[property_draw(&w->random, BRANCHES_MAX)];
    const uint64_t kind = property_draw(&w->random, 100);
    if (kind < 8)
        step_crash(w);
    else if (kind < 20)
        step_outside(w);
    else if (branch->seq == 0)
        step_prepare(w, branch);
    else
        step_decide(w, branch);
    check_file(w);
}

/* ---- worlds ---- */

static void end_world(struct world *w)
{
    for (int i = 0; i < BRANCHES_MAX; i++)
        if (w->branches[i].seq != 0)
            step_decide(w, &w->branches[i]);
    check_file(w);
    check(w, strcmp(look("SELECT count(*) FROM vow_lock"), "0") == 0, "a lock is left over");
    check(w, strcmp(look("SELECT count(*) FROM pragma_foreign_key_check"), "0") == 0, "a foreign key does not hold");
    check(w, strcmp(look("PRAGMA integrity_check"), "ok") == 0, "the file is damaged");
    local_close(&w->local);
}

static void run_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed, .random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
    for (int i = 0; i < 8; i++)
        (void)property_draw(&w->random, 2);
    property_schema(&w->random, &w->schema);
    local_open(&w->local, &w->schema);
    service.options.vfs = fault_vfs_register();
    fault_vfs.no_syncs = true;
    service_start(w->schema.sql);
    for (int i = 0; i < STEPS; i++)
        one_step(w);
    end_world(w);
}

Test(store_property, what_is_committed_is_what_the_statements_do_locally)
{
    static struct world w;
    const unsigned long long only = from_environment("VOW_SEED", 0), worlds = from_environment("VOW_WORLDS", WORLDS);
    unsigned committed = 0, aborted = 0, refused = 0, read_only = 0, locked = 0;
    for (unsigned long long seed = only != 0 ? only : 1; seed <= (only != 0 ? only : worlds); seed++) {
        if (seed > 1 && only == 0) {
            service_fini();
            service_init();
        }
        run_world(&w, seed);
        committed += w.committed, aborted += w.aborted, refused += w.refused;
        read_only += w.read_only, locked += w.locked;
    }
    fprintf(stderr, "%u committed, %u aborted, %u refused, %u read-only, %u stopped by a guard\n", committed, aborted,
            refused, read_only, locked);
    /* A test that does nothing shows nothing. */
    if (only == 0)
        cr_assert(committed > worlds * 5 && aborted > worlds && refused > worlds && locked > worlds / 4);
}
