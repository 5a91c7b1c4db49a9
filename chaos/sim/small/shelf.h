/*
 * The states that a search keeps, on shelves: on one shelf all those that are alike but for messages, budgets and harm,
 * of which one may cover another. Shelves grow long, and each new state is compared with all that lie there, so what is
 * compared lies side by side.
 */
#ifndef VOW_CHAOS_SIM_SMALL_SHELF_H
#define VOW_CHAOS_SIM_SMALL_SHELF_H

#include "chaos/sim/small/turn.h"

struct small_item {
    uint64_t harm;
    uint64_t messages[SMALL_PARTICIPANTS_MAX]; /* of each set a shorter form: what it lacks, the set lacks */
    uint32_t sets[SMALL_PARTICIPANTS_MAX];
    uint8_t budget[SMALL_BUDGETS];
    uint32_t number;
};

struct small_shelves {
    struct small_map shelf_of; /* by the digest of what is alike */
    struct small_shelf {
        struct small_world like; /* what lies there is alike with this */
        struct small_item *items;
        uint32_t len, room;
        uint32_t looked_at; /* so many of them, the first */
        bool is_queued;
    } * shelves;
    size_t shelves_len, shelves_room;
    uint32_t *queue; /* shelves on which something lies that was not looked at, from queue_at on */
    size_t queue_at, queue_len, queue_room;
};

/* Puts the world there, under its first name and that number, unless one that lies there covers it by any of its names:
 * then false. Those that it covers are taken away. */
bool small_shelves_put(struct small_shelves *shelves, const struct small_nodes *nodes,
                       const struct small_turned *turned, uint32_t number);
/* One that was not looked at yet, and now is. False: there is none. */
bool small_shelves_next(struct small_shelves *shelves, struct small_world *world, uint32_t *number);
/* How many lie there; and one of those on a shelf. */
uint64_t small_shelves_count(const struct small_shelves *shelves);
struct small_world small_shelf_world(const struct small_shelf *shelf, uint32_t item);
void small_shelves_deinit(struct small_shelves *shelves);
/* Alike are the same nodes in the same states, and what happened, but for what only makes a breach more likely. */
bool small_world_is_alike(const struct small_world *a, const struct small_world *b);
/* Of two that are alike: the smaller one can do nothing that the larger one cannot. */
bool small_world_covers(const struct small_nodes *nodes, const struct small_world *larger,
                        const struct small_world *smaller);

#endif
