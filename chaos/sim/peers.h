/*
 * A participant's connections to its peers, and whom it asks about which branch: what participant_peers.c,
 * participant_links.c and participant_listen.c do in a service.
 */
#ifndef VOW_CHAOS_SIM_PEERS_H
#define VOW_CHAOS_SIM_PEERS_H

#include "chaos/sim/world.h"
#include "proto/address.h"

#define SIM_WAITING_MAX 16

/* To one peer, made when it is to be asked. */
struct sim_peer_link {
    struct sim_conn *conn; /* NULL: it is not up */
    bool is_dialing;
    struct vow_msg_header waiting[SIM_WAITING_MAX]; /* until it is */
    uint32_t waiting_len;
};

/* The others of a transaction that is prepared here. */
struct sim_peer_list {
    struct vow_gtrid gtrid;
    const char *text; /* peer_list.h */
    struct sim_peer_list *next;
};

struct sim_peers {
    struct sim_peer_link links[SIM_NODES_MAX]; /* by node */
    struct sim_peer_list *lists;
};

/* Where a participant says that it answers, and which node that is; NULL if it is none. */
void sim_peers_address(const struct sim_node *node, char address[VOW_ADDRESS_SIZE]);
const struct sim_node *sim_peers_at(const struct sim_world *world, const char *address);

/* Whom PREPARE named, as the text that lies with the branch; the world's memory. NULL: nobody. */
char *sim_peers_write(struct sim_world *world, const struct sim_node *self, const struct vow_msg_peer *named,
                      uint32_t len);
/* Remembers whom to ask; a list that is known already stays. The text is the world's. */
void sim_peers_keep(struct sim_world *world, struct sim_peers *peers, const struct vow_gtrid *gtrid, const char *text);
/* Was this node named with the transaction? */
bool sim_peers_are(const struct sim_world *world, const struct sim_peers *peers, const struct vow_gtrid *gtrid,
                   uint8_t node);
/* Carries out ASK_PEERS. */
void sim_peers_ask(struct sim_world *world, struct sim_node *self, struct sim_peers *peers,
                   const struct vow_msg_header *header);
/* The connection that was dialed has come up, or is gone. */
void sim_peers_up(struct sim_world *world, struct sim_peers *peers, struct sim_conn *conn);
void sim_peers_down(struct sim_peers *peers, const struct sim_conn *conn);
/* Carries out ANSWER_PEER: sends to the connection with that number, if it is this process's and still there. */
void sim_peers_answer(struct sim_world *world, const struct sim_node *self, uint64_t session,
                      const struct vow_msg *msg);

#endif
