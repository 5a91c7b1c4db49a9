/* Cutting down: only what is needed is left, and a world that dies is cut down like others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "chaos/sim/run.h"
#include "chaos/sim/shrink.h"
#include "chaos/sim/trial.h"

static struct sim_shrink shrink;
static struct sim_scenario scenario;

/* --- Lists --- */

struct wanted {
    uint32_t items[4], len, asked;
};

static bool has_all(void *ctx, const uint32_t *items, uint32_t len)
{
    struct wanted *wanted = ctx;
    uint32_t found = 0;

    wanted->asked++;
    for (uint32_t i = 0; i < len; i++) {
        for (uint32_t j = 0; j < wanted->len; j++)
            found += items[i] == wanted->items[j];
    }
    return found == wanted->len;
}

Test(shrink, a_list_is_cut_to_what_is_wanted_together)
{
    for (uint32_t len = 1; len <= 200; len += 7) {
        for (uint32_t a = 0; a < len; a += 5) {
            struct wanted wanted = {.items = {a, len - 1}, .len = a < len - 1 ? 2 : 1};
            uint32_t items[200];

            for (uint32_t i = 0; i < len; i++)
                items[i] = i;
            cr_assert_eq(sim_shrink_items(items, len, has_all, &wanted), wanted.len);
            cr_assert_eq(items[0], a);
            cr_assert_eq(items[wanted.len - 1], len - 1);
            cr_assert_leq(wanted.asked, 60, "%u of %u", wanted.asked, len);
        }
    }
}

Test(shrink, a_list_that_nothing_of_is_wanted_of_is_empty_at_once)
{
    struct wanted wanted = {.len = 0};
    uint32_t items[3] = {4, 5, 6};

    cr_assert_eq(sim_shrink_items(items, 3, has_all, &wanted), 0);
    cr_assert_eq(wanted.asked, 1);
}

/* --- Scenarios, judged by a rule instead of a run --- */

static bool takes_place(const struct sim_scenario *s, uint32_t client, uint32_t number)
{
    const uint32_t count =
        s->options.transactions / s->options.clients + (client < s->options.transactions % s->options.clients);

    return client < s->options.clients && number < count && (s->plan.skipped[client] >> number & 1) == 0;
}

/* It fails when action 2 and action 5, as they were drawn, are there, and transaction 3 of the first client, and frames
 * are lost. */
static bool rule(void *ctx, const struct sim_scenario *s, struct sim_noise *noise)
{
    uint32_t actions = 0;
    bool has_frame = !s->plan.is_listed;

    (void)ctx;
    for (uint32_t i = 0; i < s->plan.len; i++)
        actions += s->plan.actions[i].number == 2 || s->plan.actions[i].number == 5;
    for (uint32_t i = 0; i < 9 && noise != NULL; i++) {
        const struct sim_noise_item item = {.number = 100 + i};

        sim_noise_add(noise, &item);
    }
    for (uint32_t i = 0; i < s->plan.noise.len; i++)
        has_frame = has_frame || s->plan.noise.items[i].number == 104;
    return actions == 2 && takes_place(s, 0, 3) && s->options.loss > 0 && has_frame;
}

static void begin(uint32_t runs_max)
{
    sim_scenario_of_seed(&scenario, 7);
    scenario.options.loss = 100;
    for (uint32_t i = 0; i < scenario.plan.len; i++)
        scenario.plan.actions[i].node = 0; /* of the node that always remains */
    for (uint32_t i = 0; i < scenario.plan.len; i++)
        scenario.plan.actions[i].peer = 255;
    cr_assert(rule(NULL, &scenario, NULL));
    memset(&shrink, 0, sizeof(shrink));
    shrink.scenario = scenario;
    shrink.fails = rule;
    shrink.runs_max = runs_max;
}

Test(shrink, only_what_the_failure_needs_is_left)
{
    struct sim_size size;

    begin(10000);
    sim_shrink_run(&shrink);
    size = sim_scenario_size(&shrink.scenario);
    cr_assert(rule(NULL, &shrink.scenario, NULL));
    cr_assert_not(shrink.is_spent);
    cr_assert_eq(size.actions, 2);
    cr_assert_eq(size.transactions, 1);
    cr_assert_eq(size.classes, 1);
    cr_assert_eq(size.nodes, 3);
    cr_assert(size.is_listed && size.noise == 1);
    cr_assert_eq(shrink.scenario.options.transactions, 4);
    cr_assert_lt(shrink.runs, 300);
}

