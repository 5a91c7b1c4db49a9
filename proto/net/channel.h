/*
 * The channel: framed, checked messages over one TCP connection on a libevent loop.
 *
 * A channel does the handshake (version, role, identity, with a deadline), heartbeats, the frame cap, the write
 * high-water mark, and drops a peer that breaks a rule with one clear line in the log, disturbing nothing else. What
 * the messages mean is not its business. A dialer is a channel that connects again, with decorrelated jitter, for as
 * long as it lives.
 *
 * Everything here belongs to the loop's thread. A callback may close the channel it was called for, and free the
 * listener or dialer it came from: a closed channel's memory lives until the callbacks are over that libevent has
 * waiting in this turn, or until event_base_free(). SIGPIPE is set to be ignored if the program has left it at its
 * default.
 */
#ifndef VOW_NET_CHANNEL_H
#define VOW_NET_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/error.h"
#include "proto/message.h"

struct event_base;
struct vow_timers;
struct vow_channel;
struct vow_listener;
struct vow_dialer;

struct vow_channel_options {
    /* Bytes of one frame's body; more is refused before it is stored. Before the handshake is done it is 4096 at most;
     * then a dialer takes frames up to the cap in WELCOME, if that is larger than its own. */
    uint32_t frame_max;
    uint32_t write_high_water; /* bytes waiting to be sent; a peer that lets more pile up is dropped (fault F148) */
    uint32_t
        strangers_max;     /* accepting: connections without a good HELLO; the oldest goes for one more. 0 = no limit */
    uint32_t handshake_ms; /* until HELLO / WELCOME has come; also what a closed channel gets for its last bytes */
    uint32_t heartbeat_ms; /* PING after this much silence; dropped after three times that */
    uint32_t reconnect_min_ms; /* dialer: base and cap of the decorrelated jitter */
    uint32_t reconnect_max_ms;
    struct vow_timers *timers; /* of the base, to keep time by; NULL = libevent's own timers */
};

/* 64 KiB, 1 MiB, 1024, 5 s, 2 s, 50 ms, 5 s */
extern const struct vow_channel_options vow_channel_defaults;

struct vow_channel_ops {
    /*
     * Accepting side only: a well-formed HELLO has come. Fill *welcome (version, heartbeat_ms and frame_max are set by
     * the channel) and return 0, or return an error: the peer gets REJECT with it and *why, and is closed. May be NULL
     * on a dialer.
     */
    int (*on_hello)(void *ctx, struct vow_channel *channel, const struct vow_msg_hello *hello,
                    struct vow_msg_welcome *welcome, const char **why);
    /* The handshake is done; messages may be sent. A dialer gets the peer's WELCOME; on the accepting side welcome
     * is what was sent. */
    void (*on_up)(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome);
    /* A well-formed message has come (never HELLO, WELCOME, REJECT, PING or PONG). It lives for the call. */
    void (*on_message)(void *ctx, struct vow_channel *channel, const struct vow_msg *msg);
    /* All messages that had come were delivered: the end of this channel's turn. May be NULL. */
    void (*on_turn_end)(void *ctx, struct vow_channel *channel);
    /* The channel is gone; do not use it after this call. Not called for vow_channel_close(). error says why
     * (VOW_E_DISCONNECTED, VOW_E_FRAME, ...). On the accepting side it follows only an on_up: who did not come
     * through the handshake is in the log. A dialer will try again by itself, and calls this once for each attempt
     * that ends: VOW_E_UNREACHABLE without a connection, the error in REJECT if the peer sent one. */
    void (*on_down)(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail);
    /* All that waited for the peer has been handed to the system, after vow_channel_is_full() had said yes. May be
     * NULL. */
    void (*on_drained)(void *ctx, struct vow_channel *channel);
};

/* Listens. port 0 takes a free one; see vow_listener_address(). Returns 0, VOW_E_ADDRESS, VOW_E_SYSTEM or
 * VOW_E_NO_MEMORY and fills *detail. Each accepted connection becomes a channel with these ops and ctx. EMFILE sheds
 * the new connection and does not spin (fault F140). */
