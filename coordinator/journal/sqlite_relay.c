/*
 * What the records of events add up to, beside the chain and in one transaction with it: the newest number of each key,
 * the groups with what they have done, the dead letters; and those that were dropped, until their group's cursor has
 * passed them, for what is behind that comes again. So a record may be cut off when it is old, an EVENT when each
 * group has done it and none has buried it (I28). No event proves a row here, so each has a seal of its own: what a
 * flipped bit has made of it is damage (fault F114).
 */
#include <string.h>

#include "coordinator/core/beyond.h"
#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"
#include "proto/bytes.h"

/* The bytes that a seal is of: numbers, and texts with their lengths. More than a row of ours has. */
struct seal {
    uint8_t bytes[32768];
    size_t len;
};

static void seal_number(struct seal *seal, uint64_t number)
{
    (void)vow_bytes_put(seal->bytes + seal->len, number, 8);
    seal->len += 8;
}

static void seal_bytes(struct seal *seal, const void *bytes, size_t len)
{
    if (len > sizeof(seal->bytes) - seal->len - 16)
        len = sizeof(seal->bytes) - seal->len - 16;
    seal_number(seal, len);
    if (len > 0)
        memcpy(seal->bytes + seal->len, bytes, len);
    seal->len += len;
}

static void seal_text(struct seal *seal, const char *text)
{
    seal_bytes(seal, text, strlen(text));
}

static int close_seal(struct sqlite_engine *engine, const struct seal *seal, struct journal_hash *hash,
                      struct vow_error_detail *detail)
{
    if (journal_chain_digest(&engine->chain, seal->bytes, seal->len, hash) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    return 0;
}

static bool is_sealed(struct sqlite_engine *engine, const struct seal *seal, sqlite3_stmt *stmt, int column)
{
    struct journal_hash hash;

    return sqlite3_column_bytes(stmt, column) == JOURNAL_HASH_BYTES &&
           journal_chain_digest(&engine->chain, seal->bytes, seal->len, &hash) == 0 &&
           memcmp(sqlite3_column_blob(stmt, column), hash.bytes, JOURNAL_HASH_BYTES) == 0;
}

static void bind_seal(sqlite3_stmt *stmt, int at, const struct journal_hash *hash)
{
    (void)sqlite3_bind_blob(stmt, at, hash->bytes, JOURNAL_HASH_BYTES, SQLITE_STATIC);
}

/* --- Keys --- */

static void seal_key(struct seal *seal, const struct vow_journal_key *key)
{
    seal->len = 0;
    seal_bytes(seal, key->db_uuid, VOW_DB_UUID_BYTES);
    seal_text(seal, key->key);
    seal_number(seal, key->key_seq);
    seal_number(seal, key->lsn);
}

/* How many events come between two looks. Each look forgets more than came, so that there is an end also when the limit
 * was lowered, and no more than that at once. */
static uint32_t keys_turn(const struct sqlite_engine *engine)
{
    return 1024 + engine->keys_max / 64;
}

/*
 * Keys that were published under longest ago are forgotten: so many newest ones stay, and a turn more; and those whose
 * newest event some group has not done, or has buried, for the core forgets none of these. Counted is what was written:
 * what LSNs it has is up to all else that is recorded.
 */
static int forget_keys(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt;

    if (engine->keys_written < keys_turn(engine)) {
        engine->keys_written++;
        return 0;
    }
    engine->keys_written = 1;
    stmt = journal_sqlite_statement(engine, JOURNAL_STMT_KEY_TRIM);
    (void)sqlite3_bind_int64(stmt, 1, engine->keys_max);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)4 * keys_turn(engine));
    return journal_sqlite_run(engine, JOURNAL_STMT_KEY_TRIM, "forgetting keys", detail);
}

