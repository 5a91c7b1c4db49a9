/* The files of the network among themselves. */
#ifndef VOW_CHAOS_SIM_NET_PRIVATE_H
#define VOW_CHAOS_SIM_NET_PRIVATE_H

#include "chaos/sim/world.h"

#define FRAME_MAX VOW_FRAME_MAX_DEFAULT

/* A frame as it leaves. */
struct net_copy {
    uint64_t number;
    const uint8_t *bytes;
    uint32_t len;
};

/* --- net.c --- */

struct sim_node *net_node_at(struct sim_world *world, const struct sim_conn *conn, uint32_t side);
/* The process at this end is the one that opened it. */
bool net_is_alive(struct sim_world *world, const struct sim_conn *conn, uint32_t side);
/* Something that is to happen to this end. */
void net_add_event(struct sim_world *world, struct sim_conn *conn, uint32_t side, enum sim_event_kind kind,
                   uint64_t delay_us, void *ptr);
/* The node at this end learns that the connection is gone. */
void net_tell_gone(struct sim_world *world, struct sim_conn *conn, uint32_t side, bool was_told);
/* What the other end gets to know of it when this one is gone. */
void net_tell_other(struct sim_world *world, struct sim_conn *conn, uint32_t side);

/* --- net_send.c --- */

void net_put_piece(struct sim_world *world, struct sim_conn *conn, uint32_t side, uint64_t at_us, uint64_t frame,
                   const uint8_t *bytes, uint32_t len);
/* When what is sent to this end now arrives: not before what was sent earlier. */
uint64_t net_in_order(struct sim_end *to, uint64_t at_us);
bool net_is_handshake(enum vow_msg_kind kind);

/* --- net_stray.c --- */

/* By chance, keeps a copy of the message's frame, which is about to leave the side. True: it is the only one. */
bool net_stray_keep(struct sim_world *world, const struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                    const struct net_copy *frame, struct sim_rng *rng);
/* SIM_EVENT_STRAY. */
struct stray;
void net_stray_comes(struct sim_world *world, struct stray *stray);

/* --- net_receive.c and net_cut.c: events --- */

/* A piece arrives, or (NULL) what was parked behind a cut does. */
void net_arrive(struct sim_world *world, struct sim_conn *conn, uint32_t side, struct sim_piece *piece);
struct sim_piece *net_take_parked(struct sim_end *end);
/* This end has heard nothing for long: is that still so? */
void net_silent(struct sim_world *world, struct sim_conn *conn, uint32_t side);

#endif
