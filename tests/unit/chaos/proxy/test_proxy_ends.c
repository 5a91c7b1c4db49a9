/* How connections end over a link. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bed.h"

TestSuite(proxy_ends, .timeout = SUITE_TIMEOUT);

static struct bed bed;

#define FRAME "\0\0\0\6abcdef"
#define FRAME_LEN ((size_t)10)

Test(proxy_ends, end_comes_after_what_is_under_way)
{
    struct proxy_stats stats;

    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.delay_ms = 5});
    bed_send(bed.dialer, "last", 4);
    shutdown(bed.dialer, SHUT_WR);
    bed_await_hits(&bed, PROXY_FAULT_DELAY, 1);
    bed_expect_nothing(&bed, bed.accepted);
    bed_advance(&bed, 5);
    bed_expect(&bed, bed.accepted, "last", 4);
    bed_expect_end(&bed, bed.accepted);
    bed_send(bed.accepted, "still", 5); /* half-closed: the other way goes on */
    bed_expect(&bed, bed.dialer, "still", 5);
    close(bed.accepted);
    bed.accepted = -1;
    bed_expect_end(&bed, bed.dialer);
    proxy_get_stats(bed.proxy, &stats);
    cr_expect_eq(stats.open, 0);
    bed_close(&bed);
}

Test(proxy_ends, reset_of_one_end_resets_the_other)
{
    const struct linger at_once = {.l_onoff = 1};

    bed_open(&bed, NULL);
    bed_greet(&bed);
    setsockopt(bed.accepted, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(bed.accepted);
    bed.accepted = -1;
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_hits(&bed, PROXY_FAULT_RESET, 0); /* none of ours */
    bed_close(&bed);
}

Test(proxy_ends, reset)
{
    bed_open(&bed, NULL);
    cr_expect_eq(proxy_reset(bed.proxy), 0);
    bed_expect_hits(&bed, PROXY_FAULT_RESET, 0);
    bed_greet(&bed);
    cr_expect_eq(proxy_reset(bed.proxy), 1);
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_reset(&bed, bed.accepted);
    bed_expect_hits(&bed, PROXY_FAULT_RESET, 1);
    bed_close(&bed);
}

Test(proxy_ends, reset_after_so_many_bytes)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    proxy_reset_after(bed.proxy, PROXY_BACK, 7);
    bed_send(bed.accepted, "abc", 3);
    bed_expect(&bed, bed.dialer, "abc", 3);
    bed_expect_hits(&bed, PROXY_FAULT_RESET, 0);
    bed_send(bed.accepted, "defghi", 6);
    bed_expect(&bed, bed.dialer, "defg", 4);
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_reset(&bed, bed.accepted);
    bed_expect_hits(&bed, PROXY_FAULT_RESET, 1);
    bed_close(&bed);
}

/* How much of the third frame comes with this seed: 1 to all but one of its bytes. */
static size_t torn_at(uint64_t seed)
{
    uint8_t got[64];
    size_t have = 0;
    long more;

    bed_open(&bed, &(struct proxy_options){.seed = seed});
    bed_connect(&bed);
    proxy_reset_mid_frame(bed.proxy, PROXY_FORTH, 3);
    for (int i = 0; i < 4; i++)
        bed_send(bed.dialer, FRAME, FRAME_LEN);
    do {
        bed_turn(&bed);
        more = bed_take(bed.accepted, got + have, sizeof(got) - have);
        have += more > 0 ? (size_t)more : 0;
    } while (more > 0 || (more < 0 && errno == EAGAIN));
    cr_expect(more < 0 && errno == ECONNRESET);
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_hits(&bed, PROXY_FAULT_RESET_MID_FRAME, 1);
    cr_assert(have > 2 * FRAME_LEN && have < 3 * FRAME_LEN, "%zu bytes", have);
    cr_expect_eq(memcmp(got, FRAME FRAME FRAME, have), 0);
    bed_close(&bed);
    return have - 2 * FRAME_LEN;
}

Test(proxy_ends, reset_mid_frame)
{
    unsigned seen = 0;

    for (uint64_t seed = 0; seed < 64; seed++) {
        const size_t at = torn_at(seed);
        seen |= 1u << at;
        cr_expect_eq(torn_at(seed), at, "the same seed tears at the same place");
    }
    cr_expect_eq(seen, 0x3fe, "every place of 1 to 9, and no other: %x", seen);
}

