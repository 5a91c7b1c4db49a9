#include "chaos/sim/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/peer_list.h"

#define PORT 7421

void sim_peers_address(const struct sim_node *node, char address[VOW_ADDRESS_SIZE])
{
    (void)snprintf(address, VOW_ADDRESS_SIZE, "10.0.0.%u:%d", node->index, PORT);
}

const struct sim_node *sim_peers_at(const struct sim_world *world, const char *address)
{
    char own[VOW_ADDRESS_SIZE];

    for (uint32_t i = 0; i < world->nodes_len; i++) {
        sim_peers_address(&world->nodes[i], own);
        if (strcmp(own, address) == 0)
            return &world->nodes[i];
    }
    return NULL;
}

/* --- Whom to ask --- */

static const char *text_of(const struct sim_peers *peers, const struct vow_gtrid *gtrid)
{
    const struct sim_peer_list *list = peers->lists;

    while (list != NULL && !vow_gtrid_equal(&list->gtrid, gtrid))
        list = list->next;
    return list != NULL ? list->text : NULL;
}

char *sim_peers_write(struct sim_world *world, const struct sim_node *self, const struct vow_msg_peer *named,
                      uint32_t len)
{
    char *text = len > 0 ? peer_list_write(named, len, self->name) : NULL;
    char *copy = text != NULL ? sim_arena_copy(&world->arena, text, strlen(text) + 1) : NULL;

    free(text);
    return copy;
}

void sim_peers_keep(struct sim_world *world, struct sim_peers *peers, const struct vow_gtrid *gtrid, const char *text)
{
    struct sim_peer_list *list;

    if (text == NULL || text_of(peers, gtrid) != NULL)
        return;
    list = sim_arena_take(&world->arena, sizeof(*list));
    *list = (struct sim_peer_list){.gtrid = *gtrid, .text = text, .next = peers->lists};
    peers->lists = list;
}

bool sim_peers_are(const struct sim_world *world, const struct sim_peers *peers, const struct vow_gtrid *gtrid,
                   uint8_t node)
{
    struct peer_named peer;

    return peer_list_find(text_of(peers, gtrid), world->nodes[node].name, &peer);
}

/* --- Asking --- */

static void send_question(struct sim_world *world, struct sim_conn *conn, const struct vow_msg_header *header)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PEER_INQUIRY, .peer_inquiry.header = *header};

    sim_net_send(world, conn, 0, &msg);
}

static void ask_one(struct sim_world *world, struct sim_node *self, struct sim_peers *peers, uint8_t node,
                    const struct vow_msg_header *header)
{
    struct sim_peer_link *link = &peers->links[node];

    if (link->conn != NULL) {
        send_question(world, link->conn, header);
        return;
    }
    if (link->waiting_len < SIM_WAITING_MAX)
        link->waiting[link->waiting_len++] = *header;
    if (link->is_dialing)
        return;
    link->is_dialing = true;
    sim_net_dial(world, self, node, VOW_ROLE_PARTICIPANT);
}

void sim_peers_ask(struct sim_world *world, struct sim_node *self, struct sim_peers *peers,
                   const struct vow_msg_header *header)
{
    const char *at = text_of(peers, &header->gtrid);
    struct peer_named peer;

    while (peer_list_next(&at, &peer)) {
        const struct sim_node *node = sim_peers_at(world, peer.address);
        struct vow_msg_header to = *header;

        to.incarnation = peer.incarnation;
        if (node != NULL)
            ask_one(world, self, peers, node->index, &to);
    }
}

void sim_peers_up(struct sim_world *world, struct sim_peers *peers, struct sim_conn *conn)
{
    struct sim_peer_link *link = &peers->links[conn->end[1].node];

    link->conn = conn;
    link->is_dialing = false;
    for (uint32_t i = 0; i < link->waiting_len; i++)
        send_question(world, conn, &link->waiting[i]);
    link->waiting_len = 0;
}

/* What could not be asked is asked in the branch's next round, which dials again. */
void sim_peers_down(struct sim_peers *peers, const struct sim_conn *conn)
{
    struct sim_peer_link *link = &peers->links[conn->end[1].node];

    if (link->conn != NULL && link->conn != conn)
        return;
    link->conn = NULL;
    link->is_dialing = false;
    link->waiting_len = 0;
}

void sim_peers_answer(struct sim_world *world, const struct sim_node *self, uint64_t session, const struct vow_msg *msg)
{
    struct sim_conn *conn;

    if (session == 0 || session > world->net.conns_len)
        return;
    conn = world->net.conns[session - 1];
    if (conn->end[1].node == self->index && conn->end[1].life == self->life && conn->end[1].state == SIM_END_UP)
        sim_net_send(world, conn, 1, msg);
}
