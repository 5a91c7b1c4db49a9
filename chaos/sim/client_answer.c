/* What a client makes of an answer, and of none: it is told an outcome, asks again, or gives up. */
#include <string.h>

#include "chaos/sim/client_private.h"
#include "proto/error.h"

/* As in the library: the wait after "nothing happened", and between questions. */
#define REFUSED_US UINT64_C(10000)
#define REFUSED_MAX_US UINT64_C(1000000)
#define ASK_US UINT64_C(500000)
#define ASK_MAX_US UINT64_C(5000000)

static void show_told(struct sim_world *world, const struct sim_node *node, enum sim_ask what,
                      const struct vow_gtrid *gtrid, enum vow_outcome outcome, enum vow_cause cause, int error,
                      bool is_final)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_TOLD, node);

    sight.gtrid = *gtrid;
    sight.told.what = what;
    sight.told.outcome = outcome;
    sight.told.cause = cause;
    sight.told.error = error;
    sight.told.is_final = is_final;
    sim_show(world, &sight);
}

static enum sim_ask ask_of(const struct txn *txn)
{
    return txn->stage == STAGE_ROLLBACK ? SIM_ASK_ROLLBACK : SIM_ASK_COMMIT;
}

static void remember(struct sim_client *client, const struct txn *txn)
{
    struct remembered *at = &client->memory[client->memory_len++ % REMEMBERED];

    at->gtrid = txn->gtrid;
    at->participant = txn->one_phase ? txn->legs[0].participant : SIM_NODE_NONE;
}

/* Joined work is lost with the client: only what is shipped can be done again. A journal that cuts old keys off would
 * rightly do it again. */
void client_will_repeat(const struct sim_world *world, struct sim_client *client)
{
    const struct txn *txn = &client->txn;

    if (world->options.repeats != 0 && world->options.retention_ms == 0 && txn->stage != STAGE_IDLE &&
        txn->stage != STAGE_STATUS && txn->key[0] != '\0' && !txn->is_joined && !txn->is_repeated && txn->number < 64)
        client->again |= UINT64_C(1) << txn->number;
}

/* The transaction is over for the caller. */
void client_end(struct sim_world *world, struct sim_node *node, enum vow_outcome outcome, enum vow_cause cause,
                int error)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_CLIENT, node->index, client->next);

    if (!vow_gtrid_is_none(&txn->gtrid)) {
        show_told(world, node, ask_of(txn), &txn->gtrid, outcome, cause, error, true);
        remember(client, txn);
        if (outcome == VOW_UNKNOWN)
            client_doubt(world, client, txn);
    }
    world->totals.committed += outcome == VOW_COMMITTED;
    world->totals.aborted += outcome == VOW_ABORTED;
    world->totals.unknown += outcome == VOW_UNKNOWN;
    client_will_repeat(world, client);
    txn->stage = STAGE_IDLE;
    client_set_timer(world, node, 1 + sim_rng_wait(&rng, world->options.think_us));
}

/* Under the same key as before, and a new id: the answer names the first one, if that is known. */
static void start_again(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    show_told(world, node, ask_of(txn), &txn->gtrid, VOW_UNKNOWN, VOW_CAUSE_NONE, VOW_E_IN_DOUBT, true);
    client_doubt(world, node->client, txn);
    txn->again++;
    txn->stage = STAGE_NO_ID;
    txn->sent = txn->in_doubt = txn->ask = false;
    txn->attempts = 0;
    txn->end_us = sim_now_us(world) + (uint64_t)world->options.patience_ms * 1000;
    memset(&txn->gtrid, 0, sizeof(txn->gtrid));
    client_go_on(world, node);
}

bool client_nothing_happened(const struct txn *txn)
{
    return !txn->sent && !txn->in_doubt;
}

void client_give_up(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    if (client_nothing_happened(txn)) {
        client_end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, VOW_E_BUSY);
        return;
    }
    if (txn->key[0] != '\0' && !txn->is_joined && txn->again < 2) {
        start_again(world, node);
        return;
    }
    client_end(world, node, VOW_UNKNOWN, VOW_CAUSE_NONE, VOW_E_IN_DOUBT);
}