int vow_listener_new(struct event_base *base, const struct vow_address *address,
                     const struct vow_channel_options *options, const struct vow_channel_ops *ops, void *ctx,
                     struct vow_listener **out, struct vow_error_detail *detail);
/* With address NULL it listens nowhere, and has what is given to it: a connected socket, taken also when there is no
 * memory for it. */
void vow_listener_adopt(struct vow_listener *listener, int fd, const char *peer_address);
void vow_listener_address(const struct vow_listener *listener, struct vow_address *address);
/* Other options for the connections to come; those that are up keep the frame cap and the heartbeat of their handshake.
 * Returns 0, or VOW_E_NO_MEMORY: nothing has changed. */
int vow_listener_set_options(struct vow_listener *listener, const struct vow_channel_options *options);
/* Connections that have not introduced themselves: now, at the worst moment, and those that had to make room. */
void vow_listener_strangers(const struct vow_listener *listener, uint64_t *now, uint64_t *most, uint64_t *evicted);
/* Stops accepting, and closes whoever has not finished the handshake; the channels that are up go on. NULL is allowed.
 */
void vow_listener_free(struct vow_listener *listener);

/* Connects, and connects again when the channel is lost. hello's strings must outlive the dialer;
 * vow_dialer_set_epoch() may change what the next HELLO says. seed: any number, for the jitter. Returns 0,
 * VOW_E_ADDRESS or VOW_E_NO_MEMORY. The first attempt starts on the loop's next turn. A channel that its owner
 * closes is replaced too, after a wait that grows until a peer is lost that was up. */
int vow_dialer_new(struct event_base *base, const struct vow_address *address,
                   const struct vow_channel_options *options, const struct vow_msg_hello *hello,
                   const struct vow_channel_ops *ops, void *ctx, uint64_t seed, struct vow_dialer **out);
void vow_dialer_set_epoch(struct vow_dialer *dialer, uint64_t coord, uint32_t epoch);
/* Flushes and closes the channel, if one is up, without on_down, and stops trying. NULL is allowed. */
void vow_dialer_free(struct vow_dialer *dialer);

/* Queues a message. Returns 0; VOW_E_STATE before the handshake is done or after the end; VOW_E_TOO_LARGE if the
 * frame would be over the peer's or our cap; VOW_E_SLOW_READER if the high-water mark is passed, or VOW_E_NO_MEMORY
 * (the channel goes down on the next turn). After any error this message is not sent. Never blocks. */
int vow_channel_send(struct vow_channel *channel, const struct vow_msg *msg);
/*
 * The same for one message of an answer that may be long, and that nobody's progress depends on. It waits behind what
 * vow_channel_send() has queued, and what waits for the peer together stays below the mark at which it is dropped; four
 * times that mark may wait besides. VOW_E_BUSY: that much waits already, and this message is not sent; the last one of
 * an answer is taken all the same, so that the peer hears that something is missing.
 */
int vow_channel_send_bulk(struct vow_channel *channel, const struct vow_msg *msg, bool is_last);
/* Does more than a quarter of the high-water mark wait for the peer? Who can hold back what it has to say then does,
 * until on_drained: that is how many messages stay below the mark at which the peer is dropped. */
bool vow_channel_is_full(struct vow_channel *channel);
/* Writes what is queued to the socket as far as it takes it now (for crash points and for the end of a process). */
void vow_channel_flush(struct vow_channel *channel);
/* Closes after what is queued has been sent and the peer has closed too, or at once if `now`. No on_down follows. A
 * channel closed not `now` needs the loop for at most handshake_ms more; a base freed before that leaks it. */
void vow_channel_close(struct vow_channel *channel, bool now);

void vow_channel_set_user(struct vow_channel *channel, void *user);
void *vow_channel_user(const struct vow_channel *channel);
/* "127.0.0.1:54321", for logs. */
const char *vow_channel_peer_address(const struct vow_channel *channel);

#endif
