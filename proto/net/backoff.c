#include "proto/net/backoff.h"

#include "proto/jitter.h"

void backoff_init(struct backoff *backoff, uint32_t base_ms, uint32_t cap_ms, uint64_t seed)
{
    /* A base of 0 would spin, a cap below the base would contradict it. */
    backoff->base_ms = base_ms > 0 ? base_ms : 1;
    backoff->cap_ms = cap_ms > backoff->base_ms ? cap_ms : backoff->base_ms;
    backoff->random = seed;
    backoff_reset(backoff);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->delay_ms = backoff->base_ms;
}

uint32_t backoff_next_ms(struct backoff *backoff)
{
    const uint64_t highest = 3 * (uint64_t)backoff->delay_ms;
    const uint64_t delay = backoff->base_ms + vow_jitter_next(&backoff->random) % (highest - backoff->base_ms + 1);
    backoff->delay_ms = delay < backoff->cap_ms ? (uint32_t)delay : backoff->cap_ms;
    return backoff->delay_ms;
}
