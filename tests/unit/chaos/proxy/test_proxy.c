/* What a link passes, and what it keeps back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bed.h"

TestSuite(proxy, .timeout = SUITE_TIMEOUT);

static struct bed bed;

Test(proxy, passes_on_and_harms_nothing)
{
    struct proxy_stats stats;

    bed_open(&bed, NULL);
    bed_connect(&bed);
    bed_send(bed.dialer, "\0\0\0\3abc\0\0\0\1d", 12);
    bed_expect(&bed, bed.accepted, "\0\0\0\3abc\0\0\0\1d", 12);
    bed_send(bed.accepted, "HTTP/1.1 200 OK", 15);
    bed_expect(&bed, bed.dialer, "HTTP/1.1 200 OK", 15);
    proxy_get_stats(bed.proxy, &stats);
    cr_expect(stats.accepted == 1 && stats.connected == 1 && stats.open == 1);
    cr_expect(stats.bytes[0] == 12 && stats.frames[0] == 2 && stats.bytes[1] == 15 && stats.frames[1] == 0);
    for (int fault = 0; fault < PROXY_FAULTS_LEN; fault++)
        bed_expect_hits(&bed, (enum proxy_fault)fault, 0);
    bed_close(&bed);
}

Test(proxy, cut_both_ways_and_mended)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_BOTH_WAYS, (struct proxy_weather){.is_cut = true});
    bed_settle(&bed);
    bed_expect_hits(&bed, PROXY_FAULT_CUT, 0); /* planned, and met by nothing so far (I31) */
    bed_send(bed.dialer, "abc", 3);
    bed_send(bed.accepted, "xyz", 3);
    bed_await_hits(&bed, PROXY_FAULT_CUT, 2);
    bed_expect_nothing(&bed, bed.accepted);
    bed_expect_nothing(&bed, bed.dialer);
    bed_set(&bed, PROXY_BOTH_WAYS, (struct proxy_weather){.is_cut = false});
    bed_expect(&bed, bed.accepted, "abc", 3);
    bed_expect(&bed, bed.dialer, "xyz", 3);
    bed_expect_hits(&bed, PROXY_FAULT_CUT, 2);
    bed_close(&bed);
}

Test(proxy, cut_one_way_alone)
{
    for (unsigned i = 0; i < 2; i++) {
        bed_open(&bed, NULL);
        bed_greet(&bed);
        const int here = i == 0 ? bed.dialer : bed.accepted, there = i == 0 ? bed.accepted : bed.dialer;
        bed_set(&bed, i == 0 ? PROXY_FORTH : PROXY_BACK, (struct proxy_weather){.is_cut = true});
        bed_send(here, "a", 1);
        bed_await_hits(&bed, PROXY_FAULT_CUT, 1);
        bed_send(there, "b", 1);
        bed_expect(&bed, here, "b", 1);
        bed_expect_nothing(&bed, there);
        bed_close(&bed);
    }
}

/* Neither a SYN nor its answer passes a link that is cut on one way. */
Test(proxy, cut_before_the_connection)
{
    for (unsigned way = PROXY_FORTH; way <= PROXY_BACK; way++) {
        bed_open(&bed, NULL);
        bed_set(&bed, way, (struct proxy_weather){.is_cut = true});
        bed.dialer = bed_dial(&bed);
        bed_send(bed.dialer, "abc", 3);
        bed_await_hits(&bed, PROXY_FAULT_CUT, 1);
        bed_settle(&bed);
        cr_expect_lt(bed_accept(&bed), 0);
        bed_set(&bed, way, (struct proxy_weather){.is_cut = false});
        UNTIL(&bed, (bed.accepted = bed_accept(&bed)) >= 0);
        bed_expect(&bed, bed.accepted, "abc", 3);
        bed_close(&bed);
    }
}

/* A dialer that gives up while the link is cut was never there. */
Test(proxy, given_up_before_it_is_mended)
{
    struct proxy_stats stats;

    bed_open(&bed, NULL);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_cut = true});
    bed.dialer = bed_dial(&bed);
    bed_await_hits(&bed, PROXY_FAULT_CUT, 1);
    close(bed.dialer);
    bed.dialer = -1;
    do {
        bed_turn(&bed);
        proxy_get_stats(bed.proxy, &stats);
    } while (stats.open > 0);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_cut = false});
    bed_settle(&bed);
    cr_expect_lt(bed_accept(&bed), 0);
    bed_close(&bed);
}

Test(proxy, flapping)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    proxy_flap(bed.proxy, PROXY_FORTH, 100, 40);
    bed_send(bed.dialer, "a", 1);
    bed_await_hits(&bed, PROXY_FAULT_CUT, 1);
    bed_expect_nothing(&bed, bed.accepted);
    const uint64_t up_us = proxy_deadline_us(bed.proxy);
    cr_expect(up_us >= bed.now_us + 20000 && up_us <= bed.now_us + 60000);
    bed_advance(&bed, 60);
    bed_expect(&bed, bed.accepted, "a", 1);
    const uint64_t down_us = proxy_deadline_us(bed.proxy);
    cr_expect(down_us >= bed.now_us + 50000 && down_us <= bed.now_us + 150000);
    bed_advance(&bed, 150);
    bed_send(bed.dialer, "b", 1);
    bed_send(bed.accepted, "c", 1);
    bed_expect(&bed, bed.dialer, "c", 1); /* the other way never flaps */
    bed_expect_nothing(&bed, bed.accepted);
    proxy_flap(bed.proxy, PROXY_FORTH, 0, 0);
    bed_expect(&bed, bed.accepted, "b", 1);
    bed_expect_hits(&bed, PROXY_FAULT_FLAP, 3);
    bed_close(&bed);
}

