/*
 * The outbox: events that are true and not yet with the coordinator, in the service's own file. An event gets there in
 * the transaction that makes the change true which it tells of, and gets its number there (I25, F190, F204): that of a
 * one-phase commit, of a step, of a reaction to another event; and for a prepared branch that of its COMMIT. Until then
 * it lies beside the branch's record without a number, and an ABORT takes it away (B57). It leaves the outbox when the
 * coordinator has said that it is durable there (B58).
 *
 * How many there are, with those of prepared branches, is counted in vow_meta: a service that publishes faster than
 * they are sent is refused before anything is lost (F205).
 */
#include "participant/store/outbox_row.h"
#include "participant/store/sqlite_store.h"
#include "proto/net/crash.h"

/* Of the row, its index, the counter of its key, and where it was kept before. */
#define PAGES_OF_AN_EVENT 14u

static int count(struct store *store, int64_t change)
{
    sqlite3_stmt *statement = store_statement(store, STMT_OUTBOX_COUNT);
    if (change == 0)
        return SQLITE_OK;
    store->outbox_len_is_old = true;
    sqlite3_bind_int64(statement, 1, change);
    return statement_run(statement);
}

static int put(struct store *store, const struct vow_store_event *event)
{
    const struct outbox_statements statements = {store_statement(store, STMT_NEXT_KEY_SEQ),
                                                 store_statement(store, STMT_INSERT_OUTBOX)};
    store->outbox_is_new = true;
    return outbox_row_put(&statements, event);
}

int outbox_put(struct store *store)
{
    int rc = SQLITE_OK;
    store->batch_pages += outbox_space(store).pages;
    for (const struct vow_store_event_copy *copy = store->events; rc == SQLITE_OK && copy != NULL; copy = copy->next) {
        VOW_CRASH("store", "mid", "PUBLISH");
        rc = put(store, &copy->event);
    }
    return rc == SQLITE_OK ? count(store, store->events_len) : rc;
}

/* ---- of a prepared branch ---- */

static sqlite3_stmt *of_branch(struct store *store, enum statement which, const struct vow_gtrid *gtrid,
                               uint32_t branch)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    return statement;
}

static int keep_one(struct store *store, const struct vow_store_op *op, const struct vow_store_event *event, int n)
{
    sqlite3_stmt *statement = of_branch(store, STMT_KEEP_EVENT, &op->gtrid, op->branch);
    sqlite3_bind_int(statement, 3, n);
    sqlite3_bind_text(statement, 4, event->key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 5, event->topic, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 6, event->version);
    sqlite3_bind_int64(statement, 7, event->hops);
    sqlite3_bind_text(statement, 8, event->headers, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 9, event->payload.len > 0 ? (const void *)event->payload.data : "",
                      (int)event->payload.len, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 10, (sqlite3_int64)event->deadline_us);
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

int outbox_keep(struct store *store, const struct vow_store_op *op)
{
    int rc = SQLITE_OK, n = 0;
    for (const struct vow_store_event_copy *copy = store->events; rc == SQLITE_OK && copy != NULL; copy = copy->next)
        rc = keep_one(store, op, &copy->event, n++);
    return rc == SQLITE_OK ? count(store, n) : rc;
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    return (const char *)sqlite3_column_text(row, column);
}

static int put_kept(struct store *store, const struct vow_store_op *op, sqlite3_stmt *row)
{
    const struct vow_store_event event = {
        .key = text_of(row, 0),
        .topic = text_of(row, 1),
        .gtrid = op->gtrid,
        .version = (uint32_t)sqlite3_column_int64(row, 2),
        .hops = (uint32_t)sqlite3_column_int64(row, 3),
        .headers = text_of(row, 4),
        .payload = {sqlite3_column_blob(row, 5), (size_t)sqlite3_column_bytes(row, 5)},
        .deadline_us = (uint64_t)sqlite3_column_int64(row, 6),
    };
    if (event.key == NULL || event.topic == NULL || event.headers == NULL)
        return sqlite3_errcode(store->db) == SQLITE_NOMEM ? SQLITE_NOMEM : SQLITE_CORRUPT;
    return put(store, &event);
}

/* They are counted already. */
int outbox_commit(struct store *store, const struct vow_store_op *op)
{
    sqlite3_stmt *row = of_branch(store, STMT_LIST_EVENTS, &op->gtrid, op->branch);
    int rc = SQLITE_OK, n = 0;
    for (; rc == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW; n++)
        rc = put_kept(store, op, row);
    const int end = sqlite3_reset(row);
    if (rc == SQLITE_OK)
        rc = end;
    if (rc != SQLITE_OK || n == 0)
        return rc;
    return statement_run(of_branch(store, STMT_DROP_EVENTS, &op->gtrid, op->branch));
}

int outbox_drop(struct store *store, const struct vow_store_op *op)
{
    const int rc = statement_run(of_branch(store, STMT_DROP_EVENTS, &op->gtrid, op->branch));
    return rc == SQLITE_OK ? count(store, -(int64_t)sqlite3_changes(store->db)) : rc;
}

/* ---- room ---- */

static struct space space_of_events(const struct store *store, int64_t count, int64_t bytes)
{
    const int64_t content = bytes / store->page_size;
    return (struct space){.pages = count * PAGES_OF_AN_EVENT + 4 * content, .growth = 2 * count + 2 * content};
}

struct space outbox_space(const struct store *store)
{
    int64_t bytes = 0;
    for (const struct vow_store_event_copy *copy = store->events; copy != NULL; copy = copy->next)
        bytes += (int64_t)copy->event.payload.len;
    return space_of_events(store, store->events_len, bytes);
}

int outbox_kept_space(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, struct space *space,
                      int64_t *count)
{
    sqlite3_stmt *row = of_branch(store, STMT_SPACE_OF_EVENTS, gtrid, branch);
    if (sqlite3_step(row) == SQLITE_ROW) {
        *count = sqlite3_column_int64(row, 0);
        *space = space_of_events(store, *count, sqlite3_column_int64(row, 1));
    }
    return sqlite3_reset(row);
}

/* ---- sent ---- */

/* So many at most leave the archive at once: more than come, so that a lower limit is come down to. */
#define ARCHIVE_TRIM (4 * (int)VOW_OUTBOX_WINDOW)

int outbox_make_archive(struct store *store)
{
    if (store->options.outbox_archive_max == 0)
        return SQLITE_OK;
    return store_exec(store, "CREATE TABLE IF NOT EXISTS vow_outbox_archive ("
                             " n INTEGER PRIMARY KEY, agg_key TEXT NOT NULL, agg_seq INTEGER NOT NULL, topic TEXT NOT"
                             " NULL, version INTEGER NOT NULL, hops INTEGER NOT NULL, gtrid BLOB NOT NULL, wall_us"
                             " INTEGER NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL, deadline_us INTEGER"
                             " NOT NULL)");
}

static sqlite3_stmt *of_sent(struct store *store, enum statement which, const struct vow_store_outbox *outbox,
                             uint32_t i)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_text(statement, 1, outbox->keys[i].key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)outbox->keys[i].key_seq);
    return statement;
}

