/* A link: the packets of TCP connections from some places to a port, and what happens to them on each way. */
#include <stdlib.h>
#include <string.h>

#include "chaos/netns/netns_private.h"
#include "proto/error.h"
#include "proto/jitter.h"

static struct netns_lane *lane_of(struct netns_link *link, enum proxy_way way)
{
    return &link->lanes[way == PROXY_FORTH ? 0 : 1];
}

static uint64_t draw(struct netns *netns, uint64_t most)
{
    return most > 0 ? vow_jitter_next(&netns->random) % (most + 1) : 0;
}

static void hit(struct netns_link *link, enum proxy_way way, enum proxy_fault fault)
{
    struct netns_lane *lane = lane_of(link, way);
    const uint32_t bit = UINT32_C(1) << fault;

    if ((lane->told & bit) != 0)
        return;
    lane->told |= bit;
    if (link->options.hit != NULL)
        link->options.hit(link->options.ctx, fault, way);
}

/* --- What waits --- */

static void let_go(struct netns_link *link, struct netns_lane *lane, uint64_t now_us)
{
    while (lane->first != NULL && lane->first->due_us <= now_us) {
        struct netns_packet *packet = lane->first;
        lane->first = packet->next;
        if (lane->first == NULL)
            lane->end = &lane->first;
        lane->len--;
        netns_pass(link->netns, packet->to, packet->bytes, packet->len);
        free(packet);
    }
}

static void arm(struct netns_link *link, uint64_t now_us)
{
    uint64_t due_us = UINT64_MAX;

    for (size_t i = 0; i < 2; i++)
        if (link->lanes[i].first != NULL && link->lanes[i].first->due_us < due_us)
            due_us = link->lanes[i].first->due_us;
    if (due_us != UINT64_MAX)
        netns_timer_set(link->timer, due_us > now_us ? due_us - now_us : 0);
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
    struct netns_link *link = ctx;
    const uint64_t now_us = netns_now_us();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < 2; i++)
        let_go(link, &link->lanes[i], now_us);
    arm(link, now_us);
}

/* When a packet may go on that comes now. Order stays. */
static uint64_t due(struct netns_link *link, struct netns_lane *lane, size_t len, uint64_t now_us)
{
    const struct proxy_weather *weather = &lane->weather;
    uint64_t at_us = now_us;

    if (weather->bytes_per_s > 0) {
        lane->free_us = (lane->free_us > now_us ? lane->free_us : now_us) + len * 1000000 / weather->bytes_per_s;
        at_us = lane->free_us;
    }
    at_us += (uint64_t)weather->delay_ms * 1000 + draw(link->netns, (uint64_t)weather->jitter_ms * 1000);
    lane->last_us = lane->last_us > at_us ? lane->last_us : at_us;
    return lane->last_us;
}

static void wait_for(struct netns_link *link, struct netns_lane *lane, unsigned to, const uint8_t *bytes, size_t len)
{
    const uint64_t now_us = netns_now_us();
    struct netns_packet *packet = lane->len < NETNS_QUEUE_MAX ? malloc(sizeof(*packet) + len) : NULL;

    if (packet == NULL)
        return; /* lost */
    *packet = (struct netns_packet){.due_us = due(link, lane, len, now_us), .to = to, .len = len};
    memcpy(packet->bytes, bytes, len);
    *lane->end = packet;
    lane->end = &packet->next;
    lane->len++;
    arm(link, now_us);
}

/* --- A packet --- */

static bool is_from(const struct netns_link *link, unsigned place)
{
    return place < NETNS_PLACES_MAX && (link->options.from >> place & 1) != 0;
}

struct netns_link *netns_link_of(struct netns *netns, const struct netns_header *header, enum proxy_way *way)
{
    for (struct netns_link *link = netns->links; link != NULL && header->is_tcp; link = link->next) {
        const struct netns_link_options *options = &link->options;
        const bool is_forth =
            header->to == options->to && header->target == options->port && is_from(link, header->from);
        *way = is_forth ? PROXY_FORTH : PROXY_BACK;
        if (is_forth || (header->from == options->to && header->source == options->port && is_from(link, header->to)))
            return link;
    }
    return NULL;
}

/* Whether it is lost, and then why: PROXY_FAULTS_LEN = it is not. */
static enum proxy_fault lost_by(const struct netns_link *link, const struct netns_lane *lane, enum proxy_way way,
                                const struct netns_header *header)
{
    if (lane->weather.is_cut)
        return PROXY_FAULT_CUT;
    if (link->is_down && (link->flap_ways & way) != 0)
        return PROXY_FAULT_FLAP;
    if (lane->weather.is_black_hole)
        return PROXY_FAULT_BLACK_HOLE;
    if (lane->weather.hides_end && header->is_end)
        return PROXY_FAULT_HALF_OPEN;
    return PROXY_FAULTS_LEN;
}

