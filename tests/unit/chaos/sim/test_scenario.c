/* Scenario files: what is written is read back, the same world comes of it, and nothing else is taken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/run.h"
#include "chaos/sim/scenario.h"
#include "chaos/sim/seen.h"

#define SEEDS 20

static struct sim_world world;
static struct sim_scenario scenario, again;
static char *printed;
static size_t printed_len;

static void give_back(void)
{
    sim_world_free(&world);
    free(printed);
}

TestSuite(scenario, .init = sim_run_prepare, .fini = give_back);

static void print(const struct sim_scenario *what)
{
    FILE *out;

    free(printed);
    printed = NULL;
    out = open_memstream(&printed, &printed_len);
    sim_scenario_print(what, out);
    (void)fclose(out);
}

/* Both were cleared whole before they were filled. */
static int differ(void)
{
    return memcmp(&scenario, &again, sizeof(scenario)); /* NOLINT(bugprone-suspicious-memory-comparison,cert-*) */
}

static bool parse(const char *text, struct sim_scenario_error *error)
{
    return sim_scenario_parse(&again, text, strlen(text), error);
}

/* All that can be written, in one. */
static void cut_down(void)
{
    struct sim_noise_item frame, commit;

    /* No padding is left undefined: scenarios are compared by their bytes. */
    memset(&frame, 0, sizeof(frame));
    memset(&commit, 0, sizeof(commit));
    frame.number = 17;
    commit.is_commit = true;
    commit.node = 1;
    commit.life = 2;
    commit.number = 5;
    sim_scenario_of_seed(&scenario, 7);
    scenario.options.loss = scenario.options.loss == 0 ? 100 : 0;
    scenario.options.txns_max = 63;
    scenario.plan.actions[1] = scenario.plan.actions[--scenario.plan.len];
    memset(&scenario.plan.actions[scenario.plan.len], 0, sizeof(scenario.plan.actions[0]));
    scenario.plan.skipped[0] = 1 | UINT64_C(1) << 9;
    scenario.plan.skipped[1] = 4;
    scenario.plan.is_listed = true;
    sim_noise_add(&scenario.plan.noise, &frame);
    sim_noise_add(&scenario.plan.noise, &commit);
    (void)snprintf(scenario.failed, sizeof(scenario.failed), "I07");
    scenario.has_hash = true;
    scenario.hash = UINT64_C(0x0123456789abcdef);
}

Test(scenario, what_is_printed_is_parsed_back)
{
    struct sim_scenario_error error;

    for (uint64_t seed = 1; seed <= 1000; seed++) {
        sim_scenario_of_seed(&scenario, seed);
        print(&scenario);
        cr_assert(parse(printed, &error), "seed %lu, line %u: %s", seed, error.line, error.text);
        cr_assert_eq(differ(), 0, "seed %lu", seed);
    }
    cut_down();
    print(&scenario);
    cr_assert(parse(printed, &error), "line %u: %s", error.line, error.text);
    cr_assert_eq(differ(), 0, "%s", printed);
}

Test(scenario, a_seed_written_down_is_the_same_world)
{
    struct sim_result drawn, replayed;
    struct sim_scenario_error error;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_run_seed(&world, seed, NULL, &drawn);
        sim_scenario_of_seed(&scenario, seed);
        print(&scenario);
        cr_assert(parse(printed, &error));
        sim_run_world(&world, &again.options, &again.plan, NULL, &replayed);
        cr_assert_eq(drawn.hash, replayed.hash, "seed %lu", seed);
    }
}

/* To list what had a fault anyway changes nothing; to list none leaves none. */
Test(scenario, listed_faults_are_those_that_happen)
{
    static struct sim_noise noise;
    struct sim_result drawn, listed;
    uint32_t noisy = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_scenario_of_seed(&scenario, seed);
        noise.len = 0;
        world.noise = &noise;
        sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &drawn);
        world.noise = NULL;
        if (noise.len == SIM_NOISE_MAX)
            continue;
        noisy += noise.len > 0;
        scenario.plan.is_listed = true;
        scenario.plan.noise = noise;
        sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &listed);
        cr_expect_eq(drawn.hash, listed.hash, "seed %lu", seed);
        scenario.plan.noise.len = 0;
        sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &listed);
        cr_expect_eq(listed.hits[SIM_FAULT_LOSS] + listed.hits[SIM_FAULT_DUPLICATE] + listed.hits[SIM_FAULT_SLICED], 0);
    }
    cr_assert_gt(noisy, 5);
}

Test(scenario, transactions_that_are_left_out_do_not_take_place)
{
    struct sim_result result;

    sim_scenario_of_seed(&scenario, 7);
    scenario.plan.len = 0;
    memset(scenario.plan.skipped, 0xff, sizeof(scenario.plan.skipped));
    scenario.plan.skipped[1] = ~UINT64_C(0x12);
    sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &result);
    cr_assert_eq(result.totals.transactions, 2);
    cr_assert_eq(result.violations, 0, "%s", result.violation);
}

