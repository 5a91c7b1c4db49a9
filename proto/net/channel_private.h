/*
 * The inside of channel.h, for its own files only.
 *
 * A channel's life is its state: only channel.c moves it to DRAINING or CLOSED, only channel_handshake.c moves it to
 * UP. A closed channel holds no socket any more; its memory is given back by libevent after the callbacks that are
 * already waiting, so that nobody on the stack finds it gone.
 */
#ifndef VOW_NET_CHANNEL_PRIVATE_H
#define VOW_NET_CHANNEL_PRIVATE_H

#include "proto/codec.h"
#include "proto/frame.h"
#include "proto/net/channel.h"
#include "proto/net/timer.h"

struct bufferevent;
struct evbuffer;

/* What all channels of one listener or dialer share. Lives for as long as its owner or one of its channels. */
struct channel_home {
    unsigned refs;
    struct event_base *base;
    struct vow_channel_options options;
    struct vow_channel_ops ops;
    void *ctx;
    struct vow_arena *arena;
    uint32_t arena_frame_max; /* the largest frame that the arena was made for */
    uint64_t strangers_len, strangers_most, strangers_evicted;
    struct vow_channel *strangers; /* oldest first; accepted, not up: nobody but the home knows them */
};

/* Returns NULL if there is no memory. The caller holds the first reference. */
struct channel_home *channel_home_new(struct event_base *base, const struct vow_channel_options *options,
                                      const struct vow_channel_ops *ops, void *ctx);
void channel_home_unref(struct channel_home *home);
/* Makes the arena large enough for one frame of this size. Returns 0 or VOW_E_NO_MEMORY. */
int channel_home_fit(struct channel_home *home, uint32_t frame_max);

enum channel_state {
    CHANNEL_CONNECTING = 1, /* dialing side: TCP has no answer yet */
    CHANNEL_HANDSHAKE,      /* connected; HELLO or WELCOME has not come */
    CHANNEL_UP,
    CHANNEL_DRAINING, /* closed by its owner; what is queued is still sent, what comes is thrown away */
    CHANNEL_CLOSED,
};

struct vow_channel {
    struct channel_home *home;
    struct vow_dialer *dialer; /* NULL on the accepting side, and once the dialer has let go of this channel */
    struct bufferevent *bev;
    struct evbuffer *bulk;  /* whole frames that wait behind its output (channel_bulk.c); NULL = none yet */
    struct vow_timer timer; /* the one deadline of the state: handshake, heartbeat or drain; or at once, for `doom` */
    enum channel_state state;
    int doom;              /* not 0: the error with which this channel goes down on the next turn */
    bool is_repeat;        /* an attempt after one that did not come up: not worth another line in the log */
    unsigned pings_silent; /* PINGs sent since the last byte came */
    uint64_t heard_ms;     /* when the last byte came */
    uint32_t heartbeat_ms;
    uint32_t read_max; /* a frame's body from the peer, at most */
    uint32_t send_max; /* a frame's body to the peer, at most */
    void *user;
    struct vow_channel *prev, *next; /* among the home's strangers */
    bool is_stranger;
    bool was_full; /* its owner was told so, and waits for on_drained */
    char peer_address[VOW_ADDRESS_SIZE];
    char peer_name[VOW_NAME_SIZE]; /* from its HELLO or WELCOME; "" before */
};

/* channel.c */

/* Takes fd, also when it returns NULL for want of memory. The handshake's deadline runs from here. */
struct vow_channel *channel_new(struct channel_home *home, int fd, const char *peer_address, struct vow_dialer *dialer);
void channel_start_reading(struct vow_channel *channel);
void channel_set_read_max(struct vow_channel *channel, uint32_t read_max);
/* Sets the channel's one timer. */
void channel_arm(struct vow_channel *channel, uint32_t ms);
/* The owner knows of the channel now, or it ends. */
void channel_leave_strangers(struct vow_channel *channel);
/* Queues a message in whatever state; the rules of vow_channel_send() but for the state. */
int channel_queue(struct vow_channel *channel, const struct vow_msg *msg);
/* Writes a message into a buffer as a frame. Returns 0 or VOW_E_NO_MEMORY. */
int channel_put(struct vow_channel *channel, const struct vow_msg *msg, struct evbuffer *buffer);
/* Goes down on the next turn: the caller of a send must not find on_down inside its own call. Returns the error. */
int channel_doom(struct vow_channel *channel, int error);
/* The peer is lost or has broken a rule: one line in the log, then the end, then on_down. Never from a caller's
 * call. */
void channel_down(struct vow_channel *channel, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* channel_bulk.c */

/* Lets out as much of what waits as the peer may have to read now. */
void channel_bulk_move(struct vow_channel *channel);
/* Lets out all of it: the channel is about to be closed. */
void channel_bulk_end(struct vow_channel *channel);

/* channel_read.c */

/* libevent's read callback: delivers all whole frames that have come. */
void channel_on_readable(struct bufferevent *bev, void *arg);

/* channel_handshake.c */

void handshake_send_hello(struct vow_channel *channel, const struct vow_msg_hello *hello);
/* Takes a message that came before the channel was up. */
void handshake_on_message(struct vow_channel *channel, const struct vow_msg *msg);
/* Dialing side: the peer ends the connection and says why. */
void handshake_on_reject(struct vow_channel *channel, const struct vow_msg_reject *reject);

/* channel_dial.c */

void dialer_on_connected(struct vow_dialer *dialer);
/* The dialer's channel has ended. was_lost: it was up, and not closed by its owner. */
void dialer_on_end(struct vow_dialer *dialer, bool was_lost);

#endif
