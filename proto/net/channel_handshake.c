/*
 * The handshake: HELLO from who connects, WELCOME or REJECT from who accepts. Nothing else may come first.
 */
#include "proto/net/channel_private.h"

#include <stdio.h>

#include "proto/net/clock.h"
#include "proto/net/log.h"

static void rise(struct vow_channel *channel, const struct vow_msg_welcome *welcome, uint32_t read_max)
{
    const struct channel_home *home = channel->home;
    channel->state = CHANNEL_UP;
    channel_leave_strangers(channel);
    channel->heard_ms = vow_clock_ms();
    channel_set_read_max(channel, read_max);
    if (channel->doom == 0)
        channel_arm(channel, channel->heartbeat_ms);
    home->ops.on_up(home->ctx, channel, welcome);
}

static void reject(struct vow_channel *channel, int error, const char *why)
{
    char text[VOW_TEXT_SIZE];
    vow_text_copy(text, why != NULL ? why : vow_error_text(error));
    VOW_LOG(VOW_LOG_WARN, "peer_rejected", VOW_STR("peer", channel->peer_address), VOW_STR("name", channel->peer_name),
            VOW_STR("error", vow_error_name(error)), VOW_STR("why", text));
    const struct vow_msg msg = {.kind = VOW_MSG_REJECT, .reject = {.error = error, .text = text}};
    channel_queue(channel, &msg);
    vow_channel_close(channel, false);
}

static bool has_our_version(const struct vow_msg_hello *hello)
{
    return hello->version_min <= VOW_WIRE_VERSION && VOW_WIRE_VERSION <= hello->version_max;
}

static void on_hello(struct vow_channel *channel, const struct vow_msg_hello *hello)
{
    const struct channel_home *home = channel->home;
    struct vow_msg msg = {.kind = VOW_MSG_WELCOME};
    const char *why = NULL;
    snprintf(channel->peer_name, sizeof(channel->peer_name), "%s", hello->name);
    int error = VOW_E_VERSION;
    if (has_our_version(hello))
        error = home->ops.on_hello(home->ctx, channel, hello, &msg.welcome, &why);
    if (channel->state != CHANNEL_HANDSHAKE)
        return;
    if (error != 0) {
        reject(channel, error, why);
        return;
    }
    msg.welcome.version = VOW_WIRE_VERSION;
    msg.welcome.heartbeat_ms = home->options.heartbeat_ms;
    msg.welcome.frame_max = home->options.frame_max;
    channel_queue(channel, &msg);
    rise(channel, &msg.welcome, home->options.frame_max);
}

/*
 * The accepting side sets the pace and the cap. What it may send is what it said, so a larger cap than ours is taken
 * over for reading: otherwise a coordinator configured for large calls would lose us again and again with the same
 * PREPARE.
 */
static void on_welcome(struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    const uint32_t our_max = channel->home->options.frame_max;
    if (welcome->version != VOW_WIRE_VERSION) {
        channel_down(channel, VOW_E_VERSION, "the peer chose version %u, we speak %d", welcome->version,
                     VOW_WIRE_VERSION);
        return;
    }
    if (welcome->frame_max == 0 || welcome->frame_max > VOW_FRAME_MAX_HIGHEST || welcome->heartbeat_ms == 0) {
        channel_down(channel, VOW_E_HANDSHAKE, "WELCOME with frame_max %u, heartbeat_ms %u", welcome->frame_max,
                     welcome->heartbeat_ms);
        return;
    }
    snprintf(channel->peer_name, sizeof(channel->peer_name), "%s", welcome->name);
    channel->heartbeat_ms = welcome->heartbeat_ms;
    channel->send_max = our_max < welcome->frame_max ? our_max : welcome->frame_max;
    rise(channel, welcome, our_max > welcome->frame_max ? our_max : welcome->frame_max);
}

void handshake_on_reject(struct vow_channel *channel, const struct vow_msg_reject *reject_msg)
{
    const int error = reject_msg->error < 0 ? reject_msg->error : VOW_E_REFUSED;
    channel_down(channel, error, "rejected by the peer: %s", reject_msg->text);
}

void handshake_send_hello(struct vow_channel *channel, const struct vow_msg_hello *hello)
{
    const struct vow_msg msg = {.kind = VOW_MSG_HELLO, .hello = *hello};
    channel->state = CHANNEL_HANDSHAKE;
    channel_start_reading(channel);
    channel_queue(channel, &msg);
}

void handshake_on_message(struct vow_channel *channel, const struct vow_msg *msg)
{
    const bool is_dialing = channel->dialer != NULL;
    if (!is_dialing && msg->kind == VOW_MSG_HELLO)
        on_hello(channel, &msg->hello);
    else if (is_dialing && msg->kind == VOW_MSG_WELCOME)
        on_welcome(channel, &msg->welcome);
    else if (is_dialing && msg->kind == VOW_MSG_REJECT)
        handshake_on_reject(channel, &msg->reject);
    else
        channel_down(channel, VOW_E_HANDSHAKE, "%s came where %s must come first", vow_msg_name(msg->kind),
                     is_dialing ? "WELCOME" : "HELLO");
}
