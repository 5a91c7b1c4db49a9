#include "proto/net/channel_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "proto/assert.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"
#include "proto/net/log.h"

/* What libevent may read at once. */
#define READ_CHUNK_BYTES ((size_t)16 * 1024)
/* libevent writes no more than 16 KiB a turn if it is not told: many messages of one turn are to be one writev(). */
#define WRITE_CHUNK_BYTES ((size_t)256 * 1024)
/* A HELLO or WELCOME is far smaller. Who has not introduced itself gets no more memory than this (fault F166). */
#define HANDSHAKE_FRAME_MAX VOW_FRAME_MAX_LOWEST
/* PINGs without an answer before the peer counts as dead: with the silence before the first it makes three
 * heartbeats (fault F084). */
#define PINGS_SILENT_MAX 2

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void channel_arm(struct vow_channel *channel, uint32_t ms)
{
    vow_timer_arm(&channel->timer, ms);
}

void channel_set_read_max(struct vow_channel *channel, uint32_t read_max)
{
    channel->read_max = read_max;
}

void channel_start_reading(struct vow_channel *channel)
{
    bufferevent_enable(channel->bev, EV_READ | EV_WRITE);
}

void channel_leave_strangers(struct vow_channel *channel)
{
    if (channel->is_stranger) {
        DL_DELETE(channel->home->strangers, channel);
        channel->home->strangers_len--;
    }
    channel->is_stranger = false;
}

static void free_finished(void *arg)
{
    struct vow_channel *channel = arg;
    channel_home_unref(channel->home);
    free(channel);
}

/*
 * Ends the channel, without a word to its owner. libevent calls free_finished() after the callbacks that are already
 * waiting in this turn, or from event_base_free(); the socket is closed by then too.
 */
static void end_channel(struct vow_channel *channel, bool was_lost)
{
    VOW_ASSERT(channel->state != CHANNEL_CLOSED);
    struct vow_dialer *dialer = channel->dialer;
    channel->state = CHANNEL_CLOSED;
    channel->dialer = NULL;
    channel_leave_strangers(channel);
    bufferevent_free(channel->bev);
    channel->bev = NULL;
    if (channel->bulk != NULL)
        evbuffer_free(channel->bulk);
    channel->bulk = NULL;
    vow_timer_finalize(&channel->timer, free_finished);
    if (dialer != NULL)
        dialer_on_end(dialer, was_lost);
}

static void log_lost(const struct vow_channel *channel, const struct vow_error_detail *detail)
{
    enum vow_log_level level = detail->error == VOW_E_DISCONNECTED ? VOW_LOG_INFO : VOW_LOG_WARN;
    if (channel->is_repeat)
        level = VOW_LOG_DEBUG;
    VOW_LOG(level, "peer_lost", VOW_STR("peer", channel->peer_address), VOW_STR("name", channel->peer_name),
            VOW_STR("error", vow_error_name(detail->error)), VOW_STR("why", detail->text));
}

void channel_down(struct vow_channel *channel, int error, const char *format, ...)
{
    struct vow_error_detail detail = {.error = error};
    va_list args;
    va_start(args, format);
    vsnprintf(detail.text, sizeof(detail.text), format, args);
    va_end(args);

    /* Who accepts has not heard of a channel before its HELLO was good; who dials knows of every attempt. */
    const bool is_up = channel->state == CHANNEL_UP;
    const bool is_known = is_up || channel->dialer != NULL;
    const struct channel_home *home = channel->home;
    log_lost(channel, &detail);
    end_channel(channel, is_up);
    if (is_known)
        home->ops.on_down(home->ctx, channel, &detail);
}

/* PINGs are counted, not only the time: after our own long pause the peer gets the chance to answer first. */
static void check_heartbeat(struct vow_channel *channel)
{
    const uint64_t silent_ms = vow_clock_ms() - channel->heard_ms;
    if (silent_ms < channel->heartbeat_ms) {
        channel_arm(channel, (uint32_t)(channel->heartbeat_ms - silent_ms));
        return;
    }
    if (channel->pings_silent == PINGS_SILENT_MAX) {
        channel_down(channel, VOW_E_HEARTBEAT, "nothing heard for %llu ms", (unsigned long long)silent_ms);
        return;
    }
    channel->pings_silent++;
    const struct vow_msg ping = {.kind = VOW_MSG_PING, .ping.nonce = channel->pings_silent};
    if (channel_queue(channel, &ping) == 0)
        channel_arm(channel, channel->heartbeat_ms);
}

