/* How fast a link is. Time is moved by hand: what has passed at a moment is exact. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bed.h"

TestSuite(proxy_pace, .timeout = SUITE_TIMEOUT);

static struct bed bed;

/* How many bytes came by now. */
static size_t count_taken(int fd)
{
    uint8_t bytes[4096];
    size_t count = 0;
    long more;

    bed_settle(&bed);
    while ((more = bed_take(fd, bytes, sizeof(bytes))) > 0)
        count += (size_t)more;
    return count;
}

Test(proxy_pace, delay)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.delay_ms = 20});
    bed_settle(&bed);
    bed_expect_hits(&bed, PROXY_FAULT_DELAY, 0);
    bed_send(bed.dialer, "a", 1);
    bed_await_hits(&bed, PROXY_FAULT_DELAY, 1);
    bed_advance(&bed, 19);
    bed_expect_nothing(&bed, bed.accepted);
    bed_advance(&bed, 1);
    bed_expect(&bed, bed.accepted, "a", 1);
    bed_send(bed.accepted, "b", 1);
    bed_expect(&bed, bed.dialer, "b", 1);
    bed_close(&bed);
}

/* The places of time, within the jitter, at which ten bytes come. */
static void jitter_of(uint64_t seed, unsigned at[10])
{
    struct proxy_stats stats;

    bed_open(&bed, &(struct proxy_options){.seed = seed});
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.delay_ms = 10, .jitter_ms = 30});
    for (unsigned i = 0; i < 10; i++) {
        bed_send(bed.dialer, &"0123456789"[i], 1);
        do {
            bed_turn(&bed);
            proxy_get_stats(bed.proxy, &stats);
        } while (stats.held[0] < i + 1);
    }
    for (unsigned ms = 1, have = 0; have < 10; ms++) {
        char byte;
        cr_assert_leq(ms, 40);
        bed_advance(&bed, 1);
        bed_settle(&bed);
        while (bed_take(bed.accepted, &byte, 1) == 1) {
            cr_assert_eq(byte, "0123456789"[have], "order stays");
            at[have++] = ms;
        }
    }
    cr_expect_geq(at[0], 10);
    bed_close(&bed);
}

Test(proxy_pace, jitter_keeps_order_and_follows_the_seed)
{
    unsigned first[10], again[10], other[10];

    jitter_of(1, first);
    jitter_of(1, again);
    jitter_of(2, other);
    cr_expect_eq(memcmp(first, again, sizeof(first)), 0);
    cr_expect_neq(memcmp(first, other, sizeof(first)), 0);
    cr_expect_gt(first[9], first[0]);
}

Test(proxy_pace, slow_link)
{
    static const uint8_t bytes[3000];
    size_t came = 0;

    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.bytes_per_s = 1000});
    bed_send(bed.dialer, bytes, sizeof(bytes));
    bed_await_hits(&bed, PROXY_FAULT_SLOW_LINK, 1);
    for (unsigned ms = 1; ms <= 1000; ms++) {
        bed_advance(&bed, 1);
        came += ms % 100 == 0 ? count_taken(bed.accepted) : 0;
        cr_expect(came <= ms + 21, "%zu bytes in %u ms", came, ms);
    }
    cr_expect_geq(came, 900);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.bytes_per_s = 0});
    bed_advance(&bed, 30);
    cr_expect_eq(came + count_taken(bed.accepted), sizeof(bytes));
    bed_close(&bed);
}

Test(proxy_pace, slices)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.slice_bytes = 4, .slice_ms = 2});
    bed_send(bed.dialer, "abc", 3); /* within one slice */
    bed_expect(&bed, bed.accepted, "abc", 3);
    bed_expect_hits(&bed, PROXY_FAULT_SLICED, 0);
    bed_send(bed.dialer, "abcdefghij", 10);
    bed_await_hits(&bed, PROXY_FAULT_SLICED, 1);
    cr_expect_eq(count_taken(bed.accepted), 4);
    bed_advance(&bed, 1);
    cr_expect_eq(count_taken(bed.accepted), 0);
    bed_advance(&bed, 1);
    cr_expect_eq(count_taken(bed.accepted), 4);
    bed_advance(&bed, 2);
    cr_expect_eq(count_taken(bed.accepted), 2);
    bed_close(&bed);
}

/* Without a pause there is one turn of the loop between two slices: each tick is one. */
Test(proxy_pace, slices_at_once)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.slice_bytes = 1});
    bed_send(bed.dialer, "abcd", 4);
    bed_await_hits(&bed, PROXY_FAULT_SLICED, 1);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(count_taken(bed.accepted), 1);
        proxy_tick(bed.proxy);
    }
    bed_close(&bed);
}

/* By the system's clock: that it gets there at all, for nobody ticks. */
Test(proxy_pace, real_time)
{
    const struct proxy_weather slow = {.delay_ms = 2, .jitter_ms = 2, .bytes_per_s = 100000, .slice_bytes = 100};
    static const uint8_t bytes[1000];
    struct proxy *own;

    bed_open(&bed, NULL);
    cr_assert_eq(proxy_open(&(struct proxy_options){.base = bed.base, .seed = 1}, proxy_address(bed.proxy), &own), 0);
    struct bed far = {.base = bed.base, .proxy = own, .target = bed.target};
    far.dialer = bed_dial(&far);
    UNTIL(&far, (far.accepted = bed_accept(&far)) >= 0);
    proxy_set_weather(own, PROXY_FORTH, &slow);
    proxy_flap(own, PROXY_FORTH, 1, 1);
    bed_send(far.dialer, bytes, sizeof(bytes));
    bed_expect(&far, far.accepted, bytes, sizeof(bytes));
    close(far.dialer);
    close(far.accepted);
    proxy_close(own);
    bed_close(&bed);
}
