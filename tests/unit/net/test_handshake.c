#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "raw_peer.h"

TestSuite(handshake, .timeout = SUITE_TIMEOUT);

/* One end under test, with nothing on the other yet. */
struct lone {
    struct event_base *base;
    struct side side;
    struct vow_address address;
};

static void lone_open(struct lone *lone)
{
    lone->base = event_base_new();
    side_init(&lone->side, lone->base);
}

Test(handshake, gives_the_dialer_what_the_server_said)
{
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.frame_max = 8192;
    pair_open(&pair, &options);
    cr_assert_eq(pair.client.welcome.version, VOW_WIRE_VERSION);
    cr_assert_eq(pair.client.welcome.coord, 7);
    cr_assert_eq(pair.client.welcome.epoch, 3);
    cr_assert_eq(pair.client.welcome.frame_max, 8192);
    cr_assert_eq(pair.client.welcome.heartbeat_ms, options.heartbeat_ms);
    cr_assert_eq(pair.server.welcome.frame_max, 8192);
    cr_assert_eq(strncmp(vow_channel_peer_address(pair.server.channel), "127.0.0.1:", 10), 0);
    pair_check(&pair);
    pair_close(&pair);
}

Test(handshake, F180_without_a_common_version_is_rejected_and_the_dialer_told)
{
    struct lone server, client;
    struct capture capture;
    const struct vow_channel_options options = quick_options();
    const struct vow_msg_hello hello = {
        .version_min = 99, .version_max = 100, .role = VOW_ROLE_CLIENT, .name = "new", .software = "test"};
    struct vow_dialer *dialer;
    lone_open(&server);
    side_init(&client.side, server.base);
    capture_begin(&capture);
    struct vow_listener *listener = listen_anywhere(&server.side, &options, &server.address);
    vow_dialer_new(server.base, &server.address, &options, &hello, &side_ops, &client.side, 1, &dialer);
    UNTIL(server.base, client.side.downs == 1);
    vow_dialer_free(dialer);
    vow_listener_free(listener);
    /* Until the rejected channel has gone the base holds an event. */
    event_base_dispatch(server.base);
    capture_end(&capture);
    cr_assert_eq(client.side.detail.error, VOW_E_VERSION);
    cr_assert_eq(server.side.hellos, 0);
    cr_assert_eq(server.side.downs, 0);
    cr_assert_eq(count_of(capture.text, "event=peer_rejected"), 1, "%s", capture.text);
    event_base_free(server.base);
}

Test(handshake, refused_by_the_owner_is_rejected_with_its_words)
{
    struct lone server, client;
    const struct vow_channel_options options = quick_options();
    lone_open(&server);
    side_init(&client.side, server.base);
    server.side.hello_error = VOW_E_DUPLICATE;
    server.side.hello_why = "stock is connected already";
    struct vow_listener *listener = listen_anywhere(&server.side, &options, &server.address);
    struct vow_dialer *dialer = dial(&client.side, &server.address, &options);
    UNTIL(server.base, client.side.downs == 1);
    cr_assert_eq(client.side.detail.error, VOW_E_DUPLICATE);
    cr_assert(strstr(client.side.detail.text, "stock is connected already") != NULL, "%s", client.side.detail.text);
    cr_assert_eq(server.side.ups, 0);

    /* The dialer does not give up: once the reason is gone it comes up by itself. */
    server.side.hello_error = 0;
    UNTIL(server.base, client.side.ups == 1 && server.side.ups == 1);
    vow_dialer_free(dialer);
    side_close(&server.side, true);
    vow_listener_free(listener);
    event_base_dispatch(server.base);
    event_base_free(server.base);
}

Test(handshake, without_HELLO_ends_at_the_deadline)
{
    struct lone server;
    struct capture capture;
    struct vow_channel_options options = quick_options();
    options.handshake_ms = 20;
    lone_open(&server);
    struct vow_listener *listener = listen_anywhere(&server.side, &options, &server.address);
    capture_begin(&capture);
    const int fd = raw_connect(&server.address);
    raw_wait_closed(server.base, fd);
    capture_end(&capture);
    cr_assert(strstr(capture.text, "error=VOW_E_HANDSHAKE why=\"no HELLO in 20 ms\"") != NULL, "%s", capture.text);
    cr_assert_eq(count_of(capture.text, "\n"), 1);
    cr_assert_eq(server.side.downs, 0);
    close(fd);
    vow_listener_free(listener);
    event_base_free(server.base);
}

