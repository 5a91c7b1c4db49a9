/*
 * What is to be sent next: of each key the oldest event that is in the outbox, unless one of that key is under way (per
 * key one after the other, sagas 4.5). An OUTBOX_READ waits here until there is something: what this store writes tells
 * it, and what other connections write is looked for with each batch and each tick.
 *
 * Nothing is sent that is not durable: the number of an event that a power failure takes back would be given to another
 * one, which the coordinator then would take for the first. This store's own commits with events are synced. Those of
 * other connections may not be (PRAGMA synchronous is each connection's own), so a synced commit of our own is put
 * behind them: a sync of the WAL is one of all that is in it.
 */
#include <stdio.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

static bool is_skipped(const struct vow_store_outbox *outbox, const char *key)
{
    for (uint32_t i = 0; i < outbox->keys_len; i++)
        if (strcmp(outbox->keys[i].key, key) == 0)
            return true;
    return false;
}

void outbox_unskip(struct store *store, const char *key)
{
    if (store->reader == NULL)
        return;
    struct vow_store_outbox *outbox = store->reader->outbox;
    for (uint32_t i = 0; i < outbox->keys_len; i++)
        if (strcmp(outbox->keys[i].key, key) == 0)
            outbox->keys[i--] = outbox->keys[--outbox->keys_len];
    store->outbox_is_new = true;
}

/* ---- reading ---- */

static bool read_row(sqlite3_stmt *row, struct vow_store_event *event)
{
    *event = (struct vow_store_event){
        .key = (const char *)sqlite3_column_text(row, 0),
        .key_seq = (uint64_t)sqlite3_column_int64(row, 1),
        .topic = (const char *)sqlite3_column_text(row, 2),
        .version = (uint32_t)sqlite3_column_int64(row, 3),
        .hops = (uint32_t)sqlite3_column_int64(row, 4),
        .wall_us = (uint64_t)sqlite3_column_int64(row, 6),
        .headers = (const char *)sqlite3_column_text(row, 7),
        .payload = {sqlite3_column_blob(row, 8), (size_t)sqlite3_column_bytes(row, 8)},
        .deadline_us = (uint64_t)sqlite3_column_int64(row, 9),
    };
    if (event->key == NULL || strlen(event->key) >= VOW_KEY_SIZE || event->topic == NULL || event->headers == NULL ||
        sqlite3_column_bytes(row, 5) != VOW_GTRID_BYTES)
        return false;
    memcpy(event->gtrid.bytes, sqlite3_column_blob(row, 5), VOW_GTRID_BYTES);
    return true;
}

