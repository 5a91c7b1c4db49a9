#include "proto/heap.h"

#include <stdbool.h>
#include <stddef.h>

void vow_heap_init(struct vow_heap *heap, uint32_t items_max)
{
    heap->len = 0;
    for (uint32_t i = 0; i < items_max; i++)
        heap->position[i] = VOW_HEAP_NONE;
}

static bool is_less(const struct vow_heap_entry *a, const struct vow_heap_entry *b)
{
    if (a->key.major != b->key.major)
        return a->key.major < b->key.major;
    return a->key.minor < b->key.minor;
}

static void put(struct vow_heap *heap, uint32_t at, struct vow_heap_entry entry)
{
    heap->entries[at] = entry;
    heap->position[entry.item] = at;
}

/* Finds the place for entry from the hole at `at` towards the root. */
static void sift_up(struct vow_heap *heap, uint32_t at, struct vow_heap_entry entry)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (!is_less(&entry, &heap->entries[parent]))
            break;
        put(heap, at, heap->entries[parent]);
        at = parent;
    }
    put(heap, at, entry);
}

/* Finds the place for entry from the hole at `at` towards the leaves. */
static void sift_down(struct vow_heap *heap, uint32_t at, struct vow_heap_entry entry)
{
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= heap->len)
            break;
        if (child + 1 < heap->len && is_less(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_less(&heap->entries[child], &entry))
            break;
        put(heap, at, heap->entries[child]);
        at = child;
    }
    put(heap, at, entry);
}

static void place(struct vow_heap *heap, uint32_t at, struct vow_heap_entry entry)
{
    if (at > 0 && is_less(&entry, &heap->entries[(at - 1) / 2]))
        sift_up(heap, at, entry);
    else
        sift_down(heap, at, entry);
}

void vow_heap_set(struct vow_heap *heap, uint32_t item, struct vow_heap_key key)
{
    uint32_t at = heap->position[item];

    if (at == VOW_HEAP_NONE)
        at = heap->len++;
    place(heap, at, (struct vow_heap_entry){key, item});
}

void vow_heap_remove(struct vow_heap *heap, uint32_t item)
{
    uint32_t at = heap->position[item];

    if (at == VOW_HEAP_NONE)
        return;
    heap->position[item] = VOW_HEAP_NONE;
    heap->len--;
    if (at < heap->len)
        place(heap, at, heap->entries[heap->len]);
}

const struct vow_heap_entry *vow_heap_first(const struct vow_heap *heap)
{
    return heap->len > 0 ? &heap->entries[0] : NULL;
}

const struct vow_heap_entry *vow_heap_find(const struct vow_heap *heap, uint32_t item)
{
    uint32_t at = heap->position[item];

    return at != VOW_HEAP_NONE ? &heap->entries[at] : NULL;
}
