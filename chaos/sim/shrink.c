#include "chaos/sim/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "chaos/sim/seen.h"
#include "proto/assert.h"

#define ROUNDS_MAX 5
#define TXNS_MAX (SIM_CLIENTS_MAX * SIM_CLIENT_TXNS_MAX)

_Static_assert(SIM_NOISE_MAX >= TXNS_MAX && SIM_NOISE_MAX >= SIM_ACTIONS_MAX, "items fit");

/* --- Lists --- */

/* Without those from `at` on. */
static void take_out(const uint32_t *items, uint32_t len, uint32_t at, uint32_t count, uint32_t *rest)
{
    memcpy(rest, items, at * sizeof(*items));
    memcpy(rest + at, items + at + count, (len - at - count) * sizeof(*items));
}

uint32_t sim_shrink_items(uint32_t *items, uint32_t len, sim_remains_fn *remains, void *ctx)
{
    uint32_t rest[SIM_NOISE_MAX];
    uint32_t chunk = len / 2 > 0 ? len / 2 : 1;

    VOW_ASSERT(len <= SIM_NOISE_MAX);
    if (len == 0 || remains(ctx, items, 0))
        return 0;
    for (bool any = true; any || chunk > 1;) {
        chunk = any ? chunk : chunk / 2;
        any = false;
        for (uint32_t at = 0; at < len;) {
            const uint32_t count = chunk < len - at ? chunk : len - at;

            if (count < len)
                take_out(items, len, at, count, rest);
            if (count < len && remains(ctx, rest, len - count)) {
                len -= count;
                memcpy(items, rest, len * sizeof(*items));
                any = true;
            } else {
                at += count;
            }
        }
    }
    return len;
}

/* --- What is tried --- */

static bool try(struct sim_shrink *shrink, const struct sim_scenario *candidate, struct sim_noise *noise)
{
    if (shrink->runs >= shrink->runs_max) {
        shrink->is_spent = true;
        return false;
    }
    shrink->runs++;
    return shrink->fails(shrink->ctx, candidate, noise);
}

static bool try_and_keep(struct sim_shrink *shrink, const struct sim_scenario *candidate)
{
    if (!try(shrink, candidate, NULL))
        return false;
    shrink->scenario = *candidate;
    return true;
}

/* Makes the scenario with only these items of `from`. */
typedef void leave_fn(struct sim_scenario *scenario, const struct sim_scenario *from, const uint32_t *items,
                      uint32_t len);

struct stage {
    struct sim_shrink *shrink;
    const struct sim_scenario *from;
    leave_fn *leave;
};

static bool remains(void *ctx, const uint32_t *items, uint32_t len)
{
    const struct stage *stage = ctx;
    struct sim_scenario candidate = *stage->from;

    stage->leave(&candidate, stage->from, items, len);
    return try(stage->shrink, &candidate, NULL);
}

static void shrink_list(struct sim_shrink *shrink, const struct sim_scenario *from, leave_fn *leave, uint32_t *items,
                        uint32_t len)
{
    struct stage stage = {.shrink = shrink, .from = from, .leave = leave};
    const uint32_t left = sim_shrink_items(items, len, remains, &stage);

    if (left < len)
        leave(&shrink->scenario, from, items, left);
}

/* --- Classes of faults, and what makes transactions different: options that 0 switches off --- */

static const char *const switches[] = {
    "loss",         "duplicate",         "reorder",      "flip",        "slice",        "long_delay",
    "slow_link",    "queue_full",        "slow_sync",    "log_late",    "timer_late",   "skew_s",
    "broken_pct",   "lose_coordinators", "joined_pct",   "keyed_pct",   "read_pct",     "single_pct",
    "rollback_pct", "status_pct",        "refused_pct",  "fail_fast",   "retention_ms", "priority_changes",
    "forget_pct",   "resolve_blocked",   "heuristic_ms", "auto_forget", "stray",        "misrouted",
    "stop_late_us", "call_twice_pct",    "cancel_pct",   "mixed_pct",   "repeats",      "saga_keyed_pct",
    "event_keys"};
