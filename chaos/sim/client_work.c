/* Joined work: a client calls the services of a transaction, one after the other. */
#include "chaos/sim/client_private.h"

void client_call_next(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct sim_call *call = sim_arena_take(&world->arena, sizeof(*call));

    *call = (struct sim_call){
        .client = node->index,
        .participant = txn->legs[txn->legs_done].participant,
        .client_life = node->life,
        .number = ((uint64_t)node->index << 32) + ++client->calls,
        .leg = txn->legs_done,
        .gtrid = txn->gtrid,
        .work = sim_arena_copy(&world->arena, &txn->legs[txn->legs_done], sizeof(txn->legs[0])),
    };
    txn->call = call->number;
    sim_call_send(world, call);
    /* A service that is called again by its own retries works twice, and the client knows of once. */
    if (sim_rng_below(&client->rng, 100) < world->options.call_twice_pct)
        sim_call_send(world, sim_arena_copy(&world->arena, call, sizeof(*call)));
    client_set_timer(world, node, (uint64_t)world->options.vote_ms * 2000);
}

void client_end_work(struct sim_world *world, struct sim_node *node, bool is_good)
{
    struct txn *txn = &node->client->txn;

    txn->call = 0;
    txn->stage = !is_good || txn->wants_rollback ? STAGE_ROLLBACK : STAGE_COMMIT;
    /* What BEGIN opened on a connection that was lost ends with it. */
    txn->asked_before = false;
    txn->sent = false;
    client_send_request(world, node);
}

void client_called_back(struct sim_world *world, struct sim_node *node, const struct sim_call *call)
{
    struct txn *txn = &node->client->txn;

    if (txn->stage != STAGE_WORK || call->number != txn->call)
        return;
    if (call->error != 0) {
        client_end_work(world, node, false);
        return;
    }
    if (++txn->legs_done < txn->legs_len)
        client_call_next(world, node);
    else
        client_end_work(world, node, true);
}

void sim_call_send(struct sim_world *world, struct sim_call *call)
{
    const uint64_t delay_us = sim_net_delay(world, call->client, call->participant, call->number);
    struct sim_event event = {.kind = SIM_EVENT_CALL,
                              .task = sim_task_of_link(call->client, call->participant),
                              .node = call->participant,
                              .ptr = call};

    if (sim_net_is_open(world, call->client, call->participant))
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

void sim_call_answer(struct sim_world *world, struct sim_call *call)
{
    const uint64_t delay_us = sim_net_delay(world, call->participant, call->client, call->number);
    struct sim_event event = {.kind = SIM_EVENT_CALL_DONE,
                              .task = sim_task_of_link(call->participant, call->client),
                              .node = call->client,
                              .life = call->client_life,
                              .ptr = call};

    if (sim_net_is_open(world, call->participant, call->client))
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}
