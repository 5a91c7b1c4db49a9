/*
 * Received events: what a group of this service has handled lies in vow_inbox, under (group, source, key, number), and
 * gets there in the transaction that has the effect of it and the events that this one leads to (I24, I26, F190,
 * F192). So an event takes effect once, however often it is delivered and whenever the process dies.
 *
 * Only what is handled is recorded. What the handler refuses goes to the coordinator's dead letters, and is tried again
 * from there when an operator says so.
 *
 * Records that are older than the retention go, in the order of the events' offsets, and of each its offset stays
 * (sqlite_inbox_known.c). Of what is older than those, too, nobody knows whether it was handled: it is refused for
 * good, and not run again (F209, F212). So nothing goes that lies above what the group has done, as the coordinator
 * knows it: there may be events between that were never run, and come when a service is back that was away for so
 * long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

/* Old records are looked for this often, and so many of a group at once. */
#define PURGE_EVERY_MS 60000u
#define PURGE_EVENTS 1000

/* ---- outcomes ---- */

static int refuse(struct vow_store_op *op, enum vow_cause cause, const char *text)
{
    op->result = VOW_STORE_REFUSED;
    op->cause = cause;
    vow_text_copy(op->text, text);
    return SQLITE_OK;
}

static int conclude(struct vow_store_op *op, bool is_repeat)
{
    op->result = VOW_STORE_DONE;
    op->cause = VOW_CAUSE_NONE;
    op->text[0] = '\0';
    op->delivery->outcome = VOW_EVENT_DONE;
    op->delivery->is_repeat = is_repeat;
    return SQLITE_OK;
}

/* What the service has refused, and what it cannot do. All else may go another time: a row that is held, a full disk,
 * an error in the handler. */
static bool is_for_good(const struct vow_store_op *op)
{
    return op->delivery->is_unable || op->cause == VOW_CAUSE_HANDLER_REFUSED ||
           op->cause == VOW_CAUSE_NO_SUCH_HANDLER || op->cause == VOW_CAUSE_NOT_CAPTURED;
}

void inbox_tell_refused(const struct vow_job *done)
{
    for (; done != NULL; done = done->next) {
        const struct vow_store_op *op = (const struct vow_store_op *)done;
        if (op->kind == VOW_STORE_EVENT && op->result == VOW_STORE_REFUSED)
            op->delivery->outcome = is_for_good(op) ? VOW_EVENT_UNABLE : VOW_EVENT_NOT_YET;
    }
}

/* ---- records ---- */

static sqlite3_stmt *of_event(struct store *store, enum statement which, const struct vow_store_delivery *delivery)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_text(statement, 1, delivery->group, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, delivery->source, VOW_DB_UUID_BYTES, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, delivery->event.key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)delivery->event.key_seq);
    return statement;
}

