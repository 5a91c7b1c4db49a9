/*
 * A small world around one participant's core: a coordinator that follows protocol 2.2, other participants that ask and
 * are asked (2.6), a network that loses, doubles and reorders, and a store that works when it likes and loses at a
 * crash whatever was not durable. Everything comes from one seed.
 *
 * Checked at every step: a YES is durable when it is said and holds until the decision; no branch is dropped without an
 * ABORT of the coordinator's or a peer's; an ACK follows its durable commit; work is done once at most; the store has
 * one operation of a branch at a time; what one-phase commit answers is true; what a peer is told is true and stays so.
 * At the end, when all faults have stopped, every transaction ends.
 */
#ifndef VOW_TESTS_PARTICIPANT_WORLD_H
#define VOW_TESTS_PARTICIPANT_WORLD_H

#include <stdint.h>

#include "participant/core/states.h"

/* Returns NULL, or what was violated. Adds how often each edge of the table was taken. */
const char *world_run(uint64_t seed, uint64_t edge_hits[VOW_BRANCH_EDGES]);

#endif
