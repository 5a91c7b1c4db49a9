/*
 * States of a node that can do all that another can, and more (simulation): a timer has run out and its message is sent
 * again, a disk has answered of which no crash can tell any more. A node that can come to such a state by itself, while
 * nothing shows but messages, does so at once: whatever it could do before, it can do there, and the world has at least
 * as many messages. So the moments in between, which only multiply with those of the other nodes, are left out.
 */
#ifndef VOW_CHAOS_SIM_SMALL_RISE_H
#define VOW_CHAOS_SIM_SMALL_RISE_H

#include "chaos/sim/small/node.h"

/* After small_fold() and small_quiet(): fills .rise of all kinds of nodes. */
void small_rise(struct small_nodes *nodes);

#endif
