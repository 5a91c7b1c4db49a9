#include "chaos/testing/network.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "proto/net/channel.h"
#include "proto/net/clock_manual.h"
#include "proto/net/thread.h"
#include "proto/net/transport.h"

/* Of a class of addresses that no network uses. */
#define ADDRESS "240.0.0.1:7420"

/* Under which the one network of the process stands. */
static pthread_mutex_t only_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_open;

/* --- Nodes --- */

struct node *node_find(struct vow_test_network *network, const char *name)
{
    struct node *node;

    if (name == NULL)
        return &network->all;
    for (node = network->nodes; node != NULL; node = node->next) {
        if (strcmp(node->name, name) == 0)
            return node;
    }
    node = calloc(1, sizeof(*node));
    if (node == NULL)
        return NULL;
    (void)snprintf(node->name, sizeof(node->name), "%s", name);
    node->next = network->nodes;
    network->nodes = node;
    return node;
}

static void free_harms(struct node *node)
{
    while (node->harms != NULL) {
        struct harm *harm = node->harms;

        node->harms = harm->next;
        free(harm);
    }
}

static void free_nodes(struct vow_test_network *network)
{
    free_harms(&network->all);
    while (network->nodes != NULL) {
        struct node *node = network->nodes;

        network->nodes = node->next;
        free_harms(node);
        free(node);
    }
}

/* --- The network's thread --- */

void network_wake(struct vow_test_network *network)
{
    const uint64_t one = 1;
    const ssize_t written = write(network->wake, &one, sizeof(one));

    (void)written;
}

static void on_woken(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_test_network *network = ctx;
    struct link *link, *next;
    uint64_t times;
    const ssize_t got = read(fd, &times, sizeof(times));

    (void)what, (void)got;
    vow_clock_stir();
    pthread_mutex_lock(&network->lock);
    for (link = network->links; link != NULL; link = next) {
        next = link->next;
        if (!link->is_open && link_open(link) != 0)
            link->is_broken = true;
        if (!link->is_broken && !network->ends)
            link_pump(link);
        if (link->is_broken || network->ends)
            link_free(link);
    }
    if (network->ends)
        (void)event_base_loopbreak(network->base);
    pthread_mutex_unlock(&network->lock);
}

static void *run(void *ctx)
{
    const struct vow_test_network *network = ctx;

    (void)event_base_dispatch(network->base);
    return NULL;
}

/* --- A connection begins --- */

static bool make_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0;
}

/* Gives one end of each pair away; the network keeps the others. Returns the dialer's end, or what to tell it. */
static int join(struct vow_test_network *network, const char *name)
{
    struct link *link = calloc(1, sizeof(*link));
    int dialer[2], server[2];

    if (link == NULL)
        return VOW_TRANSPORT_REFUSED;
    link->network = network;
    link->node = node_find(network, name);
    if (link->node == NULL || !make_pair(dialer))
        goto err_free;
    if (!make_pair(server))
        goto err_close_dialer;
    link->sockets[0] = dialer[1];
    link->sockets[1] = server[0];
    if (write(network->feed, &server[1], sizeof(int)) != (ssize_t)sizeof(int))
        goto err_close_server;
    for (unsigned i = 0; i < 2; i++) {
        link->halves[i] = (struct half){.link = link, .i = i};
        link->halves[i].last = &link->halves[i].first;
    }
    DL_APPEND(network->links, link);
    network_wake(network);
    return dialer[0];

err_close_server:
    close(server[0]);
    close(server[1]);
err_close_dialer:
    close(dialer[0]);
    close(dialer[1]);
err_free:
    free(link);
    return VOW_TRANSPORT_REFUSED;
}

static int dial(void *ctx, const struct vow_address *address, const struct vow_msg_hello *hello)
{
    struct vow_test_network *network = ctx;
    int fd = VOW_TRANSPORT_REFUSED;

    if (strcmp(address->host, network->parsed.host) != 0 || address->port != network->parsed.port)
        return VOW_TRANSPORT_NOT_MINE;
    pthread_mutex_lock(&network->lock);
    if (network->feed >= 0)
        fd = join(network, hello->name);
    pthread_mutex_unlock(&network->lock);
    return fd;
}

