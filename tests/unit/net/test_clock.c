#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "proto/net/clock.h"

TestSuite(clock);

Test(clock, never_goes_back)
{
    uint64_t last = vow_clock_us();
    for (int i = 0; i < 100000; i++) {
        const uint64_t now = vow_clock_us();
        cr_assert_geq(now, last);
        last = now;
    }
    cr_assert_leq(vow_clock_us() / 1000, vow_clock_ms());
}

Test(clock, of_the_wall_counts_from_1970)
{
    const uint64_t before = (uint64_t)time(NULL) - 1;
    cr_assert_geq(vow_clock_wall_us() / 1000000, before);
}

Test(clock, random_bytes_fill_the_whole_buffer)
{
    uint8_t bytes[1024], seen[1024] = {0};
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(vow_random_bytes(bytes, sizeof(bytes)), 0);
        for (size_t j = 0; j < sizeof(bytes); j++)
            seen[j] |= bytes[j];
    }
    cr_assert_null(memchr(seen, 0, sizeof(seen)));
    cr_assert_eq(vow_random_bytes(bytes, 0), 0);
}
