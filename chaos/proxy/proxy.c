#include "chaos/proxy/proxy_private.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "proto/error.h"
#include "proto/jitter.h"
#include "proto/net/socket_address.h"

#define BUFFER_DEFAULT ((uint32_t)64 * 1024)
#define CONNS_DEFAULT 1024

static const struct {
    const char *name, *text;
} faults[] = {
#define FAULT(name, text) {#name, text},
#include "chaos/proxy/fault.def"
#undef FAULT
};

const char *proxy_fault_name(enum proxy_fault fault)
{
    return faults[fault].name;
}

const char *proxy_fault_text(enum proxy_fault fault)
{
    return faults[fault].text;
}

void proxy_count(struct proxy *proxy, enum proxy_fault fault, unsigned ways)
{
    proxy->hits[fault]++;
    if (proxy->options.hit != NULL)
        proxy->options.hit(proxy->options.ctx, fault, ways);
}

uint64_t proxy_draw(struct proxy *proxy, uint64_t most)
{
    return most > 0 ? vow_jitter_next(&proxy->random) % (most + 1) : 0;
}

static bool flap_is_down(const struct proxy *proxy, unsigned i)
{
    return proxy->flap.is_down && (proxy->flap.ways & (i == 0 ? PROXY_FORTH : PROXY_BACK)) != 0;
}

bool proxy_is_cut(const struct proxy *proxy, unsigned i)
{
    return proxy->weather[i].is_cut || flap_is_down(proxy, i);
}

/* --- Time --- */

static uint64_t half_to_three_halves_us(struct proxy *proxy, uint32_t ms)
{
    return (uint64_t)ms * 500 + proxy_draw(proxy, (uint64_t)ms * 1000);
}

static void flap_turn(struct proxy *proxy)
{
    if (proxy->flap.down_ms == 0 || proxy_now_us(proxy) < proxy->flap.due_us)
        return;
    proxy->flap.is_down = !proxy->flap.is_down;
    proxy->flap.due_us = proxy_now_us(proxy) +
                         half_to_three_halves_us(proxy, proxy->flap.is_down ? proxy->flap.down_ms : proxy->flap.up_ms);
    if (proxy->conns != NULL)
        proxy_count(proxy, PROXY_FAULT_FLAP, proxy->flap.ways);
}

static void turn(struct proxy *proxy)
{
    struct conn *conn, *next;

    flap_turn(proxy);
    DL_FOREACH_SAFE(proxy->conns, conn, next)
    {
        conn_turn(conn);
    }
    proxy_timer_arm(proxy);
}

void proxy_tick(struct proxy *proxy)
{
    turn(proxy);
}

uint64_t proxy_deadline_us(const struct proxy *proxy)
{
    uint64_t due_us = proxy->flap.down_ms > 0 ? proxy->flap.due_us : PROXY_NEVER;
    const struct conn *conn;

    DL_FOREACH(proxy->conns, conn)
    {
        for (unsigned i = 0; i < 2; i++) {
            if (conn->pipes[i].wake_us < due_us)
                due_us = conn->pipes[i].wake_us;
        }
    }
    return due_us;
}

