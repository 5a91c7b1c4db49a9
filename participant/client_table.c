#include "participant/client_table.h"

#include <stdlib.h>

#include "participant/client_internal.h"

int vow_txn_table_init(struct vow_txn_table *table, size_t entries)
{
    size_t size = 64;

    while (size < entries && size <= SIZE_MAX / 2 / sizeof(*table->buckets))
        size *= 2;
    table->buckets = calloc(size, sizeof(*table->buckets));
    table->mask = size - 1;
    return table->buckets != NULL ? 0 : VOW_E_NO_MEMORY;
}

void vow_txn_table_deinit(struct vow_txn_table *table)
{
    free(table->buckets);
}

static struct vow_txn **bucket(const struct vow_txn_table *table, const struct vow_gtrid *id)
{
    return &table->buckets[vow_gtrid_hash(id) & table->mask].first;
}

void vow_txn_table_add(struct vow_txn_table *table, struct vow_txn *txn)
{
    struct vow_txn **head = bucket(table, &txn->id);

    txn->bucket_next = *head;
    *head = txn;
}

void vow_txn_table_remove(struct vow_txn_table *table, struct vow_txn *txn)
{
    struct vow_txn **at = bucket(table, &txn->id);

    while (*at != txn)
        at = &(*at)->bucket_next;
    *at = txn->bucket_next;
}

static struct vow_txn *first_with(struct vow_txn *txn, const struct vow_gtrid *id)
{
    while (txn != NULL && !vow_gtrid_equal(&txn->id, id))
        txn = txn->bucket_next;
    return txn;
}

struct vow_txn *vow_txn_table_find(const struct vow_txn_table *table, const struct vow_gtrid *id)
{
    return first_with(*bucket(table, id), id);
}

struct vow_txn *vow_txn_table_next(const struct vow_txn *txn)
{
    return first_with(txn->bucket_next, &txn->id);
}
