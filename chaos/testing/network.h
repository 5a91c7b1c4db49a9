/*
 * Inside the in-memory network.
 *   network.c      the functions of <vow/testing.h>; nodes and what is to be done to them; any thread
 *   link.c         one connection: two sockets and what is on its way between them; the network's thread
 *   coordinator.c  the coordinator's thread
 *
 * A connection is two socket pairs with the network's thread between them, which reads whole frames and passes them on,
 * or does not. Everything is under one lock: there is little of it.
 */
#ifndef VOW_TESTING_NETWORK_H
#define VOW_TESTING_NETWORK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <vow/testing.h>

#include "proto/address.h"
#include "proto/codec.h"
#include "proto/message.h"
#include "proto/net/timer.h"

struct event;
struct evbuffer;
struct event_base;
struct vow_server;

#define KINDS 128 /* above every wire number of a message */
#define MESSAGE(kind, member, number) _Static_assert((number) < KINDS, "a message that nobody counts");
VOW_MESSAGES(MESSAGE)
#undef MESSAGE

/* Something to be done to one message to come. */
struct harm {
    enum vow_test_way way;
    enum vow_msg_kind kind;
    unsigned left; /* messages until it is the one, itself counted */
    enum vow_test_harm what;
    struct harm *next;
};

struct node {
    char name[VOW_NAME_SIZE]; /* "" = all nodes */
    unsigned cut;             /* enum vow_test_way */
    uint32_t delay_ms[2];     /* by half */
    unsigned passed[2][KINDS];
    struct harm *harms;
    struct node *next;
};

struct frame {
    struct frame *next;
    uint64_t due_ms;
    enum vow_msg_kind kind; /* 0 = none that we know */
    enum vow_test_harm harm;
    size_t len, sent, limit; /* no more than limit is sent */
    uint8_t bytes[];
};

/* One direction: 0 = to the coordinator, from sockets[0] to sockets[1]; 1 = back. */
struct half {
    struct link *link;
    unsigned i;
    struct evbuffer *in;
    struct frame *first, **last;
    struct event *readable, *writable;
    struct vow_timer timer; /* for the first frame, if it is not due */
    bool has_ended;         /* nothing more comes */
};

struct link {
    struct vow_test_network *network;
    struct node *node;
    int sockets[2]; /* towards the dialer, towards the coordinator */
    struct half halves[2];
    bool is_open;   /* its events are there */
    bool is_broken; /* to be ended on the network's thread */
    struct link *prev, *next;
};

struct vow_test_network {
    char address[VOW_ADDRESS_SIZE];
    struct vow_address parsed;
    char *directory;

    pthread_mutex_t lock;
    pthread_cond_t passed; /* a frame has */
    struct node all, *nodes;
    struct link *links;
    bool ends;
    int feed; /* to the coordinator; -1 = there is none */

    pthread_t thread;
    int wake;
    struct event *woken;
    struct event_base *base;
    struct vow_timers *timers;
    struct vow_arena *arena;

    pthread_t coordinator_thread;
    struct vow_server *server;
    int server_feed;
};

/* --- network.c; with the lock held --- */

/* The node of that name, made if it is new; NULL if there is no memory. */
struct node *node_find(struct vow_test_network *network, const char *name);
void network_wake(struct vow_test_network *network);

/* --- link.c; with the lock held, on the network's thread --- */

/* Returns 0 or VOW_E_NO_MEMORY. */
int link_open(struct link *link);
/* Passes on what may pass. May end the link. */
void link_pump(struct link *link);
void link_free(struct link *link);

/* --- coordinator.c --- */

int coordinator_start(struct vow_test_network *network, struct vow_error_detail *detail);
void coordinator_stop(struct vow_test_network *network);

#endif
