/*
 * What the records of events came to at the cut. A state of the past follows from all records before it, so of those
 * that are cut off these stay: of each group the newest GROUP and the newest CURSOR after it, of each dead letter the
 * newest DEAD and what was done about it since. They go when a newer one takes their place up to the cut, or when the
 * group is removed, or the letter done. What they come to is held in memory as well, so that none is looked for.
 *
 * And an EVENT stays as long as some state from the cut on has it before a group, or as a dead letter: at the cut, or
 * since, for a group that is new, or goes back, has all before it that comes after its new cursor. From there on a
 * group only ever has less before it.
 */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/core/beyond.h"
#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

struct past_group {
    char name[VOW_NAME_SIZE];
    uint64_t group_lsn, cursor_lsn; /* of the records that stay; 0 = there is none */
    uint64_t cursor;
    uint8_t *beyond;
    size_t beyond_len;
    UT_hash_handle hh;
};

/* What an event is to one group. */
struct past_letter {
    char group[VOW_NAME_SIZE];
    uint64_t dead_lsn, fate_lsn; /* of the records that stay */
    bool is_dropped;
    struct past_letter *after;
};

struct past_letters {
    uint64_t lsn; /* of the event */
    struct past_letter *first;
    UT_hash_handle hh;
};

struct journal_past {
    struct past_group *groups;    /* uthash by name */
    struct past_letters *letters; /* uthash by LSN */
    uint64_t low;                 /* the least cursor that a GROUP after the cut has */
};

/* One way through some records. */
struct moving {
    struct sqlite_engine *engine;
    struct journal_past *past;
    struct journal_snapshot *next;
    uint64_t cut; /* records up to there are kept ones, which are taken out of `next`; 0 = none */
    struct vow_error_detail *detail;
    int error;
};

/* ---- records that stay no longer ---- */

static void drop_row(struct moving *moving, uint64_t lsn)
{
    if (lsn != 0 && lsn <= moving->cut && moving->error == 0)
        moving->error = journal_sqlite_drop_kept(moving->engine, moving->next, lsn, moving->detail);
}

static void no_memory(struct moving *moving)
{
    moving->error = journal_fail(moving->detail, VOW_E_NO_MEMORY, "no memory for what was cut off");
}

/* ---- dead letters ---- */

static struct past_letter **find_letter(struct journal_past *past, const struct vow_record *record)
{
    struct past_letters *letters = NULL;
    struct past_letter **at;

    HASH_FIND(hh, past->letters, &record->relay.lsn, sizeof(record->relay.lsn), letters);
    if (letters == NULL)
        return NULL;
    for (at = &letters->first; *at != NULL; at = &(*at)->after) {
        if (strcmp((*at)->group, record->who) == 0)
            return at;
    }
    return NULL;
}

static struct past_letter *add_letter(struct journal_past *past, const struct vow_record *record)
{
    struct past_letter *letter = calloc(1, sizeof(*letter));
    struct past_letters *letters = NULL;

    if (letter == NULL)
        return NULL;
    HASH_FIND(hh, past->letters, &record->relay.lsn, sizeof(record->relay.lsn), letters);
    if (letters == NULL) {
        letters = calloc(1, sizeof(*letters));
        if (letters == NULL) {
            free(letter);
            return NULL;
        }
        letters->lsn = record->relay.lsn;
        HASH_ADD(hh, past->letters, lsn, sizeof(letters->lsn), letters);
    }
    memcpy(letter->group, record->who, sizeof(letter->group));
    letter->after = letters->first;
    letters->first = letter;
    return letter; /* NOLINT(clang-analyzer-unix.Malloc): the table has it */
}

static void remove_letter(struct moving *moving, struct past_letter **at)
{
    struct past_letter *letter = *at;

    *at = letter->after;
    drop_row(moving, letter->dead_lsn);
    drop_row(moving, letter->fate_lsn);
    free(letter);
}

/* An event that is nobody's letter any more has no entry. */
static void sweep(struct journal_past *past)
{
    struct past_letters *letters, *next;

    HASH_ITER(hh, past->letters, letters, next)
    {
        if (letters->first == NULL) {
            HASH_DEL(past->letters, letters); /* NOLINT(clang-analyzer-unix.Malloc): it does not see uthash unlink */
            free(letters);
        }
    }
}

/* Those of a group: all, or the dropped ones up to there. */
static void remove_letters(struct moving *moving, const struct past_group *group, bool is_all, uint64_t dropped_to)
{
    struct past_letters *letters, *next;

    HASH_ITER(hh, moving->past->letters, letters, next)
    {
        for (struct past_letter **at = &letters->first; *at != NULL;) {
            bool is_passed = (*at)->is_dropped && letters->lsn <= dropped_to;

            if (strcmp((*at)->group, group->name) == 0 && (is_all || is_passed))
                remove_letter(moving, at);
            else
                at = &(*at)->after;
        }
    }
    sweep(moving->past);
}

