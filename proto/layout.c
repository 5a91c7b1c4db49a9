#include "proto/layout.h"

void *vow_layout_take(struct vow_layout *layout, size_t items, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    const size_t at = layout->used;

    layout->used += (items * size + align - 1) / align * align;
    return layout->base != NULL ? layout->base + at : NULL;
}

void vow_layout_take_heap(struct vow_layout *layout, struct vow_heap *heap, uint32_t items)
{
    VOW_LAYOUT_TAKE(layout, heap->entries, items);
    VOW_LAYOUT_TAKE(layout, heap->position, items);
}

void vow_layout_take_table(struct vow_layout *layout, struct vow_gtrid_table *table, uint32_t items)
{
    VOW_LAYOUT_TAKE(layout, table->heads, vow_gtrid_table_heads(items));
    VOW_LAYOUT_TAKE(layout, table->next, items);
}