static void on_timer(void *arg)
{
    struct vow_channel *channel = arg;
    if (channel->doom != 0) {
        channel_down(channel, channel->doom, "%s", vow_error_text(channel->doom));
        return;
    }
    switch (channel->state) {
    case CHANNEL_CONNECTING:
        channel_down(channel, VOW_E_UNREACHABLE, "no connection in %u ms", channel->home->options.handshake_ms);
        break;
    case CHANNEL_HANDSHAKE:
        channel_down(channel, VOW_E_HANDSHAKE, "no %s in %u ms", channel->dialer != NULL ? "WELCOME" : "HELLO",
                     channel->home->options.handshake_ms);
        break;
    case CHANNEL_UP:
        check_heartbeat(channel);
        break;
    case CHANNEL_DRAINING:
        end_channel(channel, false);
        break;
    case CHANNEL_CLOSED:
        break;
    }
}

/* The peer sees the end after the last frame. Closing the socket now could destroy that frame on its way, by a
 * reset. */
static void half_close(struct vow_channel *channel)
{
    shutdown(bufferevent_getfd(channel->bev), SHUT_WR);
}

static void close_if_drained(struct vow_channel *channel)
{
    if (channel->state == CHANNEL_DRAINING && evbuffer_get_length(bufferevent_get_output(channel->bev)) == 0)
        half_close(channel);
}

/* libevent's own call alone may tell the owner: a flush happens inside the owner's calls. */
static void on_written(struct bufferevent *bev, void *arg)
{
    struct vow_channel *channel = arg;
    channel_bulk_move(channel);
    if (channel->state == CHANNEL_UP && channel->was_full && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        channel->was_full = false;
        if (channel->home->ops.on_drained != NULL)
            channel->home->ops.on_drained(channel->home->ctx, channel);
        return;
    }
    close_if_drained(channel);
}

static void peer_closed(struct vow_channel *channel)
{
    const size_t rest = evbuffer_get_length(bufferevent_get_input(channel->bev));
    if (rest > 0)
        channel_down(channel, VOW_E_DISCONNECTED, "closed by the peer inside a frame, after %zu bytes of it", rest);
    else
        channel_down(channel, VOW_E_DISCONNECTED, "closed by the peer");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct vow_channel *channel = arg;
    const int system_error = EVUTIL_SOCKET_ERROR();
    vow_clock_stir();
    if (what & BEV_EVENT_CONNECTED) {
        if (channel->state == CHANNEL_CONNECTING)
            dialer_on_connected(channel->dialer);
    } else if (channel->state == CHANNEL_DRAINING) {
        end_channel(channel, false);
    } else if (what & BEV_EVENT_EOF) {
        peer_closed(channel);
    } else if (what & BEV_EVENT_ERROR) {
        channel_down(channel, channel->state == CHANNEL_CONNECTING ? VOW_E_UNREACHABLE : VOW_E_DISCONNECTED, "%s",
                     evutil_socket_error_to_string(system_error));
    }
}

static void init_channel(struct vow_channel *channel, struct channel_home *home, const char *peer_address,
                         struct vow_dialer *dialer)
{
    home->refs++;
    channel->home = home;
    channel->dialer = dialer;
    channel->state = dialer != NULL ? CHANNEL_CONNECTING : CHANNEL_HANDSHAKE;
    channel->send_max = home->options.frame_max;
    channel->heartbeat_ms = home->options.heartbeat_ms;
    channel->is_stranger = dialer == NULL;
    if (channel->is_stranger) {
        DL_APPEND(home->strangers, channel);
        if (++home->strangers_len > home->strangers_most)
            home->strangers_most = home->strangers_len;
    }
    snprintf(channel->peer_address, sizeof(channel->peer_address), "%s", peer_address);
    bufferevent_setcb(channel->bev, channel_on_readable, on_written, on_event, channel);
    /* All whole frames are taken after each read, so no more lies in memory than a part of one and this. A high-water
     * mark would say the same, but libevent crashes in setting one without memory. */
    bufferevent_set_max_single_read(channel->bev, READ_CHUNK_BYTES);
    bufferevent_set_max_single_write(channel->bev, WRITE_CHUNK_BYTES);
    channel_set_read_max(channel, smaller(home->options.frame_max, HANDSHAKE_FRAME_MAX));
    channel_arm(channel, home->options.handshake_ms);
}

