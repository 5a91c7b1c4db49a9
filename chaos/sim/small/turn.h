/*
 * Participants that are alike: to call them by each other's names, all at once, makes another state of the same world,
 * and all that follows from it follows under the other names, too. So of the states that such a turn leads to, a search
 * keeps one.
 *
 * Whether a node's state has such a counterpart is not declared but computed, as folding is (fold.h): the counterpart
 * can do, under the other names, all that the state can, and nothing else (a bisimulation between the node and itself,
 * turned). A state without one is not turned, which costs room and nothing else.
 */
#ifndef VOW_CHAOS_SIM_SMALL_TURN_H
#define VOW_CHAOS_SIM_SMALL_TURN_H

#include "chaos/sim/small/world.h"

/* After small_fold(): fills nodes->turns. */
void small_turns_find(struct small_nodes *nodes);
/* How many there are, with turn 0, which changes nothing. */
uint32_t small_turns(const struct small_nodes *nodes);
extern const struct small_names small_names_first;
/* The state's counterpart; UINT32_MAX: it has none. */
uint32_t small_turn_state(const struct small_nodes *nodes, const struct small_memo *memo, bool is_coord, uint32_t state,
                          uint32_t turn);
/* The names after the turn. */
struct small_names small_turn_names(const struct small_names *names, uint32_t turn);
/* The world under the turn's names. False: a part of it has no counterpart. */
bool small_turn(struct small_nodes *nodes, const struct small_world *world, uint32_t turn, struct small_world *turned);

/* A world under all the names that make it least, in an order that looks at nodes and flags alone, each once; `turn`
 * leads to the first of them. */
struct small_turned {
    struct small_world worlds[SMALL_TURNS_MAX];
    uint32_t len, turn;
};
/* Of the first turns_len turns. */
void small_turn_least(struct small_nodes *nodes, const struct small_world *world, uint32_t turns_len,
                      struct small_turned *found);

#endif
