/*
 * Randomness of a world: streams that are split from the seed by purpose, so that a draw that is added or left out in
 * one place moves nothing in another. A draw that belongs to a thing (a frame, a transaction) is made from the thing's
 * number, so that it stays the same when a scenario is cut down. Pure.
 */
#ifndef VOW_CHAOS_SIM_RNG_H
#define VOW_CHAOS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/jitter.h"

/* What a stream is for. Values go into the seeds of saved scenarios: add at the end. */
enum sim_purpose {
    SIM_FOR_OPTIONS = 1,
    SIM_FOR_NEMESIS,
    SIM_FOR_CLIENT,
    SIM_FOR_LINK,
    SIM_FOR_DISK,
    SIM_FOR_IDENTITY,
    SIM_FOR_SCHEDULE,
    SIM_FOR_WORK,
};

struct sim_rng {
    uint64_t state;
};

static inline uint64_t sim_mix(uint64_t a, uint64_t b)
{
    uint64_t state = a * UINT64_C(0xd6e8feb86659fd93) + b;

    return vow_jitter_next(&state);
}

/* The stream of the seed for a purpose, and of two numbers that tell streams of one purpose apart. */
static inline struct sim_rng sim_rng_of(uint64_t seed, enum sim_purpose purpose, uint64_t which, uint64_t number)
{
    return (struct sim_rng){sim_mix(sim_mix(sim_mix(seed, (uint64_t)purpose), which), number)};
}

static inline uint64_t sim_rng_next(struct sim_rng *rng)
{
    return vow_jitter_next(&rng->state);
}

/* 0 to below n; n is not 0. */
static inline uint64_t sim_rng_below(struct sim_rng *rng, uint64_t n)
{
    return sim_rng_next(rng) % n;
}

/* Both ends included. */
static inline uint64_t sim_rng_between(struct sim_rng *rng, uint64_t low, uint64_t high)
{
    return low + sim_rng_below(rng, high - low + 1);
}

static inline bool sim_rng_chance(struct sim_rng *rng, uint32_t in_ten_thousand)
{
    return sim_rng_below(rng, 10000) < in_ten_thousand;
}

/* Mostly small and sometimes long, as waits are: the mean is about `mean`, and nothing is over 16 times of it. */
static inline uint64_t sim_rng_wait(struct sim_rng *rng, uint64_t mean)
{
    uint64_t bits = sim_rng_next(rng);
    uint64_t shift = (uint64_t)__builtin_ctzll(bits | 0x10u);

    return mean == 0 ? 0 : ((mean / 2) << shift) / 2 + (bits >> 8) % (mean / 2 + 1);
}

#endif
