/*
 * What a client was told nothing certain of, it asks about once more when all is healed, until it hears: that there is
 * an answer then is half of I05 (check_ending.c).
 */
#include "chaos/sim/client_private.h"
#include "proto/assert.h"
#include "proto/error.h"

/* Who has not heard by then, will not: the world may end. */
#define ASKING_MAX_US (SIM_LIVENESS_US - 10 * SIM_SECOND_US)
#define AGAIN_US SIM_SECOND_US

void client_doubt(struct sim_world *world, struct sim_client *client, const struct txn *txn)
{
    struct doubt *doubt = sim_arena_take(&world->arena, sizeof(*doubt));

    doubt->about.gtrid = txn->gtrid;
    doubt->about.participant = txn->one_phase ? txn->legs[0].participant : SIM_NODE_NONE;
    doubt->next = client->doubts;
    client->doubts = doubt;
}

/* A participant that may have decided alone, and is broken for good, keeps the answer. */
static bool can_be_answered(const struct sim_world *world, const struct doubt *doubt)
{
    const uint8_t alone = doubt->about.participant;

    return alone == SIM_NODE_NONE || (world->healed_nodes >> alone & 1) != 0;
}

bool client_is_in_doubt(const struct sim_world *world, const struct sim_client *client)
{
    bool found = false;

    if (world->phase != SIM_PHASE_LIVENESS || sim_now_us(world) - world->healed_us >= ASKING_MAX_US)
        return false;
    for (const struct doubt *doubt = client->doubts; doubt != NULL && !found; doubt = doubt->next)
        found = can_be_answered(world, doubt);
    return found;
}

/* Each in its turn: one that waits does not keep the others from being asked about. */
void client_ask_doubt(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct doubt *first = client->doubts, **last = &client->doubts;

    VOW_ASSERT(first != NULL);
    if (client->link.conn == NULL) {
        client_set_timer(world, node, AGAIN_US);
        return;
    }
    while (*last != NULL)
        last = &(*last)->next;
    *last = first;
    client->doubts = first->next;
    first->next = NULL;
    client_ask_about(world, node, &first->about, AGAIN_US);
}

static void forget(struct sim_client *client, const struct vow_gtrid *gtrid)
{
    struct doubt **at = &client->doubts;

    while (*at != NULL) {
        if (vow_gtrid_equal(&(*at)->about.gtrid, gtrid))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

bool client_hear_of_doubt(const struct sim_world *world, struct sim_client *client, const struct vow_msg_outcome *heard)
{
    const bool is_known = heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED;
    const bool is_lost = heard->outcome == VOW_UNKNOWN && heard->error == VOW_E_EXPIRED;

    if (!client_is_in_doubt(world, client))
        return false;
    if (is_known || is_lost)
        forget(client, &heard->gtrid);
    return is_lost;
}

void sim_client_heal(struct sim_world *world, struct sim_node *node)
{
    if (node->state == SIM_NODE_UP && node->client->txn.stage == STAGE_IDLE && client_is_in_doubt(world, node->client))
        client_set_timer(world, node, 1);
}