Test(proxy, black_hole_swallows_and_ends_in_a_reset)
{
    bed_open(&bed, NULL);
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_black_hole = true});
    bed_send(bed.dialer, "lost", 4);
    bed_await_hits(&bed, PROXY_FAULT_BLACK_HOLE, 1);
    bed_send(bed.accepted, "b", 1);
    bed_expect(&bed, bed.dialer, "b", 1);
    bed_expect_nothing(&bed, bed.accepted);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_black_hole = false});
    bed_expect_reset(&bed, bed.accepted);
    bed_expect_reset(&bed, bed.dialer);
    bed_close(&bed);
}

/* However much is sent: nobody waits for a reader that will never be. */
Test(proxy, black_hole_takes_new_connections)
{
    static uint8_t much[1 << 20];
    size_t sent = 0;

    bed_open(&bed, &(struct proxy_options){.seed = 1, .buffer_max = 4096});
    bed_set(&bed, PROXY_BOTH_WAYS, (struct proxy_weather){.is_black_hole = true});
    bed.dialer = bed_dial(&bed);
    while (sent < 16 * sizeof(much)) {
        const ssize_t more = send(bed.dialer, much, sizeof(much), MSG_DONTWAIT | MSG_NOSIGNAL);
        cr_assert(more > 0 || errno == EAGAIN);
        sent += more > 0 ? (size_t)more : 0;
        bed_turn(&bed);
    }
    cr_expect_lt(bed_accept(&bed), 0);
    bed_set(&bed, PROXY_BOTH_WAYS, (struct proxy_weather){.is_black_hole = false});
    bed_expect_reset(&bed, bed.dialer);
    bed_close(&bed);
}

/* A reader that does not read makes the sender wait, not the link grow; and nothing is lost of it. */
Test(proxy, buffer_is_bounded)
{
    static uint8_t bytes[8192], got[8192];
    struct proxy_stats stats;
    uint64_t sent = 0, taken = 0;
    unsigned refused = 0;

    bed_open(&bed, &(struct proxy_options){.seed = 1, .buffer_max = 10000});
    bed_greet(&bed);
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_cut = true});
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 >> 3);
    while (refused < 64) {
        const size_t at = sent % sizeof(bytes);
        const ssize_t more = send(bed.dialer, bytes + at, sizeof(bytes) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        refused = more > 0 ? 0 : refused + 1;
        sent += more > 0 ? (uint64_t)more : 0;
        bed_turn(&bed);
        proxy_get_stats(bed.proxy, &stats);
        cr_assert_leq(stats.held[0], 10000);
    }
    bed_set(&bed, PROXY_FORTH, (struct proxy_weather){.is_cut = false});
    while (taken < sent) {
        const long more = bed_take(bed.accepted, got, sizeof(got) - taken % sizeof(got));
        cr_assert(more > 0 || errno == EAGAIN);
        if (more > 0)
            cr_assert_eq(memcmp(got, bytes + taken % sizeof(bytes), (size_t)more), 0);
        taken += more > 0 ? (uint64_t)more : 0;
        bed_turn(&bed);
    }
    bed_close(&bed);
}

Test(proxy, conns_are_bounded)
{
    struct proxy_stats stats;

    bed_open(&bed, &(struct proxy_options){.seed = 1, .conns_max = 1});
    bed_greet(&bed);
    const int second = bed_dial(&bed);
    bed_settle(&bed);
    proxy_get_stats(bed.proxy, &stats);
    cr_expect_eq(stats.accepted, 1);
    cr_expect_eq(proxy_reset(bed.proxy), 1);
    close(bed.accepted);
    UNTIL(&bed, (bed.accepted = bed_accept(&bed)) >= 0);
    bed_send(second, "2", 1);
    bed_expect(&bed, bed.accepted, "2", 1);
    close(second);
    bed_close(&bed);
}

Test(proxy, target_moves)
{
    struct bed other;

    bed_open(&bed, NULL);
    bed_open(&other, NULL);
    cr_assert_eq(proxy_set_target(bed.proxy, "nowhere"), -6);
    cr_assert_eq(proxy_set_target(bed.proxy, proxy_address(other.proxy)), 0);
    bed.dialer = bed_dial(&bed);
    bed_send(bed.dialer, "abc", 3);
    while ((other.accepted = bed_accept(&other)) < 0) {
        bed_turn(&bed);
        bed_turn(&other);
    }
    bed_settle(&bed);
    bed_expect(&other, other.accepted, "abc", 3);
    cr_expect_lt(bed_accept(&bed), 0);
    bed_close(&bed);
    bed_close(&other);
}
