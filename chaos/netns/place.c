/* Places: a namespace each, with an address on a device whose other end we hold. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chaos/netns/netns_private.h"

/* Nobody outside sees it, so it may be the machine's, too. */
#define NETWORK "10.219.0."
#define MASK "255.255.255.0"
#define TUN "/dev/net/tun"

static int fail(char why[NETNS_WHY_SIZE], const char *what)
{
    (void)snprintf(why, NETNS_WHY_SIZE, "%s: %s", what, strerror(errno));
    return -1;
}

static int open_own(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* --- A device --- */

static int set_address(int any, struct ifreq *device, unsigned long what, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    (void)inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&device->ifr_addr, &in, sizeof(in));
    return ioctl(any, what, device);
}

static int set_up(int any, const char *name)
{
    struct ifreq device = {.ifr_flags = 0};

    (void)snprintf(device.ifr_name, sizeof(device.ifr_name), "%s", name);
    if (ioctl(any, SIOCGIFFLAGS, &device) != 0)
        return -1;
    device.ifr_flags = (short)(device.ifr_flags | IFF_UP | IFF_RUNNING);
    return ioctl(any, SIOCSIFFLAGS, &device);
}

static int configure(struct netns_place *place)
{
    struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (any < 0)
        return -1;
    const bool is_done = ioctl(place->tun, TUNSETIFF, &device) == 0 && set_up(any, "lo") == 0 &&
                         set_address(any, &device, SIOCSIFADDR, place->host) == 0 &&
                         set_address(any, &device, SIOCSIFNETMASK, MASK) == 0 && set_up(any, device.ifr_name) == 0;
    const int error = errno;
    close(any);
    errno = error;
    return is_done ? 0 : -1;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    netns_receive(ctx);
}

/* In the namespace that was made for it. */
static int furnish(struct netns_place *place, char why[NETNS_WHY_SIZE])
{
    place->ns = open_own();
    if (place->ns < 0)
        return fail(why, "/proc/thread-self/ns/net");
    place->tun = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (place->tun < 0)
        return fail(why, TUN);
    if (configure(place) != 0)
        return fail(why, "a device of a namespace (CAP_NET_ADMIN is wanted)");
    place->readable = event_new(place->netns->base, place->tun, EV_READ | EV_PERSIST, on_readable, place);
    if (place->readable != NULL && event_add(place->readable, NULL) == 0)
        return 0;
    errno = ENOMEM;
    return fail(why, "an event");
}

/* Leaves the thread in it, or where it was before. */
int netns_place_open(struct netns *netns, unsigned index, char why[NETNS_WHY_SIZE])
{
    struct netns_place *place = &netns->places[index];
    const int before = open_own();

    *place = (struct netns_place){.netns = netns, .ns = -1, .tun = -1};
    (void)snprintf(place->host, sizeof(place->host), NETWORK "%u", index + 1);
    if (before < 0)
        return fail(why, "/proc/thread-self/ns/net");
    int error = unshare(CLONE_NEWNET);
    if (error != 0)
        (void)fail(why, "a network namespace (CAP_SYS_ADMIN is wanted)");
    else if ((error = furnish(place, why)) != 0)
        (void)setns(before, CLONE_NEWNET);
    if (error != 0)
        netns_place_close(place);
    close(before);
    return error;
}

void netns_place_close(struct netns_place *place)
{
    if (place->readable != NULL)
        event_free(place->readable);
    if (place->tun >= 0)
        close(place->tun);
    if (place->ns >= 0)
        close(place->ns);
}

/* --- The network --- */

int netns_open(struct event_base *base, uint64_t seed, struct netns **out, char why[NETNS_WHY_SIZE])
{
    struct netns *netns = calloc(1, sizeof(*netns));

    *out = NULL;
    if (netns == NULL)
        return fail(why, "a network");
    *netns = (struct netns){.base = base, .random = seed, .before = open_own()};
    if (netns->before < 0 || netns_place_open(netns, NETNS_HOME, why) != 0) {
        if (netns->before < 0)
            (void)fail(why, "/proc/thread-self/ns/net");
        netns_close(netns);
        return -1;
    }
    netns->places_len = 1;
    *out = netns;
    return 0;
}

void netns_close(struct netns *netns)
{
    if (netns == NULL)
        return;
    while (netns->links != NULL)
        netns_link_close(netns->links);
    if (netns->before >= 0) {
        (void)setns(netns->before, CLONE_NEWNET);
        close(netns->before);
    }
    for (unsigned i = 0; i < netns->places_len; i++)
        netns_place_close(&netns->places[i]);
    free(netns);
}

int netns_add(struct netns *netns, unsigned *place, char why[NETNS_WHY_SIZE])
{
    if (netns->places_len == NETNS_PLACES_MAX) {
        (void)snprintf(why, NETNS_WHY_SIZE, "a network has at most %d places", NETNS_PLACES_MAX);
        return -1;
    }
    if (netns_place_open(netns, netns->places_len, why) != 0)
        return -1;
    *place = netns->places_len++;
    return netns_enter(netns, NETNS_HOME) == 0 ? 0 : fail(why, "the way home");
}

const char *netns_host(const struct netns *netns, unsigned place)
{
    return netns->places[place].host;
}

int netns_enter(const struct netns *netns, unsigned place)
{
    return setns(netns->places[place].ns, CLONE_NEWNET);
}
