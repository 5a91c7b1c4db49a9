/* Connections that come as descriptors through a pipe: how a server lives inside a test's process, without TCP. */
#include <unistd.h>

#include "coordinator/server/internal.h"

static void on_feed(evutil_socket_t feed, short what, void *ctx)
{
    struct vow_server *server = ctx;
    int fd;
    (void)what;
    /* Whoever writes, writes whole numbers (PIPE_BUF); nothing more to come is the end. */
    const ssize_t got = read(feed, &fd, sizeof(fd));
    if (got == (ssize_t)sizeof(fd)) {
        vow_listener_adopt(server->listener, fd, "in-memory");
    } else if (got == 0) {
        event_del(server->feed);
        server->ended = true;
        server->end = VOW_SERVER_LEFT_OPEN;
    }
}

int feed_open(struct vow_server *server, int fd)
{
    server->feed = event_new(server->base, fd, EV_READ | EV_PERSIST, on_feed, server);
    return server->feed != NULL && event_add(server->feed, NULL) == 0 ? 0 : VOW_E_NO_MEMORY;
}
