/*
 * What the inbox knows of events whose records have gone: of each offset whether the group has handled it, a bit, in
 * blocks of some offsets. A record is its name, so it finds a copy at another offset, too; a bit is all that is left
 * when that is over, and it is enough for whatever comes again as what it was: after the group went back, as a dead
 * letter of long ago, or to a group that was removed and is there again, and begins with what is old (F209, F212). So
 * what was never handled is run however old it is, and what was handled is not, whichever subscription it comes under.
 *
 * Blocks are bounded. Of an event below the last one that has gone nobody knows anything: that is the floor.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"

#define BLOCK_OFFSETS INBOX_BLOCK_OFFSETS
#define BLOCK_BYTES (BLOCK_OFFSETS / 8)

struct block {
    sqlite3_int64 number; /* -1 = none yet */
    uint8_t bits[BLOCK_BYTES];
};

int known_make(struct store *store)
{
    if (store->options.event == NULL)
        return SQLITE_OK;
    return store_exec(store, "CREATE TABLE IF NOT EXISTS vow_inbox_known (grp TEXT NOT NULL, block INTEGER NOT NULL,"
                             " bits BLOB NOT NULL, PRIMARY KEY (grp, block)) WITHOUT ROWID");
}

static sqlite3_stmt *of_block(struct store *store, enum statement which, const char *group, sqlite3_int64 number)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, number);
    return statement;
}

/* One that is not there has no bit. One of another length is none of ours, and must not pass for none. */
static int load(struct store *store, const char *group, sqlite3_int64 number, struct block *block)
{
    sqlite3_stmt *statement = of_block(store, STMT_FIND_KNOWN, group, number);
    bool is_ours = true;
    block->number = number;
    memset(block->bits, 0, sizeof(block->bits));
    if (sqlite3_step(statement) == SQLITE_ROW) {
        is_ours = sqlite3_column_bytes(statement, 0) == BLOCK_BYTES;
        if (is_ours)
            memcpy(block->bits, sqlite3_column_blob(statement, 0), BLOCK_BYTES);
    }
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc == SQLITE_OK && !is_ours ? SQLITE_CORRUPT : rc;
}

static int save(struct store *store, const char *group, const struct block *block)
{
    sqlite3_stmt *statement = of_block(store, STMT_SAVE_KNOWN, group, block->number);
    sqlite3_bind_blob(statement, 3, block->bits, BLOCK_BYTES, SQLITE_STATIC);
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int number_of(struct store *store, enum statement which, const char *group, sqlite3_int64 below,
                     sqlite3_int64 *number)
{
    sqlite3_stmt *statement = of_block(store, which, group, below);
    *number = -1;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        *number = sqlite3_column_int64(statement, 0);
    const int rc = sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* Blocks that are too far behind the newest go, and the floor is raised to the end of the last of them. */
static int trim(struct store *store, const char *group)
{
    const sqlite3_int64 blocks_max = (store->options.inbox_known_max + BLOCK_OFFSETS - 1) / BLOCK_OFFSETS;
    sqlite3_int64 newest, last;
    int rc = number_of(store, STMT_NEWEST_KNOWN, group, INT64_MAX, &newest);
    if (rc == SQLITE_OK)
        rc = number_of(store, STMT_NEWEST_KNOWN, group, newest - blocks_max + 1, &last);
    if (rc != SQLITE_OK || newest < 0 || last < 0)
        return rc;
    rc = inbox_raise_floor(store, group, (last + 1) * BLOCK_OFFSETS - 1);
    if (rc != SQLITE_OK)
        return rc;
    rc = statement_run(of_block(store, STMT_DROP_KNOWN, group, last));
    sqlite3_clear_bindings(store_statement(store, STMT_DROP_KNOWN));
    return rc;
}

int known_add(struct store *store, const char *group, const sqlite3_int64 *offsets, int len)
{
    struct block block = {.number = -1};
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < len; i++) {
        const sqlite3_int64 number = offsets[i] / BLOCK_OFFSETS, bit = offsets[i] % BLOCK_OFFSETS;
        if (number != block.number) {
            rc = block.number >= 0 ? save(store, group, &block) : SQLITE_OK;
            if (rc == SQLITE_OK)
                rc = load(store, group, number, &block);
        }
        block.bits[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    if (rc == SQLITE_OK && block.number >= 0)
        rc = save(store, group, &block);
    return rc == SQLITE_OK ? trim(store, group) : rc;
}

int known_has(struct store *store, const char *group, uint64_t place, bool *has)
{
    const uint64_t bit = place % BLOCK_OFFSETS;
    struct block block;
    const int rc = load(store, group, (sqlite3_int64)(place / BLOCK_OFFSETS), &block);
    *has = rc == SQLITE_OK && (block.bits[bit / 8] & 1u << bit % 8) != 0;
    return rc;
}