static void take_dead(struct moving *moving, const struct vow_record *record, uint64_t lsn)
{
    struct past_letter **at = find_letter(moving->past, record);
    struct past_letter *letter = at != NULL ? *at : add_letter(moving->past, record);

    if (letter == NULL) {
        no_memory(moving);
        return;
    }
    drop_row(moving, letter->dead_lsn);
    drop_row(moving, letter->fate_lsn);
    letter->dead_lsn = lsn;
    letter->fate_lsn = 0;
    letter->is_dropped = false;
}

static struct past_group *find_group(const struct journal_past *past, const char *name)
{
    struct past_group *found = NULL;

    HASH_FIND_STR(past->groups, name, found);
    return found;
}

/* What is dropped is known until its group's cursor has passed it. A record that was kept may come before the GROUP
 * that took the place of an older one. */
static void take_revived(struct moving *moving, const struct vow_record *record, uint64_t lsn)
{
    struct past_letter **at = find_letter(moving->past, record);
    const struct past_group *group = find_group(moving->past, record->who);
    bool is_ahead = group == NULL || record->relay.lsn > group->cursor;

    if (at == NULL)
        return;
    if (record->detail == VOW_REVIVAL_RETRY || (record->detail == VOW_REVIVAL_DROP && is_ahead)) {
        drop_row(moving, (*at)->fate_lsn);
        (*at)->fate_lsn = lsn;
        (*at)->is_dropped = record->detail == VOW_REVIVAL_DROP;
        return;
    }
    remove_letter(moving, at);
    sweep(moving->past);
}

/* ---- groups ---- */

static struct past_group *intern_group(struct moving *moving, const char *name)
{
    struct past_group *group = find_group(moving->past, name);

    if (group != NULL)
        return group;
    group = calloc(1, sizeof(*group));
    if (group == NULL || (group->beyond = malloc(VOW_BEYOND_BYTES_MAX)) == NULL) {
        free(group);
        no_memory(moving);
        return NULL;
    }
    memcpy(group->name, name, strlen(name) + 1);
    HASH_ADD_STR(moving->past->groups, name, group);
    return group;
}

static void move_cursor(struct moving *moving, struct past_group *group, const struct vow_record *record,
                        const struct vow_slice *beyond)
{
    const bool is_moved = record->kind == VOW_RECORD_GROUP && record->detail == VOW_GROUP_MOVED;

    group->cursor = record->relay.lsn;
    group->beyond_len = beyond->len < VOW_BEYOND_BYTES_MAX ? beyond->len : VOW_BEYOND_BYTES_MAX;
    if (group->beyond_len > 0)
        memcpy(group->beyond, beyond->data, group->beyond_len);
    if (HASH_COUNT(moving->past->letters) > 0)
        remove_letters(moving, group, false, is_moved ? UINT64_MAX : group->cursor);
}

static void take_group(struct moving *moving, const struct vow_record *record, uint64_t lsn)
{
    struct past_group *group = intern_group(moving, record->who);

    if (group == NULL)
        return;
    drop_row(moving, group->group_lsn);
    drop_row(moving, group->cursor_lsn);
    group->group_lsn = lsn;
    group->cursor_lsn = 0;
    move_cursor(moving, group, record, &(struct vow_slice){0});
}

static void take_cursor(struct moving *moving, const struct vow_record *record, uint64_t lsn)
{
    struct past_group *group = intern_group(moving, record->who);

    if (group == NULL)
        return;
    drop_row(moving, group->cursor_lsn);
    group->cursor_lsn = lsn;
    move_cursor(moving, group, record, &record->body);
}

static void free_group(struct journal_past *past, struct past_group *group)
{
    HASH_DEL(past->groups, group); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    free(group->beyond);
    free(group);
}

static void take_removed(struct moving *moving, const struct vow_record *record)
{
    struct past_group *group = find_group(moving->past, record->who);

    if (group == NULL)
        return;
    remove_letters(moving, group, true, UINT64_MAX);
    drop_row(moving, group->group_lsn);
    drop_row(moving, group->cursor_lsn);
    free_group(moving->past, group);
}

/* ---- all of them ---- */

static void take(struct moving *moving, const struct vow_record *record, uint64_t lsn)
{
    /* What some state had before a group, those that are left may not have any more. */
    moving->engine->releasing = true;
    switch ((int)record->kind) {
    case VOW_RECORD_GROUP:
        take_group(moving, record, lsn);
        break;
    case VOW_RECORD_CURSOR:
        take_cursor(moving, record, lsn);
        break;
    case VOW_RECORD_DEAD:
        take_dead(moving, record, lsn);
        break;
    case VOW_RECORD_REVIVED:
        take_revived(moving, record, lsn);
        break;
    default:
        take_removed(moving, record);
        break;
    }
}