/* The first event of the first key behind `key`, which becomes that one; NULL = there is none. */
static int read_next(struct store *store, char key[VOW_KEY_SIZE], struct vow_store_event_copy **copy)
{
    struct vow_store_event event;
    sqlite3_stmt *row = store_statement(store, STMT_FIND_HEAD);
    sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
    *copy = NULL;
    const bool found = sqlite3_step(row) == SQLITE_ROW, is_whole = found && read_row(row, &event);
    if (is_whole) {
        memcpy(key, event.key, strlen(event.key) + 1);
        *copy = vow_store_event_copy(&event);
    }
    const int rc = sqlite3_reset(row);
    if (rc != SQLITE_OK || !found)
        return rc;
    return !is_whole ? SQLITE_CORRUPT : *copy == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

struct reading {
    struct vow_store_event_copy **end;
    uint32_t len;
};

/* Keys behind `from`, as far as `to`; "" = to the last. */
static int read_range(struct store *store, struct vow_store_outbox *outbox, const char *from, const char *to,
                      struct reading *reading)
{
    char key[VOW_KEY_SIZE];
    (void)snprintf(key, sizeof(key), "%s", from);
    while (reading->len < outbox->max) {
        struct vow_store_event_copy *copy;
        const int rc = read_next(store, key, &copy);
        if (rc != SQLITE_OK || copy == NULL)
            return rc;
        if (is_skipped(outbox, key) || (to[0] != '\0' && strcmp(key, to) > 0)) {
            vow_store_events_free(copy);
            if (is_skipped(outbox, key))
                continue;
            return SQLITE_OK;
        }
        *reading->end = copy;
        reading->end = &copy->next;
        reading->len++;
    }
    return SQLITE_OK;
}

/* Comes around, so that keys at the end of the alphabet have their turn, too. */
static int read_heads(struct store *store, struct vow_store_outbox *outbox)
{
    struct reading reading = {.end = &outbox->events};
    int rc = read_range(store, outbox, outbox->after, "", &reading);
    if (rc == SQLITE_OK && outbox->after[0] != '\0')
        rc = read_range(store, outbox, "", outbox->after, &reading);
    return rc;
}

/* ---- serving ---- */

static int look_around(struct store *store)
{
    sqlite3_stmt *statement = store_statement(store, STMT_DATA_VERSION);
    const int64_t version = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    const int rc = sqlite3_reset(statement);
    if (rc == SQLITE_OK && version != store->data_version) {
        store->data_version = version;
        store->outbox_is_new = store->is_unsynced = store->outbox_len_is_old = true;
    }
    return rc;
}

/* A gauge: what is not read now is read with the next batch, or the next tick. */
static void note_len(struct store *store)
{
    sqlite3_stmt *statement = store_statement(store, STMT_OUTBOX_LEN);
    const int64_t len = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    if (sqlite3_reset(statement) == SQLITE_OK && len >= 0) {
        store->stats.outbox_len = (uint64_t)len;
        store->outbox_len_is_old = false;
    }
}

/* A change in earnest: a row that is written as it was leaves no page to be written, and nothing to be synced. */
static int sync_others(struct store *store)
{
    if (!store->is_unsynced)
        return SQLITE_OK;
    int rc = store_exec(store, "PRAGMA synchronous = FULL");
    store->synchronous_full = store->synchronous_full || rc == SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = store_run(store, STMT_BEGIN);
    if (rc == SQLITE_OK)
        rc = store_exec(store, "UPDATE vow_meta SET value = value + 1 WHERE key = 'outbox_synced'");
    if (rc == SQLITE_OK)
        rc = store_run(store, STMT_COMMIT);
    if (rc != SQLITE_OK && store_in_transaction(store))
        store_run(store, STMT_ROLLBACK);
    store->is_unsynced = rc != SQLITE_OK;
    return rc;
}

/* Nothing was read or written: it is tried again with the next tick. */
static bool may_pass(struct store *store, int rc)
{
    return rc == SQLITE_NOMEM || space_is_short(store, rc);
}

int outbox_serve(struct store *store, struct vow_job **served)
{
    struct vow_store_op *reader = store->reader;
    /* Rows that are to be deleted may still be there. */
    if (store->failed || store->is_stalled)
        return SQLITE_OK;
    int rc = look_around(store);
    if (rc == SQLITE_OK && store->outbox_len_is_old)
        note_len(store);
    if (reader == NULL)
        return may_pass(store, rc) ? SQLITE_OK : rc;
    if (rc == SQLITE_OK && !store->outbox_is_new)
        return SQLITE_OK;
    store->outbox_is_new = false;
    if (rc == SQLITE_OK)
        rc = read_heads(store, reader->outbox);
    /* What was committed in between may be among it. */
    if (rc == SQLITE_OK)
        rc = look_around(store);
    if (rc == SQLITE_OK && reader->outbox->events != NULL)
        rc = sync_others(store);
    if (rc == SQLITE_OK && reader->outbox->events == NULL)
        return SQLITE_OK;
    if (rc == SQLITE_OK) {
        reader->result = VOW_STORE_DONE;
        *served = &reader->job;
        store->reader = NULL;
        return SQLITE_OK;
    }
    vow_store_events_free(reader->outbox->events);
    reader->outbox->events = NULL;
    store->outbox_is_new = true;
    return may_pass(store, rc) ? SQLITE_OK : rc;
}
