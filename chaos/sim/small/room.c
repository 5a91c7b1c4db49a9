#include "chaos/sim/small/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *small_room(size_t items, size_t size)
{
    void *at = calloc(items > 0 ? items : 1, size);

    if (at == NULL) {
        (void)fputs("vow-chaos: out of memory: search a smaller world\n", stderr);
        exit(2);
    }
    return at;
}

void *small_room_grow(void *at, size_t *room, size_t items, size_t size)
{
    size_t next = *room > 0 ? *room : 64;
    void *grown;

    if (items <= *room)
        return at;
    while (next < items)
        next *= 2;
    grown = small_room(next, size);
    if (at != NULL)
        memcpy(grown, at, *room * size);
    free(at);
    *room = next;
    return grown;
}

/* Keys that count up would all lie in a row. */
static size_t slot_of(const struct small_map *map, uint64_t key)
{
    size_t at = (size_t)small_mix(key, 0x5bd1) & (map->slots_len - 1);

    while (map->slots[at].value != 0 && map->slots[at].key != key)
        at = (at + 1) & (map->slots_len - 1);
    return at;
}

bool small_map_find(const struct small_map *map, uint64_t key, uint32_t *value)
{
    size_t at;

    if (map->slots_len == 0)
        return false;
    at = slot_of(map, key);
    *value = map->slots[at].value - 1;
    return map->slots[at].value != 0;
}

uint32_t *small_map_at(struct small_map *map, uint64_t key)
{
    size_t at;

    if (map->slots_len == 0)
        return NULL;
    at = slot_of(map, key);
    return map->slots[at].value != 0 ? &map->slots[at].value : NULL;
}

static void widen(struct small_map *map)
{
    struct small_map wider = {.slots_len = map->slots_len > 0 ? map->slots_len * 2 : 64, .used = map->used};

    wider.slots = small_room(wider.slots_len, sizeof(*wider.slots));
    for (size_t i = 0; i < map->slots_len; i++) {
        if (map->slots[i].value != 0)
            wider.slots[slot_of(&wider, map->slots[i].key)] = map->slots[i];
    }
    free(map->slots);
    *map = wider;
}

void small_map_put(struct small_map *map, uint64_t key, uint32_t value)
{
    if ((map->used + 1) * 3 > map->slots_len * 2)
        widen(map);
    map->slots[slot_of(map, key)] = (struct small_map_slot){key, value + 1};
    map->used++;
}

void small_map_deinit(struct small_map *map)
{
    free(map->slots);
    *map = (struct small_map){0};
}
