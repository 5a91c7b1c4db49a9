#include "proto/net/channel_private.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "proto/bytes.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"

/* True while frames may be taken: a callback may have closed the channel. */
static bool is_reading(const struct vow_channel *channel)
{
    return channel->state == CHANNEL_HANDSHAKE || channel->state == CHANNEL_UP;
}

static void on_frame_length_refused(struct vow_channel *channel, const uint8_t *header)
{
    const unsigned long length = (unsigned long)vow_bytes_take(header, VOW_FRAME_HEADER_BYTES);
    channel_down(channel, VOW_E_FRAME, "a frame of %lu bytes, 1 to %u allowed", length, channel->read_max);
}

static void deliver(struct vow_channel *channel, const struct vow_msg *msg)
{
    const struct channel_home *home = channel->home;
    if (channel->state == CHANNEL_HANDSHAKE) {
        handshake_on_message(channel, msg);
    } else if (msg->kind == VOW_MSG_PING) {
        const struct vow_msg pong = {.kind = VOW_MSG_PONG, .pong.nonce = msg->ping.nonce};
        channel_queue(channel, &pong);
    } else if (msg->kind == VOW_MSG_PONG) {
        /* That bytes have come is all there is to know. */
    } else if (msg->kind == VOW_MSG_REJECT && channel->dialer != NULL) {
        handshake_on_reject(channel, &msg->reject);
    } else if (msg->kind == VOW_MSG_HELLO || msg->kind == VOW_MSG_WELCOME || msg->kind == VOW_MSG_REJECT) {
        channel_down(channel, VOW_E_HANDSHAKE, "%s after the handshake", vow_msg_name(msg->kind));
    } else {
        home->ops.on_message(home->ctx, channel, msg);
    }
}

/*
 * Decodes the body where it lies, and gives its bytes back before the message is delivered: a message points into the
 * arena only, and the input is gone if the owner closes the channel.
 */
static void take_frame(struct vow_channel *channel, struct evbuffer *input, uint32_t body_len)
{
    struct vow_msg msg;
    const char *why = "out of memory";
    const size_t frame_len = VOW_FRAME_HEADER_BYTES + (size_t)body_len;
    const uint8_t *frame = evbuffer_pullup(input, (ev_ssize_t)frame_len);
    int error = frame != NULL ? channel_home_fit(channel->home, channel->read_max) : VOW_E_NO_MEMORY;
    if (error == 0)
        error = vow_msg_decode(channel->home->arena, frame + VOW_FRAME_HEADER_BYTES, body_len, &msg, &why);
    if (error != 0) {
        channel_down(channel, error, "%s", why);
        return;
    }
    evbuffer_drain(input, frame_len);
    deliver(channel, &msg);
}

/* Takes one frame if it has come whole. Returns false if there is none, or nothing is taken any more. */
static bool take_next_frame(struct vow_channel *channel)
{
    if (!is_reading(channel))
        return false;
    struct evbuffer *input = bufferevent_get_input(channel->bev);
    if (evbuffer_get_length(input) < VOW_FRAME_HEADER_BYTES)
        return false;
    const uint8_t *header = evbuffer_pullup(input, VOW_FRAME_HEADER_BYTES);
    if (header == NULL) {
        channel_down(channel, VOW_E_NO_MEMORY, "%s", vow_error_text(VOW_E_NO_MEMORY));
        return false;
    }
    uint32_t body_len = 0;
    if (vow_frame_peek(header, VOW_FRAME_HEADER_BYTES, channel->read_max, &body_len) < 0) {
        on_frame_length_refused(channel, header);
        return false;
    }
    if (evbuffer_get_length(input) - VOW_FRAME_HEADER_BYTES < body_len)
        return false;
    take_frame(channel, input, body_len);
    return true;
}

void channel_on_readable(struct bufferevent *bev, void *arg)
{
    struct vow_channel *channel = arg;
    const struct channel_home *home = channel->home;
    if (channel->state == CHANNEL_DRAINING) {
        struct evbuffer *input = bufferevent_get_input(bev);
        evbuffer_drain(input, evbuffer_get_length(input));
        return;
    }
    /* Any byte counts: an honest peer on a slow line is not silent while its frame grows (fault F088). */
    channel->heard_ms = vow_clock_ms();
    channel->pings_silent = 0;
    vow_clock_stir();
    while (take_next_frame(channel))
        continue;
    if (channel->state == CHANNEL_UP && home->ops.on_turn_end != NULL)
        home->ops.on_turn_end(home->ctx, channel);
}
