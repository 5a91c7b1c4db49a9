/*
 * The peers of a participant's branches (protocol 2.6): who they are, and the connections to them.
 *   participant_peers.c    whom to ask: the list of each prepared branch; the participant's own questions
 *   participant_links.c    connections that this participant opens, to ask
 *   participant_listen.c   connections that others open: peers that ask, and operators
 *
 * All of it belongs to the network's thread. A list is one small text for each branch in doubt that has peers with an
 * address; the core knows nothing of it, and asks "the peers of this branch".
 */
#ifndef VOW_PARTICIPANT_PARTICIPANT_PEERS_H
#define VOW_PARTICIPANT_PARTICIPANT_PEERS_H

#include <stdbool.h>

#include "participant/core/branch.h"
#include "participant/store/peer_list.h"
#include "proto/address.h"
#include "proto/error.h"

struct vow_participant;
struct vow_peer_list;
struct vow_peer_links;
struct vow_peer_listener;

/* Connections to peers at once; who is asked beyond them is asked the next time. */
#define VOW_PEER_LINKS_MAX 64
/* Connections of others at once; more hear BUSY. */
#define VOW_PEER_SESSIONS_MAX 256

/* --- participant_peers.c --- */

/* Remembers whom to ask about a branch; takes over `list`, which may be NULL. Without memory nobody is asked. */
void vow_participant_keep_peers(struct vow_participant *participant, const struct vow_gtrid *gtrid, char *list);
void vow_participant_drop_peers(struct vow_participant *participant, const struct vow_gtrid *gtrid);
void vow_participant_drop_all_peers(struct vow_participant *participant);
/* NULL if there is none. */
const char *vow_participant_peers_of(const struct vow_participant *participant, const struct vow_gtrid *gtrid);
/* Carries out VOW_BRANCHES_ASK_PEERS. */
void vow_participant_ask_peers(struct vow_participant *participant, const struct vow_branches_effect *effect);

/* --- participant_links.c --- */

/* Asks this one, on the connection that there is or on a new one. */
void vow_participant_ask_peer(struct vow_participant *participant, const struct peer_named *peer,
                              const struct vow_msg_header *header);
void vow_participant_close_links(struct vow_participant *participant);

/* --- participant_listen.c --- */

/* Listens on participant->peer_listen, if that is not "", and fills participant->peer_address. Returns 0 or why not. */
int vow_participant_listen(struct vow_participant *participant);
void vow_participant_unlisten(struct vow_participant *participant);
/* Sends to that connection, if it is still there. */
void vow_participant_tell_session(struct vow_participant *participant, uint64_t session, const struct vow_msg *msg);
/* NULL: it has gone. */
struct vow_channel *vow_participant_channel_of_session(const struct vow_participant *participant, uint64_t session);

#endif
