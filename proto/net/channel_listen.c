#include "proto/net/channel_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/listener.h>

#include "proto/net/log.h"
#include "proto/net/socket_address.h"

#define BACKLOG 1024
/* Without a descriptor to accept with, the pause before the next try, and the connections turned away before it. */
#define PAUSE_MS 100
#define SHED_MAX 64

struct vow_listener {
    struct channel_home *home;
    struct evconnlistener *acceptor;
    struct vow_timer resume;
    int reserve_fd; /* given up for a moment to turn a connection away when no other descriptor is left */
    struct vow_address address;
};

/* A flood of connections that say nothing must not keep out those that do: the oldest has had its time (fault F166). */
static void make_room(struct channel_home *home)
{
    while (home->options.strangers_max > 0 && home->strangers_len >= home->options.strangers_max) {
        VOW_LOG(VOW_LOG_DEBUG, "stranger_dropped", VOW_STR("peer", home->strangers->peer_address),
                VOW_NUM("strangers", home->strangers_len));
        home->strangers_evicted++;
        vow_channel_close(home->strangers, true);
    }
}

void vow_listener_adopt(struct vow_listener *listener, int fd, const char *peer_address)
{
    make_room(listener->home);
    struct vow_channel *channel = channel_new(listener->home, fd, peer_address, NULL);
    if (channel == NULL)
        VOW_LOG(VOW_LOG_WARN, "accept_refused", VOW_STR("peer", peer_address), VOW_STR("why", "out of memory"));
    else
        channel_start_reading(channel);
}

static void on_accept(struct evconnlistener *acceptor, evutil_socket_t fd, struct sockaddr *from, int from_len,
                      void *arg)
{
    (void)acceptor;
    (void)from_len;
    struct vow_listener *listener = arg;
    struct vow_address address;
    char text[VOW_ADDRESS_SIZE];
    socket_address_read(from, &address);
    vow_address_print(&address, text);
    vow_listener_adopt(listener, fd, text);
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Turns away who is waiting, so that they hear of it at once and come back later. Returns how many. */
static int shed_waiting(struct vow_listener *listener)
{
    int shed = 0;
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    while (shed < SHED_MAX) {
        const int fd = accept4(evconnlistener_get_fd(listener->acceptor), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            break;
        close(fd);
        shed++;
    }
    listener->reserve_fd = open_reserve();
    return shed;
}

/*
 * accept() has no descriptor or no memory (fault F140). The waiting connections would make the loop spin: the socket
 * stays readable. So they are turned away with the reserve descriptor, and nothing is accepted for a moment.
 */
static void on_accept_error(struct evconnlistener *acceptor, void *arg)
{
    struct vow_listener *listener = arg;
    const int system_error = EVUTIL_SOCKET_ERROR();
    const int shed = shed_waiting(listener);
    VOW_LOG(VOW_LOG_WARN, "accept_paused", VOW_STR("why", strerror(system_error)), VOW_NUM("turned_away", shed),
            VOW_NUM("pause_ms", PAUSE_MS));
    evconnlistener_disable(acceptor);
    vow_timer_arm(&listener->resume, PAUSE_MS);
}

static void on_resume(void *arg)
{
    struct vow_listener *listener = arg;
    if (listener->reserve_fd < 0)
        listener->reserve_fd = open_reserve();
    evconnlistener_enable(listener->acceptor);
}

static int fail(struct vow_error_detail *detail, int error, const struct vow_address *address, const char *why)
{
    char text[VOW_ADDRESS_SIZE] = "no address";
    if (address != NULL)
        vow_address_print(address, text);
    detail->error = error;
    snprintf(detail->text, sizeof(detail->text), "cannot listen on %s: %s", text, why);
    return error;
}

/* Binds and listens; the port that was taken is read back. */
static int start_accepting(struct vow_listener *listener, const struct vow_address *address,
                           struct vow_error_detail *detail)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    struct sockaddr_storage socket_address;
    socklen_t len;
    if (socket_address_fill(address, &socket_address, &len) != 0)
        return fail(detail, VOW_E_ADDRESS, address, "not a numeric address");
    errno = 0;
    listener->acceptor = evconnlistener_new_bind(listener->home->base, on_accept, listener, flags, BACKLOG,
                                                 (struct sockaddr *)&socket_address, (int)len);
    if (listener->acceptor == NULL)
        return fail(detail, errno == ENOMEM ? VOW_E_NO_MEMORY : VOW_E_SYSTEM, address, strerror(errno));
    evconnlistener_set_error_cb(listener->acceptor, on_accept_error);
    len = sizeof(socket_address);
    if (getsockname(evconnlistener_get_fd(listener->acceptor), (struct sockaddr *)&socket_address, &len) != 0)
        return fail(detail, VOW_E_SYSTEM, address, strerror(errno));
    socket_address_read((struct sockaddr *)&socket_address, &listener->address);
    return 0;
}

int vow_listener_new(struct event_base *base, const struct vow_address *address,
                     const struct vow_channel_options *options, const struct vow_channel_ops *ops, void *ctx,
                     struct vow_listener **out, struct vow_error_detail *detail)
{
    *out = NULL;
    struct vow_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL)
        return fail(detail, VOW_E_NO_MEMORY, address, "out of memory");
    listener->reserve_fd = open_reserve();
    listener->home = channel_home_new(base, options, ops, ctx);
    vow_timer_init(&listener->resume, base, options->timers, on_resume, listener);
    int error = VOW_E_NO_MEMORY;
    if (listener->home == NULL)
        fail(detail, error, address, "out of memory");
    else
        error = address != NULL ? start_accepting(listener, address, detail) : 0;
    if (error != 0) {
        vow_listener_free(listener);
        return error;
    }
    *out = listener;
    return 0;
}

void vow_listener_address(const struct vow_listener *listener, struct vow_address *address)
{
    *address = listener->address;
}

int vow_listener_set_options(struct vow_listener *listener, const struct vow_channel_options *options)
{
    int error = channel_home_fit(listener->home, options->frame_max);
    if (error == 0)
        listener->home->options = *options;
    return error;
}

void vow_listener_strangers(const struct vow_listener *listener, uint64_t *now, uint64_t *most, uint64_t *evicted)
{
    *now = listener->home->strangers_len;
    *most = listener->home->strangers_most;
    *evicted = listener->home->strangers_evicted;
}

/* Connections without a good HELLO have no owner who could close them. */
static void close_strangers(struct channel_home *home)
{
    while (home->strangers != NULL)
        vow_channel_close(home->strangers, true);
}

void vow_listener_free(struct vow_listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->acceptor != NULL)
        evconnlistener_free(listener->acceptor);
    vow_timer_deinit(&listener->resume);
    if (listener->home != NULL) {
        close_strangers(listener->home);
        channel_home_unref(listener->home);
    }
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    free(listener);
}