static bool says_nothing_happened(int error)
{
    return error == VOW_E_BUSY || error == VOW_E_SHUTTING_DOWN || error == VOW_E_RECOVERING ||
           error == VOW_E_NO_MEMORY || error == VOW_E_ID_EXPIRED;
}

static void retry_later(struct sim_world *world, struct sim_node *node, uint64_t floor_us, uint64_t base_us,
                        uint64_t max_us)
{
    struct sim_client *client = node->client;
    uint64_t bound_us = client->txn.attempts < 10 ? base_us << client->txn.attempts : max_us;

    if (bound_us > max_us)
        bound_us = max_us;
    client->txn.attempts++;
    client_set_timer(world, node, floor_us + sim_rng_below(&client->rng, bound_us - floor_us + 1));
}

static void hear_refusal(struct sim_world *world, struct sim_node *node, int error)
{
    struct txn *txn = &node->client->txn;

    txn->sent = false;
    if (error == VOW_E_ID_EXPIRED)
        txn->id_since_us = 0;
    if (sim_now_us(world) >= txn->end_us)
        client_give_up(world, node);
    else
        retry_later(world, node, 0, REFUSED_US, REFUSED_MAX_US);
}

static void hear_commit(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    if (!client_is_question(client) && heard->outcome == VOW_UNKNOWN && says_nothing_happened(heard->error)) {
        hear_refusal(world, node, heard->error);
        return;
    }
    txn->sent = false;
    txn->in_doubt = true;
    txn->ask = true;
    if (sim_now_us(world) >= txn->end_us + ASKING_US)
        client_give_up(world, node);
    else
        retry_later(world, node, ASK_US, ASK_US, ASK_MAX_US);
}

static void hear_begin(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct txn *txn = &node->client->txn;

    if (heard->outcome == VOW_PENDING) {
        show_told(world, node, SIM_ASK_BEGIN, &txn->gtrid, VOW_PENDING, VOW_CAUSE_NONE, 0, false);
        txn->stage = STAGE_WORK;
        txn->sent = false;
        client_call_next(world, node);
    } else if (says_nothing_happened(heard->error)) {
        hear_refusal(world, node, heard->error);
    } else {
        client_end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, heard->error);
    }
}

/* The key names another transaction, which this one is about from now on. */
static void take_name(struct txn *txn, const struct vow_gtrid *named)
{
    txn->gtrid = *named;
    txn->ask = true;
    txn->in_doubt = true;
}

void client_hear(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct txn *txn = &node->client->txn;
    const bool is_about_this = vow_gtrid_equal(&heard->gtrid, &txn->gtrid);

    if (txn->stage == STAGE_STATUS && is_about_this) {
        if (client_hear_of_doubt(world, node->client, heard))
            show_told(world, node, SIM_ASK_STATUS, &heard->gtrid, VOW_UNKNOWN, VOW_CAUSE_NONE, heard->error, false);
        if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
            show_told(world, node, SIM_ASK_STATUS, &heard->gtrid, heard->outcome, heard->cause, 0, true);
        txn->stage = STAGE_IDLE;
        client_set_timer(world, node,
                         client_is_in_doubt(world, node->client) ? SIM_SECOND_US : 1 + world->options.think_us);
        return;
    }
    if (txn->stage == STAGE_IDLE || txn->stage == STAGE_NO_ID || !is_about_this)
        return;
    if (!vow_gtrid_is_none(&heard->named)) {
        if (txn->key[0] == '\0' || !txn->sent)
            return;
        take_name(txn, &heard->named);
    }
    if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
        client_end(world, node, heard->outcome, heard->cause, 0);
    else if (txn->stage == STAGE_WORK || !txn->sent)
        return;
    else if (txn->stage == STAGE_BEGIN)
        hear_begin(world, node, heard);
    else
        hear_commit(world, node, heard);
}
