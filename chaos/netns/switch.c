/* Packets, from the place that they come from to the one that they are for. */
#include <unistd.h>

#include "chaos/netns/netns_private.h"

/* In one turn of the loop: timers and other places have their turn, too. */
#define TURN_MAX 64

/* What a device has no room for is lost, as on any network. */
void netns_pass(struct netns *netns, unsigned to, const uint8_t *bytes, size_t len)
{
    const ssize_t written = write(netns->places[to].tun, bytes, len);

    (void)written;
}

static void receive(struct netns *netns, const uint8_t *bytes, size_t len)
{
    struct netns_header header;
    enum proxy_way way;

    if (!netns_packet_read(bytes, len, &header) || header.to >= netns->places_len)
        return;
    struct netns_link *link = netns_link_of(netns, &header, &way);
    if (link != NULL)
        netns_link_take(link, way, &header, bytes, len);
    else
        netns_pass(netns, header.to, bytes, len);
}

void netns_receive(struct netns_place *place)
{
    uint8_t bytes[NETNS_PACKET_MAX];
    ssize_t len;

    for (int i = 0; i < TURN_MAX && (len = read(place->tun, bytes, sizeof(bytes))) > 0; i++)
        receive(place->netns, bytes, (size_t)len);
}