/* One that ends in the first frame of a connection is met, too, and a stream that only looks like frames is not. */
Test(proxy_ends, reset_mid_frame_of_vows_frames_alone)
{
    bed_open(&bed, NULL);
    bed_connect(&bed);
    proxy_reset_mid_frame(bed.proxy, PROXY_FORTH, 1);
    bed_send(bed.dialer, "GET / HTTP/1.1\r\n\r\n", 18);
    bed_expect(&bed, bed.accepted, "GET / HTTP/1.1\r\n\r\n", 18);
    bed_expect_nothing(&bed, bed.accepted);
    bed_expect_hits(&bed, PROXY_FAULT_RESET_MID_FRAME, 0);
    close(bed.dialer);
    close(bed.accepted);
    bed_connect(&bed);
    bed_send(bed.dialer, FRAME, FRAME_LEN);
    bed_await_hits(&bed, PROXY_FAULT_RESET_MID_FRAME, 1);
    bed_expect_reset(&bed, bed.dialer);
    bed_close(&bed);
}

Test(proxy_ends, refused)
{
    int second;

    bed_open(&bed, NULL);
    bed_greet(&bed);
    proxy_refuse(bed.proxy, true);
    second = bed_dial(&bed);
    bed_expect_reset(&bed, second);
    close(second);
    bed_expect_hits(&bed, PROXY_FAULT_REFUSED, 1);
    cr_expect_lt(bed_accept(&bed), 0);
    bed_send(bed.dialer, "a", 1); /* what was there stays */
    bed_expect(&bed, bed.accepted, "a", 1);
    proxy_refuse(bed.proxy, false);
    close(bed.dialer);
    close(bed.accepted);
    bed_greet(&bed);
    bed_close(&bed);
}

Test(proxy_ends, nobody_at_the_target)
{
    bed_open(&bed, NULL);
    close(bed.target);
    bed.target = -1;
    bed.dialer = bed_dial(&bed);
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_hits(&bed, PROXY_FAULT_REFUSED, 1);
    bed_close(&bed);
}

/* The target's process dies, and the dialer's machine never hears of it. */
Test(proxy_ends, half_open)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_BACK, (struct proxy_weather){.hides_end = true});
    bed_settle(&bed);
    bed_expect_hits(&bed, PROXY_FAULT_HALF_OPEN, 0);
    close(bed.accepted);
    bed.accepted = -1;
    bed_await_hits(&bed, PROXY_FAULT_HALF_OPEN, 1);
    for (int i = 0; i < 8; i++) {
        bed_send(bed.dialer, "ping", 4); /* the second meets the reset of who is not there */
        bed_expect_nothing(&bed, bed.dialer);
    }
    bed_set(&bed, PROXY_BACK, (struct proxy_weather){.hides_end = false});
    bed_expect_reset(&bed, bed.dialer);
    bed_expect_hits(&bed, PROXY_FAULT_HALF_OPEN, 1);
    bed_close(&bed);
}

Test(proxy_ends, half_open_ends_with_its_last_end)
{
    struct proxy_stats stats;

    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_BACK, (struct proxy_weather){.hides_end = true});
    close(bed.accepted);
    bed.accepted = -1;
    bed_await_hits(&bed, PROXY_FAULT_HALF_OPEN, 1);
    close(bed.dialer);
    bed.dialer = -1;
    do {
        bed_turn(&bed);
        proxy_get_stats(bed.proxy, &stats);
    } while (stats.open > 0);
    bed_close(&bed);
}

/* Over a cut the news of an end waits, as everything does. */
Test(proxy_ends, end_waits_for_the_cut)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_BACK, (struct proxy_weather){.is_cut = true});
    close(bed.accepted);
    bed.accepted = -1;
    bed_await_hits(&bed, PROXY_FAULT_HALF_OPEN, 1);
    bed_expect_nothing(&bed, bed.dialer);
    bed_set(&bed, PROXY_BACK, (struct proxy_weather){.is_cut = false});
    bed_expect_end(&bed, bed.dialer);
    bed_close(&bed);
}
