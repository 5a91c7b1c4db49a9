/*
 * A network of places for real processes, of which the machine's own knows nothing: each place is a network namespace
 * with one address, and all that leaves it comes as packets (a TUN device) into the hands of the harness, which passes
 * them on, late, slowly or not at all. So a link loses packets, on one way alone too, and TCP is the kernel's from end
 * to end. Wants the rights to make namespaces (CAP_SYS_ADMIN, CAP_NET_ADMIN) and /dev/net/tun; no program, no rule of a
 * firewall, no name: the last process and the last descriptor take all of it with them, however they end.
 *
 * One thread, that of the event base. Nothing blocks.
 */
#ifndef VOW_CHAOS_NETNS_NETNS_H
#define VOW_CHAOS_NETNS_NETNS_H

#include <stddef.h>
#include <stdint.h>

#include "chaos/proxy/proxy.h"

#define NETNS_PLACES_MAX 64
#define NETNS_WHY_SIZE 160

struct event_base;
struct netns;
struct netns_link;

/* The place of the harness itself. */
#define NETNS_HOME 0U

/* Makes the network, and moves the calling thread into its home. Returns 0; or -1, says why, and nothing was moved. */
int netns_open(struct event_base *base, uint64_t seed, struct netns **out, char why[NETNS_WHY_SIZE]);
/* Moves the thread back to where it was. Its links go first. NULL is allowed. */
void netns_close(struct netns *netns);

/* One more place. Returns 0; or -1 and says why. */
int netns_add(struct netns *netns, unsigned *place, char why[NETNS_WHY_SIZE]);
/* "10.219.0.2" */
const char *netns_host(const struct netns *netns, unsigned place);
/* The calling thread lives there from now on: a child before exec, or whoever goes home again. 0, or -1 and errno. */
int netns_enter(const struct netns *netns, unsigned place);

struct netns_link_options {
    uint64_t from; /* a bit for each place of a dialer */
    unsigned to;   /* the place of the target, */
    uint16_t port; /* and its port */
    /* A fault has done something to a packet, for the first time since it was set. Must not call back into the link. */
    void (*hit)(void *ctx, enum proxy_fault fault, unsigned ways);
    void *ctx;
};

/* The TCP connections from there to there. Returns 0 or VOW_E_NO_MEMORY. */
int netns_link_open(struct netns *netns, const struct netns_link_options *options, struct netns_link **out);
void netns_link_close(struct netns_link *link);

/*
 * As of a proxy, but of packets: what is cut or goes into a black hole is lost, and TCP sends it again; news of an end
 * (FIN, RST) that is hidden is lost alone; a delay and a rate hold for each packet, headers and all, and a queue that
 * is full loses what comes. Packets know nothing of slices.
 */
void netns_link_set_weather(struct netns_link *link, unsigned ways, const struct proxy_weather *weather);
void netns_link_get_weather(const struct netns_link *link, enum proxy_way way, struct proxy_weather *weather);
void netns_link_flap(struct netns_link *link, unsigned ways, uint32_t up_ms, uint32_t down_ms);
/* A SYN of a dialer is answered with RST: its connect() fails. */
void netns_link_refuse(struct netns_link *link, bool refuses);

#endif
