/*
 * The way of a model client, of transactions or of sagas, to its vowd: the connection, dialled again when it is lost,
 * and the ids that came over it. As in the library (participant/client_loop.c).
 */
#ifndef VOW_CHAOS_SIM_CLIENT_LINK_H
#define VOW_CHAOS_SIM_CLIENT_LINK_H

#include "chaos/sim/world.h"
#include "participant/client_ids.h"
#include "proto/net/backoff.h"

struct client_link {
    struct sim_conn *conn; /* NULL: not connected */
    struct vow_ids ids;
    struct backoff backoff;
};

/* What a message was to the link. */
enum client_link_news {
    CLIENT_LINK_NOTHING, /* it is for the client */
    CLIENT_LINK_UP,      /* the link can be used from now on */
    CLIENT_LINK_REFUSED, /* it is dialled again */
    CLIENT_LINK_IDS      /* ids have come */
};

/* The node is shown to be up, and dials. */
void client_link_start(struct sim_world *world, struct sim_node *node, struct client_link *link, struct sim_rng *rng);
void client_link_hello(struct sim_world *world, const struct sim_node *node, const struct client_link *link,
                       struct sim_conn *conn, uint32_t side);
/* waits_for_id: the client has a use for an id at once. */
enum client_link_news client_link_hear(struct sim_world *world, struct sim_node *node, struct client_link *link,
                                       struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                                       bool waits_for_id);
/* Dials again later. True if the link was up until now. */
bool client_link_lost(struct sim_world *world, struct sim_node *node, struct client_link *link,
                      const struct sim_conn *conn, bool was_up);

bool client_link_id_is_current(const struct client_link *link, const struct vow_gtrid *gtrid);
/* The link is up. False if there is no id now: some are asked for, if none are already. */
bool client_link_take_id(struct sim_world *world, struct client_link *link, uint8_t flags, struct vow_gtrid *gtrid);

#endif