#define SWITCHES (sizeof(switches) / sizeof(switches[0]))

static uint32_t switch_of(const struct sim_options *options, uint32_t which)
{
    return sim_option_get(options, sim_option_find(switches[which]));
}

static void leave_switches(struct sim_scenario *scenario, const struct sim_scenario *from, const uint32_t *items,
                           uint32_t len)
{
    for (uint32_t i = 0; i < SWITCHES; i++)
        sim_option_set(&scenario->options, sim_option_find(switches[i]), 0);
    for (uint32_t i = 0; i < len; i++)
        sim_option_set(&scenario->options, sim_option_find(switches[items[i]]), switch_of(&from->options, items[i]));
}

static void shrink_switches(struct sim_shrink *shrink)
{
    const struct sim_scenario from = shrink->scenario;
    uint32_t items[SWITCHES], len = 0;

    for (uint32_t i = 0; i < SWITCHES; i++) {
        if (switch_of(&from.options, i) != 0)
            items[len++] = i;
    }
    shrink_list(shrink, &from, leave_switches, items, len);
}

/* --- Actions --- */

static void leave_actions(struct sim_scenario *scenario, const struct sim_scenario *from, const uint32_t *items,
                          uint32_t len)
{
    scenario->plan.len = len;
    for (uint32_t i = 0; i < len; i++)
        scenario->plan.actions[i] = from->plan.actions[items[i]];
}

static void shrink_actions(struct sim_shrink *shrink)
{
    const struct sim_scenario from = shrink->scenario;
    uint32_t items[SIM_ACTIONS_MAX];

    for (uint32_t i = 0; i < from.plan.len; i++)
        items[i] = i;
    shrink_list(shrink, &from, leave_actions, items, from.plan.len);
}

/* --- Transactions --- */

static uint32_t count_of(const struct sim_options *options, uint32_t client)
{
    const uint32_t count =
        options->transactions / options->clients + (client < options->transactions % options->clients);

    return count < SIM_CLIENT_TXNS_MAX ? count : SIM_CLIENT_TXNS_MAX;
}

static bool takes_place(const struct sim_scenario *scenario, uint32_t client, uint32_t number)
{
    return number < count_of(&scenario->options, client) && (scenario->plan.skipped[client] >> number & 1) == 0;
}

static void leave_transactions(struct sim_scenario *scenario, const struct sim_scenario *from, const uint32_t *items,
                               uint32_t len)
{
    for (uint32_t client = 0; client < from->options.clients; client++) {
        for (uint32_t i = 0; i < count_of(&from->options, client); i++)
            scenario->plan.skipped[client] |= UINT64_C(1) << i;
    }
    for (uint32_t i = 0; i < len; i++)
        scenario->plan.skipped[items[i] / SIM_CLIENT_TXNS_MAX] &= ~(UINT64_C(1) << items[i] % SIM_CLIENT_TXNS_MAX);
}

/* The same transactions, without saying of those behind the last ones that they are left out. */
static void count_again(struct sim_scenario *scenario)
{
    uint64_t kept[SIM_CLIENTS_MAX] = {0};
    uint32_t most = 1;

    for (uint32_t client = 0; client < scenario->options.clients; client++) {
        for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++) {
            if (!takes_place(scenario, client, i))
                continue;
            kept[client] |= UINT64_C(1) << i;
            most = most > i + 1 ? most : i + 1;
        }
    }
    memset(scenario->plan.skipped, 0, sizeof(scenario->plan.skipped));
    scenario->options.transactions = most * scenario->options.clients;
    for (uint32_t client = 0; client < scenario->options.clients; client++) {
        for (uint32_t i = 0; i < most; i++)
            scenario->plan.skipped[client] |= (kept[client] >> i & 1) == 0 ? UINT64_C(1) << i : 0;
    }
}

