/* A link with its dialer and its target, all in one thread: real sockets, time by hand. */
#ifndef VOW_TEST_CHAOS_PROXY_BED_H
#define VOW_TEST_CHAOS_PROXY_BED_H

#include <event2/event.h>
#include <stddef.h>

#include "chaos/proxy/proxy.h"

#define SUITE_TIMEOUT 60

struct bed {
    struct event_base *base;
    struct proxy *proxy;
    uint64_t now_us;
    unsigned turns;
    int target;                      /* listens */
    int dialer, accepted;            /* the two ends of the connection; -1 = none */
    unsigned told[PROXY_FAULTS_LEN]; /* by hit() */
};

/* Runs the loop until that holds; a test in which it never does fails after very many turns. */
#define UNTIL(bed, condition)                                                                                          \
    while (!(condition))                                                                                               \
    bed_turn(bed)

/* One turn of the loop, without waiting. */
void bed_turn(struct bed *bed);
/* So many turns that whatever could happen has. */
void bed_settle(struct bed *bed);
/* `options` may have seed, buffer_max and conns_max. */
void bed_open(struct bed *bed, const struct proxy_options *options);
void bed_close(struct bed *bed);
/* Dials, and waits for both ends. */
void bed_connect(struct bed *bed);
/* Dials alone. Returns the socket. */
int bed_dial(struct bed *bed);
/* The next connection at the target; -1 = none came so far. */
int bed_accept(struct bed *bed);
void bed_advance(struct bed *bed, uint64_t ms);
void bed_set(struct bed *bed, unsigned ways, struct proxy_weather weather);

void bed_send(int fd, const void *bytes, size_t len);
/* What has come by now, at most `size`: a count, 0 at the end, -1 with errno. */
long bed_take(int fd, void *bytes, size_t size);
/* Waits for exactly these bytes. */
void bed_expect(struct bed *bed, int fd, const void *bytes, size_t len);
/* Nothing comes, and nothing ends. */
void bed_expect_nothing(struct bed *bed, int fd);
void bed_expect_reset(struct bed *bed, int fd);
void bed_expect_end(struct bed *bed, int fd);
/* The connection made and one byte each way passed, so that nothing of its beginning is left to happen. */
void bed_greet(struct bed *bed);
void bed_await_hits(struct bed *bed, enum proxy_fault fault, uint64_t hits);
void bed_expect_hits(const struct bed *bed, enum proxy_fault fault, uint64_t hits);

#endif
