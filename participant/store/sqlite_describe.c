/*
 * What an operator wants to know of a prepared branch: since when, which rows it holds, who waits for them. Reads only,
 * on the store's connection and outside of any batch: it must answer while decided work waits for room on the disk, for
 * that is when somebody asks.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/line.h"
#include "proto/net/clock.h"

static sqlite3_stmt *of_branch(struct store *store, enum statement which, const struct vow_store_told *told)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_blob(statement, 1, told->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, told->branch);
    return statement;
}

static int tell_since(struct store *store, struct vow_store_told *told)
{
    sqlite3_stmt *statement = of_branch(store, STMT_SINCE, told);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        told->is_found = true;
        told->since_us = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    return sqlite3_reset(statement);
}

static int count_locks(struct store *store, struct vow_store_told *told)
{
    sqlite3_stmt *statement = of_branch(store, STMT_COUNT_SOME_LOCKS, told);
    sqlite3_bind_int64(statement, 3, VOW_STORE_TOLD_COUNT_MAX);
    if (sqlite3_step(statement) == SQLITE_ROW)
        told->locks_len = (uint32_t)sqlite3_column_int64(statement, 0);
    return sqlite3_reset(statement);
}

static const struct key *find_key(const struct table *table, const char *index)
{
    for (uint32_t i = 0; table != NULL && i < table->keys_len; i++)
        if (strcmp(table->keys[i].name, index) == 0)
            return &table->keys[i];
    return NULL;
}

static void copy_name(char out[VOW_NAME_SIZE], const char *name)
{
    char printable[VOW_TEXT_SIZE];
    vow_text_copy(printable, name);
    struct vow_line line = vow_line_start(out, VOW_NAME_SIZE);
    vow_line_put(&line, printable);
}

static void tell_lock(struct store *store, struct vow_store_lock *lock, const char *table_name, const char *index,
                      const char *key)
{
    const struct table *table = schema_table(store, table_name);
    copy_name(lock->table, table_name);
    lock->index[0] = lock->key[0] = '\0';
    lock->is_shared = true;
    if (strcmp(index, LOCK_HAS_NEW_CHILD) == 0 || strcmp(index, LOCK_LOSES_ROW) == 0)
        return;
    copy_name(lock->index, index);
    lock->is_shared = key_print(table, find_key(table, index), key, lock->key, sizeof(lock->key));
}

static int list_locks(struct store *store, struct vow_store_told *told)
{
    sqlite3_stmt *statement = of_branch(store, STMT_LIST_LOCKS, told);
    sqlite3_bind_int64(statement, 3, VOW_STORE_TOLD_LOCKS);
    for (uint32_t i = 0; i < VOW_STORE_TOLD_LOCKS && sqlite3_step(statement) == SQLITE_ROW; i++) {
        const char *table = (const char *)sqlite3_column_text(statement, 0);
        const char *index = (const char *)sqlite3_column_text(statement, 1);
        const char *key = (const char *)sqlite3_column_text(statement, 2);
        if (table != NULL && index != NULL && key != NULL)
            tell_lock(store, &told->locks[i], table, index, key);
    }
    return sqlite3_reset(statement);
}

static void tell_waiters(const struct store *store, struct vow_store_told *told, uint64_t now_ms)
{
    for (const struct vow_job *job = store->kept; job != NULL; job = job->next) {
        const struct vow_store_op *op = (const struct vow_store_op *)job;
        if (!vow_gtrid_equal(&op->waits_for, &told->gtrid))
            continue;
        const uint64_t since_ms = op->waits_until_ms - store->options.lock_wait_ms;
        if (told->waiters_len < VOW_STORE_TOLD_WAITERS)
            told->waiters[told->waiters_len] =
                (struct vow_store_waiter){.gtrid = op->gtrid, .waited_ms = now_ms > since_ms ? now_ms - since_ms : 0};
        told->waiters_len++;
    }
    told->refused = blame_of(store, &told->gtrid);
}

static void tell(struct store *store, struct vow_store_told *told, uint64_t now_ms)
{
    int rc = tell_since(store, told);
    if (rc == SQLITE_OK)
        rc = count_locks(store, told);
    if (rc == SQLITE_OK)
        rc = list_locks(store, told);
    if (rc != SQLITE_OK)
        vow_text_copy(told->note, sqlite3_errmsg(store->db));
    told->is_stalled = store->is_stalled;
    tell_waiters(store, told, now_ms);
}

void describe(struct store *store, struct vow_store_op *op)
{
    const uint64_t now_ms = vow_clock_ms();
    for (uint32_t i = 0; i < op->told_len; i++)
        tell(store, &op->told[i], now_ms);
    op->result = VOW_STORE_DONE;
}
