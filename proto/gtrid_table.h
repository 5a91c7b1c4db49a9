/*
 * A hash table over gtrids: chains of indexes into an array that its owner keeps. The gtrid is the first member of each
 * element. Never grows; holds no memory of its own. Pure.
 */
#ifndef VOW_PROTO_GTRID_TABLE_H
#define VOW_PROTO_GTRID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/gtrid.h"

/* No index: the end of a chain. */
#define VOW_GTRID_TABLE_NONE UINT32_MAX

struct vow_gtrid_table {
    const unsigned char *items;
    size_t stride;
    uint32_t *heads; /* mask + 1 of them */
    uint32_t *next;  /* one for each item */
    uint32_t mask;
};

/* How many heads a table of that many items wants: a power of two. */
uint32_t vow_gtrid_table_heads(uint32_t items_max);
/* items, stride, heads and next are set by the owner. */
void vow_gtrid_table_init(struct vow_gtrid_table *table, uint32_t items_max);
/* The index of an item with that gtrid, or VOW_GTRID_TABLE_NONE. */
uint32_t vow_gtrid_table_find(const struct vow_gtrid_table *table, const struct vow_gtrid *gtrid);
/* The next one with the gtrid of the item at index, or VOW_GTRID_TABLE_NONE. */
uint32_t vow_gtrid_table_find_next(const struct vow_gtrid_table *table, uint32_t index);
/* The item's gtrid is set, and stays as it is until the item is removed. Several items may have the same. */
void vow_gtrid_table_add(struct vow_gtrid_table *table, uint32_t index);
void vow_gtrid_table_remove(struct vow_gtrid_table *table, uint32_t index);

#endif
