/* What a client's next transaction does, drawn from its number. */
#include <stdio.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/client_private.h"

static uint8_t any_participant(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng)
{
    /* Those of its own coordinator. */
    for (;;) {
        const uint8_t which = (uint8_t)(world->options.coordinators + sim_rng_below(rng, world->options.participants));

        if (world->nodes[which].coord == node->coord)
            return which;
    }
}

static void draw_transfer(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng,
                          struct txn *txn)
{
    const bool is_too_much = sim_rng_below(rng, 100) < world->options.refused_pct;
    const bool is_single = sim_rng_below(rng, 100) < world->options.single_pct;
    int64_t sum = 0;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = is_single && i > 0 ? txn->legs[0].participant : any_participant(world, node, rng);
        leg->table = SIM_BANK;
        leg->kind = SIM_ADD;
        leg->key = sim_rng_between(rng, 1, world->options.accounts);
        leg->amount = (int64_t)sim_rng_between(rng, 1, is_too_much ? 1000 : 9);
        if (i == 0)
            leg->amount = -leg->amount;
        if (i + 1 == txn->legs_len)
            leg->amount = -sum;
        sum += leg->amount;
    }
}

static bool have_one_participant(const struct txn *txn)
{
    for (uint32_t i = 1; i < txn->legs_len; i++) {
        if (txn->legs[i].participant != txn->legs[0].participant)
            return false;
    }
    return true;
}

/* Reads at a participant that has no other work of it, which will vote READ-ONLY. */
static void draw_mixed(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng, struct txn *txn)
{
    const uint8_t participant = any_participant(world, node, rng);
    const uint64_t key = sim_rng_between(rng, 1, world->options.accounts);

    if (sim_rng_below(rng, 100) >= world->options.mixed_pct || txn->legs_len == LEGS_MAX || have_one_participant(txn))
        return;
    for (uint32_t i = 0; i < txn->legs_len; i++) {
        if (txn->legs[i].participant == participant)
            return;
    }
    txn->legs[txn->legs_len++] =
        (struct sim_leg){.participant = participant, .table = SIM_BANK, .kind = SIM_HOLD, .key = key};
}

/* Appends to lists, and the same value to a set: what one participant has of it all must have. */
static void draw_append(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng,
                        struct txn *txn)
{
    const int64_t value = (int64_t)node->index * 10000 + node->client->next + 1;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = any_participant(world, node, rng);
        leg->table = i + 1 == txn->legs_len ? SIM_SET : SIM_LISTS;
        leg->kind = leg->table == SIM_SET ? SIM_INSERT : SIM_APPEND;
        leg->key = leg->table == SIM_SET ? (uint64_t)value : sim_rng_between(rng, 1, 2);
        leg->amount = value * 10 + i;
    }
}

static void draw_read(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng, struct txn *txn)
{
    const bool is_list = sim_rng_below(rng, 3) == 0;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = any_participant(world, node, rng);
        leg->table = is_list ? SIM_LISTS : SIM_BANK;
        leg->kind = txn->is_read_only ? SIM_HOLD : SIM_READ;
        leg->key = sim_rng_between(rng, 1, is_list ? 2 : world->options.accounts);
    }
}

static void mark_first(struct txn *txn)
{
    for (uint32_t i = 0; i < txn->legs_len; i++) {
        txn->legs[i].is_first = true;
        for (uint32_t j = 0; j < i && !txn->is_joined; j++) {
            if (txn->legs[j].participant == txn->legs[i].participant)
                txn->legs[i].is_first = false;
        }
    }
}

void client_draw(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    struct sim_client *client = node->client;
    struct sim_rng rng = sim_rng_of(o->seed, SIM_FOR_WORK, node->index, client->next);
    struct txn *txn = &client->txn;
    const bool is_read = sim_rng_below(&rng, 100) < o->read_pct;

    *txn = (struct txn){
        .stage = STAGE_NO_ID, .number = client->next, .end_us = sim_now_us(world) + (uint64_t)o->patience_ms * 1000};
    txn->legs_len = (uint32_t)sim_rng_between(&rng, 2, o->legs_max);
    txn->is_joined = sim_rng_below(&rng, 100) < o->joined_pct;
    txn->wants_rollback = txn->is_joined && sim_rng_below(&rng, 100) < o->rollback_pct;
    txn->is_read_only = is_read && sim_rng_below(&rng, 2) == 0;
    if (is_read)
        draw_read(world, node, &rng, txn);
    else if (sim_rng_below(&rng, 4) == 0)
        draw_append(world, node, &rng, txn);
    else
        draw_transfer(world, node, &rng, txn);
    if (!is_read && o->mixed_pct > 0)
        draw_mixed(world, node, &rng, txn);
    mark_first(txn);
    if (sim_rng_below(&rng, 100) < o->keyed_pct)
        (void)snprintf(txn->key, sizeof(txn->key), "key.%u.%u", node->index, client->next);
    txn->one_phase = !txn->is_joined && txn->key[0] == '\0' && have_one_participant(txn);
    client->next++;
    world->totals.transactions++;
}
