#include "chaos/sim/small/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

static uint64_t key_of(const struct small_world *world)
{
    uint64_t key = small_mix(small_mix(1, world->coord), world->flags & ~small_world_harm());

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        key = small_mix(key, world->parts[i]);
    return key;
}

/* ---- what is compared ---- */

static uint64_t shorten(const struct small_set *set)
{
    uint64_t messages = 0;

    for (size_t i = 0; i < SMALL_SET_WORDS; i++)
        messages |= set->words[i] << (11 * i) | (i > 0 ? set->words[i] >> (64 - 11 * i) : 0);
    return messages;
}

static struct small_item item_of(const struct small_nodes *nodes, const struct small_world *world, uint32_t number)
{
    struct small_item item = {.harm = world->flags & small_world_harm(), .number = number};

    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        item.sets[i] = world->sets[i];
        item.messages[i] = shorten(&nodes->mail.sets[world->sets[i]]);
    }
    memcpy(item.budget, world->budget, sizeof(item.budget));
    return item;
}

static bool may_cover(const struct small_item *larger, const struct small_item *smaller)
{
    uint64_t lacks = smaller->harm & ~larger->harm;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        lacks |= smaller->messages[i] & ~larger->messages[i];
    for (uint32_t i = 0; i < SMALL_BUDGETS; i++)
        lacks |= larger->budget[i] < smaller->budget[i];
    return lacks == 0;
}

static bool covers(const struct small_nodes *nodes, const struct small_item *larger, const struct small_item *smaller)
{
    if (!may_cover(larger, smaller))
        return false;
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        if (!small_mail_covers(&nodes->mail, larger->sets[i], smaller->sets[i]))
            return false;
    }
    return true;
}

bool small_world_is_alike(const struct small_world *a, const struct small_world *b)
{
    return a->coord == b->coord && ((a->flags ^ b->flags) & ~small_world_harm()) == 0 &&
           memcmp(a->parts, b->parts, sizeof(a->parts)) == 0;
}

bool small_world_covers(const struct small_nodes *nodes, const struct small_world *larger,
                        const struct small_world *smaller)
{
    const struct small_item a = item_of(nodes, larger, 0), b = item_of(nodes, smaller, 0);

    return covers(nodes, &a, &b);
}

/* ---- shelves ---- */

static struct small_shelf *shelf_of(struct small_shelves *shelves, const struct small_world *world)
{
    const uint64_t key = key_of(world);
    uint32_t at;

    if (!small_map_find(&shelves->shelf_of, key, &at)) {
        at = (uint32_t)shelves->shelves_len++;
        shelves->shelves =
            small_room_grow(shelves->shelves, &shelves->shelves_room, shelves->shelves_len, sizeof(*shelves->shelves));
        shelves->shelves[at].like = *world;
        small_map_put(&shelves->shelf_of, key, at);
    }
    VOW_ASSERT(small_world_is_alike(&shelves->shelves[at].like, world));
    return &shelves->shelves[at];
}

static bool is_covered(const struct small_nodes *nodes, const struct small_shelf *shelf, const struct small_item *item)
{
    bool found = false;

    for (uint32_t i = shelf->len; i-- > 0 && !found;)
        found = covers(nodes, &shelf->items[i], item);
    return found;
}

static void take_covered(const struct small_nodes *nodes, struct small_shelf *shelf, const struct small_item *item)
{
    uint32_t kept = 0, looked_at = 0;

    for (uint32_t i = 0; i < shelf->len; i++) {
        if (covers(nodes, item, &shelf->items[i]))
            continue;
        looked_at += i < shelf->looked_at;
        shelf->items[kept++] = shelf->items[i];
    }
    shelf->len = kept;
    shelf->looked_at = looked_at;
}

/* Most shelves stay short. */
static void grow(struct small_shelf *shelf)
{
    const uint32_t room = shelf->room == 0 ? 1 : shelf->room * 2;
    struct small_item *items;

    if (shelf->len < shelf->room)
        return;
    items = small_room(room, sizeof(*items));
    if (shelf->len > 0)
        memcpy(items, shelf->items, shelf->len * sizeof(*items));
    free(shelf->items);
    shelf->items = items;
    shelf->room = room;
}

static void queue(struct small_shelves *shelves, struct small_shelf *shelf)
{
    if (shelf->is_queued)
        return;
    shelf->is_queued = true;
    shelves->queue =
        small_room_grow(shelves->queue, &shelves->queue_room, shelves->queue_len + 1, sizeof(*shelves->queue));
    shelves->queue[shelves->queue_len++] = (uint32_t)(shelf - shelves->shelves);
}

bool small_shelves_put(struct small_shelves *shelves, const struct small_nodes *nodes,
                       const struct small_turned *turned, uint32_t number)
{
    struct small_shelf *shelf = shelf_of(shelves, &turned->worlds[0]);
    struct small_item items[SMALL_TURNS_MAX];

    for (uint32_t i = 0; i < turned->len; i++) {
        items[i] = item_of(nodes, &turned->worlds[i], number);
        if (is_covered(nodes, shelf, &items[i]))
            return false;
    }
    for (uint32_t i = 0; i < turned->len; i++)
        take_covered(nodes, shelf, &items[i]);
    grow(shelf);
    shelf->items[shelf->len++] = items[0];
    queue(shelves, shelf);
    return true;
}

struct small_world small_shelf_world(const struct small_shelf *shelf, uint32_t item)
{
    const struct small_item *found = &shelf->items[item];
    struct small_world world = shelf->like;

    world.flags = (world.flags & ~small_world_harm()) | found->harm;
    memcpy(world.sets, found->sets, sizeof(world.sets));
    memcpy(world.budget, found->budget, sizeof(world.budget));
    return world;
}

/* Those of one shelf one after the other, as they came: one that covers others comes later than they do. */
bool small_shelves_next(struct small_shelves *shelves, struct small_world *world, uint32_t *number)
{
    while (shelves->queue_at < shelves->queue_len) {
        struct small_shelf *shelf = &shelves->shelves[shelves->queue[shelves->queue_at]];

        if (shelf->looked_at < shelf->len) {
            *number = shelf->items[shelf->looked_at].number;
            *world = small_shelf_world(shelf, shelf->looked_at++);
            return true;
        }
        shelf->is_queued = false;
        shelves->queue_at++;
    }
    return false;
}

uint64_t small_shelves_count(const struct small_shelves *shelves)
{
    uint64_t count = 0;

    for (size_t i = 0; i < shelves->shelves_len; i++)
        count += shelves->shelves[i].len;
    return count;
}

void small_shelves_deinit(struct small_shelves *shelves)
{
    for (size_t i = 0; i < shelves->shelves_len; i++)
        free(shelves->shelves[i].items);
    free(shelves->shelves);
    free(shelves->queue);
    small_map_deinit(&shelves->shelf_of);
    *shelves = (struct small_shelves){0};
}
