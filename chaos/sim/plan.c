#include "chaos/sim/plan.h"

#include <string.h>

#include "chaos/sim/rng.h"
#include "chaos/sim/seen.h"

#define SECOND UINT64_C(1000000)

struct draft {
    struct sim_plan *plan;
    const struct sim_options *options;
    struct sim_rng rng;
    uint64_t span_us; /* when things happen */
};

static uint8_t any_server(struct draft *draft)
{
    return (uint8_t)sim_rng_below(&draft->rng, draft->options->coordinators + draft->options->participants);
}

static uint8_t any_participant(struct draft *draft)
{
    return (uint8_t)(draft->options->coordinators + sim_rng_below(&draft->rng, draft->options->participants));
}

static uint8_t any_other(struct draft *draft, uint8_t node)
{
    const struct sim_options *o = draft->options;
    const uint8_t nodes = (uint8_t)(o->coordinators + o->participants + o->clients);
    const uint8_t other = (uint8_t)sim_rng_below(&draft->rng, nodes - 1u);

    return other >= node ? (uint8_t)(other + 1) : other;
}

static struct sim_action *add(struct draft *draft, enum sim_action_kind kind)
{
    static struct sim_action spare;
    struct sim_plan *plan = draft->plan;
    struct sim_action *action = plan->len < SIM_ACTIONS_MAX ? &plan->actions[plan->len++] : &spare;

    *action = (struct sim_action){.kind = kind, .node = any_server(draft), .peer = SIM_NODE_NONE};
    action->number = plan->len - 1;
    action->at_us = sim_rng_below(&draft->rng, draft->span_us);
    return action;
}

/* Mostly back soon, sometimes after all time-outs. */
static int64_t down_time(struct draft *draft)
{
    const uint64_t mean = sim_rng_below(&draft->rng, 3) == 0 ? 2 * SECOND : SECOND / 10;

    return (int64_t)(1000 + sim_rng_wait(&draft->rng, draft->options->is_short ? mean / 4 : mean));
}

static void add_downs(struct draft *draft, enum sim_action_kind kind, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sim_action *action = add(draft, kind);

        action->amount = down_time(draft);
    }
}

static void add_links(struct draft *draft, enum sim_action_kind kind, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sim_action *action = add(draft, kind);
        const bool is_whole = sim_rng_below(&draft->rng, 3) == 0;

        if (!is_whole)
            action->peer = any_other(draft, action->node);
        /* One-way, in either direction. */
        if (!is_whole && sim_rng_below(&draft->rng, 2) == 0) {
            const uint8_t node = action->node;

            action->node = action->peer;
            action->peer = node;
        }
        action->amount = down_time(draft);
    }
}

static void add_jumps(struct draft *draft)
{
    for (uint32_t i = 0; i < draft->options->jumps; i++) {
        struct sim_action *action = add(draft, SIM_ACT_JUMP);
        const int64_t by = (int64_t)(SECOND << sim_rng_below(&draft->rng, 24));

        action->amount = sim_rng_below(&draft->rng, 2) == 0 ? by : -by;
    }
}

/* An older copy of a participant's file, taken some time before. */
static void add_restores(struct draft *draft)
{
    for (uint32_t i = 0; i < draft->options->restores; i++) {
        const uint8_t node = any_participant(draft);
        struct sim_action *backup = add(draft, SIM_ACT_BACKUP);
        struct sim_action *restore = add(draft, SIM_ACT_RESTORE);

        backup->node = restore->node = node;
        restore->at_us = backup->at_us + sim_rng_below(&draft->rng, draft->span_us);
        restore->amount = down_time(draft);
    }
}

static void add_rest(struct draft *draft)
{
    for (uint32_t i = 0; i < draft->options->client_kills; i++) {
        const uint32_t servers = draft->options->coordinators + draft->options->participants;
        struct sim_action *action = add(draft, SIM_ACT_KILL);

        action->node = (uint8_t)(servers + sim_rng_below(&draft->rng, draft->options->clients));
        action->amount = down_time(draft);
    }
    for (uint32_t i = 0; i < draft->options->wipes; i++) {
        struct sim_action *action = add(draft, SIM_ACT_WIPE);

        action->node = any_participant(draft);
        action->amount = down_time(draft);
    }
    for (uint32_t i = 0; i < draft->options->disk_faults; i++) {
        struct sim_action *action = add(draft, SIM_ACT_DISK);

        action->amount = (int64_t)(sim_rng_next(&draft->rng) >> 1);
    }
}

