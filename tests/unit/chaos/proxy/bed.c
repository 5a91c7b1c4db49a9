#include "bed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Loopback brings bytes within the call that sends them; the link needs a few turns to take and pass them. */
#define SETTLE_TURNS 64
/* Far more than any test needs. */
#define TURNS_MAX 2000000

static uint64_t now_us(void *ctx)
{
    const struct bed *bed = ctx;

    return bed->now_us;
}

static void on_hit(void *ctx, enum proxy_fault fault, unsigned ways)
{
    struct bed *bed = ctx;

    cr_assert(ways >= PROXY_FORTH && ways <= PROXY_BOTH_WAYS);
    bed->told[fault]++;
}

void bed_turn(struct bed *bed)
{
    cr_assert_lt(bed->turns++, TURNS_MAX, "what the test waits for does not come");
    event_base_loop(bed->base, EVLOOP_NONBLOCK);
}

void bed_settle(struct bed *bed)
{
    for (int i = 0; i < SETTLE_TURNS; i++)
        bed_turn(bed);
}

static int open_target(char *address, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(address, size, "127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

void bed_open(struct bed *bed, const struct proxy_options *options)
{
    struct proxy_options own = options != NULL ? *options : (struct proxy_options){.seed = 1};
    char address[64];

    *bed = (struct bed){.now_us = 1000000, .dialer = -1, .accepted = -1};
    bed->base = event_base_new();
    bed->target = open_target(address, sizeof(address));
    own.base = bed->base;
    own.now_us = now_us;
    own.hit = on_hit;
    own.ctx = bed;
    cr_assert_eq(proxy_open(&own, address, &bed->proxy), 0);
}

void bed_close(struct bed *bed)
{
    for (int fault = 0; fault < PROXY_FAULTS_LEN; fault++)
        cr_expect_eq(bed->told[fault], proxy_hits(bed->proxy, (enum proxy_fault)fault), "%s is told as it is counted",
                     proxy_fault_name((enum proxy_fault)fault));
    proxy_close(bed->proxy);
    if (bed->dialer >= 0)
        close(bed->dialer);
    if (bed->accepted >= 0)
        close(bed->accepted);
    if (bed->target >= 0)
        close(bed->target);
    event_base_free(bed->base);
}

int bed_dial(struct bed *bed)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_port = htons((uint16_t)strtoul(strchr(proxy_address(bed->proxy), ':') + 1, NULL, 10));
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    return fd;
}

int bed_accept(struct bed *bed)
{
    return accept4(bed->target, NULL, NULL, SOCK_CLOEXEC);
}

void bed_connect(struct bed *bed)
{
    bed->dialer = bed_dial(bed);
    UNTIL(bed, (bed->accepted = bed_accept(bed)) >= 0);
}

void bed_greet(struct bed *bed)
{
    bed_connect(bed);
    bed_send(bed->dialer, "h", 1);
    bed_expect(bed, bed->accepted, "h", 1);
    bed_send(bed->accepted, "i", 1);
    bed_expect(bed, bed->dialer, "i", 1);
}

void bed_advance(struct bed *bed, uint64_t ms)
{
    bed->now_us += ms * 1000;
    proxy_tick(bed->proxy);
}

void bed_set(struct bed *bed, unsigned ways, struct proxy_weather weather)
{
    proxy_set_weather(bed->proxy, ways, &weather);
}

void bed_send(int fd, const void *bytes, size_t len)
{
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

long bed_take(int fd, void *bytes, size_t size)
{
    return (long)recv(fd, bytes, size, MSG_DONTWAIT);
}

void bed_expect(struct bed *bed, int fd, const void *bytes, size_t len)
{
    uint8_t got[65536];
    size_t have = 0;

    cr_assert_leq(len, sizeof(got));
    while (have < len) {
        const long more = bed_take(fd, got + have, len - have);

        cr_assert(more > 0 || (more < 0 && errno == EAGAIN), "the connection ended: %s", strerror(errno));
        have += more > 0 ? (size_t)more : 0;
        bed_turn(bed);
    }
    cr_expect_eq(memcmp(got, bytes, len), 0, "other bytes");
}

void bed_expect_nothing(struct bed *bed, int fd)
{
    uint8_t byte;

    bed_settle(bed);
    const long got = bed_take(fd, &byte, 1);
    cr_expect(got < 0 && errno == EAGAIN, "%s", got > 0 ? "a byte came" : got == 0 ? "it ended" : strerror(errno));
}

void bed_expect_reset(struct bed *bed, int fd)
{
    uint8_t byte;
    long got;

    UNTIL(bed, (got = bed_take(fd, &byte, 1)) >= 0 || errno != EAGAIN);
    cr_expect(got < 0 && errno == ECONNRESET, "%s", got > 0 ? "a byte came" : got == 0 ? "it ended" : strerror(errno));
}

void bed_expect_end(struct bed *bed, int fd)
{
    uint8_t byte;
    long got;

    UNTIL(bed, (got = bed_take(fd, &byte, 1)) >= 0 || errno != EAGAIN);
    cr_expect_eq(got, 0, "%s", got > 0 ? "a byte came" : strerror(errno));
}

void bed_await_hits(struct bed *bed, enum proxy_fault fault, uint64_t hits)
{
    UNTIL(bed, proxy_hits(bed->proxy, fault) >= hits);
}

void bed_expect_hits(const struct bed *bed, enum proxy_fault fault, uint64_t hits)
{
    cr_expect_eq(proxy_hits(bed->proxy, fault), hits, "%s: %lu", proxy_fault_name(fault),
                 (unsigned long)proxy_hits(bed->proxy, fault));
}