void netns_link_take(struct netns_link *link, enum proxy_way way, const struct netns_header *header,
                     const uint8_t *bytes, size_t len)
{
    struct netns_lane *lane = lane_of(link, way);
    const struct proxy_weather *weather = &lane->weather;
    const enum proxy_fault fault = lost_by(link, lane, way, header);
    const bool is_late = weather->delay_ms > 0 || weather->jitter_ms > 0;
    uint8_t answer[NETNS_PACKET_MAX];

    if (fault != PROXY_FAULTS_LEN) {
        hit(link, way, fault);
        return;
    }
    if (link->refuses && way == PROXY_FORTH && header->is_syn && !header->is_ack) {
        hit(link, way, PROXY_FAULT_REFUSED);
        netns_pass(link->netns, header->from, answer, netns_packet_refuse(bytes, answer));
        return;
    }
    if (is_late)
        hit(link, way, PROXY_FAULT_DELAY);
    if (weather->bytes_per_s > 0)
        hit(link, way, PROXY_FAULT_SLOW_LINK);
    if (is_late || weather->bytes_per_s > 0 || lane->first != NULL)
        wait_for(link, lane, header->to, bytes, len);
    else
        netns_pass(link->netns, header->to, bytes, len);
}

/* --- What is said of it --- */

/* What was told of before is not told of the new. */
void netns_link_set_weather(struct netns_link *link, unsigned ways, const struct proxy_weather *weather)
{
    for (enum proxy_way way = PROXY_FORTH; way <= PROXY_BACK; way++) {
        struct netns_lane *lane = lane_of(link, way);
        if ((ways & way) == 0)
            continue;
        lane->weather = *weather;
        lane->told = 0;
        lane->free_us = 0;
    }
}

void netns_link_get_weather(const struct netns_link *link, enum proxy_way way, struct proxy_weather *weather)
{
    *weather = link->lanes[way == PROXY_FORTH ? 0 : 1].weather;
}

/* From a half to three halves of it, as of a proxy. */
static void wait_for_turn(struct netns_link *link)
{
    const uint64_t ms = link->is_down ? link->down_ms : link->up_ms;

    netns_timer_set(link->flapping, ms * 500 + draw(link->netns, ms * 1000));
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
    struct netns_link *link = ctx;

    (void)fd;
    (void)what;
    link->is_down = !link->is_down;
    wait_for_turn(link);
}

void netns_link_flap(struct netns_link *link, unsigned ways, uint32_t up_ms, uint32_t down_ms)
{
    const uint32_t bit = UINT32_C(1) << PROXY_FAULT_FLAP;

    (void)evtimer_del(link->flapping);
    link->lanes[0].told &= ~bit;
    link->lanes[1].told &= ~bit;
    link->flap_ways = ways;
    link->up_ms = up_ms;
    link->down_ms = down_ms;
    link->is_down = down_ms > 0;
    if (link->is_down)
        wait_for_turn(link);
}

void netns_link_refuse(struct netns_link *link, bool refuses)
{
    link->refuses = refuses;
    link->lanes[0].told &= ~(UINT32_C(1) << PROXY_FAULT_REFUSED);
}

/* --- Its life --- */

int netns_link_open(struct netns *netns, const struct netns_link_options *options, struct netns_link **out)
{
    struct netns_link *link = calloc(1, sizeof(*link));

    *out = NULL;
    if (link == NULL)
        return VOW_E_NO_MEMORY;
    link->netns = netns;
    link->options = *options;
    link->lanes[0].end = &link->lanes[0].first;
    link->lanes[1].end = &link->lanes[1].first;
    link->timer = netns_timer_new(netns, on_due, link);
    link->flapping = netns_timer_new(netns, on_turn, link);
    link->next = netns->links;
    netns->links = link;
    if (link->timer != NULL && link->flapping != NULL) {
        *out = link;
        return 0;
    }
    netns_link_close(link);
    return VOW_E_NO_MEMORY;
}

void netns_link_close(struct netns_link *link)
{
    struct netns_link **at = &link->netns->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    for (size_t i = 0; i < 2; i++)
        let_go(link, &link->lanes[i], UINT64_MAX);
    if (link->timer != NULL)
        event_free(link->timer);
    if (link->flapping != NULL)
        event_free(link->flapping);
    free(link);
}