static void add_saga_clients(struct draft *draft)
{
    const struct sim_options *o = draft->options;
    const uint32_t others = o->coordinators + o->participants + o->clients;

    for (uint32_t i = 0; i < o->saga_client_kills; i++) {
        struct sim_action *action = add(draft, SIM_ACT_KILL);

        action->node = (uint8_t)(others + sim_rng_below(&draft->rng, o->saga_clients));
        action->amount = down_time(draft);
    }
}

/* What a service publishes is kept, and it does not hear so before its coordinator may have forgotten the key: that is
 * a second after its groups have done it, when that is in the journal, too. */
static void add_late_copies(struct draft *draft)
{
    const struct sim_options *o = draft->options;

    for (uint32_t i = 0; i < o->late_copies; i++) {
        struct sim_action *cut = add(draft, SIM_ACT_CUT), *kill = add(draft, SIM_ACT_KILL);
        const uint32_t number = (uint32_t)sim_rng_below(&draft->rng, o->participants);
        const uint64_t for_us = 2 * SECOND + sim_rng_below(&draft->rng, 2 * SECOND);

        cut->node = kill->node = (uint8_t)(number % o->coordinators);
        cut->peer = (uint8_t)(o->coordinators + number);
        cut->amount = (int64_t)for_us;
        cut->at_us /= 8; /* where most is published */
        kill->at_us = cut->at_us + for_us * 3 / 4;
        kill->amount = (int64_t)(1000 + sim_rng_below(&draft->rng, for_us / 8));
    }
}

void sim_plan_draw(struct sim_plan *plan, const struct sim_options *options)
{
    struct draft draft = {.plan = plan, .options = options, .rng = sim_rng_of(options->seed, SIM_FOR_NEMESIS, 0, 0)};

    memset(plan, 0, sizeof(*plan));
    draft.span_us = options->is_short ? SECOND / 4 : 4 * SECOND;
    add_downs(&draft, SIM_ACT_KILL, options->kills);
    add_downs(&draft, SIM_ACT_POWER, options->powers);
    add_downs(&draft, SIM_ACT_PAUSE, options->pauses);
    add_downs(&draft, SIM_ACT_RESTART, options->restarts);
    add_links(&draft, SIM_ACT_RESET, options->resets);
    add_links(&draft, SIM_ACT_CUT, options->cuts);
    add_links(&draft, SIM_ACT_FLAP, options->flaps);
    add_jumps(&draft);
    add_restores(&draft);
    add_rest(&draft);
    /* Of a stream of its own, like its options. */
    draft.rng = sim_rng_of(options->seed, SIM_FOR_NEMESIS, 5, 0);
    for (uint32_t i = 0; i < options->orders; i++)
        (void)add(&draft, SIM_ACT_OPERATE);
    draft.rng = sim_rng_of(options->seed, SIM_FOR_NEMESIS, 6, 0);
    add_saga_clients(&draft);
    draft.rng = sim_rng_of(options->seed, SIM_FOR_NEMESIS, 11, 0);
    add_late_copies(&draft);
}

static bool is_same(const struct sim_noise_item *a, const struct sim_noise_item *b)
{
    return a->is_commit == b->is_commit && a->node == b->node && a->life == b->life && a->number == b->number;
}

static bool has(const struct sim_noise *noise, const struct sim_noise_item *item)
{
    for (uint32_t i = 0; i < noise->len; i++) {
        if (is_same(&noise->items[i], item))
            return true;
    }
    return false;
}

bool sim_plan_allows(const struct sim_plan *plan, const struct sim_noise_item *item)
{
    return !plan->is_listed || has(&plan->noise, item);
}

void sim_noise_add(struct sim_noise *noise, const struct sim_noise_item *item)
{
    if (noise->len < SIM_NOISE_MAX && !has(noise, item))
        noise->items[noise->len++] = *item;
}

const char *sim_action_name(enum sim_action_kind kind)
{
    static const char *const names[SIM_ACT_KINDS] = {[SIM_ACT_NONE] = "NONE",
#define ACTION(name, text) [SIM_ACT_##name] = #name,
                                                     SIM_ACTIONS(ACTION)
#undef ACTION
    };

    return kind < SIM_ACT_KINDS ? names[kind] : "?";
}
