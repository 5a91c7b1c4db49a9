/*
 * A small random world around one core: trivial participants, a network that reorders and repeats, a journal that loses
 * what was not flushed, crashes of all sides, clients that ask twice. One seed, one world. The rules are checked at
 * every step; at the end everything is healed and every transaction must have ended.
 */
#ifndef VOW_TEST_MODEL_H
#define VOW_TEST_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct model_totals {
    uint64_t steps, committed, aborted, crashes, restarts, repeats, lookups, one_phase, limits_changed;
};

/* Returns 0 if all rules held; else writes what broke and returns -1. Adds to *totals. */
int model_run(uint64_t seed, struct model_totals *totals, char *why, size_t why_size);

#endif
