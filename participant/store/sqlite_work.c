/*
 * Joined work: a branch whose operations come one by one, before PREPARE.
 *
 * What it has changed so far is a changeset in memory, and lock rows in the file, which every connection meets. Each
 * operation applies that changeset in its savepoint with a session attached, runs, and takes one changeset of all; so
 * it sees what the branch did before, and nobody else sees anything. Nothing of it is durable: a restart forgets the
 * changesets, and open drops the locks that have no prepared branch.
 */
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

struct active {
    struct vow_gtrid gtrid;
    uint32_t branch;
    struct active *next;
    uint32_t ops;                                        /* that are done */
    struct changeset now;                                /* what they changed */
    struct changeset staged;                             /* of the batch under way */
    struct vow_store_event_copy *events, *staged_events; /* what they publish; likewise */
    bool is_staged;
    bool has_holds;   /* rows that it only reads are locked, too */
    bool is_unlocked; /* its locks go with the batch under way */
};

static struct active **bucket(struct store *store, const struct vow_gtrid *gtrid)
{
    return &store->active[vow_gtrid_hash(gtrid) % ACTIVE_BUCKETS];
}

static struct active *find(struct store *store, const struct vow_store_op *op)
{
    struct active *active = store->active_len > 0 ? *bucket(store, &op->gtrid) : NULL;
    while (active != NULL && (active->branch != op->branch || !vow_gtrid_equal(&active->gtrid, &op->gtrid)))
        active = active->next;
    return active;
}

bool work_is_active(struct store *store, const struct vow_store_op *op)
{
    return find(store, op) != NULL;
}

bool work_has_holds(struct store *store, const struct vow_store_op *op)
{
    const struct active *active = find(store, op);
    return active != NULL && active->has_holds;
}

static void clear(struct changeset *changeset)
{
    sqlite3_free((void *)changeset->data);
    *changeset = (struct changeset){.data = NULL};
}

static struct active *add(struct store *store, const struct vow_store_op *op)
{
    struct active *active = calloc(1, sizeof(*active));
    struct active **head = bucket(store, &op->gtrid);
    if (active == NULL)
        return NULL;
    active->gtrid = op->gtrid;
    active->branch = op->branch;
    active->next = *head;
    *head = active;
    store->active_len++;
    return active;
}

static void clear_events(struct vow_store_event_copy **events)
{
    vow_store_events_free(*events);
    *events = NULL;
}

static void free_active(struct active *active)
{
    clear_events(&active->events);
    clear_events(&active->staged_events);
    clear(&active->now);
    clear(&active->staged);
    free(active);
}

/* ---- within an operation's savepoint ---- */

static int delete_locks(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch)
{
    sqlite3_stmt *statement = store_statement(store, STMT_DELETE_LOCKS);
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    return statement_run(statement);
}

int work_lift_locks(struct store *store, const struct vow_store_op *op)
{
    const struct active *active = find(store, op);
    return active != NULL ? delete_locks(store, &active->gtrid, active->branch) : SQLITE_OK;
}

int work_replay(struct store *store, const struct vow_store_op *op)
{
    struct active *active = find(store, op);
    if (active == NULL)
        return SQLITE_OK;
    const int rc = publish_again(store, active->events);
    return rc == SQLITE_OK && active->now.len > 0 ? apply_changeset(store, &active->now) : rc;
}

int work_stage(struct store *store, const struct vow_store_op *op, const struct changeset *changeset)
{
    struct active *active = find(store, op);
    void *copy = changeset->len > 0 ? sqlite3_malloc(changeset->len) : NULL;
    if (active == NULL)
        active = add(store, op);
    if (active == NULL || (copy == NULL && changeset->len > 0)) {
        sqlite3_free(copy);
        return SQLITE_NOMEM;
    }
    if (copy != NULL)
        memcpy(copy, changeset->data, (size_t)changeset->len);
    clear(&active->staged);
    active->staged = (struct changeset){.data = copy, .len = changeset->len, .tables = changeset->tables};
    clear_events(&active->staged_events);
    active->staged_events = publish_take(store);
    active->is_staged = true;
    active->has_holds = active->has_holds || store->holds != NULL;
    return SQLITE_OK;
}