/* --- Life --- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int from_len,
                      void *ctx)
{
    struct proxy *proxy = ctx;

    (void)from, (void)from_len;
    conn_take(proxy, fd);
    if (proxy->conns_len >= proxy->options.conns_max)
        (void)evconnlistener_disable(listener);
    proxy_timer_arm(proxy);
}

static int listen_on_any(struct proxy *proxy)
{
    struct vow_address address = {.host = "127.0.0.1"};
    struct sockaddr_storage at;
    socklen_t len = 0;

    (void)socket_address_fill(&address, &at, &len);
    proxy->listener =
        evconnlistener_new_bind(proxy->options.base, on_accept, proxy, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                1024, (struct sockaddr *)&at, (int)len);
    if (proxy->listener == NULL)
        return VOW_E_SYSTEM;
    len = sizeof(at);
    if (getsockname(evconnlistener_get_fd(proxy->listener), (struct sockaddr *)&at, &len) != 0)
        return VOW_E_SYSTEM;
    socket_address_read((const struct sockaddr *)&at, &address);
    vow_address_print(&address, proxy->address);
    return 0;
}

int proxy_open(const struct proxy_options *options, const char *target, struct proxy **out)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    int error;

    *out = NULL;
    if (proxy == NULL)
        return VOW_E_NO_MEMORY;
    proxy->options = *options;
    proxy->random = options->seed;
    if (proxy->options.buffer_max == 0)
        proxy->options.buffer_max = BUFFER_DEFAULT;
    if (proxy->options.conns_max == 0)
        proxy->options.conns_max = CONNS_DEFAULT;
    if ((error = proxy_set_target(proxy, target)) != 0 || (error = proxy_timer_open(proxy)) != 0 ||
        (error = listen_on_any(proxy)) != 0) {
        proxy_close(proxy);
        return error;
    }
    *out = proxy;
    return 0;
}

void proxy_close(struct proxy *proxy)
{
    if (proxy == NULL)
        return;
    while (proxy->conns != NULL)
        conn_free(proxy->conns);
    if (proxy->listener != NULL)
        evconnlistener_free(proxy->listener);
    if (proxy->timer != NULL)
        event_free(proxy->timer);
    free(proxy);
}

const char *proxy_address(const struct proxy *proxy)
{
    return proxy->address;
}

int proxy_set_target(struct proxy *proxy, const char *target)
{
    struct vow_address address;
    const int error = vow_address_parse(target, &address);

    return error != 0 ? error : socket_address_fill(&address, &proxy->target, &proxy->target_len);
}

/* --- What is done to it --- */

/* What begins now is counted anew. */
static void forget_notes(struct proxy *proxy, unsigned i)
{
    struct conn *conn;

    DL_FOREACH(proxy->conns, conn)
    {
        conn->pipes[i].noted = 0;
    }
}

void proxy_set_weather(struct proxy *proxy, unsigned ways, const struct proxy_weather *weather)
{
    for (unsigned i = 0; i < 2; i++) {
        if ((ways & (i == 0 ? PROXY_FORTH : PROXY_BACK)) == 0)
            continue;
        proxy->weather[i] = *weather;
        forget_notes(proxy, i);
    }
    turn(proxy);
}

void proxy_get_weather(const struct proxy *proxy, enum proxy_way way, struct proxy_weather *weather)
{
    *weather = proxy->weather[way == PROXY_BACK ? 1 : 0];
}

void proxy_flap(struct proxy *proxy, unsigned ways, uint32_t up_ms, uint32_t down_ms)
{
    proxy->flap.ways = ways;
    proxy->flap.up_ms = up_ms;
    proxy->flap.down_ms = down_ms;
    proxy->flap.is_down = false;
    proxy->flap.due_us = proxy_now_us(proxy);
    turn(proxy);
}

void proxy_refuse(struct proxy *proxy, bool refuses)
{
    proxy->refuses = refuses;
}

unsigned proxy_reset(struct proxy *proxy)
{
    unsigned count = 0;
    struct conn *conn;

    DL_FOREACH(proxy->conns, conn)
    {
        proxy_count(proxy, PROXY_FAULT_RESET, PROXY_BOTH_WAYS);
        conn_reset(conn);
        count++;
    }
    turn(proxy);
    return count;
}

void proxy_reset_after(struct proxy *proxy, enum proxy_way way, uint64_t bytes)
{
    proxy->reset_after[way == PROXY_BACK ? 1 : 0] = bytes;
}

void proxy_reset_mid_frame(struct proxy *proxy, enum proxy_way way, uint32_t nth)
{
    proxy->tear_nth[way == PROXY_BACK ? 1 : 0] = nth;
}

/* --- What was --- */

uint64_t proxy_hits(const struct proxy *proxy, enum proxy_fault fault)
{
    return proxy->hits[fault];
}

void proxy_get_stats(const struct proxy *proxy, struct proxy_stats *stats)
{
    const struct conn *conn;

    *stats = (struct proxy_stats){.accepted = proxy->accepted, .connected = proxy->connected, .open = proxy->conns_len};
    for (unsigned i = 0; i < 2; i++) {
        stats->bytes[i] = proxy->bytes[i];
        stats->frames[i] = proxy->frames[i];
    }
    DL_FOREACH(proxy->conns, conn)
    {
        for (unsigned i = 0; i < 2; i++)
            stats->held[i] += conn->pipes[i].held;
    }
}
