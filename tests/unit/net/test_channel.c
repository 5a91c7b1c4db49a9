#include <criterion/criterion.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "raw_peer.h"

TestSuite(channel, .timeout = SUITE_TIMEOUT);

/* The longest text whose ADMIN_REPLY has a body of body_len bytes. */
static void fill_text(char *text, size_t text_size, size_t body_len)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = text};
    size_t len = 0;
    text[0] = '\0';
    while (vow_msg_encoded_size(&msg) < body_len && len + 1 < text_size) {
        text[len++] = 'x';
        text[len] = '\0';
    }
    cr_assert_eq(vow_msg_encoded_size(&msg), body_len);
}

Test(channel, carries_messages_both_ways)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    pair_check(&pair);
    cr_assert_str_eq(pair.server.json, "ping");
    cr_assert_str_eq(pair.client.json, "pong");
    pair_close(&pair);
}

Test(channel, keeps_the_order_of_many_messages_sent_in_one_turn)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const unsigned turn_ends = pair.server.turn_ends;
    for (unsigned i = 0; i < 5000; i++) {
        cr_assert_eq(send_number(pair.client.channel, i), 0);
        cr_assert_eq(send_number(pair.server.channel, i), 0);
    }
    UNTIL(pair.base, pair.server.messages == 5000 && pair.client.messages == 5000);
    cr_assert(pair.server.is_in_order);
    cr_assert(pair.client.is_in_order);
    /* All that one read brought is one turn: what follows a turn is done once for many messages. */
    const unsigned turns = pair.server.turn_ends - turn_ends;
    cr_assert(turns > 0 && turns < 1000, "%u turns", turns);
    pair_close(&pair);
}

/* What one turn sends leaves in the next, in one write: a coordinator's fan-out must not cost a write or a turn per
 * message. */
Test(channel, writes_what_a_turn_sent_at_once)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    char text[1000] = {0};
    int waiting = 0, total = 0;
    memset(text, 'y', sizeof(text) - 1);
    const struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = text};
    for (unsigned i = 0; i < 60; i++) {
        cr_assert_eq(vow_channel_send(pair.server.channel, &msg), 0);
        total += (int)(VOW_FRAME_HEADER_BYTES + vow_msg_encoded_size(&msg));
    }
    ioctl(fd, FIONREAD, &waiting);
    cr_assert_eq(waiting, 0);
    event_base_loop(pair.base, EVLOOP_ONCE);
    ioctl(fd, FIONREAD, &waiting);
    cr_assert_eq(waiting, total);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

Test(channel, flush_writes_now)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    int waiting = 0;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    cr_assert_eq(send_number(pair.server.channel, 0), 0);
    vow_channel_flush(pair.server.channel);
    ioctl(fd, FIONREAD, &waiting);
    cr_assert_gt(waiting, VOW_FRAME_HEADER_BYTES);
    cr_assert_eq(raw_receive(pair.base, fd, NULL), VOW_MSG_ADMIN_REPLY);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

