#include "participant/loop_fd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/assert.h"
#include "proto/error.h"

/* A client or a participant has four, and a fifth for a moment. */
#define WATCHED_MAX 16

struct watched {
    int fd;
    uint32_t events; /* EPOLLIN, EPOLLOUT */
};

struct watch_list {
    struct watched items[WATCHED_MAX];
    unsigned len;
};

struct vow_loop_fd {
    int epoll;
    struct watch_list watched;
};

static struct watched *find(struct watch_list *list, int fd)
{
    for (unsigned i = 0; i < list->len; i++) {
        if (list->items[i].fd == fd)
            return &list->items[i];
    }
    return NULL;
}

/* An event that libevent waits for, if it is one of a descriptor. */
static int add_event(const struct event_base *base, const struct event *event, void *ctx)
{
    struct watch_list *list = ctx;
    const int fd = event_get_fd(event);
    const int pending = event_pending(event, EV_READ | EV_WRITE, NULL);
    struct watched *item;

    (void)base;
    if (fd < 0 || (pending & (EV_READ | EV_WRITE)) == 0)
        return 0;
    item = find(list, fd);
    if (item == NULL) {
        VOW_ASSERT(list->len < WATCHED_MAX);
        item = &list->items[list->len++];
        *item = (struct watched){.fd = fd};
    }
    item->events |=
        ((pending & EV_READ) != 0 ? (uint32_t)EPOLLIN : 0) | ((pending & EV_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
    return 0;
}

/* A number may belong to another file by now, which the kernel knows and we do not: so it is always asked. */
static int watch(int epoll, const struct watched *item)
{
    struct epoll_event event = {.events = item->events, .data.fd = item->fd};

    if (epoll_ctl(epoll, EPOLL_CTL_MOD, item->fd, &event) == 0)
        return 0;
    if (errno == ENOENT && epoll_ctl(epoll, EPOLL_CTL_ADD, item->fd, &event) == 0)
        return 0;
    return VOW_E_SYSTEM;
}

int vow_loop_fd_sync(struct vow_loop_fd *set, struct event_base *base)
{
    struct watch_list wanted = {.len = 0};
    int error = 0;

    (void)event_base_foreach_event(base, add_event, &wanted);
    for (unsigned i = 0; i < set->watched.len; i++) {
        if (find(&wanted, set->watched.items[i].fd) == NULL)
            (void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, set->watched.items[i].fd, NULL);
    }
    for (unsigned i = 0; i < wanted.len; i++) {
        if (watch(set->epoll, &wanted.items[i]) != 0)
            error = VOW_E_SYSTEM;
    }
    set->watched = wanted;
    return error;
}

int vow_loop_fd_new(struct event_base *base, struct vow_loop_fd **out)
{
    struct vow_loop_fd *set = calloc(1, sizeof(*set));
    int error = VOW_E_SYSTEM;

    *out = NULL;
    if (set == NULL)
        return VOW_E_NO_MEMORY;
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (set->epoll >= 0)
        error = vow_loop_fd_sync(set, base);
    if (error != 0) {
        vow_loop_fd_free(set);
        return error;
    }
    *out = set;
    return 0;
}

void vow_loop_fd_free(struct vow_loop_fd *set)
{
    if (set == NULL)
        return;
    if (set->epoll >= 0)
        close(set->epoll);
    free(set);
}

int vow_loop_fd_descriptor(const struct vow_loop_fd *set)
{
    return set->epoll;
}