static void shrink_transactions(struct sim_shrink *shrink)
{
    const struct sim_scenario from = shrink->scenario;
    struct sim_scenario less;
    uint32_t items[TXNS_MAX], len = 0;

    for (uint32_t client = 0; client < from.options.clients; client++) {
        for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++) {
            if (takes_place(&from, client, i))
                items[len++] = client * SIM_CLIENT_TXNS_MAX + i;
        }
    }
    shrink_list(shrink, &from, leave_transactions, items, len);
    less = shrink->scenario;
    count_again(&less);
    if (less.options.transactions < shrink->scenario.options.transactions)
        (void)try_and_keep(shrink, &less);
}

/* --- Time --- */

#define PARTS 8

static void keep_first(struct sim_scenario *scenario, uint32_t client, uint32_t parts)
{
    uint32_t kept = 0, left = 0;

    for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++)
        kept += takes_place(scenario, client, i);
    for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++) {
        if (takes_place(scenario, client, i) && ++left > (kept * parts + PARTS - 1) / PARTS)
            scenario->plan.skipped[client] |= UINT64_C(1) << i;
    }
}

/* In so many eighths of the time, with so many of the transactions. */
static bool try_earlier(struct sim_shrink *shrink, uint32_t parts)
{
    struct sim_scenario less = shrink->scenario;

    for (uint32_t i = 0; i < less.plan.len; i++)
        less.plan.actions[i].at_us = less.plan.actions[i].at_us * parts / PARTS;
    for (uint32_t client = 0; client < less.options.clients; client++)
        keep_first(&less, client, parts);
    return sim_scenario_size(&less).transactions < sim_scenario_size(&shrink->scenario).transactions &&
           try_and_keep(shrink, &less);
}

/* An action that comes late needs transactions that fill the time before it: both go together. */
static void shrink_time(struct sim_shrink *shrink)
{
    uint32_t parts = 1;

    while (parts < PARTS && shrink->scenario.plan.len > 0)
        parts = try_earlier(shrink, parts) ? 1 : parts + 1;
}

/* --- Nodes --- */

static uint8_t moved(uint8_t node, uint32_t gone)
{
    return node != SIM_NODE_NONE && node > gone ? (uint8_t)(node - 1) : node;
}

/* Those after it move up, and what happened to it does not happen. */
static void drop_node(struct sim_plan *plan, uint32_t gone)
{
    uint32_t actions = 0, noise = 0;

    for (uint32_t i = 0; i < plan->len; i++) {
        struct sim_action action = plan->actions[i];

        if (action.node == gone || action.peer == gone)
            continue;
        action.node = moved(action.node, gone);
        action.peer = moved(action.peer, gone);
        plan->actions[actions++] = action;
    }
    plan->len = actions;
    for (uint32_t i = 0; i < plan->noise.len; i++) {
        struct sim_noise_item item = plan->noise.items[i];

        if (item.is_commit && item.node == gone)
            continue;
        item.node = item.is_commit ? moved(item.node, gone) : 0;
        plan->noise.items[noise++] = item;
    }
    plan->noise.len = noise;
}

static void drop_client(struct sim_shrink *shrink, uint32_t client)
{
    struct sim_scenario less = shrink->scenario;

    count_again(&less);
    drop_node(&less.plan, less.options.coordinators + less.options.participants + client);
    less.options.transactions = less.options.transactions / less.options.clients * (less.options.clients - 1);
    less.options.clients--;
    memmove(&less.plan.skipped[client], &less.plan.skipped[client + 1],
            (less.options.clients - client) * sizeof(less.plan.skipped[0]));
    less.plan.skipped[less.options.clients] = 0;
    (void)try_and_keep(shrink, &less);
}

static void drop_server(struct sim_shrink *shrink, bool is_coordinator, uint32_t node)
{
    struct sim_scenario less = shrink->scenario;

    drop_node(&less.plan, node);
    less.options.coordinators -= is_coordinator;
    less.options.participants -= !is_coordinator;
    (void)try_and_keep(shrink, &less);
}

