/* A table of the client's transactions by id. Its size is fixed at open; several entries may have one id (two
 * questions). */
#ifndef VOW_PARTICIPANT_CLIENT_TABLE_H
#define VOW_PARTICIPANT_CLIENT_TABLE_H

#include <stddef.h>

#include "proto/gtrid.h"

struct vow_txn;

struct vow_txn_bucket {
    struct vow_txn *first;
};

struct vow_txn_table {
    struct vow_txn_bucket *buckets;
    size_t mask;
};

/* For about so many entries. Returns 0 or VOW_E_NO_MEMORY. */
int vow_txn_table_init(struct vow_txn_table *table, size_t entries);
void vow_txn_table_deinit(struct vow_txn_table *table);
/* Under txn->id, which must stay as it is while it is in. */
void vow_txn_table_add(struct vow_txn_table *table, struct vow_txn *txn);
void vow_txn_table_remove(struct vow_txn_table *table, struct vow_txn *txn);
/* The first entry with this id, or NULL; the next one after txn with the same id, or NULL. */
struct vow_txn *vow_txn_table_find(const struct vow_txn_table *table, const struct vow_gtrid *id);
struct vow_txn *vow_txn_table_next(const struct vow_txn *txn);

#endif
