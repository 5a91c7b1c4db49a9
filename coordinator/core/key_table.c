#include "coordinator/core/key_table.h"

#include <string.h>

#include "proto/assert.h"

void vow_key_table_init(struct key_table *table, uint32_t max)
{
    for (uint32_t i = 0; i < max; i++)
        table->items[i].next = i + 1 < max ? i + 1 : KEY_NIL;
    for (uint32_t i = 0; i < vow_gtrid_table_heads(max); i++)
        table->heads[i] = KEY_NIL;
    table->max = max;
    table->free = 0;
    table->oldest = table->newest = KEY_NIL;
}

bool vow_key_is_none(const char *key)
{
    return key == NULL || key[0] == '\0';
}

/* FNV-1a. Who may speak to the coordinator at all may choose keys: a long chain slows his own requests. */
static uint32_t *head_of(const struct key_table *table, const char *key)
{
    uint32_t hash = 2166136261u;

    for (const char *c = key; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &table->heads[hash & (vow_gtrid_table_heads(table->max) - 1)];
}

uint32_t vow_key_table_find(const struct key_table *table, const char *key)
{
    uint32_t index = vow_key_is_none(key) ? KEY_NIL : *head_of(table, key);

    while (index != KEY_NIL && strcmp(table->items[index].key, key) != 0)
        index = table->items[index].next;
    return index;
}

bool vow_key_table_has_room(const struct key_table *table)
{
    return table->free != KEY_NIL || table->oldest != KEY_NIL;
}

void vow_key_table_drop(struct key_table *table, uint32_t index)
{
    uint32_t *at = head_of(table, table->items[index].key);

    while (*at != index)
        at = &table->items[*at].next;
    *at = table->items[index].next;
    table->items[index].next = table->free;
    table->free = index;
}

/* The window moves on: the oldest kept one is forgotten. */
static void make_room(struct key_table *table)
{
    uint32_t oldest = table->oldest;

    if (table->free != KEY_NIL)
        return;
    VOW_ASSERT(oldest != KEY_NIL);
    table->oldest = table->items[oldest].newer;
    if (table->oldest == KEY_NIL)
        table->newest = KEY_NIL;
    vow_key_table_drop(table, oldest);
}

uint32_t vow_key_table_add(struct key_table *table, const char *key, const struct vow_gtrid *gtrid)
{
    uint32_t *head = head_of(table, key);
    const size_t len = strlen(key);
    uint32_t index;

    VOW_ASSERT(len <= VOW_KEY_MAX && vow_key_table_find(table, key) == KEY_NIL);
    make_room(table);
    index = table->free;
    table->free = table->items[index].next;
    table->items[index] = (struct keyed){.gtrid = *gtrid, .next = *head, .newer = KEY_NIL};
    memcpy(table->items[index].key, key, len);
    *head = index;
    return index;
}

void vow_key_table_keep(struct key_table *table, uint32_t index)
{
    if (table->items[index].is_kept)
        return;
    table->items[index].is_kept = true;
    if (table->newest != KEY_NIL)
        table->items[table->newest].newer = index;
    else
        table->oldest = index;
    table->newest = index;
}