static int write_key(struct sqlite_engine *engine, const struct vow_journal_op *op, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_KEY_WRITE);
    struct vow_journal_key key = op->key;
    struct journal_hash hash;
    struct seal seal;
    int error;

    key.lsn = op->lsn;
    seal_key(&seal, &key);
    error = close_seal(engine, &seal, &hash, detail);
    if (error != 0)
        return error;
    (void)sqlite3_bind_blob(stmt, 1, key.db_uuid, VOW_DB_UUID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, key.key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)key.key_seq);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)key.lsn);
    bind_seal(stmt, 5, &hash);
    error = journal_sqlite_run(engine, JOURNAL_STMT_KEY_WRITE, "writing a key", detail);
    return error != 0 ? error : forget_keys(engine, detail);
}

/* --- Groups --- */

/* What a group has done may go, unless a state of the past has it before that group: then it goes when the cut passes
 * what was written here. */
static void release(struct sqlite_engine *engine)
{
    engine->releasing = engine->releasing || !journal_snapshot_is_whole(&engine->snapshot);
}

/* As it was in format 5 if nothing is done beyond the cursor. */
static void seal_group(struct seal *seal, const struct vow_journal_group *group)
{
    seal->len = 0;
    seal_text(seal, group->name);
    seal_text(seal, group->participant);
    seal_number(seal, group->cursor);
    seal_bytes(seal, group->body.data, group->body.len);
    if (group->beyond.len > 0)
        seal_bytes(seal, group->beyond.data, group->beyond.len);
}

/* What was dropped, and comes no more, for the group goes on behind it; or comes like all else, for it was moved. */
static int forget_dropped(struct sqlite_engine *engine, const char *name, uint64_t cursor,
                          struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_DEAD_PASS);

    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)cursor);
    (void)sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    return journal_sqlite_run(engine, JOURNAL_STMT_DEAD_PASS, "forgetting dead letters", detail);
}

static void bind_bytes(sqlite3_stmt *stmt, int at, struct vow_slice bytes)
{
    (void)sqlite3_bind_blob(stmt, at, bytes.len > 0 ? (const void *)bytes.data : "", (int)bytes.len, SQLITE_STATIC);
}

/* dropped_to: what it has dropped up to there is forgotten. */
static int put_group(struct sqlite_engine *engine, const struct vow_journal_group *group, uint64_t dropped_to,
                     struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_GROUP_WRITE);
    struct journal_hash hash;
    struct seal seal;
    int error;

    seal_group(&seal, group);
    error = close_seal(engine, &seal, &hash, detail);
    if (error != 0)
        return error;
    (void)sqlite3_bind_text(stmt, 1, group->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, group->participant, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)group->cursor);
    bind_bytes(stmt, 4, group->body);
    bind_seal(stmt, 5, &hash);
    bind_bytes(stmt, 6, group->beyond);
    release(engine);
    error = journal_sqlite_run(engine, JOURNAL_STMT_GROUP_WRITE, "writing a group", detail);
    return error != 0 ? error : forget_dropped(engine, group->name, dropped_to, detail);
}

/* A group's row as it is; the texts live until the statement is reset. */
static bool read_group(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_journal_group *group)
{
    struct seal seal;

    group->name = (const char *)sqlite3_column_text(stmt, 0);
    group->participant = (const char *)sqlite3_column_text(stmt, 1);
    group->cursor = (uint64_t)sqlite3_column_int64(stmt, 2);
    group->body = (struct vow_slice){sqlite3_column_blob(stmt, 3), (size_t)sqlite3_column_bytes(stmt, 3)};
    group->beyond = (struct vow_slice){sqlite3_column_blob(stmt, 5), (size_t)sqlite3_column_bytes(stmt, 5)};
    if (group->name == NULL || group->participant == NULL || !vow_beyond_is_valid(group->cursor, group->beyond))
        return false;
    seal_group(&seal, group);
    return is_sealed(engine, &seal, stmt, 4);
}

/* A column, or a hash, that there was no memory for contradicts nothing (fault F142). */
static int damaged(struct sqlite_engine *engine, const char *table, struct vow_error_detail *detail)
{
    if (sqlite3_errcode(engine->db) == SQLITE_NOMEM)
        return journal_sqlite_fail(engine, "reading", detail);
    if (engine->chain.error != 0)
        return journal_fail(detail, engine->chain.error, "no memory for SHA-256");
    return journal_fail(detail, VOW_E_DAMAGED,
                        "%.80s/" JOURNAL_DB_FILE ": a row of table %s contradicts itself; restore " JOURNAL_DB_FILE
                        ", its -wal and the witness together",
                        engine->directory, table);
}

