/*
 * What the trace tells of branches (docs/trace.md): after each batch, of what is durable by then and in the order in
 * which it was done. So a YES is in the trace only once PREPARED is on disk, and a row is free there before the next
 * one has it. A row is said once to be taken and once to be free, whichever operation took it: what was said is kept
 * here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

/* Of one branch: of one that holds more rows, these are told. */
#define LOCKS_MAX 256u
#define KEY_SIZE VOW_STORE_LOCK_SIZE
#define BUCKETS 256u

/* A branch, and the rows of it that were told to be taken. */
struct told {
    struct told *next; /* of the same bucket */
    struct vow_gtrid gtrid;
    uint32_t branch;
    bool has_voted;
    uint32_t keys_len, keys_cap;
    char (*keys)[KEY_SIZE];
};

struct store_trace {
    struct vow_trace *to; /* not NULL */
    struct told *told[BUCKETS];
};

/* ---- what was told ---- */

static struct told **find(struct store_trace *trace, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct told **at = &trace->told[vow_gtrid_hash(gtrid) % BUCKETS];
    while (*at != NULL && ((*at)->branch != branch || !vow_gtrid_equal(&(*at)->gtrid, gtrid)))
        at = &(*at)->next;
    return at;
}

static struct told *find_or_add(struct store_trace *trace, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct told **at = find(trace, gtrid, branch);
    if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL) {
        (*at)->gtrid = *gtrid;
        (*at)->branch = branch;
    }
    return *at;
}

static bool has_key(const struct told *told, const char *key)
{
    for (uint32_t i = 0; i < told->keys_len; i++)
        if (strcmp(told->keys[i], key) == 0)
            return true;
    return false;
}

/* False: it is there already, or there is no memory, and it is not told. */
static bool add_key(struct told *told, const char *key)
{
    if (has_key(told, key))
        return false;
    if (told->keys_len == told->keys_cap) {
        const uint32_t cap = told->keys_cap > 0 ? 2 * told->keys_cap : 4;
        char(*keys)[KEY_SIZE] = realloc(told->keys, cap * sizeof(*keys));
        if (keys == NULL)
            return false;
        told->keys = keys;
        told->keys_cap = cap;
    }
    memcpy(told->keys[told->keys_len++], key, strlen(key) + 1);
    return true;
}

/* ---- locks ---- */

/* Appends what is printable, up to the end of the key's size. */
static void append(char key[KEY_SIZE], const char *text, size_t len)
{
    size_t at = strlen(key);
    for (size_t i = 0, step; i < len && text[i] != '\0'; i += step) {
        const size_t printable = vow_text_printable_len(text + i);
        step = printable > 0 ? printable : 1;
        if (at + step >= KEY_SIZE)
            break;
        memcpy(key + at, printable > 0 ? text + i : "?", step);
        at += step;
    }
    key[at] = '\0';
}

/*
 * "item/3", "account/alice", of a unique index "account.NAME/VALUE": as the lock has its values, by commas, without the
 * quotes of texts. Behind a blank a shared lock has its holder.
 */
bool store_trace_key(char key[KEY_SIZE], const char *table, const char *index, const char *values)
{
    bool is_quoted = false;
    key[0] = '\0';
    append(key, table, strlen(table));
    append(key, index[0] != '\0' ? "." : "", 1);
    append(key, index, strlen(index));
    append(key, "/", 1);
    for (; *values != '\0' && (is_quoted || *values != ' ');) {
        const size_t printable = vow_text_printable_len(values);
        const size_t len = printable > 0 ? printable : 1;
        if (*values == '\'')
            is_quoted = !is_quoted;
        else
            append(key, values, len);
        values += len;
    }
    return *values == ' ' || index[0] == LOCK_HAS_NEW_CHILD[0] || index[0] == LOCK_LOSES_ROW[0];
}

static void tell_lock(const struct store_trace *trace, struct told *told, const char *key, bool is_shared)
{
    if (!add_key(told, key))
        return;
    if (is_shared)
        VOW_TRACE(trace->to, "lock", &told->gtrid, VOW_STR("key", key), VOW_NUM("shared", 1));
    else
        VOW_TRACE(trace->to, "lock", &told->gtrid, VOW_STR("key", key));
}

