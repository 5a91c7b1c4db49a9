/* Rows that a handler holds: <vow/sqlite.h>. */
#include <vow/sqlite.h>

#include "participant/participant_internal.h"
#include "participant/store/sqlite.h"

static int hold(const struct vow_branch *branch, const char *table, const struct vow_sqlite_key *key, size_t key_len)
{
    if (branch == NULL || table == NULL)
        return VOW_E_ARGUMENT;
    if (!branch->participant->store_is_sqlite)
        return VOW_E_STATE;
    return vow_store_sqlite_hold(branch->participant->store, table, key, key_len);
}

int vow_branch_hold(struct vow_branch *branch, const char *table, int64_t key)
{
    return hold(branch, table, &(struct vow_sqlite_key){.number = key}, 1);
}

int vow_branch_hold_text(struct vow_branch *branch, const char *table, const char *key)
{
    if (key == NULL)
        return VOW_E_ARGUMENT;
    return hold(branch, table, &(struct vow_sqlite_key){.text = key}, 1);
}

int vow_branch_hold_key(struct vow_branch *branch, const char *table, struct sqlite3_value *const *key, size_t key_len)
{
    struct vow_sqlite_key keys[VOW_SQLITE_COLUMNS_MAX];

    if (key == NULL || key_len > VOW_SQLITE_COLUMNS_MAX)
        return VOW_E_ARGUMENT;
    for (size_t i = 0; i < key_len; i++)
        keys[i] = (struct vow_sqlite_key){.value = key[i]};
    return hold(branch, table, keys, key_len);
}
