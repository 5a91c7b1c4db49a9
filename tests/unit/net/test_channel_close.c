#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "raw_peer.h"

TestSuite(channel_close, .timeout = SUITE_TIMEOUT);

Test(channel_close, later_still_sends_what_was_queued)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    struct vow_channel *closed = pair.server.channel;
    for (unsigned i = 0; i < 3000; i++)
        cr_assert_eq(send_number(closed, i), 0);
    side_close(&pair.server, false);
    cr_assert_eq(send_number(closed, 0), VOW_E_STATE);
    /* What the peer still says is thrown away, and must not destroy on its way what was sent to it. */
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(send_number(pair.client.channel, i), 0);
    UNTIL(pair.base, pair.client.downs == 1);
    cr_assert_eq(pair.client.messages, 3000);
    cr_assert(pair.client.is_in_order);
    cr_assert_eq(pair.client.detail.error, VOW_E_DISCONNECTED);
    cr_assert_eq(pair.server.messages, 0);
    cr_assert_eq(pair.server.downs, 0);
    UNTIL(pair.base, pair.client.ups == 2 && pair.server.ups == 2);
    pair_close(&pair);
}

/* A socket closed with unread bytes, or written to when it is closed, is reset; what had not arrived by then would
 * be lost. */
Test(channel_close, later_reaches_a_peer_that_reads_slowly_and_talks_on)
{
    enum { FRAMES = 150 };
    char text[5000];
    struct event_base *base = event_base_new();
    struct side server;
    struct vow_address address;
    const struct vow_channel_options options = quick_options();
    side_init(&server, base);
    struct vow_listener *listener = listen_anywhere(&server, &options, &address);
    const int fd = raw_connect_up(base, &address);
    memset(text, 'w', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (unsigned i = 0; i < FRAMES; i++)
        cr_assert_eq(send_text(server.channel, text), 0);
    side_close(&server, false);
    for (unsigned i = 0; i < FRAMES; i++) {
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        raw_send(fd, &(struct vow_msg){.kind = VOW_MSG_PING});
        cr_assert_eq(raw_receive(base, fd, NULL), VOW_MSG_ADMIN_REPLY, "frame %u is lost", i);
    }
    cr_assert_eq(raw_receive(base, fd, NULL), 0);
    close(fd);
    vow_listener_free(listener);
    event_base_dispatch(base);
    event_base_free(base);
}

Test(channel_close, F086_later_does_not_wait_for_a_peer_that_never_closes)
{
    struct event_base *base = event_base_new();
    struct side server;
    struct vow_address address;
    struct vow_channel_options options = quick_options();
    options.handshake_ms = 20;
    side_init(&server, base);
    struct vow_listener *listener = listen_anywhere(&server, &options, &address);
    const int fd = raw_connect_up(base, &address);
    side_close(&server, false);
    vow_listener_free(listener);
    /* Returns when no event is left. */
    cr_assert_eq(event_base_dispatch(base), 1);
    cr_assert_eq(server.downs, 0);
    close(fd);
    event_base_free(base);
}

/* Closing from inside a callback: with the address sanitizer these find what is used after its end. */

static void close_now(struct side *side, struct vow_channel *channel)
{
    vow_channel_close(channel, true);
    cr_assert_eq(send_number(channel, 0), VOW_E_STATE);
    vow_channel_flush(channel);
    vow_channel_close(channel, false);
    side_forget(side, channel);
}

static void close_later(struct side *side, struct vow_channel *channel)
{
    vow_channel_close(channel, false);
    cr_assert_eq(send_number(channel, 0), VOW_E_STATE);
    side_forget(side, channel);
}

static void free_dialer(struct side *side, struct vow_channel *channel)
{
    struct pair *pair = side->act_arg;
    vow_dialer_free(pair->dialer);
    pair->dialer = NULL;
    side_forget(side, channel);
}

static void free_listener(struct side *side, struct vow_channel *channel)
{
    struct pair *pair = side->act_arg;
    vow_listener_free(pair->listener);
    pair->listener = NULL;
    close_now(side, channel);
}

/* Three messages come at once; the server acts in the given callback. */
static void act_on_server(enum side_callback where, void (*action)(struct side *, struct vow_channel *))
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const int fd = raw_connect(&pair.address);
    const unsigned turn_ends = pair.server.turn_ends;
    raw_send_hello(fd);
    for (int i = 0; i < 3; i++)
        raw_send(fd, &(struct vow_msg){.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = "x"});
    pair.server.act_on = where;
    pair.server.act = action;
    pair.server.act_arg = &pair;
    raw_wait_closed(pair.base, fd);
    cr_assert_eq(pair.server.act_on, ON_NONE);
    cr_assert_eq(pair.server.downs, 0);
    cr_assert_eq(pair.server.turn_ends - turn_ends, where == ON_TURN_END);
    cr_assert_eq(pair.server.messages, where == ON_TURN_END ? 3 : where == ON_MESSAGE ? 1 : 0);
    close(fd);
    vow_dialer_free(pair.dialer);
    vow_listener_free(pair.listener);
    UNTIL(pair.base, event_base_get_num_events(pair.base, EVENT_BASE_COUNT_ADDED) == 0);
    event_base_free(pair.base);
}

Test(channel_close, now_inside_any_callback)
{
    for (enum side_callback where = ON_HELLO; where <= ON_TURN_END; where++)
        act_on_server(where, close_now);
}

Test(channel_close, later_inside_any_callback)
{
    for (enum side_callback where = ON_HELLO; where <= ON_TURN_END; where++)
        act_on_server(where, close_later);
}

Test(channel_close, outlives_a_listener_freed_inside_any_callback)
{
    for (enum side_callback where = ON_HELLO; where <= ON_TURN_END; where++)
        act_on_server(where, free_listener);
}

static void act_on_client(enum side_callback where)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair.base = event_base_new();
    side_init(&pair.server, pair.base);
    side_init(&pair.client, pair.base);
    pair.client.act_on = where;
    pair.client.act = free_dialer;
    pair.client.act_arg = &pair;
    pair.listener = listen_anywhere(&pair.server, &options, &pair.address);
    pair.dialer = dial(&pair.client, &pair.address, &options);
    UNTIL(pair.base, pair.server.ups == 1);
    cr_assert_eq(send_number(pair.server.channel, 0), 0);
    if (where == ON_DOWN)
        side_close(&pair.server, false);
    UNTIL(pair.base, pair.client.act_on == ON_NONE);
    UNTIL(pair.base, pair.server.downs == 1 || where == ON_DOWN);
    vow_listener_free(pair.listener);
    UNTIL(pair.base, event_base_get_num_events(pair.base, EVENT_BASE_COUNT_ADDED) == 0);
    event_base_free(pair.base);
}

Test(channel_close, ends_with_a_dialer_freed_inside_any_callback)
{
    for (enum side_callback where = ON_UP; where <= ON_DOWN; where++)
        act_on_client(where);
}

/* No turn of the loop between the end of all things and the end of the base: nothing may leak. */
Test(channel_close, leaves_nothing_behind_when_the_base_ends_at_once)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    pair_close(&pair);
}