/* NULL: there is no memory. */
static struct told *tell_locks(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct told *told = find_or_add(store->trace, gtrid, branch);
    sqlite3_stmt *statement = store_statement(store, STMT_LIST_LOCKS);
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    sqlite3_bind_int64(statement, 3, LOCKS_MAX);
    while (told != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(statement, 0);
        const char *index = (const char *)sqlite3_column_text(statement, 1);
        const char *values = (const char *)sqlite3_column_text(statement, 2);
        char key[KEY_SIZE];
        if (table == NULL || index == NULL || values == NULL)
            continue;
        const bool is_shared = store_trace_key(key, table, index, values);
        tell_lock(store->trace, told, key, is_shared);
    }
    sqlite3_reset(statement);
    return told;
}

static void tell_free(struct store_trace *trace, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct told **at = find(trace, gtrid, branch), *told = *at;
    if (told == NULL)
        return;
    for (uint32_t i = 0; i < told->keys_len; i++)
        VOW_TRACE(trace->to, "free", gtrid, VOW_STR("key", told->keys[i]));
    *at = told->next;
    free(told->keys);
    free(told);
}

static void tell_conflict(const struct store_trace *trace, const struct vow_store_op *op, const char *what)
{
    char holder[VOW_GTRID_TEXT_SIZE];
    if (vow_gtrid_is_none(&op->waits_for))
        return;
    vow_gtrid_to_text(&op->waits_for, holder);
    VOW_TRACE(trace->to, what, &op->gtrid, VOW_STR("key", op->waits_key), VOW_STR("for", holder));
}

/* ---- operations ---- */

/* A decision that comes again, or for a branch that never did anything here, carries nothing out. */
static void tell_end(struct store_trace *trace, const struct vow_store_op *op, const char *outcome)
{
    const bool is_by_hand = op->kind == VOW_STORE_HEURISTIC_COMMIT || op->kind == VOW_STORE_HEURISTIC_ABORT;
    if (op->result != VOW_STORE_DONE || *find(trace, &op->gtrid, op->branch) == NULL)
        return;
    if (is_by_hand)
        VOW_TRACE(trace->to, "applied", &op->gtrid, VOW_STR("outcome", outcome), VOW_NUM("heuristic", 1));
    else
        VOW_TRACE(trace->to, "applied", &op->gtrid, VOW_STR("outcome", outcome));
    tell_free(trace, &op->gtrid, op->branch);
}

static void tell_work(struct store *store, const struct vow_store_op *op)
{
    if (op->result == VOW_STORE_DONE)
        (void)tell_locks(store, &op->gtrid, op->branch);
}

/* Whatever is no YES is the end of the branch, and of the locks of its joined work. */
static void tell_vote(struct store *store, const struct vow_store_op *op)
{
    struct told *told = NULL;
    if (op->result == VOW_STORE_DONE)
        told = tell_locks(store, &op->gtrid, op->branch);
    else
        tell_free(store->trace, &op->gtrid, op->branch);
    if (told == NULL || told->has_voted)
        return;
    told->has_voted = true;
    VOW_TRACE_BARE(store->trace->to, "yes", &op->gtrid);
}

/* Asked for again, or delivered again, when it is done: its record answers, and nothing has happened (F190). */
static void tell_again(const struct store_trace *trace, const struct vow_gtrid *gtrid, const char *of)
{
    VOW_TRACE(trace->to, "again", vow_gtrid_is_none(gtrid) ? NULL : gtrid, VOW_STR("of", of));
}

static void tell_step(const struct store_trace *trace, const struct vow_store_op *op)
{
    const struct vow_store_step *step = op->step;
    const bool is_done = op->result == VOW_STORE_DONE && step->outcome == VOW_STEP_DONE;
    if (op->result != VOW_STORE_DONE)
        return;
    if (step->is_repeat) {
        tell_again(trace, &op->gtrid, "step");
        return;
    }
    VOW_TRACE(trace->to, "step", &op->gtrid, VOW_NUM("step", step->step),
              VOW_STR("kind", step->direction == VOW_STEP_ACTION ? "action" : "compensation"),
              VOW_STR("says", is_done ? "done" : "refused"));
}

