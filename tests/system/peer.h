/*
 * A peer made by hand: one socket to vowd, and messages or bytes on it, right or wrong. PING is read over. Nothing here
 * sleeps: a read waits for vowd, and the suite's time-out is the bound.
 */
#ifndef VOW_TESTS_SYSTEM_PEER_H
#define VOW_TESTS_SYSTEM_PEER_H

#include "kit.h"
#include "proto/codec.h"

struct peer {
    int fd;
    char address[64]; /* our end, as vowd's log names it */
    struct vow_arena *arena;
    struct vow_msg msg; /* what peer_receive() read last */
    uint64_t coord;     /* from WELCOME */
    uint32_t epoch;
};

/* TCP only; peer_hello() introduces it. */
void peer_connect(struct peer *peer, const struct cluster *cluster);
void peer_hello(struct peer *peer, enum vow_role role, const char *name);
/* Both. */
void peer_open(struct peer *peer, const struct cluster *cluster, enum vow_role role, const char *name);
void peer_close(struct peer *peer);

/* A peer that vowd has closed may be written to: the loss of the bytes is no failure. */
void peer_send_bytes(struct peer *peer, const void *bytes, size_t len);
/* A header that says `length`, then the body. */
void peer_send_frame(struct peer *peer, uint32_t length, const void *body, size_t body_len);
void peer_send(struct peer *peer, const struct vow_msg *msg);

/* The next message but PING; false if vowd has closed the connection. */
bool peer_receive(struct peer *peer);
void peer_expect(struct peer *peer, enum vow_msg_kind kind);
/* Waits for the close; no message may come before it. */
void peer_expect_closed(struct peer *peer);

/* A new id of this coordinator, good for one transaction. */
struct vow_gtrid peer_take_id(struct peer *peer);
void peer_ask(struct peer *peer, const struct vow_gtrid *id);
/* Asks to commit "add" on services s0 and s1. */
void peer_commit(struct peer *peer, const struct vow_gtrid *id);
/* Reads the answer, which must be about this id. */
void peer_expect_outcome(struct peer *peer, const struct vow_gtrid *id, enum vow_outcome outcome);
/* An answer that is no outcome: VOW_UNKNOWN with this error. */
void peer_expect_error(struct peer *peer, const struct vow_gtrid *id, int error);

#endif
