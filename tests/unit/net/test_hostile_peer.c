/* Peers that break a rule: each is dropped with one clear line, and an honest peer of the same listener notices
 * nothing. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "raw_peer.h"

TestSuite(hostile_peer, .timeout = SUITE_TIMEOUT);

#define FRAME_MAX 8192

/* What a bad peer sends, and what the log says of it. */
struct offence {
    const char *name;
    bool is_after_handshake;
    bool is_closing; /* it closes by itself: an end, not an offence */
    size_t len;
    const char *bytes;
    const char *log;
};

static const struct offence offences[] = {
    {"length 0 first", false, false, 4, "\0\0\0\0", "error=VOW_E_FRAME why=\"a frame of 0 bytes"},
    {"length 0", true, false, 4, "\0\0\0\0", "error=VOW_E_FRAME why=\"a frame of 0 bytes"},
    {"4 GiB first", false, false, 4, "\xff\xff\xff\xff", "error=VOW_E_FRAME why=\"a frame of 4294967295 bytes"},
    {"4 GiB", true, false, 4, "\xff\xff\xff\xff", "error=VOW_E_FRAME why=\"a frame of 4294967295 bytes"},
    {"max + 1", true, false, 4, "\0\0\x20\x01", "error=VOW_E_FRAME why=\"a frame of 8193 bytes, 1 to 8192"},
    {"a large HELLO", false, false, 4, "\0\0\x10\x01", "error=VOW_E_FRAME why=\"a frame of 4097 bytes, 1 to 4096"},
    {"HTTP", false, false, 18, "GET / HTTP/1.1\r\n\r\n", "error=VOW_E_FRAME"},
    {"garbage first", false, false, 8, "\0\0\0\4\xff\xff\xff\xff", "error=VOW_E_MESSAGE"},
    {"garbage", true, false, 8, "\0\0\0\4\xff\xff\xff\xff", "error=VOW_E_MESSAGE"},
    {"an empty envelope", true, false, 6, "\0\0\0\2\xc0\x3e", "error=VOW_E_MESSAGE"},
    {"cut, then closed", true, true, 7, "\0\0\0\x64xxx",
     "error=VOW_E_DISCONNECTED why=\"closed by the peer inside a frame, after 7 bytes of it\""},
    {"cut in the length", false, true, 2, "\0\0", "after 2 bytes of it"},
};

static void commit(struct pair *pair, const struct offence *offence)
{
    const int fd =
        offence->is_after_handshake ? raw_connect_up(pair->base, &pair->address) : raw_connect(&pair->address);
    const unsigned downs = pair->server.downs;
    raw_write(fd, offence->bytes, offence->len);
    if (offence->is_closing)
        shutdown(fd, SHUT_WR);
    raw_wait_closed(pair->base, fd);
    close(fd);
    /* An owner hears of the end of those only that it had heard of. */
    cr_assert_eq(pair->server.downs, downs + offence->is_after_handshake, "%s", offence->name);
}

Test(hostile_peer, is_dropped_with_one_line_and_no_harm_to_others)
{
    static struct capture capture;
    struct pair pair;
    struct vow_channel_options options = quick_options();
    options.frame_max = FRAME_MAX;
    pair_open(&pair, &options);
    for (size_t i = 0; i < sizeof(offences) / sizeof(offences[0]); i++) {
        capture_begin(&capture);
        commit(&pair, &offences[i]);
        capture_end(&capture);
        cr_assert_eq(count_of(capture.text, "\n"), 1, "%s: %s", offences[i].name, capture.text);
        cr_assert(strstr(capture.text, "event=peer_lost peer=127.0.0.1:") != NULL, "%s", capture.text);
        cr_assert(strstr(capture.text, offences[i].log) != NULL, "%s: %s", offences[i].name, capture.text);
        pair_check(&pair);
    }
    pair_close(&pair);
}

static void send_out_of_place(const struct vow_msg *msg, bool is_after_handshake)
{
    static struct capture capture;
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    capture_begin(&capture);
    const int fd = is_after_handshake ? raw_connect_up(pair.base, &pair.address) : raw_connect(&pair.address);
    raw_send(fd, msg);
    raw_wait_closed(pair.base, fd);
    capture_end(&capture);
    cr_assert_eq(count_of(capture.text, "error=VOW_E_HANDSHAKE"), 1, "%s", capture.text);
    cr_assert_eq(pair.server.messages, 0);
    pair_check(&pair);
    close(fd);
    pair_close(&pair);
}

Test(hostile_peer, may_not_say_anything_before_HELLO)
{
    const struct vow_msg_welcome welcome = {.version = 1, .name = "raw", .heartbeat_ms = 1, .frame_max = 4096};
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_PING}, false);
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = "x"}, false);
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_WELCOME, .welcome = welcome}, false);
}

Test(hostile_peer, may_not_shake_hands_twice)
{
    const struct vow_msg_hello hello = {
        .version_min = 1, .version_max = 1, .role = VOW_ROLE_PARTICIPANT, .name = "stock", .software = ""};
    const struct vow_msg_welcome welcome = {.version = 1, .name = "raw", .heartbeat_ms = 1, .frame_max = 4096};
    const struct vow_msg_reject reject = {.error = VOW_E_REFUSED, .text = "no"};
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_HELLO, .hello = hello}, true);
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_WELCOME, .welcome = welcome}, true);
    send_out_of_place(&(struct vow_msg){.kind = VOW_MSG_REJECT, .reject = reject}, true);
}

/* Fault F085: what came whole before the reset counts, the rest is gone. */
Test(hostile_peer, that_resets_inside_a_frame_loses_only_that_frame)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const int fd = raw_connect_up(pair.base, &pair.address);
    raw_send(fd, &(struct vow_msg){.kind = VOW_MSG_ADMIN_REPLY, .admin_reply.json = "whole"});
    raw_write(fd, "\0\0\0\x10half", 8);
    UNTIL(pair.base, pair.server.messages == 1);
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    cr_assert_eq(pair.server.detail.error, VOW_E_DISCONNECTED);
    cr_assert_str_eq(pair.server.json, "whole");
    pair_check(&pair);
    pair_close(&pair);
}