static void shrink_nodes(struct sim_shrink *shrink)
{
    const struct sim_options *o = &shrink->scenario.options;

    for (uint32_t i = o->clients; i-- > 0;) {
        if (o->clients > 1 && i < o->clients)
            drop_client(shrink, i);
    }
    for (uint32_t i = o->participants; i-- > 0;) {
        if (o->participants > o->coordinators && i < o->participants)
            drop_server(shrink, false, o->coordinators + i);
    }
    for (uint32_t i = o->coordinators; i-- > 0;) {
        if (o->coordinators > 1 && i < o->coordinators)
            drop_server(shrink, true, i);
    }
}

/* --- Faults of single frames and commits --- */

static void leave_noise(struct sim_scenario *scenario, const struct sim_scenario *from, const uint32_t *items,
                        uint32_t len)
{
    scenario->plan.is_listed = true;
    scenario->plan.noise.len = len;
    for (uint32_t i = 0; i < len; i++)
        scenario->plan.noise.items[i] = from->plan.noise.items[items[i]];
}

/* First the scenario says what has a fault in it anyway; what is too much to be listed stays with the classes. */
static void shrink_noise(struct sim_shrink *shrink)
{
    struct sim_scenario from = shrink->scenario;
    uint32_t items[SIM_NOISE_MAX];

    from.plan.noise.len = 0;
    if (!try(shrink, &shrink->scenario, &from.plan.noise) || from.plan.noise.len == SIM_NOISE_MAX ||
        (from.plan.noise.len == 0 && !shrink->scenario.plan.is_listed))
        return;
    from.plan.is_listed = true;
    for (uint32_t i = 0; i < from.plan.noise.len; i++)
        items[i] = i;
    shrink_list(shrink, &from, leave_noise, items, from.plan.noise.len);
}

/* --- All of it --- */

static void shrink_legs(struct sim_shrink *shrink)
{
    struct sim_scenario less = shrink->scenario;

    less.options.legs_max = 2;
    if (shrink->scenario.options.legs_max > 2)
        (void)try_and_keep(shrink, &less);
}

static void count_transactions(const struct sim_scenario *scenario, struct sim_size *size)
{
    for (uint32_t client = 0; client < scenario->options.clients; client++) {
        for (uint32_t i = 0; i < SIM_CLIENT_TXNS_MAX; i++)
            size->transactions += takes_place(scenario, client, i);
    }
}

struct sim_size sim_scenario_size(const struct sim_scenario *scenario)
{
    const struct sim_options *o = &scenario->options;
    struct sim_size size = {.actions = scenario->plan.len,
                            .nodes = o->coordinators + o->participants + o->clients,
                            .noise = scenario->plan.noise.len,
                            .is_listed = scenario->plan.is_listed};

    for (uint32_t i = 0; i < SWITCHES; i++)
        size.classes += switch_of(o, i) != 0;
    count_transactions(scenario, &size);
    return size;
}

static uint32_t weight(const struct sim_scenario *scenario)
{
    const struct sim_size size = sim_scenario_size(scenario);

    return size.classes + size.actions + size.transactions + size.nodes +
           (size.is_listed ? size.noise : SIM_NOISE_MAX) + scenario->options.legs_max;
}

void sim_shrink_run(struct sim_shrink *shrink)
{
    shrink->scenario.has_hash = false; /* of another world */
    for (uint32_t round = 0; round < ROUNDS_MAX && !shrink->is_spent; round++) {
        const uint32_t before = weight(&shrink->scenario);

        shrink_switches(shrink);
        shrink_actions(shrink);
        shrink_time(shrink);
        shrink_transactions(shrink);
        shrink_nodes(shrink);
        shrink_legs(shrink);
        shrink_noise(shrink);
        if (weight(&shrink->scenario) >= before)
            break;
    }
}