/* One that cannot be read must not pass for none. */
static int find(struct store *store, const struct vow_store_delivery *delivery, bool *is_handled)
{
    sqlite3_stmt *statement = of_event(store, STMT_FIND_INBOX, delivery);
    *is_handled = sqlite3_step(statement) == SQLITE_ROW;
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int insert(struct store *store, const struct vow_store_delivery *delivery)
{
    sqlite3_stmt *statement = of_event(store, STMT_INSERT_INBOX, delivery);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)inbox_place(store, delivery->offset));
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)vow_clock_wall_us());
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int is_purged(struct store *store, const struct vow_store_delivery *delivery, bool *is)
{
    const uint64_t place = inbox_place(store, delivery->offset);
    sqlite3_stmt *statement = store_statement(store, STMT_INBOX_FLOOR);
    sqlite3_bind_text(statement, 1, delivery->group, -1, SQLITE_STATIC);
    *is = sqlite3_step(statement) == SQLITE_ROW && (uint64_t)sqlite3_column_int64(statement, 0) >= place;
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* ---- doing it ---- */

/* The effect, what it leads to, and the record, in one savepoint. */
static int react(struct store *store, struct vow_store_op *op)
{
    int64_t changes = 0;
    int rc = branch_run_at_once(store, op, &changes);
    if (rc != SQLITE_OK || op->result == VOW_STORE_REFUSED || op->waits)
        return rc;
    store->batch_pages += space_of_changes(changes + 2);
    VOW_CRASH("store", "mid", "EVENT");
    rc = outbox_put(store);
    if (rc == SQLITE_OK)
        rc = insert(store, op->delivery);
    return rc == SQLITE_OK ? conclude(op, false) : rc;
}

static int do_event(struct store *store, struct vow_store_op *op)
{
    if (store->options.event == NULL)
        return refuse(op, VOW_CAUSE_NO_SUCH_HANDLER, "nothing here reacts to events");
    int rc = store_run(store, STMT_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = react(store, op);
    /* A handler that has ended the transaction has its NO, and the batch begins anew without it. */
    if (rc == SQLITE_OK && !store_in_transaction(store))
        return SQLITE_ABORT_ROLLBACK;
    if (rc != SQLITE_OK && branch_is_batch_error(store, rc))
        return rc;
    if (rc != SQLITE_OK)
        refuse(op, rc == SQLITE_NOMEM ? VOW_CAUSE_NO_SPACE : VOW_CAUSE_PARTICIPANT_FAILED, sqlite3_errmsg(store->db));
    return op->result == VOW_STORE_DONE ? store_run(store, STMT_RELEASE) : branch_roll_back(store);
}

int branch_event(struct store *store, struct vow_store_op *op)
{
    struct vow_store_delivery *delivery = op->delivery;
    bool is_handled = false, is_old = false;
    delivery->outcome = 0;
    delivery->is_repeat = delivery->is_old = delivery->is_unable = false;
    int rc = find(store, delivery, &is_handled);
    if (rc == SQLITE_OK && !is_handled && store->options.event != NULL)
        rc = known_has(store, delivery->group, inbox_place(store, delivery->offset), &delivery->is_old);
    if (rc == SQLITE_OK && (is_handled || delivery->is_old))
        return conclude(op, true);
    if (rc == SQLITE_OK)
        rc = is_purged(store, delivery, &is_old);
    if (rc != SQLITE_OK)
        return rc;
    if (!is_old)
        return do_event(store, op);
    delivery->is_unable = true;
    return refuse(op, VOW_CAUSE_TOO_LATE, "too old: whether it was handled is not known any more");
}

/* ---- forgetting ---- */

struct inbox_group {
    struct inbox_group *next;
    uint64_t done_to;
    char name[VOW_NAME_SIZE];
};

static struct inbox_group *find_group(const struct store *store, const char *name)
{
    struct inbox_group *group = store->inbox_groups;
    while (group != NULL && strcmp(group->name, name) != 0)
        group = group->next;
    return group;
}

/* The newest word counts, also if it is less: the group goes back. Of a group that does not fit into memory nothing is
 * forgotten. */
static void note_done(struct store *store, const struct vow_store_delivery *delivery)
{
    struct inbox_group *group = find_group(store, delivery->group);
    if (group == NULL) {
        group = calloc(1, sizeof(*group));
        if (group == NULL)
            return;
        (void)snprintf(group->name, sizeof(group->name), "%s", delivery->group);
        group->next = store->inbox_groups;
        store->inbox_groups = group;
    }
    group->done_to = inbox_place(store, delivery->done_to);
}

void inbox_free(struct store *store)
{
    for (struct inbox_group *group = store->inbox_groups, *next; group != NULL; group = next) {
        next = group->next;
        free(group);
    }
}

/* The oldest records, which go; those behind one that is still young stay, and those above what is done. */
static int find_old(struct store *store, const char *name, sqlite3_int64 offsets[PURGE_EVENTS], int *events)
{
    const struct inbox_group *group = find_group(store, name);
    const uint64_t now_us = vow_clock_wall_us(), retention_ms = store->options.inbox_retention_ms;
    const int64_t before_us = now_us / 1000 > retention_ms ? (int64_t)(now_us - retention_ms * 1000) : 0;
    sqlite3_stmt *statement = store_statement(store, STMT_LIST_OLD_INBOX);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, PURGE_EVENTS);
    sqlite3_bind_int64(statement, 3, group != NULL ? (sqlite3_int64)group->done_to : 0);
    for (*events = 0; sqlite3_step(statement) == SQLITE_ROW; ++*events) {
        if (sqlite3_column_int64(statement, 1) >= before_us)
            break;
        offsets[*events] = sqlite3_column_int64(statement, 0);
    }
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int run_on(struct store *store, enum statement which, const char *group, int64_t floor)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, floor);
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

int inbox_raise_floor(struct store *store, const char *group, int64_t floor)
{
    return run_on(store, STMT_RAISE_INBOX_FLOOR, group, floor);
}

static int purge_group(struct store *store, const char *group, bool *has_more)
{
    sqlite3_int64 offsets[PURGE_EVENTS];
    int events = 0;
    int rc = find_old(store, group, offsets, &events);
    if (rc != SQLITE_OK || events == 0)
        return rc;
    *has_more = *has_more || events == PURGE_EVENTS;
    rc = known_add(store, group, offsets, events);
    return rc == SQLITE_OK ? run_on(store, STMT_PURGE_INBOX, group, offsets[events - 1]) : rc;
}

/* The first group behind that one; "" = there is none. */
static int next_group(struct store *store, char group[VOW_NAME_SIZE])
{
    sqlite3_stmt *statement = store_statement(store, STMT_NEXT_INBOX_GROUP);
    sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
    const char *found = sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    (void)snprintf(group, VOW_NAME_SIZE, "%s", found != NULL ? found : "");
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int purge(struct store *store)
{
    const uint64_t now_ms = vow_clock_ms();
    char group[VOW_NAME_SIZE] = "";
    bool has_more = false;
    if (now_ms < store->purge_inbox_at_ms)
        return SQLITE_OK;
    int rc = next_group(store, group);
    while (rc == SQLITE_OK && group[0] != '\0') {
        rc = purge_group(store, group, &has_more);
        if (rc == SQLITE_OK)
            rc = next_group(store, group);
    }
    if (rc == SQLITE_OK && !has_more)
        store->purge_inbox_at_ms = now_ms + PURGE_EVERY_MS;
    return rc;
}

int inbox_begin(struct store *store, const struct vow_store_op *batch)
{
    const int rc = inbox_follow(store, batch);
    for (const struct vow_store_op *op = batch; op != NULL; op = (const struct vow_store_op *)op->job.next)
        if (op->kind == VOW_STORE_EVENT)
            note_done(store, op->delivery);
    return rc == SQLITE_OK ? purge(store) : rc;
}
