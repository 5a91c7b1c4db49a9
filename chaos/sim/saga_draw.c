/* What a client's sagas are: compensatable steps, a pivot perhaps, retriable ones perhaps, in stages. */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/saga_private.h"

struct draft {
    const struct sim_world *world;
    const struct sim_node *node;
    struct sim_rng rng;
    struct saga_run *run;
    struct sim_deed deeds[SAGA_STEPS_MAX];
};

static bool chance(struct draft *draft, uint32_t percent)
{
    return sim_rng_below(&draft->rng, 100) < percent;
}

/* One that belongs to the client's coordinator. */
static const char *any_participant(struct draft *draft)
{
    const struct sim_options *o = &draft->world->options;

    for (;;) {
        const struct sim_node *node =
            &draft->world->nodes[o->coordinators + sim_rng_below(&draft->rng, o->participants)];

        if (node->coord == draft->node->coord)
            return node->name;
    }
}

static void add_step(struct draft *draft, enum vow_step_kind kind)
{
    const uint32_t number = draft->run->order.steps_len++;
    struct vow_msg_saga_step *step = &draft->run->steps[number];
    const struct vow_msg_saga_step *before = number > 0 ? step - 1 : NULL;
    const bool is_beside = before != NULL && before->kind == kind && kind != VOW_STEP_PIVOT &&
                           chance(draft, draft->world->options.saga_parallel_pct);

    *step = (struct vow_msg_saga_step){.kind = kind,
                                       .participant = any_participant(draft),
                                       .action = "do",
                                       .compensation = kind == VOW_STEP_COMPENSATABLE ? "undo" : ""};
    step->stage = before == NULL ? 0 : before->stage + !is_beside;
    draft->deeds[number] = (struct sim_deed){.step = number, .amount = (int64_t)sim_rng_between(&draft->rng, 1, 1000)};
}

static void draw_steps(struct draft *draft)
{
    const uint32_t compensatable = (uint32_t)sim_rng_between(&draft->rng, 1, 4);
    const bool has_pivot = chance(draft, draft->world->options.saga_pivot_pct);
    const uint32_t retriable = has_pivot ? (uint32_t)sim_rng_below(&draft->rng, 3) : 0;

    for (uint32_t i = 0; i < compensatable; i++)
        add_step(draft, VOW_STEP_COMPENSATABLE);
    if (has_pivot)
        add_step(draft, VOW_STEP_PIVOT);
    for (uint32_t i = 0; i < retriable; i++)
        add_step(draft, VOW_STEP_RETRIABLE);
}

/* What goes wrong in the services. A retriable step is refused now and then, too: it may not be, and is. */
static void draw_trouble(struct draft *draft)
{
    const struct sim_options *o = &draft->world->options;
    const uint32_t steps = draft->run->order.steps_len;
    const uint32_t refused = (uint32_t)sim_rng_below(&draft->rng, steps);
    const uint32_t stubborn = (uint32_t)sim_rng_below(&draft->rng, steps);
    const uint32_t unable = (uint32_t)sim_rng_below(&draft->rng, steps);
    const bool is_allowed = draft->run->steps[refused].kind != VOW_STEP_RETRIABLE || chance(draft, 20);

    draft->deeds[refused].is_refused = chance(draft, o->saga_refused_pct) && is_allowed;
    draft->deeds[stubborn].is_stubborn = chance(draft, o->saga_stubborn_pct);
    if (!chance(draft, o->saga_unable_pct))
        return;
    if (draft->run->steps[unable].kind == VOW_STEP_COMPENSATABLE && chance(draft, 50))
        draft->run->steps[unable].compensation = "nobody";
    else
        draft->run->steps[unable].action = "nobody";
}

/* The amounts add up to nothing. */
static void draw_payloads(struct draft *draft)
{
    const uint32_t last = draft->run->order.steps_len - 1;

    for (uint32_t i = 0; i < last; i++)
        draft->deeds[last].amount = (i == 0 ? 0 : draft->deeds[last].amount) - draft->deeds[i].amount;
    if (last == 0)
        draft->deeds[last].amount = 0;
    for (uint32_t i = 0; i <= last; i++) {
        sim_deed_encode(&draft->deeds[i], draft->run->payloads[i]);
        draft->run->steps[i].payload = (struct vow_slice){draft->run->payloads[i], SIM_DEED_BYTES};
    }
}

/* The last one again, if its end is not known, or the next. */
static uint32_t take_number(struct sim_saga_client *client)
{
    return client->repeats ? client->run.number : client->next++;
}

static void draw_key(struct draft *draft)
{
    if (chance(draft, draft->world->options.saga_keyed_pct))
        (void)snprintf(draft->run->key, sizeof(draft->run->key), "saga.%u.%u", draft->node->index, draft->run->number);
    draft->run->order.key = draft->run->key;
}

void saga_draw(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    struct sim_saga_client *client = node->saga_client;
    const uint32_t number = take_number(client);
    struct draft draft = {.world = world,
                          .node = node,
                          .rng = sim_rng_of(o->seed, SIM_FOR_WORK, node->index, number),
                          .run = &client->run};
    const uint64_t now_us = sim_now_us(world);

    memset(&client->run, 0, sizeof(client->run));
    client->run.stage = SAGA_STAGE_NO_ID;
    client->run.number = number;
    client->run.is_repeat = client->repeats;
    client->run.order.steps = client->run.steps;
    draw_steps(&draft);
    draw_trouble(&draft);
    draw_payloads(&draft);
    client->run.retry_us = client->run.cancel_us = UINT64_MAX;
    client->run.end_us = now_us + (uint64_t)o->saga_patience_ms * 1000;
    if (chance(&draft, o->saga_cancel_pct))
        client->run.cancel_us =
            now_us + sim_rng_wait(&draft.rng, 16 * (uint64_t)o->delay_us + 4 * (uint64_t)o->sync_us);
    if (chance(&draft, o->saga_deadline_pct))
        client->run.order.deadline_ms = (uint32_t)sim_rng_between(&draft.rng, 5, 1000);
    draw_key(&draft);
    world->totals.sagas += !client->repeats;
    client->repeats = false;
}
