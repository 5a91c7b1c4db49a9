/*
 * Inside a link.
 *   proxy.c    the link: listening, weather, flapping, what was hit
 *   conn.c     a connection: dialing on, its two ends and how they go
 *   pipe.c     one way of it: what is under way and when it passes
 *   frames.c   where Vow's frames begin in what passes
 *   clock.c    time
 *
 * After anything has happened to a connection, conn_turn() looks at all of it and may free it: nobody touches a
 * connection after that call.
 */
#ifndef VOW_CHAOS_PROXY_PROXY_PRIVATE_H
#define VOW_CHAOS_PROXY_PROXY_PRIVATE_H

#include <stddef.h>
#include <sys/socket.h>

#include "chaos/proxy/proxy.h"
#include "proto/address.h"

struct event;
struct evconnlistener;

#define PROXY_NEVER UINT64_MAX

struct piece {
    struct piece *next;
    uint64_t due_us;
    uint32_t len, sent;
    uint8_t bytes[];
};

/* Where in a stream of frames we are. */
struct frames {
    uint8_t header[4];
    uint32_t header_len; /* of this frame that passed */
    uint32_t body_left;
    bool is_vows;    /* a whole one has passed */
    bool is_foreign; /* not Vow's frames, or no more */
};

/* One way of a connection: from end i to the other. */
struct pipe {
    struct conn *conn;
    unsigned i; /* 0 = forth */
    struct piece *first, **last;
    uint32_t held;      /* bytes in the pieces */
    uint64_t due_us;    /* of the piece that came last */
    uint64_t free_us;   /* when the next bytes may pass, by the rate and the slices */
    uint64_t wake_us;   /* when there is something to do again */
    bool has_ended;     /* its sender sends no more */
    bool is_told;       /* the receiver has heard that */
    bool has_lost;      /* something, in a black hole */
    bool was_hidden;    /* its sender's end, from the receiver */
    bool wants_to_send; /* the receiver's socket was full */
    unsigned noted;     /* faults that were counted of this weather, by bit */
    struct frames frames;
    bool is_torn;       /* the frame that passes now ends with a reset, */
    bool is_torn_later; /* at a place of its body, which is not known yet, */
    uint32_t tear_left; /* or after so many bytes */
};

enum conn_state {
    CONN_WAITING, /* taken; the target is not dialed before the link is mended */
    CONN_DIALING,
    CONN_UP,
    CONN_OVER, /* to be freed at the end of its turn */
};

struct conn {
    struct proxy *proxy;
    enum conn_state state;
    int fds[2];   /* the dialer's, the target's; -1 = none */
    bool gone[2]; /* by a reset or an error */
    struct event *readable[2], *writable[2];
    struct pipe pipes[2];
    struct conn *prev, *next;
};

struct proxy {
    struct proxy_options options;
    struct evconnlistener *listener;
    char address[VOW_ADDRESS_SIZE];
    struct sockaddr_storage target;
    socklen_t target_len;
    uint64_t random;
    struct proxy_weather weather[2];
    bool refuses;
    struct {
        unsigned ways;
        uint32_t up_ms, down_ms;
        bool is_down;
        uint64_t due_us;
    } flap;
    uint64_t reset_after[2];
    uint32_t tear_nth[2];
    uint64_t hits[PROXY_FAULTS_LEN];
    uint64_t accepted, connected, bytes[2], frames[2];
    struct conn *conns;
    uint32_t conns_len;
    struct event *timer;
};

/* --- clock.c --- */

uint64_t proxy_now_us(const struct proxy *proxy);
/* Returns 0 or VOW_E_NO_MEMORY. */
int proxy_timer_open(struct proxy *proxy);
/* Wakes the link at its deadline. */
void proxy_timer_arm(struct proxy *proxy);

/* --- proxy.c --- */

void proxy_count(struct proxy *proxy, enum proxy_fault fault, unsigned ways);
/* A draw from 0 to most. */
uint64_t proxy_draw(struct proxy *proxy, uint64_t most);
bool proxy_is_cut(const struct proxy *proxy, unsigned i);

/* --- conn.c --- */

/* Takes the socket over, whatever comes of it. */
void conn_take(struct proxy *proxy, int fd);
void conn_turn(struct conn *conn);
/* Resets both ends; freed at the end of its turn, which the caller sees to. */
void conn_reset(struct conn *conn);
void conn_free(struct conn *conn);
/* Closes a socket with a reset. */
void conn_close_hard(int fd);

/* --- pipe.c --- */

void pipe_init(struct pipe *pipe, struct conn *conn, unsigned i);
void pipe_drop(struct pipe *pipe);
/* Counts what lasts, once. */
void pipe_note(struct pipe *pipe, enum proxy_fault fault);
bool pipe_wants_to_read(const struct pipe *pipe);
/* Takes what has come. */
void pipe_read(struct pipe *pipe);
/* Passes on what may pass. */
void pipe_pump(struct pipe *pipe);

/* --- frames.c --- */

/* Bytes until something about the frame is to be decided: its first byte, the end of its header, its end. */
size_t frames_span(const struct frames *frames);
/* So many bytes passed. Returns how many frames ended in them. */
uint64_t frames_pass(struct frames *frames, const uint8_t *bytes, size_t len);

#endif
