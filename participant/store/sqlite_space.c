/*
 * Room for what was voted for (trap 15, F055): before a branch is written down, the WAL gets room for its COMMIT as
 * well.
 *
 * A COMMIT needs room in the WAL alone: what it changes is written there, page by page, and what cannot be folded into
 * the database for want of room stays there. So the WAL file is made as long as all of that may become: what it holds
 * now, and for each prepared branch the pages that its COMMIT may change at most. The file's blocks are really
 * allocated (posix_fallocate() in the unix VFS), so a disk that others fill cannot take them. Where a file system gives
 * no such promise (those that copy on write), or another connection uses the room up meanwhile, a COMMIT can still meet
 * a full disk: it is then tried again until there is room (sqlite_batch.c), and the branch stays prepared.
 *
 * max_page_count, if the service has set it, bounds the database itself: there the pages that branches may add are
 * counted in the same way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "participant/store/sqlite_store.h"

/* Frames of a WAL have a head of 24 bytes, the file one of 32. */
#define FRAME_HEAD 24u
#define WAL_HEAD 32u
#define WAL_CHUNK (1 << 20) /* it grows by so much at a time */
/* Of the store's own tables: the branch, its locks by key and by branch, each with the neighbours that a page which
 * runs empty or over takes along. */
#define PAGES_OF_A_BRANCH 12u
#define PAGES_OF_A_CHANGE 3u /* of each index and of the table: the page, and half a split */
/* Beyond this, branches rely on being committed in several batches, between which the WAL is folded in. */
#define RESERVE_MAX (INT64_C(256) << 20)
#define PAGE_COUNT_DEFAULT 1073741823 /* SQLite's: no limit */

struct space_key {
    struct vow_gtrid gtrid;
    uint32_t branch;
};

struct space_entry {
    struct space_key key;
    struct space space;
    UT_hash_handle hh;
};

/* Zeroed first: what lies between the members is part of the key. */
static void make_key(struct space_key *key, const struct vow_gtrid *gtrid, uint32_t branch)
{
    memset(key, 0, sizeof(*key));
    key->gtrid = *gtrid;
    key->branch = branch;
}

struct space space_of(const struct store *store, const struct changeset *changeset)
{
    uint32_t content = (uint32_t)changeset->len / store->page_size;
    return (struct space){
        .pages = PAGES_OF_A_BRANCH + PAGES_OF_A_CHANGE * changeset->touches + 2 * content,
        .growth = 2 + changeset->touches / 8 + changeset->trees + 2 * content,
    };
}

int64_t space_of_changes(int64_t changes)
{
    return PAGES_OF_A_BRANCH + PAGES_OF_A_CHANGE * changes;
}

/* ---- who has reserved what ---- */

static void drop(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct space_key key;
    struct space_entry *entry;
    make_key(&key, gtrid, branch);
    HASH_FIND(hh, store->spaces, &key, sizeof(key), entry);
    if (entry == NULL)
        return;
    HASH_DEL(store->spaces, entry); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    store->reserved.pages -= entry->space.pages;
    store->reserved.growth -= entry->space.growth;
    free(entry);
}

int space_add(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, struct space space)
{
    struct space_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return SQLITE_NOMEM;
    drop(store, gtrid, branch); /* read again */
    make_key(&entry->key, gtrid, branch);
    entry->space = space;
    HASH_ADD(hh, store->spaces, key, sizeof(entry->key), entry);
    store->reserved.pages += space.pages;
    store->reserved.growth += space.growth;
    return SQLITE_OK;
}

void space_drop(struct store *store, const struct vow_store_op *op)
{
    drop(store, &op->gtrid, op->branch);
}

void space_give_up(struct store *store, struct vow_store_op *op)
{
    if (op->has_reserved)
        space_drop(store, op);
    op->has_reserved = false;
}

void space_free(struct store *store)
{
    struct space_entry *entry, *next;
    HASH_ITER(hh, store->spaces, entry, next)
    {
        HASH_DEL(store->spaces, entry); /* NOLINT(clang-analyzer-unix.Malloc) */
        free(entry);
    }
}

/* ---- the WAL ---- */

static int after_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct store *store = ctx;
    (void)db, (void)name;
    store->wal_frames = (uint32_t)frames;
    /* What SQLite's own hook does, whose place this one takes. */
    if (frames >= CHECKPOINT_PAGES)
        space_fold(store);
    return SQLITE_OK;
}

/* An error is no commit's. But what is durable after a failed sync is not known, whoever asked for it (F105). */
void space_fold(struct store *store)
{
    int rc = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    store->failed = store->failed || rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

static int64_t pragma_number(struct store *store, const char *pragma)
{
    sqlite3_stmt *statement;
    int64_t number = -1;
    if (sqlite3_prepare_v2(store->db, pragma, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

void space_watch(struct store *store)
{
    int64_t page_size = pragma_number(store, "PRAGMA page_size");
    int64_t page_max = pragma_number(store, "PRAGMA max_page_count");
    store->page_size = page_size >= 512 ? (uint32_t)page_size : 4096;
    store->page_max = page_max > 0 && page_max < PAGE_COUNT_DEFAULT ? page_max : 0;
    sqlite3_wal_hook(store->db, after_commit, store);
}

static sqlite3_file *wal_file(struct store *store)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK)
        return NULL;
    return file != NULL && file->pMethods != NULL ? file : NULL;
}

int space_ensure(struct store *store)
{
    sqlite3_file *file = wal_file(store);
    int chunk = WAL_CHUNK;
    sqlite3_int64 size = 0, frame = (sqlite3_int64)store->page_size + FRAME_HEAD;
    sqlite3_int64 reserve = (store->reserved.pages + store->batch_pages) * frame;
    sqlite3_int64 wanted =
        WAL_HEAD + (sqlite3_int64)store->wal_frames * frame + (reserve < RESERVE_MAX ? reserve : RESERVE_MAX);
    if (file == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK || size >= wanted)
        return SQLITE_OK;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    int rc = file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, &wanted);
    return rc == SQLITE_OK || rc == SQLITE_NOTFOUND ? SQLITE_OK : SQLITE_FULL;
}

/* ---- max_page_count ---- */

bool space_has_pages(struct store *store, struct space space)
{
    if (store->page_max == 0)
        return true;
    int64_t used = pragma_number(store, "PRAGMA page_count") - pragma_number(store, "PRAGMA freelist_count");
    return used + store->reserved.growth + space.growth <= store->page_max;
}

/* ---- what a shortage looks like ---- */

/* A quota, a limit of file sizes, a file system that has become read-only (F103): SQLite tells none of them apart from
 * other errors of write(2). Of an error of a sync nothing is known: it is never one of these (F105). */
bool space_is_short(struct store *store, int rc)
{
    int primary = rc & 0xff;
    if (primary == SQLITE_FULL || primary == SQLITE_BUSY)
        return true;
    if (rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_TRUNCATE && rc != SQLITE_IOERR_SHMSIZE)
        return false;
    sqlite3_file *file = wal_file(store); /* that is where all is written first; a COMMIT tells nobody else */
    int error = sqlite3_system_errno(store->db);
    if (error == 0 && file != NULL)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS;
}
