/*
 * The wait before the next attempt: decorrelated jitter. Nodes that lost the same peer at the same moment do not come
 * back at the same moment (fault F093). Pure: the randomness is a seed.
 */
#ifndef VOW_NET_BACKOFF_H
#define VOW_NET_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t base_ms, cap_ms;
    uint32_t delay_ms; /* the last one */
    uint64_t random;   /* state of the generator */
};

void backoff_init(struct backoff *backoff, uint32_t base_ms, uint32_t cap_ms, uint64_t seed);
/* After a success: the next delay starts from the base. */
void backoff_reset(struct backoff *backoff);
/* s = min(cap, U(base, 3 * s_previous)), s_0 = base. Never below the base, never above the cap. */
uint32_t backoff_next_ms(struct backoff *backoff);

#endif