/* --- Life --- */

static bool take_place(void)
{
    bool is_free;

    pthread_mutex_lock(&only_lock);
    is_free = !is_open;
    is_open = true;
    pthread_mutex_unlock(&only_lock);
    return is_free;
}

static void give_place_back(void)
{
    pthread_mutex_lock(&only_lock);
    is_open = false;
    pthread_mutex_unlock(&only_lock);
}

static int fill(struct vow_test_network *network, const char *directory)
{
    network->feed = network->server_feed = -1;
    (void)snprintf(network->address, sizeof(network->address), "%s", ADDRESS);
    (void)vow_address_parse(network->address, &network->parsed);
    network->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    network->base = event_base_new();
    network->directory = strdup(directory);
    network->arena = vow_arena_new((size_t)4 * 1024 * 1024);
    if (network->base == NULL || network->wake < 0 || network->directory == NULL || network->arena == NULL)
        return VOW_E_NO_MEMORY;
    if (vow_clock_is_manual() && vow_timers_new(network->base, &network->timers) != 0)
        return VOW_E_NO_MEMORY;
    network->woken = event_new(network->base, network->wake, EV_READ | EV_PERSIST, on_woken, network);
    if (network->woken == NULL || event_add(network->woken, NULL) != 0)
        return VOW_E_NO_MEMORY;
    return vow_thread_start(&network->thread, run, network, NULL);
}

static void empty(struct vow_test_network *network)
{
    if (network->woken != NULL)
        event_free(network->woken);
    vow_timers_free(network->timers);
    if (network->base != NULL)
        event_base_free(network->base);
    if (network->wake >= 0)
        close(network->wake);
    vow_arena_free(network->arena);
    free(network->directory);
    free_nodes(network);
    (void)pthread_cond_destroy(&network->passed);
    (void)pthread_mutex_destroy(&network->lock);
    free(network);
    give_place_back();
}

int vow_test_network_open(const char *directory, struct vow_test_network **out, struct vow_error_detail *detail)
{
    struct vow_error_detail own;
    struct vow_test_network *network;
    int error;

    if (detail == NULL)
        detail = &own;
    *detail = (struct vow_error_detail){.error = VOW_E_ARGUMENT, .text = "directory and network must not be NULL"};
    if (out != NULL)
        *out = NULL;
    if (out == NULL || directory == NULL)
        return VOW_E_ARGUMENT;
    *detail = (struct vow_error_detail){.error = VOW_E_STATE, .text = "a network is open already in this process"};
    if (!take_place())
        return VOW_E_STATE;
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    network = calloc(1, sizeof(*network));
    if (network == NULL) {
        give_place_back();
        return VOW_E_NO_MEMORY;
    }
    (void)pthread_mutex_init(&network->lock, NULL);
    (void)pthread_cond_init(&network->passed, NULL);
    error = fill(network, directory);
    if (error != 0) {
        empty(network);
        return detail->error = error;
    }
    error = coordinator_start(network, detail);
    if (error != 0) {
        vow_test_network_close(network);
        return error;
    }
    vow_transport_use(dial, network);
    detail->error = 0;
    *out = network;
    return 0;
}

void vow_test_network_close(struct vow_test_network *network)
{
    if (network == NULL)
        return;
    vow_transport_use(NULL, NULL);
    coordinator_stop(network);
    pthread_mutex_lock(&network->lock);
    network->ends = true;
    network_wake(network);
    pthread_mutex_unlock(&network->lock);
    (void)pthread_join(network->thread, NULL);
    empty(network);
}

const char *vow_test_network_address(const struct vow_test_network *network)
{
    return network->address;
}

void vow_test_network_stop_coordinator(struct vow_test_network *network)
{
    coordinator_stop(network);
}

int vow_test_network_start_coordinator(struct vow_test_network *network, struct vow_error_detail *detail)
{
    struct vow_error_detail own;

    return coordinator_start(network, detail != NULL ? detail : &own);
}
