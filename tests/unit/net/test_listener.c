#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "raw_peer.h"

TestSuite(listener, .timeout = SUITE_TIMEOUT);

Test(listener, says_why_it_cannot_listen)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    struct vow_listener *second;
    struct vow_error_detail detail;
    pair_open(&pair, &options);
    cr_assert_eq(vow_listener_new(pair.base, &pair.address, &options, &side_ops, NULL, &second, &detail), VOW_E_SYSTEM);
    cr_assert_null(second);
    cr_assert_eq(detail.error, VOW_E_SYSTEM);
    cr_assert(strstr(detail.text, "cannot listen on 127.0.0.1:") == detail.text, "%s", detail.text);
    cr_assert(strstr(detail.text, "Address already in use") != NULL, "%s", detail.text);

    const struct vow_address no_host = {.host = "nowhere", .port = 0};
    cr_assert_eq(vow_listener_new(pair.base, &no_host, &options, &side_ops, NULL, &second, &detail), VOW_E_ADDRESS);
    pair_close(&pair);
}

Test(listener, listens_on_IPv6)
{
    struct event_base *base = event_base_new();
    struct side server, client;
    struct vow_listener *listener;
    struct vow_error_detail detail;
    struct vow_address address = {.host = "::1", .port = 0};
    const struct vow_channel_options options = quick_options();
    side_init(&server, base);
    side_init(&client, base);
    if (vow_listener_new(base, &address, &options, &side_ops, &server, &listener, &detail) != 0)
        cr_skip("this machine has no IPv6 loopback");
    vow_listener_address(listener, &address);
    struct vow_dialer *dialer = dial(&client, &address, &options);
    UNTIL(base, server.ups == 1);
    cr_assert_eq(strncmp(vow_channel_peer_address(server.channel), "[::1]:", 6), 0);
    vow_dialer_free(dialer);
    side_close(&server, true);
    vow_listener_free(listener);
    event_base_free(base);
}

Test(listener, freed_leaves_its_channels_alone)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    vow_listener_free(pair.listener);
    pair.listener = NULL;
    pair_check(&pair);
    pair_close(&pair);
}

/* No new descriptor from this number on. Returns the limit to restore. */
static struct rlimit forbid_descriptors(int from)
{
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)from;
    setrlimit(RLIMIT_NOFILE, &now);
    return before;
}

/* Fault F140. */
Test(listener, turns_connections_away_without_descriptors)
{
    static struct capture capture;
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = raw_connect(&pair.address);
    capture_begin(&capture);
    const int next = dup(STDIN_FILENO);
    close(next);
    const struct rlimit before = forbid_descriptors(next);
    for (int i = 0; i < 3; i++) {
        raw_wait_closed(pair.base, fds[i]);
        close(fds[i]);
    }
    /* The honest peer is served meanwhile. */
    pair_check(&pair);
    setrlimit(RLIMIT_NOFILE, &before);
    capture_end(&capture);
    cr_assert_eq(count_of(capture.text, "event=accept_paused"), 1, "%s", capture.text);
    cr_assert(strstr(capture.text, "turned_away=3") != NULL, "%s", capture.text);

    /* After the pause it accepts again. */
    const int fd = raw_connect_up(pair.base, &pair.address);
    cr_assert_eq(pair.server.ups, 2);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

/* Not even the reserve helps: who waits goes on waiting, and the socket stays readable all the time. */
Test(listener, does_not_spin_when_nobody_can_be_turned_away)
{
    enum { TURNS = 60 };
    static struct capture capture;
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    const int fd = raw_connect(&pair.address);
    raw_send_hello(fd);
    capture_begin(&capture);
    const struct rlimit before = forbid_descriptors(STDERR_FILENO + 1);
    for (int i = 0; i < TURNS; i++)
        event_base_loop(pair.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    setrlimit(RLIMIT_NOFILE, &before);
    capture_end(&capture);
    const unsigned paused = count_of(capture.text, "event=accept_paused");
    cr_assert(paused >= 1 && paused < TURNS / 2, "%u times", paused);
    cr_assert_eq(raw_receive(pair.base, fd, NULL), VOW_MSG_WELCOME);
    close(fd);
    UNTIL(pair.base, pair.server.downs == 1);
    pair_close(&pair);
}

Test(listener, serves_many_connections)
{
    enum { MANY = 100 };
    struct event_base *base = event_base_new();
    struct side server, clients[MANY];
    struct vow_dialer *dialers[MANY];
    struct vow_address address;
    const struct vow_channel_options options = quick_options();
    side_init(&server, base);
    struct vow_listener *listener = listen_anywhere(&server, &options, &address);
    for (int i = 0; i < MANY; i++) {
        side_init(&clients[i], base);
        dialers[i] = dial(&clients[i], &address, &options);
    }
    for (int i = 0; i < MANY; i++)
        UNTIL(base, clients[i].ups == 1);
    UNTIL(base, server.ups == MANY);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(send_text(clients[i].channel, "x"), 0);
    UNTIL(base, server.messages == MANY);
    for (int i = 0; i < MANY; i++)
        vow_dialer_free(dialers[i]);
    UNTIL(base, server.downs == MANY);
    vow_listener_free(listener);
    event_base_free(base);
}
