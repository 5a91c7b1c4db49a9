#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "raw_peer.h"

TestSuite(dialer, .timeout = SUITE_TIMEOUT);

Test(dialer, connects_again_when_the_peer_closes)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    for (unsigned i = 1; i <= 5; i++) {
        side_close(&pair.server, true);
        UNTIL(pair.base, pair.client.ups == i + 1 && pair.server.ups == i + 1);
        cr_assert_eq(pair.client.downs, i);
        cr_assert_eq(pair.client.detail.error, VOW_E_DISCONNECTED);
    }
    pair_close(&pair);
}

Test(dialer, connects_again_when_the_listener_returns_on_its_port)
{
    static struct capture capture;
    struct pair pair;
    struct vow_error_detail detail;
    const struct vow_channel_options options = quick_options();
    capture_begin(&capture);
    pair_open(&pair, &options);
    vow_listener_free(pair.listener);
    side_close(&pair.server, true);
    UNTIL(pair.base, pair.client.downs == 6);
    cr_assert_eq(pair.client.detail.error, VOW_E_UNREACHABLE, "%s", pair.client.detail.text);
    cr_assert_eq(vow_listener_new(pair.base, &pair.address, &options, &side_ops, &pair.server, &pair.listener, &detail),
                 0, "%s", detail.text);
    UNTIL(pair.base, pair.client.ups == 2 && pair.server.ups == 2);
    capture_end(&capture);
    pair_close(&pair);
    /* The loss is one line, the first attempt in vain another; the rest would only fill a disk. */
    cr_assert_eq(count_of(capture.text, "error=VOW_E_DISCONNECTED"), 1, "%s", capture.text);
    cr_assert_eq(count_of(capture.text, "error=VOW_E_UNREACHABLE"), 1, "%s", capture.text);
}

Test(dialer, says_the_epoch_it_was_told_last)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    cr_assert_eq(pair.server.hello_coord, 0);
    vow_dialer_set_epoch(pair.dialer, 7, 3);
    side_close(&pair.server, true);
    UNTIL(pair.base, pair.server.ups == 2);
    cr_assert_eq(pair.server.hello_coord, 7);
    pair_close(&pair);
}

Test(dialer, connects_again_when_its_owner_closes_the_channel)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    side_close(&pair.client, true);
    UNTIL(pair.base, pair.client.ups == 2 && pair.server.ups == 2);
    side_close(&pair.client, false);
    UNTIL(pair.base, pair.client.ups == 3 && pair.server.ups == 3);
    cr_assert_eq(pair.client.downs, 0);
    pair_close(&pair);
}

Test(dialer, sends_what_was_queued_before_it_is_freed)
{
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    pair_open(&pair, &options);
    cr_assert_eq(send_text(pair.client.channel, "the last word"), 0);
    vow_dialer_free(pair.dialer);
    pair.dialer = NULL;
    UNTIL(pair.base, pair.server.downs == 1);
    cr_assert_str_eq(pair.server.json, "the last word");
    cr_assert_eq(pair.client.downs, 0);
    pair_close(&pair);
}

Test(dialer, freed_before_its_first_attempt_never_calls)
{
    struct event_base *base = event_base_new();
    struct side client;
    const struct vow_channel_options options = quick_options();
    const struct vow_address address = {.host = "127.0.0.1", .port = 1};
    side_init(&client, base);
    vow_dialer_free(dial(&client, &address, &options));
    event_base_dispatch(base);
    cr_assert_eq(client.downs, 0);
    event_base_free(base);
}

Test(dialer, F092_refuses_a_host_that_would_have_to_be_looked_up)
{
    struct event_base *base = event_base_new();
    struct vow_dialer *dialer;
    const struct vow_address address = {.host = "example", .port = 1};
    const struct vow_msg_hello hello = {.name = "client"};
    cr_assert_eq(vow_dialer_new(base, &address, &vow_channel_defaults, &hello, &side_ops, NULL, 1, &dialer),
                 VOW_E_ADDRESS);
    event_base_free(base);
}

/* A connection that cannot even be begun ends inside the attempt itself. */
Test(dialer, F090_goes_on_when_connect_fails_at_once)
{
    struct event_base *base = event_base_new();
    struct side client;
    const struct vow_channel_options options = quick_options();
    const struct vow_address address = {.host = "255.255.255.255", .port = 1};
    side_init(&client, base);
    struct vow_dialer *dialer = dial(&client, &address, &options);
    UNTIL(base, client.downs == 3);
    cr_assert_eq(client.detail.error, VOW_E_UNREACHABLE);
    vow_dialer_free(dialer);
    event_base_free(base);
}

/* ---- no port of our own is left ---- */

static unsigned connects, connects_in_vain;

/* In front of libc's, for libevent, too. */
__attribute__((visibility("default"))) int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    static int (*next)(int, const struct sockaddr *, socklen_t);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "connect");
    /* Criterion has a socket of its own. */
    if (address->sa_family != AF_INET || ++connects > connects_in_vain)
        return next(fd, address, len);
    errno = EADDRNOTAVAIL;
    return -1;
}

/* However often the loop turns: the next attempt waits for its time. */
Test(dialer, F149_does_not_spin_when_no_port_is_left)
{
    struct event_base *base = event_base_new();
    struct side client;
    const struct vow_address address = {.host = "127.0.0.1", .port = 1};
    struct vow_channel_options options = quick_options();
    options.reconnect_min_ms = options.reconnect_max_ms = 600000;
    connects_in_vain = 1000;
    side_init(&client, base);
    struct vow_dialer *dialer = dial(&client, &address, &options);
    UNTIL(base, client.downs == 1);
    for (int i = 0; i < 1000; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    cr_assert_eq(connects, 1);
    cr_assert_eq(client.detail.error, VOW_E_UNREACHABLE);
    cr_assert_not_null(strstr(client.detail.text, strerror(EADDRNOTAVAIL)), "%s", client.detail.text);
    vow_dialer_free(dialer);
    event_base_free(base);
}

Test(dialer, F149_connects_when_there_are_ports_again)
{
    static struct capture capture;
    struct pair pair;
    const struct vow_channel_options options = quick_options();
    connects_in_vain = 8;
    capture_begin(&capture);
    pair_open(&pair, &options);
    capture_end(&capture);
    cr_assert_eq(connects, 9);
    cr_assert_eq(pair.client.downs, 8);
    cr_assert_eq(send_text(pair.client.channel, "ping"), 0);
    UNTIL(pair.base, pair.server.messages == 1);
    pair_close(&pair);
    cr_assert_eq(count_of(capture.text, "error=VOW_E_UNREACHABLE"), 1, "%s", capture.text);
}
