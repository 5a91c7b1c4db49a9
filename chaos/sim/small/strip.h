/*
 * Messages that nobody takes any notice of: whoever gets one stays as it was, in whatever state it may be. They are not
 * sent, so that it makes no difference any more who would send them.
 */
#ifndef VOW_CHAOS_SIM_SMALL_STRIP_H
#define VOW_CHAOS_SIM_SMALL_STRIP_H

#include "chaos/sim/small/node.h"

/* Of nodes that can do what these two say. False: each message that is sent matters to somebody. */
bool small_strip(struct small_nodes *nodes, struct small_memo *coords, struct small_memo *parts);

#endif
