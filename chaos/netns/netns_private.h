#ifndef VOW_CHAOS_NETNS_PRIVATE_H
#define VOW_CHAOS_NETNS_PRIVATE_H

#include <event2/event.h>

#include "chaos/netns/netns.h"

#define NETNS_PACKET_MAX 2048 /* more than the MTU of a TUN device, 1500 */
#define NETNS_QUEUE_MAX 256   /* packets; a router has about so many */

struct netns_place {
    struct netns *netns;
    int ns;  /* the namespace */
    int tun; /* its packets */
    struct event *readable;
    char host[16];
};

struct netns {
    struct event_base *base;
    int before; /* the namespace that the thread came from */
    uint64_t random;
    struct netns_place places[NETNS_PLACES_MAX];
    unsigned places_len;
    struct netns_link *links;
};

struct netns_packet {
    struct netns_packet *next;
    uint64_t due_us;
    unsigned to;
    size_t len;
    uint8_t bytes[];
};

/* One way of a link. */
struct netns_lane {
    struct proxy_weather weather;
    struct netns_packet *first, **end;
    size_t len;
    uint64_t free_us; /* when the packet before has passed, at its rate */
    uint64_t last_us; /* when the last that waits is due: order stays */
    uint32_t told;    /* a bit for each fault whose hit was told */
};

struct netns_link {
    struct netns *netns;
    struct netns_link *next;
    struct netns_link_options options;
    struct netns_lane lanes[2]; /* forth, back */
    struct event *timer, *flapping;
    unsigned flap_ways;
    uint32_t up_ms, down_ms;
    bool is_down, refuses;
};

/* What of a packet matters here. */
struct netns_header {
    unsigned from, to; /* places */
    bool is_tcp;
    uint16_t source, target; /* ports */
    bool is_syn, is_ack, is_end;
};

/* place.c: 0; or -1 and has said why. */
int netns_place_open(struct netns *netns, unsigned index, char why[NETNS_WHY_SIZE]);
void netns_place_close(struct netns_place *place);

/* packet.c: false for what is nobody's here. */
bool netns_packet_read(const uint8_t *bytes, size_t len, struct netns_header *header);
/* The answer of who does not listen, to a SYN; returns its length. */
size_t netns_packet_refuse(const uint8_t *syn, uint8_t answer[NETNS_PACKET_MAX]);

/* clock.c: monotonic; and timers, for event_free(). */
uint64_t netns_now_us(void);
struct event *netns_timer_new(struct netns *netns, event_callback_fn fn, void *ctx);
void netns_timer_set(struct event *timer, uint64_t us);

/* switch.c */
void netns_pass(struct netns *netns, unsigned to, const uint8_t *bytes, size_t len);
void netns_receive(struct netns_place *place);

/* link.c: the one that a packet is on, and the way; NULL = none. And what it does with it. */
struct netns_link *netns_link_of(struct netns *netns, const struct netns_header *header, enum proxy_way *way);
void netns_link_take(struct netns_link *link, enum proxy_way way, const struct netns_header *header,
                     const uint8_t *bytes, size_t len);

#endif
