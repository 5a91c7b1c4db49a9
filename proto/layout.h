/*
 * The arrays of a core, one behind the other in the memory that its owner gives it. They are laid out twice by the same
 * function: from NULL, to learn how much memory that is, and then in it. Pure.
 */
#ifndef VOW_PROTO_LAYOUT_H
#define VOW_PROTO_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/gtrid_table.h"
#include "proto/heap.h"

struct vow_layout {
    unsigned char *base; /* aligned for anything; NULL = only `used` is wanted */
    size_t used;         /* bytes, so far */
};

/* Room for so many items of so many bytes; NULL if there is no base. The caller bounds both: nothing overflows here. */
void *vow_layout_take(struct vow_layout *layout, size_t items, size_t size);
#define VOW_LAYOUT_TAKE(layout, field, items) ((field) = vow_layout_take(layout, items, sizeof(*(field))))

/* What these hold no memory of their own for. */
void vow_layout_take_heap(struct vow_layout *layout, struct vow_heap *heap, uint32_t items);
void vow_layout_take_table(struct vow_layout *layout, struct vow_gtrid_table *table, uint32_t items);

#endif