/* ---- the end of a branch ---- */

int work_unlock(struct store *store, const struct vow_store_op *op)
{
    struct active *active = find(store, op);
    if (active == NULL)
        return SQLITE_OK;
    active->is_unlocked = true;
    return delete_locks(store, &active->gtrid, active->branch);
}

static void unlink_active(struct store *store, struct active *active)
{
    struct active **at = bucket(store, &active->gtrid);
    while (*at != active)
        at = &(*at)->next;
    *at = active->next;
    store->active_len--;
}

/* It is over. Its locks may be left, if the batch that was to drop them could not be written. */
static void end(struct store *store, struct active *active, bool has_locks)
{
    unlink_active(store, active);
    store->has_freed = true;
    if (!has_locks) {
        free_active(active);
        return;
    }
    active->next = store->ended;
    store->ended = active;
}

static int unlock_ended(struct store *store)
{
    int rc = SQLITE_OK;
    for (const struct active *ended = store->ended; rc == SQLITE_OK && ended != NULL; ended = ended->next)
        rc = delete_locks(store, &ended->gtrid, ended->branch);
    return rc;
}

/* ---- the end of a batch ---- */

static void settle_work(struct store *store, struct active *active, bool is_done)
{
    if (is_done && active->is_staged) {
        clear(&active->now);
        active->now = active->staged;
        active->staged = (struct changeset){.data = NULL};
        clear_events(&active->events);
        active->events = active->staged_events;
        active->staged_events = NULL;
        active->ops++;
    }
    clear(&active->staged);
    clear_events(&active->staged_events);
    if (active->ops == 0)
        end(store, active, false);
}

static void settle(struct store *store, const struct vow_store_op *op, struct active *active, bool is_written)
{
    const bool is_prepared = op->kind == VOW_STORE_PREPARE && op->result == VOW_STORE_DONE;
    if (op->kind == VOW_STORE_WORK)
        settle_work(store, active, is_written && op->result == VOW_STORE_DONE);
    else if (op->kind == VOW_STORE_ABORT || (op->kind == VOW_STORE_PREPARE && op->result != 0))
        end(store, active, !is_prepared && !(is_written && active->is_unlocked));
}

static void free_list(struct active **list)
{
    while (*list != NULL) {
        struct active *first = *list;
        *list = first->next;
        free_active(first);
    }
}

void work_forget_attempt(struct store *store, const struct vow_store_op *first)
{
    for (const struct vow_store_op *op = first; op != NULL; op = (const struct vow_store_op *)op->job.next) {
        struct active *active = find(store, op);
        if (active == NULL)
            continue;
        active->is_staged = active->is_unlocked = false;
        clear(&active->staged);
        clear_events(&active->staged_events);
    }
}

void work_settle(struct store *store, const struct vow_store_op *first, bool is_written)
{
    for (const struct vow_store_op *op = first; op != NULL; op = (const struct vow_store_op *)op->job.next) {
        struct active *active = find(store, op);
        if (active == NULL)
            continue;
        settle(store, op, active, is_written);
    }
}

void work_sweep(struct store *store)
{
    if (store->ended == NULL)
        return;
    int rc = store_run(store, STMT_BEGIN);
    if (rc == SQLITE_OK)
        rc = unlock_ended(store);
    if (rc == SQLITE_OK)
        rc = store_run(store, STMT_COMMIT);
    if (rc == SQLITE_OK)
        free_list(&store->ended);
    else if (store_in_transaction(store))
        store_run(store, STMT_ROLLBACK);
}

/* ---- open and close ---- */

int work_drop_all(struct store *store)
{
    return store_exec(store, "DELETE FROM vow_lock WHERE (gtrid, branch) NOT IN "
                             "(SELECT gtrid, branch FROM vow_branch WHERE state = 'prepared')");
}

void work_free(struct store *store)
{
    for (int i = 0; i < ACTIVE_BUCKETS; i++)
        free_list(&store->active[i]);
    free_list(&store->ended);
}