static int move_cursor(struct sqlite_engine *engine, const struct vow_record *record, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_GROUP_READ);
    struct vow_journal_group group = {0};
    int error = 0, rc;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading a group", detail);
    (void)sqlite3_bind_text(stmt, 1, record->who, -1, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        error = rc == SQLITE_DONE ? damaged(engine, "relay_group", detail)
                                  : journal_sqlite_fail(engine, "reading a group", detail);
    else if (!read_group(engine, stmt, &group))
        error = damaged(engine, "relay_group", detail);
    else {
        group.cursor = record->relay.lsn;
        group.beyond = record->body;
        error = put_group(engine, &group, group.cursor, detail);
    }
    (void)sqlite3_reset(stmt);
    return error;
}

/* --- Dead letters --- */

/* What the column `retried` says. */
enum fate { FATE_DEAD, FATE_RETRIED, FATE_DROPPED };

static enum fate fate_of(const struct vow_journal_dead *dead)
{
    if (dead->is_dropped)
        return FATE_DROPPED;
    return dead->is_retried ? FATE_RETRIED : FATE_DEAD;
}

static void seal_dead(struct seal *seal, const struct vow_journal_dead *dead)
{
    seal->len = 0;
    seal_text(seal, dead->group);
    seal_number(seal, dead->lsn);
    seal_number(seal, (uint64_t)dead->cause);
    seal_number(seal, dead->attempts);
    seal_text(seal, dead->text);
    seal_number(seal, fate_of(dead));
}

static int put_dead(struct sqlite_engine *engine, const struct vow_journal_dead *dead, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_DEAD_WRITE);
    struct journal_hash hash;
    struct seal seal;
    int error;

    seal_dead(&seal, dead);
    error = close_seal(engine, &seal, &hash, detail);
    if (error != 0)
        return error;
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)dead->lsn);
    (void)sqlite3_bind_text(stmt, 2, dead->group, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, dead->cause);
    (void)sqlite3_bind_int64(stmt, 4, dead->attempts);
    (void)sqlite3_bind_text(stmt, 5, dead->text, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 6, fate_of(dead));
    bind_seal(stmt, 7, &hash);
    return journal_sqlite_run(engine, JOURNAL_STMT_DEAD_WRITE, "writing a dead letter", detail);
}

static bool read_dead(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_journal_dead *dead)
{
    struct seal seal;

    dead->lsn = (uint64_t)sqlite3_column_int64(stmt, 0);
    dead->group = (const char *)sqlite3_column_text(stmt, 1);
    dead->cause = (enum vow_cause)sqlite3_column_int64(stmt, 2);
    dead->attempts = (uint32_t)sqlite3_column_int64(stmt, 3);
    dead->text = (const char *)sqlite3_column_text(stmt, 4);
    dead->is_retried = sqlite3_column_int64(stmt, 5) == FATE_RETRIED;
    dead->is_dropped = sqlite3_column_int64(stmt, 5) == FATE_DROPPED;
    if (dead->group == NULL || dead->text == NULL || !vow_cause_is_valid((int)dead->cause))
        return false;
    seal_dead(&seal, dead);
    return is_sealed(engine, &seal, stmt, 6);
}

static sqlite3_stmt *select_dead(struct sqlite_engine *engine, enum journal_statement which,
                                 const struct vow_record *record)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, which);

    if (stmt != NULL) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)record->relay.lsn);
        (void)sqlite3_bind_text(stmt, 2, record->who, -1, SQLITE_STATIC);
    }
    return stmt;
}

