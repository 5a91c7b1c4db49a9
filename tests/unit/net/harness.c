#include "harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "proto/net/log.h"

static void act(struct side *side, enum side_callback where, struct vow_channel *channel)
{
    if (side->act_on == where) {
        side->act_on = ON_NONE;
        side->act(side, channel);
    }
}

void side_forget(struct side *side, const struct vow_channel *channel)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < side->open_len; i++) {
        if (side->open[i] != channel)
            side->open[kept++] = side->open[i];
    }
    side->open_len = kept;
    side->channel = kept > 0 ? side->open[kept - 1] : NULL;
}

void side_close(struct side *side, bool now)
{
    struct vow_channel *channel = side->channel;
    side_forget(side, channel);
    vow_channel_close(channel, now);
}

static int on_hello(void *ctx, struct vow_channel *channel, const struct vow_msg_hello *hello,
                    struct vow_msg_welcome *welcome, const char **why)
{
    struct side *side = ctx;
    side->hellos++;
    side->hello_coord = hello->coord;
    welcome->name = "server";
    welcome->coord = 7;
    welcome->epoch = 3;
    *why = side->hello_why;
    act(side, ON_HELLO, channel);
    return side->hello_error;
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    struct side *side = ctx;
    side->ups++;
    cr_assert_lt(side->open_len, SIDE_OPEN_MAX);
    side->open[side->open_len++] = side->channel = channel;
    side->welcome = *welcome;
    act(side, ON_UP, channel);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct side *side = ctx;
    char expected[16];
    cr_assert_eq(msg->kind, VOW_MSG_ADMIN_REPLY);
    snprintf(side->json, sizeof(side->json), "%s", msg->admin_reply.json);
    snprintf(expected, sizeof(expected), "%u", side->messages);
    side->is_in_order = side->is_in_order && strcmp(side->json, expected) == 0;
    side->messages++;
    act(side, ON_MESSAGE, channel);
}

static void on_turn_end(void *ctx, struct vow_channel *channel)
{
    struct side *side = ctx;
    side->turn_ends++;
    act(side, ON_TURN_END, channel);
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct side *side = ctx;
    side->downs++;
    side->detail = *detail;
    side_forget(side, channel);
    act(side, ON_DOWN, channel);
}

static void on_drained(void *ctx, struct vow_channel *channel)
{
    struct side *side = ctx;
    (void)channel;
    side->drained++;
}

const struct vow_channel_ops side_ops = {on_hello, on_up, on_message, on_turn_end, on_down, on_drained};

void side_init(struct side *side, struct event_base *base)
{
    memset(side, 0, sizeof(*side));
    side->base = base;
    side->is_in_order = true;
}

/* Quick to connect again; patient with a machine that is busy with other tests. */
struct vow_channel_options quick_options(void)
{
    struct vow_channel_options options = vow_channel_defaults;
    options.handshake_ms = 60000;
    options.heartbeat_ms = 60000;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 20;
    return options;
}

struct vow_listener *listen_anywhere(struct side *side, const struct vow_channel_options *options,
                                     struct vow_address *address)
{
    struct vow_listener *listener;
    struct vow_error_detail detail;
    const struct vow_address any = {.host = "127.0.0.1", .port = 0};
    cr_assert_eq(vow_listener_new(side->base, &any, options, &side_ops, side, &listener, &detail), 0, "%s",
                 detail.text);
    vow_listener_address(listener, address);
    cr_assert_neq(address->port, 0);
    return listener;
}

struct vow_dialer *dial(struct side *side, const struct vow_address *address, const struct vow_channel_options *options)
{
    const struct vow_msg_hello hello = {.version_min = VOW_WIRE_VERSION,
                                        .version_max = VOW_WIRE_VERSION,
                                        .role = VOW_ROLE_CLIENT,
                                        .name = "client",
                                        .software = "test"};
    struct vow_dialer *dialer;
    cr_assert_eq(vow_dialer_new(side->base, address, options, &hello, &side_ops, side, 42, &dialer), 0);
    return dialer;
}

int send_text(struct vow_channel *channel, const char *text)
{
    const struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = text};
    return vow_channel_send(channel, &msg);
}

int send_number(struct vow_channel *channel, unsigned number)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    return send_text(channel, text);
}

void pair_open(struct pair *pair, const struct vow_channel_options *options)
{
    vow_log_set_level(VOW_LOG_INFO); /* the end of a connection is a line, whoever ended it */
    pair->base = event_base_new();
    side_init(&pair->server, pair->base);
    side_init(&pair->client, pair->base);
    pair->listener = listen_anywhere(&pair->server, options, &pair->address);
    pair->dialer = dial(&pair->client, &pair->address, options);
    UNTIL(pair->base, pair->client.ups == 1 && pair->server.ups == 1);
}

void pair_check(struct pair *pair)
{
    const unsigned to_server = pair->server.messages + 1, to_client = pair->client.messages + 1;
    cr_assert_eq(send_text(pair->client.channel, "ping"), 0);
    UNTIL(pair->base, pair->server.messages == to_server);
    cr_assert_eq(send_text(pair->server.channel, "pong"), 0);
    UNTIL(pair->base, pair->client.messages == to_client);
    cr_assert_eq(pair->client.downs, 0);
}

void pair_close(struct pair *pair)
{
    vow_dialer_free(pair->dialer);
    while (pair->server.channel != NULL)
        side_close(&pair->server, true);
    vow_listener_free(pair->listener);
    event_base_free(pair->base);
}
