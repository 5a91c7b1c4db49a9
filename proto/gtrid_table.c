#include "proto/gtrid_table.h"

#include "proto/assert.h"

uint32_t vow_gtrid_table_heads(uint32_t items_max)
{
    uint32_t heads = 1;

    while (heads < items_max)
        heads *= 2;
    return heads;
}

void vow_gtrid_table_init(struct vow_gtrid_table *table, uint32_t items_max)
{
    table->mask = vow_gtrid_table_heads(items_max) - 1;
    for (uint32_t i = 0; i <= table->mask; i++)
        table->heads[i] = VOW_GTRID_TABLE_NONE;
}

static const struct vow_gtrid *key_of(const struct vow_gtrid_table *table, uint32_t index)
{
    return (const struct vow_gtrid *)(const void *)(table->items + table->stride * index);
}

static uint32_t *head_of(const struct vow_gtrid_table *table, const struct vow_gtrid *gtrid)
{
    return &table->heads[(uint32_t)vow_gtrid_hash(gtrid) & table->mask];
}

static uint32_t first_with(const struct vow_gtrid_table *table, uint32_t index, const struct vow_gtrid *gtrid)
{
    while (index != VOW_GTRID_TABLE_NONE && !vow_gtrid_equal(key_of(table, index), gtrid))
        index = table->next[index];
    return index;
}

uint32_t vow_gtrid_table_find(const struct vow_gtrid_table *table, const struct vow_gtrid *gtrid)
{
    return first_with(table, *head_of(table, gtrid), gtrid);
}

uint32_t vow_gtrid_table_find_next(const struct vow_gtrid_table *table, uint32_t index)
{
    return first_with(table, table->next[index], key_of(table, index));
}

void vow_gtrid_table_add(struct vow_gtrid_table *table, uint32_t index)
{
    uint32_t *head = head_of(table, key_of(table, index));

    table->next[index] = *head;
    *head = index;
}

void vow_gtrid_table_remove(struct vow_gtrid_table *table, uint32_t index)
{
    uint32_t *link = head_of(table, key_of(table, index));

    while (*link != index) {
        VOW_ASSERT(*link != VOW_GTRID_TABLE_NONE);
        link = &table->next[*link];
    }
    *link = table->next[index];
}