/* Fault F087. */
Test(channel, reads_frames_that_come_byte_by_byte)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    uint8_t frames[256];
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        const struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY,
                                    .admin_reply.json = (const char *[]){"0", "1", "2"}[i]};
        len += raw_encode(&msg, frames + len, sizeof(frames) - len);
    }
    for (size_t i = 0; i < len; i++) {
        raw_write(fd, frames + i, 1);
        event_base_loop(pair.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    UNTIL(pair.base, pair.server.messages == 3);
    cr_assert(pair.server.is_in_order);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

Test(channel, sends_and_takes_a_frame_of_exactly_the_cap)
{
    static char text[8192];
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.frame_max = 8000;
    pair_open(&pair, &options);
    fill_text(text, sizeof(text), 8000);
    cr_assert_eq(send_text(pair.client.channel, text), 0);
    cr_assert_eq(send_text(pair.server.channel, text), 0);
    UNTIL(pair.base, pair.server.messages == 1 && pair.client.messages == 1);
    cr_assert_str_eq(pair.server.json, text);
    fill_text(text, sizeof(text), 8001);
    cr_assert_eq(send_text(pair.client.channel, text), VOW_E_TOO_LARGE);
    cr_assert_eq(send_text(pair.server.channel, text), VOW_E_TOO_LARGE);
    pair_check(&pair);
    pair_close(&pair);
}

Test(channel, answers_PING_with_its_nonce)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    uint64_t nonce = 0;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    raw_send(fd, &(struct vow_msg){.kind = VOW_MSG_PING, .ping.nonce = 0xdeadbeef01});
    cr_assert_eq(raw_receive(pair.base, fd, &nonce), VOW_MSG_PONG);
    cr_assert_eq(nonce, 0xdeadbeef01);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

/* Fault F084: power gone, no FIN ever. */
Test(channel, F084_drops_a_silent_peer_after_two_PINGs)
{
    struct event_base *base = event_base_new();
    struct side server;
    struct vow_address address;
    struct capture capture;
    struct vow_channel_options options = quick_options();
    options.heartbeat_ms = 10;
    side_init(&server, base);
    struct vow_listener *listener = listen_anywhere(&server, &options, &address);
    capture_begin(&capture);
    const int fd = raw_connect_up(base, &address);
    cr_assert_eq(raw_receive(base, fd, NULL), VOW_MSG_PING);
    cr_assert_eq(raw_receive(base, fd, NULL), VOW_MSG_PING);
    cr_assert_eq(raw_receive(base, fd, NULL), 0);
    capture_end(&capture);
    cr_assert_eq(server.downs, 1);
    cr_assert_eq(server.detail.error, VOW_E_HEARTBEAT);
    cr_assert_eq(count_of(capture.text, "event=peer_lost"), 1);
    cr_assert(strstr(capture.text, "name=raw error=VOW_E_HEARTBEAT") != NULL, "%s", capture.text);
    close(fd);
    vow_listener_free(listener);
    event_base_free(base);
}

/* F088: each PING is answered by one more byte of a long frame, never by a PONG. */
Test(channel, F088_does_not_take_a_growing_frame_for_silence)
{
    struct event_base *base = event_base_new();
    struct side server;
    struct vow_address address;
    struct vow_channel_options options = quick_options();
    options.heartbeat_ms = 10;
    side_init(&server, base);
    struct vow_listener *listener = listen_anywhere(&server, &options, &address);
    const int fd = raw_connect_up(base, &address);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(raw_receive(base, fd, NULL), VOW_MSG_PING);
        raw_write(fd, i == 2 ? "\x40" : "\0", 1);
    }
    cr_assert_eq(server.downs, 0);
    close(fd);
    UNTIL(base, server.downs == 1);
    cr_assert_eq(server.detail.error, VOW_E_DISCONNECTED);
    vow_listener_free(listener);
    event_base_free(base);
}

/* Faults F148, F167. */
Test(channel, drops_a_peer_that_does_not_read)
{
    static char text[60000];
    struct pair pair;
    struct vow_channel_options options = quick_options();
    struct capture capture;
    options.write_high_water = 100000;
    pair_open(&pair, &options);
    capture_begin(&capture);
    const int fd = raw_connect_up(pair.base, &pair.address);
    struct vow_channel *slow = pair.server.channel;
    memset(text, 'z', sizeof(text) - 1);
    int error = 0;
    while (error == 0)
        error = send_text(slow, text);
    cr_assert_eq(error, VOW_E_SLOW_READER);
    cr_assert_eq(pair.server.downs, 0, "on_down from inside a send");
    cr_assert_eq(send_text(slow, text), VOW_E_STATE);
    UNTIL(pair.base, pair.server.downs == 1);
    capture_end(&capture);
    cr_assert_eq(pair.server.detail.error, VOW_E_SLOW_READER);
    cr_assert_eq(count_of(capture.text, "error=VOW_E_SLOW_READER"), 1, "%s", capture.text);
    pair_check(&pair);
    close(fd);
    pair_close(&pair);
}

/* Fault F029: who asks is told long before the peer is dropped, and again when all is gone. */
Test(channel, F029_says_when_it_is_full_and_when_it_is_drained)
{
    static char text[30000], bytes[65536];
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.write_high_water = 1000000;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    struct vow_channel *slow = pair.server.channel;
    memset(text, 'z', sizeof(text) - 1);
    cr_assert_not(vow_channel_is_full(slow));
    while (!vow_channel_is_full(slow)) {
        cr_assert_eq(send_text(slow, text), 0);
        event_base_loop(pair.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    cr_assert_eq(pair.server.drained, 0);
    while (pair.server.drained == 0) {
        (void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        event_base_loop(pair.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    cr_assert_not(vow_channel_is_full(slow));
    cr_assert_eq(pair.server.drained, 1);
    cr_assert_eq(pair.server.downs, 0);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_check(&pair);
    pair_close(&pair);
}

static size_t receive_some(int fd, struct pair *pair)
{
    static char bytes[65536];
    const ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    event_base_loop(pair->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    return got > 0 ? (size_t)got : 0;
}

/* A long answer is no reason to drop who reads it late; what does not fit is refused, and its end is taken. */
Test(channel, F148_a_long_answer_waits_for_its_reader)
{
    static char text[60000];
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.write_high_water = 100000;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    struct vow_channel *slow = pair.server.channel;
    memset(text, 'z', sizeof(text) - 1);
    struct vow_msg row = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = text};
    size_t rows = 0;
    int error;
    while ((error = vow_channel_send_bulk(slow, &row, false)) == 0)
        rows++;
    cr_assert_eq(error, VOW_E_BUSY);
    cr_assert_geq(rows, 4);
    cr_assert_eq(send_text(slow, "what the protocol has to say"), 0);
    row.admin_reply.json = "";
    row.admin_reply.last = true;
    cr_assert_eq(vow_channel_send_bulk(slow, &row, true), 0);
    size_t got = 0;
    while (got < rows * sizeof(text))
        got += receive_some(fd, &pair);
    cr_assert_eq(pair.server.downs, 0, "%s", pair.server.detail.text);
    close(fd);
    pair_check(&pair);
    pair_close(&pair);
}

/* Who asks again and again and reads nothing is dropped all the same. */
Test(channel, F148_ends_of_answers_are_bounded)
{
    static char text[60000];
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.write_high_water = 100000;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    struct vow_channel *slow = pair.server.channel;
    memset(text, 'z', sizeof(text) - 1);
    const struct vow_msg end = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply = {.json = text, .last = true}};
    int error;
    while ((error = vow_channel_send_bulk(slow, &end, true)) == 0)
        continue;
    cr_assert_eq(error, VOW_E_SLOW_READER);
    UNTIL(pair.base, pair.server.downs == 1);
    cr_assert_eq(pair.server.detail.error, VOW_E_SLOW_READER);
    pair_check(&pair);
    close(fd);
    pair_close(&pair);
}

/* Many PINGs and no reading: what the channel answers by itself is under the same bound. */
Test(channel, drops_a_peer_that_asks_and_does_not_read)
{
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.write_high_water = 10000;
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    const struct vow_msg ping = {.kind = VOW_MSG_PING, .ping.nonce = UINT64_MAX};
    uint8_t frames[4000];
    size_t len = 0, sent = 0;
    while (len + 64 < sizeof(frames))
        len += raw_encode(&ping, frames + len, sizeof(frames) - len);
    while (pair.server.downs == 0) {
        const ssize_t taken = send(fd, frames + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent = taken > 0 ? (sent + (size_t)taken) % len : sent;
        event_base_loop(pair.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    cr_assert_eq(pair.server.detail.error, VOW_E_SLOW_READER, "%s", pair.server.detail.text);
    pair_check(&pair);
    close(fd);
    pair_close(&pair);
}

Test(channel, does_not_blame_the_peer_for_much_sent_in_one_turn)
{
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.write_high_water = 1000;
    pair_open(&pair, &options);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_eq(send_number(pair.client.channel, i), 0);
    UNTIL(pair.base, pair.server.messages == 1000);
    cr_assert(pair.server.is_in_order);
    pair_close(&pair);
}

Test(channel, keeps_what_its_owner_hangs_on_it)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    cr_assert_null(vow_channel_user(pair.server.channel));
    vow_channel_set_user(pair.server.channel, &pair);
    cr_assert_eq(vow_channel_user(pair.server.channel), &pair);
    pair_close(&pair);
}
