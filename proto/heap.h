/*
 * A binary heap of items, least key first. Items are indexes into an array of the owner's. Each is in the heap at most
 * once and is found in it at once, so that its key can change. Holds no memory of its own. Pure.
 */
#ifndef VOW_PROTO_HEAP_H
#define VOW_PROTO_HEAP_H

#include <stdint.h>

/* No place: an item that is not in the heap. */
#define VOW_HEAP_NONE UINT32_MAX

/* Compared by major, then by minor. */
struct vow_heap_key {
    uint64_t major, minor;
};

struct vow_heap_entry {
    struct vow_heap_key key;
    uint32_t item;
};

struct vow_heap {
    struct vow_heap_entry *entries; /* as many as there are items */
    uint32_t *position;             /* of each item in entries; VOW_HEAP_NONE = not in the heap */
    uint32_t len;
};

/* entries and position are set by the owner. */
void vow_heap_init(struct vow_heap *heap, uint32_t items_max);
/* Puts the item in, or moves it. */
void vow_heap_set(struct vow_heap *heap, uint32_t item, struct vow_heap_key key);
/* Takes the item out, if it is in. */
void vow_heap_remove(struct vow_heap *heap, uint32_t item);
/* The least entry, or NULL. */
const struct vow_heap_entry *vow_heap_first(const struct vow_heap *heap);
/* The entry of an item, or NULL if it is not in. */
const struct vow_heap_entry *vow_heap_find(const struct vow_heap *heap, uint32_t item);

#endif
