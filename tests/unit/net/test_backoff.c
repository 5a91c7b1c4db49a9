#include <criterion/criterion.h>

#include "proto/net/backoff.h"

TestSuite(backoff);

Test(backoff, stays_between_base_and_cap_and_below_three_times_the_last)
{
    struct backoff backoff;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        backoff_init(&backoff, 50, 5000, seed);
        uint32_t last = 50;
        for (int i = 0; i < 50; i++) {
            const uint32_t delay = backoff_next_ms(&backoff);
            cr_assert(delay >= 50 && delay <= 5000 && delay <= 3 * last, "%u after %u", delay, last);
            last = delay;
        }
    }
}

Test(backoff, reaches_the_cap_and_starts_over_after_a_reset)
{
    struct backoff backoff;
    uint32_t longest = 0;
    backoff_init(&backoff, 50, 5000, 1);
    for (int i = 0; i < 1000; i++) {
        const uint32_t delay = backoff_next_ms(&backoff);
        longest = delay > longest ? delay : longest;
    }
    cr_assert_eq(longest, 5000);
    backoff_reset(&backoff);
    cr_assert_leq(backoff_next_ms(&backoff), 150);
}

/* Fault F093: a thousand nodes that lost the same peer spread over the whole span. */
Test(backoff, F093_spreads_nodes_by_their_seeds)
{
    unsigned per_tenth[10] = {0};
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct backoff backoff;
        backoff_init(&backoff, 50, 5000, seed);
        per_tenth[(backoff_next_ms(&backoff) - 50) * 10 / 101]++;
    }
    for (int i = 0; i < 10; i++)
        cr_assert(per_tenth[i] > 50 && per_tenth[i] < 200, "%u in part %d", per_tenth[i], i);
}

Test(backoff, survives_options_at_their_edges)
{
    struct backoff backoff;
    backoff_init(&backoff, 0, 0, 1);
    cr_assert_eq(backoff_next_ms(&backoff), 1);
    backoff_init(&backoff, UINT32_MAX, 1, 1);
    cr_assert_eq(backoff_next_ms(&backoff), UINT32_MAX);
}
