#include "proto/net/channel_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent.h>

#include "proto/assert.h"
#include "proto/net/backoff.h"
#include "proto/net/log.h"
#include "proto/net/socket_address.h"
#include "proto/net/transport.h"

/* Either a channel stands or the timer for the next attempt runs, never both. */
struct vow_dialer {
    struct channel_home *home;
    struct vow_channel *channel;
    struct vow_timer next_attempt;
    struct backoff backoff;
    bool has_failed; /* the last attempt did not come up */
    struct vow_msg_hello hello;
    struct sockaddr_storage socket_address;
    socklen_t socket_address_len;
    struct vow_address target;
    char address[VOW_ADDRESS_SIZE];
};

static void try_later(struct vow_dialer *dialer, uint32_t ms)
{
    vow_timer_arm(&dialer->next_attempt, ms);
}

/* How far an attempt has got. */
enum attempt {
    ATTEMPT_TCP,       /* the socket is to be connected */
    ATTEMPT_CONNECTED, /* a test's transport has done that */
    ATTEMPT_REFUSED,   /* or has said that nobody is there */
};

static int open_socket(struct vow_dialer *dialer, enum attempt *attempt)
{
    *attempt = ATTEMPT_TCP;
#ifdef VOW_TESTING
    const int fd = vow_transport_dial(&dialer->target, &dialer->hello);
    *attempt = fd == VOW_TRANSPORT_REFUSED ? ATTEMPT_REFUSED : ATTEMPT_TCP;
    if (fd >= 0) {
        *attempt = ATTEMPT_CONNECTED;
        return fd;
    }
#endif
    return socket(dialer->socket_address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static struct vow_channel *new_attempt(struct vow_dialer *dialer, enum attempt *attempt)
{
    const int fd = open_socket(dialer, attempt);
    struct vow_channel *channel = fd >= 0 ? channel_new(dialer->home, fd, dialer->address, dialer) : NULL;
    if (channel != NULL) {
        channel->is_repeat = dialer->has_failed;
        dialer->has_failed = true;
    }
    return channel;
}

static void on_next_attempt(void *arg)
{
    struct vow_dialer *dialer = arg;
    VOW_ASSERT(dialer->channel == NULL);
    enum attempt attempt;
    struct vow_channel *channel = dialer->channel = new_attempt(dialer, &attempt);
    if (channel == NULL) {
        /* No descriptor or no memory: there is no channel to speak of, so nobody but the log hears of it. */
        VOW_LOG(VOW_LOG_WARN, "connect_postponed", VOW_STR("peer", dialer->address), VOW_STR("why", strerror(errno)));
        try_later(dialer, backoff_next_ms(&dialer->backoff));
        return;
    }
    /* A callback of channel_down() may free the dialer: nothing may follow it. */
    if (attempt == ATTEMPT_CONNECTED)
        dialer_on_connected(dialer);
    else if (attempt == ATTEMPT_REFUSED)
        channel_down(channel, VOW_E_UNREACHABLE, "%s", strerror(ECONNREFUSED));
    else if (bufferevent_socket_connect(channel->bev, (struct sockaddr *)&dialer->socket_address,
                                        (int)dialer->socket_address_len) != 0)
        channel_down(channel, VOW_E_UNREACHABLE, "%s", strerror(errno));
}

void dialer_on_connected(struct vow_dialer *dialer)
{
    handshake_send_hello(dialer->channel, &dialer->hello);
}

/*
 * Only a channel that was up and got lost makes the next wait short. One that its owner closed, or that never came up,
 * makes it longer: a peer that we cannot work with must not be called at the fastest pace for ever.
 */
void dialer_on_end(struct vow_dialer *dialer, bool was_lost)
{
    dialer->channel = NULL;
    if (was_lost) {
        dialer->has_failed = false;
        backoff_reset(&dialer->backoff);
    }
    try_later(dialer, backoff_next_ms(&dialer->backoff));
}

int vow_dialer_new(struct event_base *base, const struct vow_address *address,
                   const struct vow_channel_options *options, const struct vow_msg_hello *hello,
                   const struct vow_channel_ops *ops, void *ctx, uint64_t seed, struct vow_dialer **out)
{
    *out = NULL;
    struct vow_dialer *dialer = calloc(1, sizeof(*dialer));
    if (dialer == NULL)
        return VOW_E_NO_MEMORY;
    int error = socket_address_fill(address, &dialer->socket_address, &dialer->socket_address_len);
    if (error != 0)
        goto err_free;
    error = VOW_E_NO_MEMORY;
    dialer->home = channel_home_new(base, options, ops, ctx);
    if (dialer->home == NULL)
        goto err_free;
    vow_timer_init(&dialer->next_attempt, base, options->timers, on_next_attempt, dialer);
    dialer->hello = *hello;
    dialer->target = *address;
    vow_address_print(address, dialer->address);
    backoff_init(&dialer->backoff, options->reconnect_min_ms, options->reconnect_max_ms, seed);
    try_later(dialer, 0);
    *out = dialer;
    return 0;

err_free:
    free(dialer);
    return error;
}

void vow_dialer_set_epoch(struct vow_dialer *dialer, uint64_t coord, uint32_t epoch)
{
    dialer->hello.coord = coord;
    dialer->hello.epoch = epoch;
}

void vow_dialer_free(struct vow_dialer *dialer)
{
    if (dialer == NULL)
        return;
    struct vow_channel *channel = dialer->channel;
    if (channel != NULL) {
        vow_channel_flush(channel);
        vow_channel_close(channel, true);
    }
    vow_timer_deinit(&dialer->next_attempt);
    channel_home_unref(dialer->home);
    free(dialer);
}
