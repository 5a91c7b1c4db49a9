/*
 * Long answers. A list of thousands of rows is more than may wait for a peer in front of it, and the peer that has
 * asked for it is not slow because of that: so the rows wait in a buffer of their own, and go to the output as the
 * peer reads. Whatever the protocol has to say meanwhile goes before them. The buffer is bounded, too: beyond it a row
 * is refused, and the answer's last message says how many are missing.
 */
#include "proto/net/channel_private.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "proto/assert.h"

/* In high-water marks. */
#define BULK_MARKS_MAX 4
/* Last messages are taken beyond that; but not without end, from a peer that asks and does not read. */
#define BULK_MARKS_DROPPED 5

static size_t waiting(const struct vow_channel *channel)
{
    return channel->bulk != NULL ? evbuffer_get_length(channel->bulk) : 0;
}

static size_t mark_of(const struct vow_channel *channel)
{
    return channel->home->options.write_high_water;
}

/* Half of what vow_channel_is_full() goes by: rows alone never hold back a decision. */
static bool has_room(const struct vow_channel *channel)
{
    return evbuffer_get_length(bufferevent_get_output(channel->bev)) < mark_of(channel) / 8;
}

static void move_frame(struct vow_channel *channel)
{
    uint8_t header[VOW_FRAME_HEADER_BYTES];
    uint32_t length = 0;
    const ev_ssize_t copied = evbuffer_copyout(channel->bulk, header, sizeof(header));
    const int is_good = vow_frame_peek(header, sizeof(header), channel->send_max, &length);
    VOW_ASSERT(copied == (ev_ssize_t)sizeof(header) && is_good >= 0);
    const size_t len = sizeof(header) + length;
    if (evbuffer_remove_buffer(channel->bulk, bufferevent_get_output(channel->bev), len) != (int)len)
        (void)channel_doom(channel, VOW_E_NO_MEMORY);
}

void channel_bulk_move(struct vow_channel *channel)
{
    while (channel->doom == 0 && waiting(channel) > 0) {
        if (!has_room(channel))
            vow_channel_flush(channel);
        if (!has_room(channel))
            return;
        move_frame(channel);
    }
}

void channel_bulk_end(struct vow_channel *channel)
{
    if (waiting(channel) > 0)
        (void)evbuffer_add_buffer(bufferevent_get_output(channel->bev), channel->bulk);
}

int vow_channel_send_bulk(struct vow_channel *channel, const struct vow_msg *msg, bool is_last)
{
    if (channel->state != CHANNEL_UP || channel->doom != 0)
        return VOW_E_STATE;
    if (vow_msg_encoded_size(msg) > channel->send_max)
        return VOW_E_TOO_LARGE;
    if (waiting(channel) >= BULK_MARKS_DROPPED * mark_of(channel))
        return channel_doom(channel, VOW_E_SLOW_READER);
    if (waiting(channel) >= BULK_MARKS_MAX * mark_of(channel) && !is_last)
        return VOW_E_BUSY;
    if (channel->bulk == NULL && (channel->bulk = evbuffer_new()) == NULL)
        return channel_doom(channel, VOW_E_NO_MEMORY);
    const int error = channel_put(channel, msg, channel->bulk);
    if (error != 0)
        return channel_doom(channel, error);
    channel_bulk_move(channel);
    return 0;
}
