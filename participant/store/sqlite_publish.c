/*
 * What the operation at work publishes. During the handlers it is a list in memory, like what they hold: whatever
 * becomes of the work, the events go where its change goes, in the same SQLite transaction (I25, F190): into the outbox
 * if it commits with the batch, beside the branch's record if it is prepared, nowhere if it is undone.
 */
#include <stdlib.h>

#include "participant/store/sqlite_store.h"

void publish_clear(struct store *store)
{
    vow_store_events_free(store->events);
    store->events = NULL;
    store->events_len = 0;
}

struct vow_store_event_copy *publish_take(struct store *store)
{
    struct vow_store_event_copy *events = store->events;
    store->events = NULL;
    store->events_len = 0;
    return events;
}

static int add(struct store *store, const struct vow_store_event *event)
{
    struct vow_store_event_copy *copy = vow_store_event_copy(event), **end = &store->events;
    if (copy == NULL)
        return SQLITE_NOMEM;
    while (*end != NULL)
        end = &(*end)->next;
    *end = copy;
    store->events_len++;
    return SQLITE_OK;
}

int publish_again(struct store *store, const struct vow_store_event_copy *events)
{
    int rc = SQLITE_OK;
    for (; rc == SQLITE_OK && events != NULL; events = events->next)
        rc = add(store, &events->event);
    return rc;
}

/* Those that are kept for prepared branches count, too: a COMMIT must find room for them (F205). The authorizer denies
 * Vow's tables to the handler that this is called from. */
static int check_room(struct store *store)
{
    store->in_handler = false;
    sqlite3_stmt *statement = store_statement(store, STMT_OUTBOX_LEN);
    const int64_t len = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    const int rc = sqlite3_reset(statement);
    store->in_handler = true;
    if (rc != SQLITE_OK || len < 0)
        return VOW_E_DATABASE;
    return len + store->events_len < store->options.outbox_max ? 0 : VOW_E_BUSY;
}

int vow_store_sqlite_publish(void *ctx, const struct vow_store_event *event)
{
    struct store *store = ctx;
    if (!store->in_handler)
        return VOW_E_STATE;
    if (store->events_len >= VOW_STORE_EVENTS_MAX)
        return VOW_E_TOO_LARGE;
    const int error = check_room(store);
    if (error != 0)
        return error;
    return add(store, event) == SQLITE_OK ? 0 : VOW_E_NO_MEMORY;
}