/* Bytes of a HELLO that never gets whole do not move the deadline (fault F165). */
Test(handshake, trickled_ends_at_the_deadline_too)
{
    struct lone server;
    struct vow_channel_options options = quick_options();
    options.handshake_ms = 50;
    options.heartbeat_ms = 1;
    lone_open(&server);
    struct vow_listener *listener = listen_anywhere(&server.side, &options, &server.address);
    const int fd = raw_connect(&server.address);
    raw_write(fd, "\0\0\1", 3);
    raw_wait_closed(server.base, fd);
    cr_assert_eq(server.side.hellos, 0);
    close(fd);
    vow_listener_free(listener);
    event_base_free(server.base);
}

Test(handshake, F089_F090_without_WELCOME_ends_the_attempt_at_the_deadline)
{
    struct lone client;
    struct vow_channel_options options = quick_options();
    options.handshake_ms = 20;
    lone_open(&client);
    const int listen_fd = raw_listen(&client.address);
    struct vow_dialer *dialer = dial(&client.side, &client.address, &options);
    UNTIL(client.base, client.side.downs == 2);
    cr_assert_eq(client.side.detail.error, VOW_E_HANDSHAKE);
    vow_dialer_free(dialer);
    event_base_free(client.base);
    close(listen_fd);
}

static void answer_hello_with(const struct vow_msg *answer, int expected_error)
{
    struct lone client;
    const struct vow_channel_options options = quick_options();
    lone_open(&client);
    const int listen_fd = raw_listen(&client.address);
    struct vow_dialer *dialer = dial(&client.side, &client.address, &options);
    const int fd = raw_accept(client.base, listen_fd);
    cr_assert_eq(raw_receive(client.base, fd, NULL), VOW_MSG_HELLO);
    raw_send(fd, answer);
    UNTIL(client.base, client.side.downs == 1);
    cr_assert_eq(client.side.detail.error, expected_error, "%s", client.side.detail.text);
    cr_assert_eq(client.side.ups, 0);
    vow_dialer_free(dialer);
    event_base_free(client.base);
    close(fd);
    close(listen_fd);
}

Test(handshake, refuses_a_version_that_was_not_offered)
{
    const struct vow_msg_welcome welcome = {
        .version = VOW_WIRE_VERSION + 1, .name = "raw", .heartbeat_ms = 1000, .frame_max = 65536};
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_WELCOME, .welcome = welcome}, VOW_E_VERSION);
}

Test(handshake, refuses_a_cap_that_is_none)
{
    struct vow_msg_welcome welcome = {.version = VOW_WIRE_VERSION, .name = "raw", .heartbeat_ms = 1000};
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_WELCOME, .welcome = welcome}, VOW_E_HANDSHAKE);
    welcome.frame_max = UINT32_MAX;
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_WELCOME, .welcome = welcome}, VOW_E_HANDSHAKE);
}

/* A dialer that reached another dialer, or itself (fault F091). */
Test(handshake, refuses_anything_before_WELCOME)
{
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_PING}, VOW_E_HANDSHAKE);
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = ""}, VOW_E_HANDSHAKE);
    const struct vow_msg_hello hello = {.role = VOW_ROLE_CLIENT, .name = "raw", .software = ""};
    answer_hello_with(&(struct vow_msg){.kind = VOW_MSG_HELLO, .hello = hello}, VOW_E_HANDSHAKE);
}

/* A coordinator configured for large calls must not lose a participant with the default cap at each of them. */
Test(handshake, takes_over_a_larger_cap_for_reading)
{
    static char text[40000];
    struct event_base *base = event_base_new();
    struct side server, client;
    struct vow_address address;
    struct vow_channel_options large = quick_options(), small = quick_options();
    small.frame_max = 8192;
    side_init(&server, base);
    side_init(&client, base);
    struct vow_listener *listener = listen_anywhere(&server, &large, &address);
    struct vow_dialer *dialer = dial(&client, &address, &small);
    UNTIL(base, client.ups == 1 && server.ups == 1);
    memset(text, 'x', sizeof(text) - 1);
    cr_assert_eq(send_text(server.channel, text), 0);
    UNTIL(base, client.messages == 1);
    cr_assert_str_eq(client.json, text);
    cr_assert_eq(send_text(client.channel, text), VOW_E_TOO_LARGE);
    vow_dialer_free(dialer);
    side_close(&server, true);
    vow_listener_free(listener);
    event_base_free(base);
}