static int mark(struct sqlite_engine *engine, const struct vow_record *record, enum fate fate,
                struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = select_dead(engine, JOURNAL_STMT_DEAD_READ, record);
    struct vow_journal_dead dead = {0};
    int error, rc = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

    if (rc != SQLITE_ROW)
        error = rc == SQLITE_DONE ? damaged(engine, "relay_dead", detail)
                                  : journal_sqlite_fail(engine, "reading a dead letter", detail);
    else if (!read_dead(engine, stmt, &dead))
        error = damaged(engine, "relay_dead", detail);
    else {
        dead.is_retried = fate == FATE_RETRIED;
        dead.is_dropped = fate == FATE_DROPPED;
        error = put_dead(engine, &dead, detail);
    }
    (void)sqlite3_reset(stmt);
    return error;
}

/* Up to the cursor nothing comes again. */
static int is_passed(struct sqlite_engine *engine, const struct vow_record *record, bool *passed,
                     struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_GROUP_READ);
    int rc = SQLITE_ERROR;

    if (stmt != NULL) {
        (void)sqlite3_bind_text(stmt, 1, record->who, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        *passed = rc != SQLITE_ROW || record->relay.lsn <= (uint64_t)sqlite3_column_int64(stmt, 2);
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : journal_sqlite_fail(engine, "reading a group", detail);
}

static int revive(struct sqlite_engine *engine, const struct vow_record *record, struct vow_error_detail *detail)
{
    bool is_over = record->detail == VOW_REVIVAL_DONE;
    int error = 0;

    if (record->detail == VOW_REVIVAL_RETRY)
        return mark(engine, record, FATE_RETRIED, detail);
    if (!is_over)
        error = is_passed(engine, record, &is_over, detail);
    if (error != 0)
        return error;
    if (!is_over)
        return mark(engine, record, FATE_DROPPED, detail);
    if (select_dead(engine, JOURNAL_STMT_DEAD_REMOVE, record) == NULL)
        return journal_sqlite_fail(engine, "removing a dead letter", detail);
    release(engine);
    return journal_sqlite_run(engine, JOURNAL_STMT_DEAD_REMOVE, "removing a dead letter", detail);
}

static int remove_all(struct sqlite_engine *engine, enum journal_statement which, const char *group, const char *doing,
                      struct vow_error_detail *detail)
{
    (void)sqlite3_bind_text(journal_sqlite_statement(engine, which), 1, group, -1, SQLITE_STATIC);
    return journal_sqlite_run(engine, which, doing, detail);
}

/* A group that is gone for good holds nothing any more, and nothing waits for an operator in its name. */
static int remove_group(struct sqlite_engine *engine, const struct vow_record *record, struct vow_error_detail *detail)
{
    int error;

    release(engine);
    error = remove_all(engine, JOURNAL_STMT_GROUP_REMOVE, record->who, "removing a group", detail);
    if (error != 0)
        return error;
    return remove_all(engine, JOURNAL_STMT_DEAD_REMOVE_ALL, record->who, "removing the dead letters of a group",
                      detail);
}

/* --- All of them --- */

int journal_sqlite_relay_write(struct sqlite_engine *engine, const struct vow_journal_op *op,
                               struct vow_error_detail *detail)
{
    const struct vow_record *record = &op->record;
    const struct vow_journal_dead dead = {.group = record->who,
                                          .lsn = record->relay.lsn,
                                          .cause = record->cause,
                                          .attempts = record->relay.attempts,
                                          .text = record->text};
    const struct vow_journal_group group = {
        .name = record->who, .participant = record->text, .cursor = record->relay.lsn, .body = record->body};

    switch ((int)record->kind) {
    case VOW_RECORD_EVENT:
        return write_key(engine, op, detail);
    case VOW_RECORD_GROUP:
        return put_group(engine, &group, record->detail == VOW_GROUP_MOVED ? INT64_MAX : group.cursor, detail);
    case VOW_RECORD_CURSOR:
        return move_cursor(engine, record, detail);
    case VOW_RECORD_DEAD:
        return put_dead(engine, &dead, detail);
    case VOW_RECORD_REMOVED:
        return remove_group(engine, record, detail);
    default:
        return revive(engine, record, detail);
    }
}

/* In SQL: has a group with this cursor not done what is at that place? */
static void owes(sqlite3_context *context, int len, sqlite3_value **values)
{
    const struct vow_slice beyond = {sqlite3_value_blob(values[1]), (size_t)sqlite3_value_bytes(values[1])};

    (void)len;
    sqlite3_result_int(context, vow_beyond_owes((uint64_t)sqlite3_value_int64(values[0]), beyond,
                                                (uint64_t)sqlite3_value_int64(values[2])));
}

static void past_owes(sqlite3_context *context, int len, sqlite3_value **values)
{
    (void)len;
    sqlite3_result_int(context,
                       journal_sqlite_past_owes(sqlite3_user_data(context), (uint64_t)sqlite3_value_int64(values[0])));
}

int journal_sqlite_relay_functions(struct sqlite_engine *engine)
{
    int rc = sqlite3_create_function(engine->db, "relay_owes", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, owes, NULL,
                                     NULL);

    return rc != SQLITE_OK
               ? rc
               : sqlite3_create_function(engine->db, "relay_past", 1, SQLITE_UTF8, engine, past_owes, NULL, NULL);
}

int journal_sqlite_relay_needs(struct sqlite_engine *engine, uint64_t lsn, bool *needed,
                               struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_EVENT_NEEDED);
    int rc = SQLITE_ERROR;

    if (stmt != NULL) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)lsn);
        rc = sqlite3_step(stmt);
        *needed = rc == SQLITE_ROW && sqlite3_column_int64(stmt, 0) != 0;
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_ROW ? 0 : journal_sqlite_fail(engine, "looking who needs an event", detail);
}

