/*
 * Idempotency keys and what each names: a transaction (keys.c) or a saga (saga/table.c). Two kinds of entries: those of
 * what is under way are pinned, those of what has ended are kept as long as they are among the newest. Of a fixed size;
 * entries name one another by index. Pure.
 */
#ifndef VOW_COORDINATOR_KEY_TABLE_H
#define VOW_COORDINATOR_KEY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/gtrid_table.h"
#include "proto/message.h"

#define KEY_NIL VOW_GTRID_TABLE_NONE

struct keyed {
    char key[VOW_KEY_SIZE];
    bool is_kept;   /* else pinned */
    uint8_t damage; /* of a transaction that is not in memory any more: enum vow_damage */
    struct vow_gtrid gtrid;
    uint32_t next;  /* with the same hash of the key; in the free list: of that */
    uint32_t newer; /* the next kept one */
};

struct key_table {
    struct keyed *items; /* max of them */
    uint32_t *heads;     /* vow_gtrid_table_heads(max) of them */
    uint32_t max;
    uint32_t free, oldest, newest; /* the kept ones in the order in which they were kept */
};

/* items and heads are there already. */
void vow_key_table_init(struct key_table *table, uint32_t max);
/* NULL and "" are no key. */
bool vow_key_is_none(const char *key);
/* KEY_NIL if there is none, or key is none. */
uint32_t vow_key_table_find(const struct key_table *table, const char *key);
/* Is there room for one more, a kept one forgotten if need be? */
bool vow_key_table_has_room(const struct key_table *table);
/* Pins a key that is not there yet. There is room (asserted). */
uint32_t vow_key_table_add(struct key_table *table, const char *key, const struct vow_gtrid *gtrid);
/* Not pinned any more: kept, as the newest. Of one that is kept already, nothing. */
void vow_key_table_keep(struct key_table *table, uint32_t index);
/* Forgets a pinned one. */
void vow_key_table_drop(struct key_table *table, uint32_t index);

#endif