/* The event by its name, which its publisher has given it. */
static void tell_event(const struct store_trace *trace, const struct vow_store_op *op)
{
    const struct vow_store_delivery *delivery = op->delivery;
    char event[2 * VOW_NAME_SIZE + 24];
    if (delivery->is_repeat) {
        tell_again(trace, &op->gtrid, "event");
        return;
    }
    (void)snprintf(event, sizeof(event), "%s/%s/%llu", delivery->source_name, delivery->event.key,
                   (unsigned long long)delivery->event.key_seq);
    VOW_TRACE(trace->to, "handled", vow_gtrid_is_none(&op->gtrid) ? NULL : &op->gtrid,
              VOW_STR("group", delivery->group), VOW_STR("event", event));
}

static void tell_done(struct store *store, const struct vow_store_op *op)
{
    switch (op->kind) {
    case VOW_STORE_PREPARE:
        tell_vote(store, op);
        break;
    case VOW_STORE_WORK:
        tell_work(store, op);
        break;
    case VOW_STORE_COMMIT:
    case VOW_STORE_HEURISTIC_COMMIT:
        tell_end(store->trace, op, "commit");
        break;
    case VOW_STORE_ABORT:
    case VOW_STORE_HEURISTIC_ABORT:
        tell_end(store->trace, op, "abort");
        break;
    case VOW_STORE_ONE_PHASE:
        if (op->result == VOW_STORE_DONE)
            VOW_TRACE(store->trace->to, "applied", &op->gtrid, VOW_STR("outcome", "commit"));
        break;
    case VOW_STORE_STEP:
        tell_step(store->trace, op);
        break;
    case VOW_STORE_EVENT:
        if (op->result == VOW_STORE_DONE)
            tell_event(store->trace, op);
        break;
    case VOW_STORE_MEMO:
    case VOW_STORE_FORGET:
    case VOW_STORE_WATERMARK:
    case VOW_STORE_RECALL:
    case VOW_STORE_SETTLE:
    case VOW_STORE_OUTBOX_READ:
    case VOW_STORE_OUTBOX_DONE:
    case VOW_STORE_CANCEL:
    case VOW_STORE_DESCRIBE:
        break;
    }
}

static void tell_op(struct store *store, struct vow_store_op *op)
{
    const bool is_refused = op->result == VOW_STORE_REFUSED;
    if (op->waits && !op->is_wait_told)
        tell_conflict(store->trace, op, "wait");
    op->is_wait_told = op->waits;
    if (is_refused && op->cause == VOW_CAUSE_LOCK_CONFLICT)
        tell_conflict(store->trace, op, "refused");
    if (!op->waits && (!is_refused || op->kind == VOW_STORE_PREPARE))
        tell_done(store, op);
}

void store_trace_batch(struct store *store, struct vow_job *first)
{
    if (store->trace == NULL)
        return;
    for (struct vow_job *job = first; job != NULL; job = job->next) {
        struct vow_store_op *op = (struct vow_store_op *)job;
        if (!store->is_stalled || op->result == VOW_STORE_REFUSED)
            tell_op(store, op);
    }
}

void store_trace_found(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch)
{
    if (store->trace == NULL)
        return;
    VOW_TRACE_BARE(store->trace->to, "found", gtrid);
    struct told *told = tell_locks(store, gtrid, branch);
    if (told != NULL)
        told->has_voted = true;
}

int store_trace_open(struct store *store)
{
    if (store->options.trace == NULL)
        return 0;
    store->trace = calloc(1, sizeof(*store->trace));
    if (store->trace == NULL)
        return VOW_E_NO_MEMORY;
    store->trace->to = store->options.trace;
    return 0;
}

void store_trace_close(struct store *store)
{
    for (uint32_t i = 0; store->trace != NULL && i < BUCKETS; i++)
        while (store->trace->told[i] != NULL) {
            struct told *told = store->trace->told[i];
            store->trace->told[i] = told->next;
            free(told->keys);
            free(told);
        }
    free(store->trace);
    store->trace = NULL;
}