/* Takes the records after `after`, up to `upto`. */
static int take_rows(struct moving *moving, uint64_t after, uint64_t upto)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct sqlite_engine *engine = moving->engine;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_RELAY_AFTER);
    int rc = SQLITE_ERROR;

    if (stmt != NULL) {
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)after);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)upto);
    }
    while (moving->error == 0 && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct vow_journal_event event = {0};
        struct journal_row row;
        struct journal_hash hash;

        if (!journal_sqlite_row(stmt, &row, &hash))
            moving->error = journal_sqlite_damaged(engine, upto, "a column is not readable", moving->detail);
        else
            moving->error = journal_sqlite_event(engine, &row, &event, branches, moving->detail);
        if (moving->error == 0)
            take(moving, &event.record, row.lsn);
    }
    if (moving->error == 0 && rc != SQLITE_DONE)
        moving->error = journal_sqlite_fail(engine, "reading", moving->detail);
    (void)sqlite3_reset(stmt);
    return moving->error;
}

/* A group that is new, or goes back. */
static int find_low(struct moving *moving, uint64_t end)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct sqlite_engine *engine = moving->engine;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_GROUPS_AFTER);
    const struct vow_gtrid none = {{0}};
    int rc = SQLITE_ERROR;

    moving->past->low = UINT64_MAX;
    if (stmt != NULL) {
        (void)sqlite3_bind_blob(stmt, 1, none.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)end);
    }
    while (moving->error == 0 && stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct vow_journal_event event = {0};
        struct journal_row row;
        struct journal_hash hash;

        if (!journal_sqlite_row(stmt, &row, &hash))
            moving->error = journal_sqlite_damaged(engine, end, "a column is not readable", moving->detail);
        else
            moving->error = journal_sqlite_event(engine, &row, &event, branches, moving->detail);
        if (moving->error == 0 && event.record.relay.lsn < moving->past->low)
            moving->past->low = event.record.relay.lsn;
    }
    if (moving->error == 0 && rc != SQLITE_DONE)
        moving->error = journal_sqlite_fail(engine, "reading", moving->detail);
    (void)sqlite3_reset(stmt);
    return moving->error;
}

int journal_sqlite_past_move(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t end,
                             struct vow_error_detail *detail)
{
    struct moving moving = {.engine = engine, .past = engine->past, .next = next, .detail = detail};

    if (!journal_snapshot_is_whole(next))
        return 0;
    if (engine->past == NULL) {
        engine->past = moving.past = calloc(1, sizeof(*engine->past));
        if (engine->past == NULL)
            return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for what was cut off");
        if (next->kept.count > 0 && take_rows(&moving, 0, next->cut.lsn) != 0)
            return moving.error;
    }
    moving.cut = next->cut.lsn;
    if (end > next->cut.lsn && take_rows(&moving, next->cut.lsn, end) != 0)
        return moving.error;
    next->is_whole = true;
    return find_low(&moving, end);
}

int journal_sqlite_past_has(struct sqlite_engine *engine, const struct journal_row *row, bool *has,
                            struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    const struct past_group *group;
    struct past_letter **letter;
    int error;

    *has = false;
    if (engine->past == NULL)
        return 0;
    error = journal_sqlite_event(engine, row, &event, branches, detail);
    if (error != 0)
        return error;
    group = find_group(engine->past, event.record.who);
    letter = find_letter(engine->past, &event.record);
    *has = (group != NULL && (group->group_lsn == row->lsn || group->cursor_lsn == row->lsn)) ||
           (letter != NULL && ((*letter)->dead_lsn == row->lsn || (*letter)->fate_lsn == row->lsn));
    return 0;
}

bool journal_sqlite_past_owes(const struct sqlite_engine *engine, uint64_t lsn)
{
    const struct journal_past *past = engine->past;
    const struct past_group *group, *next;
    struct past_letters *letters = NULL;
    bool owes;

    if (past == NULL)
        return false;
    HASH_FIND(hh, past->letters, &lsn, sizeof(lsn), letters);
    owes = lsn > past->low || letters != NULL;
    HASH_ITER(hh, past->groups, group, next)
    {
        owes = owes || vow_beyond_owes(group->cursor, (struct vow_slice){group->beyond, group->beyond_len}, lsn);
    }
    return owes;
}

void journal_sqlite_past_free(struct sqlite_engine *engine)
{
    struct journal_past *past = engine->past;
    struct past_group *group, *next_group;
    struct past_letters *letters, *next;

    if (past == NULL)
        return;
    HASH_ITER(hh, past->groups, group, next_group)
    {
        free_group(past, group);
    }
    HASH_ITER(hh, past->letters, letters, next)
    {
        while (letters->first != NULL) {
            struct past_letter *letter = letters->first;

            letters->first = letter->after;
            free(letter);
        }
    }
    sweep(past);
    free(past);
    engine->past = NULL;
}
