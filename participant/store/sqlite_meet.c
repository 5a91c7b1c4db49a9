/*
 * Whose lock was met, and which. Guards run inside SQLite, on every connection, so they can call nothing of ours and
 * say nothing but VOW_LOCKED. But each names the locks that it found as hex('VOW_LOCKED' || quote(gtrid) || tbl || LF
 * || idx || LF || key) before it raises: on other connections that does nothing, and on the store's own hex() is the
 * one below, which makes the same text as SQLite's and listens.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"

#define MARK "VOW_LOCKEDX'"
#define MARK_LEN (sizeof(MARK) - 1)
#define HEX_LEN ((size_t)2 * VOW_GTRID_BYTES)

void meet_clear(struct store *store)
{
    store->has_met = false;
}

/* A lock, as its row has it. */
struct lock_name {
    const char *table, *index, *key;
};

/* The oldest of the holders decides who waits and who dies. Of its locks the first that was met is named. */
static void meet(struct store *store, const struct vow_gtrid *gtrid, const struct lock_name *lock)
{
    if (store->has_met && memcmp(gtrid->bytes, store->met.bytes, VOW_GTRID_BYTES) >= 0)
        return;
    store->has_met = true;
    store->met = *gtrid;
    store->met_key[0] = '\0';
    if (store->trace != NULL && lock->table != NULL && lock->index != NULL && lock->key != NULL)
        (void)store_trace_key(store->met_key, lock->table, lock->index, lock->key);
}

static int digit_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* TABLE LF INDEX LF KEY, with the ends of the first two written over. A table that has an LF in its own name gets a
 * wrong one here, which is for people alone. */
static struct lock_name split(char *text)
{
    char *index = strchr(text, '\n'), *key = index != NULL ? strchr(index + 1, '\n') : NULL;

    if (key == NULL)
        return (struct lock_name){.table = NULL};
    *index = *key = '\0';
    return (struct lock_name){text, index + 1, key + 1};
}

/* `text` is what it is followed by. */
static void meet_named(struct store *store, const struct vow_gtrid *gtrid, const unsigned char *text)
{
    char *copy = store->trace != NULL ? sqlite3_mprintf("%s", text) : NULL;
    const struct lock_name lock = copy != NULL ? split(copy) : (struct lock_name){.table = NULL};

    meet(store, gtrid, &lock);
    sqlite3_free(copy);
}

/* Is this what a guard says? */
static void listen(struct store *store, const unsigned char *text, size_t len)
{
    struct vow_gtrid gtrid;
    if (len <= MARK_LEN + HEX_LEN || memcmp(text, MARK, MARK_LEN) != 0 || text[MARK_LEN + HEX_LEN] != '\'')
        return;
    for (size_t i = 0; i < VOW_GTRID_BYTES; i++) {
        int high = digit_of(text[MARK_LEN + 2 * i]), low = digit_of(text[MARK_LEN + 2 * i + 1]);
        if (high < 0 || low < 0)
            return;
        gtrid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    meet_named(store, &gtrid, text + MARK_LEN + HEX_LEN + 1);
}

/* hex(X), as SQLite has it. Of a text it sees the bytes that the file's encoding gives it; what a guard says is read as
 * UTF-8 in any case, and after that, for it makes one of the other. */
static void hex(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    static const char digits[] = "0123456789ABCDEF";
    (void)args_len;
    const bool is_text = sqlite3_value_type(args[0]) == SQLITE_TEXT;
    const unsigned char *bytes = sqlite3_value_blob(args[0]);
    size_t len = (size_t)sqlite3_value_bytes(args[0]);
    char *text = sqlite3_malloc64(2 * (sqlite3_uint64)len + 1);
    if (text == NULL) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
    if (is_text && (bytes = sqlite3_value_text(args[0])) != NULL)
        listen(sqlite3_user_data(ctx), bytes, (size_t)sqlite3_value_bytes(args[0]));
    sqlite3_result_text64(ctx, text, 2 * (sqlite3_uint64)len, sqlite3_free, SQLITE_UTF8);
}

/* vow_met(GTRID, TABLE, INDEX, KEY): the same for the store's own statements. NULL. */
static void met(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    struct vow_gtrid gtrid;
    (void)args_len;
    if (sqlite3_value_bytes(args[0]) != VOW_GTRID_BYTES)
        return;
    memcpy(gtrid.bytes, sqlite3_value_blob(args[0]), VOW_GTRID_BYTES);
    const struct lock_name lock = {(const char *)sqlite3_value_text(args[1]), (const char *)sqlite3_value_text(args[2]),
                                   (const char *)sqlite3_value_text(args[3])};
    meet(sqlite3_user_data(ctx), &gtrid, &lock);
}

int meet_install(struct store *store)
{
    int rc = sqlite3_create_function_v2(store->db, "hex", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                        store, hex, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function_v2(store->db, "vow_met", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, store, met, NULL,
                                        NULL, NULL);
    return rc;
}
