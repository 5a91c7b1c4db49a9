#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "chaos/proxy/proxy_private.h"

void conn_close_hard(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static unsigned side_of(const struct conn *conn, evutil_socket_t fd)
{
    return fd == conn->fds[0] ? 0 : 1;
}

/* --- The target --- */

static bool dial_failed(const struct conn *conn)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(conn->fds[1], SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0;
}

static void refuse(struct conn *conn)
{
    proxy_count(conn->proxy, PROXY_FAULT_REFUSED, PROXY_BOTH_WAYS);
    conn_reset(conn);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *conn = ctx;
    struct proxy *proxy = conn->proxy;

    (void)what;
    pipe_read(&conn->pipes[side_of(conn, fd)]);
    conn_turn(conn);
    proxy_timer_arm(proxy);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *conn = ctx;
    struct proxy *proxy = conn->proxy;

    (void)fd, (void)what;
    if (conn->state == CONN_DIALING) {
        if (dial_failed(conn)) {
            refuse(conn);
        } else {
            conn->state = CONN_UP;
            proxy->connected++;
        }
    }
    conn_turn(conn);
    proxy_timer_arm(proxy);
}

static bool watch(struct conn *conn, unsigned side)
{
    const int one = 1;

    (void)setsockopt(conn->fds[side], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    conn->readable[side] =
        event_new(conn->proxy->options.base, conn->fds[side], EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable[side] =
        event_new(conn->proxy->options.base, conn->fds[side], EV_WRITE | EV_PERSIST, on_writable, conn);
    return conn->readable[side] != NULL && conn->writable[side] != NULL;
}

/* As little as a SYN or its answer passes a link that is cut on either way. */
static bool may_dial(struct conn *conn)
{
    const struct proxy *proxy = conn->proxy;

    for (unsigned i = 0; i < 2; i++) {
        if (proxy->weather[i].is_black_hole) {
            pipe_note(&conn->pipes[i], PROXY_FAULT_BLACK_HOLE);
            return false;
        }
        if (proxy_is_cut(proxy, i)) {
            pipe_note(&conn->pipes[i], PROXY_FAULT_CUT);
            return false;
        }
    }
    return true;
}

static void dial(struct conn *conn)
{
    const struct proxy *proxy = conn->proxy;

    conn->state = CONN_DIALING;
    conn->fds[1] = socket(proxy->target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fds[1] < 0 || !watch(conn, 1) ||
        (connect(conn->fds[1], (const struct sockaddr *)&proxy->target, proxy->target_len) != 0 &&
         errno != EINPROGRESS))
        refuse(conn);
}

/* --- Life --- */

void conn_take(struct proxy *proxy, int fd)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    proxy->accepted++;
    if (conn == NULL || proxy->refuses) {
        free(conn);
        conn_close_hard(fd);
        proxy_count(proxy, PROXY_FAULT_REFUSED, PROXY_BOTH_WAYS);
        return;
    }
    conn->proxy = proxy;
    conn->fds[0] = fd;
    conn->fds[1] = -1;
    for (unsigned i = 0; i < 2; i++)
        pipe_init(&conn->pipes[i], conn, i);
    DL_APPEND(proxy->conns, conn);
    proxy->conns_len++;
    if (!watch(conn, 0))
        refuse(conn);
    conn_turn(conn);
}

void conn_reset(struct conn *conn)
{
    conn->state = CONN_OVER;
}

void conn_free(struct conn *conn)
{
    DL_DELETE(conn->proxy->conns, conn);
    conn->proxy->conns_len--;
    for (unsigned i = 0; i < 2; i++) {
        if (conn->readable[i] != NULL)
            event_free(conn->readable[i]);
        if (conn->writable[i] != NULL)
            event_free(conn->writable[i]);
        pipe_drop(&conn->pipes[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (conn->fds[i] >= 0 && conn->pipes[0].is_told && conn->pipes[1].is_told)
            close(conn->fds[i]);
        else if (conn->fds[i] >= 0)
            conn_close_hard(conn->fds[i]);
    }
    if (conn->proxy->conns_len < conn->proxy->options.conns_max)
        (void)evconnlistener_enable(conn->proxy->listener);
    free(conn);
}

/* --- How its ends go --- */

/* The end behind this pipe's receiver may not hear of what became of the sender. */
static bool is_deaf(const struct conn *conn, unsigned i)
{
    const struct proxy_weather *weather = &conn->proxy->weather[i];

    return proxy_is_cut(conn->proxy, i) || weather->hides_end || weather->is_black_hole;
}

static void look_at_end(struct conn *conn, unsigned i)
{
    struct pipe *pipe = &conn->pipes[i];
    const bool other_gone = conn->gone[1 - i] || conn->pipes[1 - i].has_ended;

    if (pipe->has_lost && !conn->proxy->weather[i].is_black_hole)
        conn->state = CONN_OVER; /* it has a hole, which TCP never has */
    if (pipe->was_hidden && !conn->proxy->weather[i].hides_end)
        conn->state = CONN_OVER; /* as the answer of a machine that is back */
    if (conn->state == CONN_WAITING && conn->pipes[0].has_ended)
        conn->state = CONN_OVER; /* the dialer has given up, and nobody ever heard of it */
    if (conn->gone[i] && (!is_deaf(conn, i) || other_gone))
        conn->state = CONN_OVER;
    else if (conn->gone[i])
        pipe_note(pipe, PROXY_FAULT_HALF_OPEN);
    /* Both have gone, and one was never to hear it. */
    if (pipe->has_ended && !pipe->is_told && other_gone && !proxy_is_cut(conn->proxy, i) && is_deaf(conn, i))
        conn->state = CONN_OVER;
}

static void set_event(struct event *event, bool is_wanted)
{
    if (event == NULL)
        return;
    if (is_wanted)
        (void)event_add(event, NULL);
    else
        (void)event_del(event);
}

static void set_events(struct conn *conn)
{
    for (unsigned i = 0; i < 2; i++) {
        set_event(conn->readable[i], pipe_wants_to_read(&conn->pipes[i]));
        set_event(conn->writable[i],
                  (conn->state == CONN_DIALING && i == 1) || (conn->pipes[1 - i].wants_to_send && !conn->gone[i]));
    }
}

void conn_turn(struct conn *conn)
{
    if (conn->state == CONN_WAITING && may_dial(conn))
        dial(conn);
    for (unsigned i = 0; i < 2 && conn->state != CONN_OVER; i++)
        pipe_pump(&conn->pipes[i]);
    for (unsigned i = 0; i < 2 && conn->state != CONN_OVER; i++)
        look_at_end(conn, i);
    if (conn->state == CONN_OVER || (conn->pipes[0].is_told && conn->pipes[1].is_told)) {
        conn_free(conn);
        return;
    }
    set_events(conn);
}