static int size_of_sent(struct store *store, const struct vow_store_outbox *outbox, int64_t *bytes)
{
    int rc = SQLITE_OK;
    for (uint32_t i = 0; rc == SQLITE_OK && i < outbox->keys_len; i++) {
        sqlite3_stmt *row = of_sent(store, STMT_SIZE_OF_OUTBOX, outbox, i);
        *bytes += sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
        rc = sqlite3_reset(row);
    }
    return rc;
}

static int put_in_archive(struct store *store, const struct vow_store_outbox *outbox)
{
    sqlite3_stmt *trim = store_statement(store, STMT_TRIM_ARCHIVE);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; rc == SQLITE_OK && i < outbox->keys_len; i++)
        rc = statement_run(of_sent(store, STMT_ARCHIVE_OUTBOX, outbox, i));
    sqlite3_bind_int64(trim, 1, store->options.outbox_archive_max);
    sqlite3_bind_int(trim, 2, ARCHIVE_TRIM);
    return rc == SQLITE_OK ? statement_run(trim) : rc;
}

/*
 * An archive is nothing that anybody waits for, and the room on the disk is for what was voted for (F055): what it
 * takes is counted as that of new work is, and if there is none the batch is done again without it.
 */
static int archive(struct store *store, const struct vow_store_outbox *outbox)
{
    int64_t bytes = 0;
    if (store->options.outbox_archive_max == 0 || store->has_no_room_to_archive)
        return SQLITE_OK;
    const int rc = size_of_sent(store, outbox, &bytes);
    const struct space space = space_of_events(store, outbox->keys_len, bytes);
    if (rc != SQLITE_OK || !space_has_pages(store, space))
        return rc;
    store->has_archived = true;
    store->batch_pages += space.pages;
    return put_in_archive(store, outbox);
}

int outbox_done(struct store *store, struct vow_store_op *op)
{
    const struct vow_store_outbox *outbox = op->outbox;
    int rc = archive(store, outbox);
    int64_t gone = 0;
    for (uint32_t i = 0; rc == SQLITE_OK && i < outbox->keys_len; i++) {
        rc = statement_run(of_sent(store, STMT_DELETE_OUTBOX, outbox, i));
        gone += rc == SQLITE_OK ? sqlite3_changes(store->db) : 0;
        outbox_unskip(store, outbox->keys[i].key);
    }
    op->result = VOW_STORE_DONE;
    return rc == SQLITE_OK ? count(store, -gone) : rc;
}

int outbox_set_max(struct store *store)
{
    char sql[128];
    sqlite3_snprintf(sizeof(sql), sql, "UPDATE vow_meta SET value = %u WHERE key = 'outbox_max' AND value <> %u",
                     store->options.outbox_max, store->options.outbox_max);
    return store_exec(store, sql);
}
