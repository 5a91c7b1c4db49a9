/* What a core is given lies in its memory, aligned, each array behind the one before. */
#include "proto/layout.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <string.h>

struct arrays {
    char *bytes;
    uint64_t *numbers;
    struct vow_heap heap;
    struct vow_gtrid_table table;
};

static size_t lay_out(struct arrays *arrays, void *mem)
{
    struct vow_layout layout = {mem, 0};

    VOW_LAYOUT_TAKE(&layout, arrays->bytes, 3);
    VOW_LAYOUT_TAKE(&layout, arrays->numbers, 5);
    vow_layout_take_heap(&layout, &arrays->heap, 7);
    vow_layout_take_table(&layout, &arrays->table, 9);
    return layout.used;
}

/* The next array begins behind the end of this one, and is aligned for anything. */
static void expect_next(const void *end, const void *next)
{
    cr_expect_leq((uintptr_t)end, (uintptr_t)next);
    cr_expect_eq((uintptr_t)next % alignof(max_align_t), 0);
}

Test(layout, is_the_same_with_memory_and_without)
{
    static alignas(max_align_t) unsigned char mem[4096];
    struct arrays nowhere, arrays;
    const size_t size = lay_out(&nowhere, NULL);

    cr_assert(size > 0 && size <= sizeof(mem));
    cr_expect_null(nowhere.bytes);
    cr_expect_eq(lay_out(&arrays, mem), size);
    cr_expect_eq((void *)arrays.bytes, (void *)mem);
    expect_next(arrays.bytes + 3, arrays.numbers);
    expect_next(arrays.numbers + 5, arrays.heap.entries);
    expect_next(arrays.heap.entries + 7, arrays.heap.position);
    expect_next(arrays.heap.position + 7, arrays.table.heads);
    expect_next(arrays.table.heads + vow_gtrid_table_heads(9), arrays.table.next);
    cr_expect_leq((uintptr_t)(arrays.table.next + 9), (uintptr_t)(mem + size));
}
