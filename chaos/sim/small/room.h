/* Memory of a search: there is enough, or the program ends and says so. */
#ifndef VOW_CHAOS_SIM_SMALL_ROOM_H
#define VOW_CHAOS_SIM_SMALL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed. */
void *small_room(size_t items, size_t size);
/* At least `items` of them: *room grows to a power of two, what is new is zeroed. */
void *small_room_grow(void *at, size_t *room, size_t items, size_t size);

/* A table of 32-bit numbers found by a 64-bit key. */
struct small_map {
    struct small_map_slot {
        uint64_t key;
        uint32_t value; /* 0 = the slot is free; else one more than the number */
    } * slots;
    size_t slots_len, used;
};

/* False if key is not in. */
bool small_map_find(const struct small_map *map, uint64_t key, uint32_t *value);
/* Where it is kept, as one more than the number; NULL if key is not in. Until the next put. */
uint32_t *small_map_at(struct small_map *map, uint64_t key);
/* key is not in yet. value is at most UINT32_MAX - 1. */
void small_map_put(struct small_map *map, uint64_t key, uint32_t value);
void small_map_deinit(struct small_map *map);

/* Mixes a value into a digest: good enough to tell some millions of states apart. Values are small numbers, and so may
 * the first digest be: if they were not spread, two that differ in both would often meet. */
static inline uint64_t small_mix(uint64_t digest, uint64_t value)
{
    value = (value + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    value ^= value >> 32;
    digest = (digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return digest ^ digest >> 29;
}

#endif