struct vow_channel *channel_new(struct channel_home *home, int fd, const char *peer_address, struct vow_dialer *dialer)
{
    struct vow_channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL)
        goto err_close;
    channel->bev = bufferevent_socket_new(home->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (channel->bev == NULL)
        goto err_free;
    vow_timer_init(&channel->timer, home->base, home->options.timers, on_timer, channel);
    /* A vote must not wait for the acknowledgement of the frame before it. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    init_channel(channel, home, peer_address, dialer);
    return channel;

err_free:
    free(channel);
err_close:
    close(fd);
    return NULL;
}

int channel_doom(struct vow_channel *channel, int error)
{
    channel->doom = error;
    channel_arm(channel, 0);
    return error;
}

/* Much sent in one turn is not yet a slow reader: the socket is tried before the peer is judged. */
static bool is_over_high_water(struct vow_channel *channel)
{
    struct evbuffer *output = bufferevent_get_output(channel->bev);
    if (evbuffer_get_length(output) < channel->home->options.write_high_water)
        return false;
    vow_channel_flush(channel);
    return evbuffer_get_length(output) >= channel->home->options.write_high_water;
}

int channel_put(struct vow_channel *channel, const struct vow_msg *msg, struct evbuffer *buffer)
{
    const size_t len = VOW_FRAME_HEADER_BYTES + vow_msg_encoded_size(msg);
    struct evbuffer_iovec space;
    if (evbuffer_reserve_space(buffer, (ev_ssize_t)len, &space, 1) != 1)
        return VOW_E_NO_MEMORY;
    space.iov_len = vow_msg_encode(msg, channel->send_max, space.iov_base, space.iov_len);
    VOW_ASSERT(space.iov_len == len);
    return evbuffer_commit_space(buffer, &space, 1) == 0 ? 0 : VOW_E_NO_MEMORY;
}

int channel_queue(struct vow_channel *channel, const struct vow_msg *msg)
{
    /* Once only: a peer that goes on asking must not put its end off by setting the timer again and again. */
    if (channel->doom != 0)
        return channel->doom;
    if (vow_msg_encoded_size(msg) > channel->send_max)
        return VOW_E_TOO_LARGE;
    if (is_over_high_water(channel))
        return channel_doom(channel, VOW_E_SLOW_READER);
    const int error = channel_put(channel, msg, bufferevent_get_output(channel->bev));
    return error == 0 ? 0 : channel_doom(channel, error);
}

int vow_channel_send(struct vow_channel *channel, const struct vow_msg *msg)
{
    if (channel->state != CHANNEL_UP || channel->doom != 0)
        return VOW_E_STATE;
    return channel_queue(channel, msg);
}

bool vow_channel_is_full(struct vow_channel *channel)
{
    if (channel->state != CHANNEL_UP ||
        evbuffer_get_length(bufferevent_get_output(channel->bev)) < channel->home->options.write_high_water / 4)
        return false;
    channel->was_full = true;
    return true;
}

void vow_channel_flush(struct vow_channel *channel)
{
    if (channel->state == CHANNEL_CONNECTING || channel->state == CHANNEL_CLOSED)
        return;
    struct evbuffer *output = bufferevent_get_output(channel->bev);
    /* A bufferevent keeps the front of its output for itself. An error met here is met again by libevent, which
     * reports it. */
    evbuffer_unfreeze(output, 1);
    while (evbuffer_get_length(output) > 0 && evbuffer_write(output, bufferevent_getfd(channel->bev)) > 0)
        continue;
    evbuffer_freeze(output, 1);
    close_if_drained(channel);
}

void vow_channel_close(struct vow_channel *channel, bool now)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (now || channel->state == CHANNEL_CONNECTING || channel->doom != 0) {
        end_channel(channel, false);
        return;
    }
    if (channel->state == CHANNEL_DRAINING)
        return;
    struct vow_dialer *dialer = channel->dialer;
    channel_bulk_end(channel);
    channel->state = CHANNEL_DRAINING;
    channel->dialer = NULL;
    /* A peer that does not read and does not close either is not waited for longer than a stranger. */
    channel_arm(channel, channel->home->options.handshake_ms);
    close_if_drained(channel);
    if (dialer != NULL)
        dialer_on_end(dialer, false);
}

void vow_channel_set_user(struct vow_channel *channel, void *user)
{
    channel->user = user;
}

void *vow_channel_user(const struct vow_channel *channel)
{
    return channel->user;
}

const char *vow_channel_peer_address(const struct vow_channel *channel)
{
    return channel->peer_address;
}