/* --- The start --- */

static bool read_key(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_journal_key *key)
{
    const char *text = (const char *)sqlite3_column_text(stmt, 1);
    struct seal seal;

    if (sqlite3_column_bytes(stmt, 0) != VOW_DB_UUID_BYTES || text == NULL || !vow_key_is_valid(text))
        return false;
    memcpy(key->db_uuid, sqlite3_column_blob(stmt, 0), VOW_DB_UUID_BYTES);
    memcpy(key->key, text, strlen(text) + 1);
    key->key_seq = (uint64_t)sqlite3_column_int64(stmt, 2);
    key->lsn = (uint64_t)sqlite3_column_int64(stmt, 3);
    seal_key(&seal, key);
    return is_sealed(engine, &seal, stmt, 4);
}

static int scan_keys(struct sqlite_engine *engine, const struct vow_journal_relay *relay,
                     struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_KEY_SCAN);
    struct vow_journal_key key;
    int error = 0, rc = SQLITE_ERROR;

    if (stmt != NULL)
        (void)sqlite3_bind_int64(stmt, 1, relay->keys_max);
    while (error == 0 && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        error = read_key(engine, stmt, &key) ? relay->key(relay->ctx, &key) : damaged(engine, "relay_key", detail);
    }
    if (error == 0 && rc != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading the keys", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

static int scan_groups(struct sqlite_engine *engine, const struct vow_journal_relay *relay,
                       struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_GROUP_SCAN);
    struct vow_journal_group group;
    int error = 0, rc = SQLITE_ERROR;

    while (error == 0 && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        error = read_group(engine, stmt, &group) ? relay->group(relay->ctx, &group)
                                                 : damaged(engine, "relay_group", detail);
    }
    if (error == 0 && rc != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading the groups", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

static int scan_dead(struct sqlite_engine *engine, const struct vow_journal_relay *relay,
                     struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_DEAD_SCAN);
    struct vow_journal_dead dead;
    int error = 0, rc = SQLITE_ERROR;

    while (error == 0 && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        error = read_dead(engine, stmt, &dead) ? relay->dead(relay->ctx, &dead) : damaged(engine, "relay_dead", detail);
    if (error == 0 && rc != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading the dead letters", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

int journal_sqlite_relay(void *ctx, const struct vow_journal_relay *relay, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    int error = relay->key != NULL ? scan_keys(engine, relay, detail) : 0;

    error = error != 0 || relay->group == NULL ? error : scan_groups(engine, relay, detail);
    error = error != 0 || relay->dead == NULL ? error : scan_dead(engine, relay, detail);
    return error != 0 || relay->event == NULL ? error : journal_sqlite_scan_events(engine, relay, detail);
}