/* What is in front of an action in the plan does not change what the action draws: here, one that never comes. */
Test(scenario, an_action_is_the_same_in_another_place)
{
    struct sim_result drawn, moved;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_action *actions = scenario.plan.actions;

        sim_scenario_of_seed(&scenario, seed);
        sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &drawn);
        memmove(&actions[1], &actions[0], scenario.plan.len * sizeof(*actions));
        actions[0] = (struct sim_action){.kind = SIM_ACT_PAUSE, .peer = SIM_NODE_NONE, .number = 95};
        actions[0].at_us = UINT64_C(3600000000);
        scenario.plan.len++;
        sim_run_world(&world, &scenario.options, &scenario.plan, NULL, &moved);
        cr_expect_eq(drawn.hash, moved.hash, "seed %lu", seed);
    }
}

/* No byte can be changed without being refused, or meaning something else: but for comments, nothing is passed over. */
Test(scenario, every_byte_counts)
{
    static const char others[] = "0a -\n\x01\x80~";
    struct sim_scenario_error error;
    char *changed;

    cut_down();
    print(&scenario);
    changed = strdup(printed);
    for (size_t i = 0; i < printed_len; i++) {
        for (size_t j = 0; j + 1 < sizeof(others); j++) {
            if (printed[i] == others[j])
                continue;
            changed[i] = others[j];
            if (sim_scenario_parse(&again, changed, printed_len, &error))
                cr_expect_neq(differ(), 0, "byte %zu as %#x", i, others[j]);
            else
                cr_expect(error.line > 0 && error.text[0] != '\0', "byte %zu", i);
        }
        changed[i] = printed[i];
        cr_expect_not(sim_scenario_parse(&again, printed, i, &error), "%zu bytes of it", i);
    }
    free(changed);
}

struct refusal {
    const char *text;
    uint32_t line;
    const char *why;
};

Test(scenario, a_bad_file_is_refused_with_line_and_reason)
{
    static const struct refusal refusals[] = {
        {"", 1, "ends before its end"},
        {"seed 1\n", 1, "no scenario"},
        {"vow-scenario 2\nseed 1\nend\n", 1, "version"},
        {"vow-scenario 1\nend\n", 2, "seed comes before"},
        {"vow-scenario 1\nseed 1\n", 3, "ends before its end"},
        {"vow-scenario 1\nseed 01\nend\n", 2, "seed wants"},
        {"vow-scenario 1\nseed 18446744073709551616\nend\n", 2, "seed wants"},
        {"vow-scenario 1\nseed 1\nseed 1\nend\n", 3, "out of its place"},
        {"vow-scenario 1\nseed 1\noption nothing 1\nend\n", 3, "no such option"},
        {"vow-scenario 1\nseed 1\noption clients 0\nend\n", 3, "cannot have"},
        {"vow-scenario 1\nseed 1\noption loss 10001\nend\n", 3, "cannot have"},
        {"vow-scenario 1\nseed 1\noption loss 1\noption clients 2\nend\n", 4, "out of its place"},
        {"vow-scenario 1\nseed 1\noption coordinators 3\noption participants 2\nend\n", 5, "wants a participant"},
        {"vow-scenario 1\nseed 1\naction 0 FLY 0 - 1 1\nend\n", 3, "no such action"},
        {"vow-scenario 1\nseed 1\naction 0 KILL 31 - 1 1\nend\n", 3, "no such node"},
        {"vow-scenario 1\nseed 1\naction 0 CUT 0 0 1 1\nend\n", 3, "no such peer"},
        {"vow-scenario 1\nseed 1\naction 0 KILL 0 - 1 -1\nend\n", 3, "below zero"},
        {"vow-scenario 1\nseed 1\nframe 1\nend\n", 3, "after noise listed"},
        {"vow-scenario 1\nseed 1\nnoise listed\nframe 1\nframe 1\nend\n", 5, "already"},
        {"vow-scenario 1\nseed 1\nskip 0 64\nend\n", 3, "skip wants"},
        {"vow-scenario 1\nseed 1\nhash 0123456789ABCDEF\nend\n", 3, "hexadecimal"},
        {"vow-scenario 1\nseed 1\nend\n\n", 3, "no more"},
        {"vow-scenario 1\nseed 1 \nend\n", 2, "one space"},
        {"vow-scenario 1\nseed 1\n# \x01\nend\n", 3, "printable"},
        {"vow-scenario 1\r\nseed 1\nend\n", 1, "printable"},
        {"vow-scenario 1\nseed 1\nend", 3, "without an end"},
    };
    struct sim_scenario_error error;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        cr_expect_not(parse(refusals[i].text, &error), "%s", refusals[i].text);
        cr_expect_eq(error.line, refusals[i].line, "line %u of: %s", error.line, refusals[i].text);
        cr_expect(strstr(error.text, refusals[i].why) != NULL, "%s: of: %s", error.text, refusals[i].text);
    }
    cr_assert(parse("vow-scenario 1\n# why\nseed 1\n#\nend\n", &error), "%u: %s", error.line, error.text);
}
