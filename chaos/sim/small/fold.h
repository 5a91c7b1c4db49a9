/*
 * States of a node that nothing can tell apart are one (bisimulation): whatever happens to them, the same messages go
 * out, checks see the same, and what follows is one again. It does not matter which of its own moves a node makes, only
 * what comes of it; a move of which nothing comes is none.
 *
 * So what a core carries along and will never use again, a counter of an earlier phase, a watermark that is not worth a
 * write, a client's connection that nobody will answer to, makes no states of the world. Nobody has to say which fields
 * those are: it is computed from all that a core can do (closure.h).
 */
#ifndef VOW_CHAOS_SIM_SMALL_FOLD_H
#define VOW_CHAOS_SIM_SMALL_FOLD_H

#include "chaos/sim/small/node.h"

/* After small_closure(): steps lead to the one state that stands for its class, moves are those that do something, and
 * state 0 stands for itself. Fills the classes' .live and .is_blind. */
void small_fold(struct small_nodes *nodes);

/* Instead of it, to see that folding leaves nothing out: every state stands for itself. No small_rise() either. */
void small_fold_nothing(struct small_nodes *nodes);

/* --- between fold.c, quiet.c and rise.c --- */

/* Folds both kinds of nodes, of which the memos have steps, moves and the states that can be reached, or stand for
 * others; again and again, as messages turn out to be of no account (strip.h). */
void small_fold_both(struct small_nodes *nodes, struct small_memo *coords, struct small_memo *parts);

/* What can be seen of a state without a move, as one number. */
uint64_t small_fold_see(const struct small_nodes *nodes, bool is_coord, uint32_t state);
/* The same, if participant i were called names[i]. */
uint64_t small_fold_see_turned(const struct small_nodes *nodes, bool is_coord, uint32_t state, const uint8_t *names);
/* Whoever sees `more` can do all that whoever sees `less` can. */
bool small_fold_shows(const struct small_nodes *nodes, bool is_coord, uint32_t more, uint32_t less);
/* Events of one name are told apart by what comes of them alone. */
uint64_t small_fold_name(struct small_event event);
/* A node's own: nobody sees it but by what comes of it. */
bool small_fold_is_own(struct small_event event);

#endif