Test(shrink, what_is_left_can_be_written_and_read)
{
    static struct sim_scenario again;
    struct sim_scenario_error error;
    char *text = NULL;
    size_t len = 0;
    FILE *out;

    begin(10000);
    sim_shrink_run(&shrink);
    out = open_memstream(&text, &len);
    sim_scenario_print(&shrink.scenario, out);
    (void)fclose(out);
    cr_assert(sim_scenario_parse(&again, text, len, &error), "line %u: %s of\n%s", error.line, error.text, text);
    cr_assert(rule(NULL, &again, NULL));
    free(text);
}

/* It fails when the action comes and there is a transaction for each 100 ms before it. */
static bool late_rule(void *ctx, const struct sim_scenario *s, struct sim_noise *noise)
{
    (void)ctx, (void)noise;
    return s->plan.len > 0 && sim_scenario_size(s).transactions > s->plan.actions[0].at_us / 100000;
}

Test(shrink, an_action_and_what_fills_the_time_before_it_go_together)
{
    begin(10000);
    scenario.plan.actions[0].at_us = 4000000;
    scenario.plan.len = 1;
    shrink.scenario = scenario;
    shrink.fails = late_rule;
    cr_assert(late_rule(NULL, &scenario, NULL));
    sim_shrink_run(&shrink);
    cr_assert_leq(sim_scenario_size(&shrink.scenario).transactions, 2);
    cr_assert_eq(shrink.scenario.plan.len, 1);
}

/* However few runs it has, what it ends with fails. */
Test(shrink, a_bound_of_runs_is_kept_and_said)
{
    for (uint32_t runs = 1; runs < 40; runs++) {
        begin(runs);
        sim_shrink_run(&shrink);
        cr_expect_leq(shrink.runs, runs);
        cr_expect(shrink.is_spent);
        cr_expect(rule(NULL, &shrink.scenario, NULL), "%u runs", runs);
    }
}

/* --- Runs --- */

Test(shrink, a_run_in_a_process_of_its_own_is_the_same, .init = sim_run_prepare)
{
    static struct sim_trial trial;
    static struct sim_world world;
    struct sim_result result;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        sim_scenario_of_seed(&scenario, seed);
        cr_assert_eq(sim_trial_run(&scenario, NULL, &trial), 0);
        cr_assert_not(trial.has_failed, "%s", trial.text);
        sim_run_seed(&world, seed, NULL, &result);
        cr_assert_eq(trial.result.hash, result.hash);
    }
    sim_world_free(&world);
}

/* It is the process that writes the trace, and it alone that knows. */
Test(shrink, a_trace_that_is_not_whole_is_told, .init = sim_run_prepare)
{
    static struct sim_trial trial;
    FILE *full = fopen("/dev/full", "we"), *good = fopen("/dev/null", "we");

    cr_assert(full != NULL && good != NULL);
    sim_scenario_of_seed(&scenario, 1);
    cr_assert_eq(sim_trial_run(&scenario, full, &trial), 0);
    cr_assert(trial.is_trace_cut);
    cr_assert_eq(sim_trial_run(&scenario, good, &trial), 0);
    cr_assert_not(trial.is_trace_cut);
    (void)fclose(full);
    (void)fclose(good);
}

/* A plan with an action of no such node ends the process; the one that asked goes on, and is told where. */
Test(shrink, a_run_that_dies_is_a_failure_like_others, .init = sim_run_prepare)
{
    static struct sim_trial trial;

    sim_scenario_of_seed(&scenario, 7);
    scenario.options.transactions = 100 * scenario.options.clients;
    scenario.options.legs_max = 2;
    scenario.options.participants = 40; /* more nodes than a world can have: an assert of ours */
    cr_assert_eq(sim_trial_run(&scenario, NULL, &trial), 0);
    cr_assert(trial.has_failed);
    cr_assert_str_eq(trial.invariant, "died");
    cr_assert(strstr(trial.what, "SIM_NODES_MAX") != NULL, "%s", trial.what);
}
