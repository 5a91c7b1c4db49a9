/* The least comes out first, whatever is put in, moved and taken out between. */
#include "proto/heap.h"

#include <criterion/criterion.h>

#define ITEMS 200
#define NEVER UINT64_MAX

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

/* Counts the items that are in, and finds the least key without the heap's help. */
static uint32_t scan(const uint64_t *keys, uint64_t *least)
{
    uint32_t in = 0;
    *least = NEVER;
    for (uint32_t i = 0; i < ITEMS; i++) {
        in += keys[i] != NEVER;
        *least = keys[i] < *least ? keys[i] : *least;
    }
    return in;
}

Test(heap, first_is_always_the_least)
{
    struct vow_heap_entry entries[ITEMS];
    uint32_t position[ITEMS];
    struct vow_heap heap = {.entries = entries, .position = position};
    uint64_t keys[ITEMS], random = 1, least;
    vow_heap_init(&heap, ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++)
        keys[i] = NEVER;
    for (int round = 0; round < 20000; round++) {
        const uint32_t item = (uint32_t)draw(&random, ITEMS);
        keys[item] = draw(&random, 3) == 0 ? NEVER : draw(&random, 1000);
        if (keys[item] == NEVER)
            vow_heap_remove(&heap, item);
        else
            vow_heap_set(&heap, item, (struct vow_heap_key){keys[item] / 10, keys[item] % 10});
        cr_assert_eq(vow_heap_find(&heap, item) != NULL, keys[item] != NEVER);
        cr_assert_eq(scan(keys, &least), heap.len);
        const struct vow_heap_entry *first = vow_heap_first(&heap);
        cr_assert_eq(first != NULL ? first->key.major * 10 + first->key.minor : NEVER, least);
    }
}
