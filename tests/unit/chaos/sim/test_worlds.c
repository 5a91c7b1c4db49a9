/* Whole worlds: what is promised of each, whatever its seed. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "chaos/sim/run.h"
#include "chaos/sim/sweep.h"

#define WORLDS 24

static struct sim_world world;

static void prepare(void)
{
    sim_run_prepare();
}

static void give_back(void)
{
    sim_world_free(&world);
}

TestSuite(worlds, .init = prepare, .fini = give_back);

Test(worlds, one_seed_is_one_world)
{
    struct sim_result first, again;

    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &first);
        sim_run_seed(&world, seed, NULL, &again);
        cr_expect_eq(first.hash, again.hash, "seed %lu", seed);
        cr_expect_eq(first.sights, again.sights);
    }
}

/* What an earlier world has left in the process must not matter. */
Test(worlds, a_world_does_not_depend_on_the_ones_before)
{
    struct sim_result alone, after;

    sim_run_seed(&world, 7, NULL, &alone);
    for (uint64_t seed = 20; seed < 26; seed++)
        sim_run_seed(&world, seed, NULL, &after);
    sim_run_seed(&world, 7, NULL, &after);
    cr_assert_eq(alone.hash, after.hash);
}

Test(worlds, different_seeds_are_different_worlds)
{
    struct sim_result results[WORLDS];

    for (uint64_t i = 0; i < WORLDS; i++) {
        sim_run_seed(&world, i + 1, NULL, &results[i]);
        for (uint64_t j = 0; j < i; j++)
            cr_expect_neq(results[i].hash, results[j].hash);
    }
}

Test(worlds, nothing_is_violated)
{
    struct sim_result result;

    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &result);
        cr_expect_eq(result.violations, 0, "seed %lu: %s", seed, result.violation);
    }
}

/* The least that a full world has, by construction: 40 transactions and a plan of 5 faults. Half of all are short. */
Test(worlds, a_full_world_has_forty_transactions_and_five_faults)
{
    struct sim_options options;
    struct sim_plan plan;
    int shorts = 0;

    for (uint64_t seed = 1; seed <= 10000; seed++) {
        sim_options_draw(&options, seed);
        sim_plan_draw(&plan, &options);
        shorts += options.is_short != 0;
        if (options.is_short) {
            cr_assert(options.coordinators + options.participants + options.clients <= 6);
            continue;
        }
        cr_assert_geq(options.transactions, 40);
        cr_assert_geq(plan.len, 5);
    }
    cr_assert(shorts > 4700 && shorts < 5300, "%d", shorts);
}

Test(worlds, a_full_world_ends_all_its_transactions)
{
    struct sim_result result;

    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &result);
        cr_expect(result.is_short || result.totals.transactions >= 40, "seed %lu: %lu", seed,
                  result.totals.transactions);
    }
}

Test(worlds, options_are_printed_and_set_by_name)
{
    struct sim_options options, copy;
    char text[4096], *save = NULL;

    sim_options_draw(&options, 11);
    copy = (struct sim_options){.seed = 11};
    cr_assert_lt(sim_options_print(&options, text, sizeof(text)), (int)sizeof(text));
    for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        if (strcmp(word, "seed") != 0)
            sim_option_set(&copy, sim_option_find(word), (uint32_t)strtoul(value, NULL, 10));
    }
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-*): a copy, and what is drawn is cleared before */
    cr_assert_eq(memcmp(&options, &copy, sizeof(options)), 0);
    cr_assert_null(sim_option_find("nothing"));
}

/* The same worlds, spread over any number of processes, have the same sum of hashes. */
Test(worlds, a_sweep_is_the_same_in_any_number_of_processes)
{
    struct sim_sweep one = {.first = 1, .last = 12, .jobs = 1}, three = {.first = 1, .last = 12, .jobs = 3};

    cr_assert_eq(sim_sweep_run(&one), 0);
    cr_assert_eq(sim_sweep_run(&three), 0);
    cr_expect_eq(one.seeds, 12);
    cr_expect_eq(three.seeds, 12);
    cr_expect_eq(one.hash, three.hash);
    cr_expect_eq(one.failures, 0);
}

/* Seeds 70, 71 and each hundredth fail, 90 by ending its process. */
static void run_some_that_fail(struct sim_world *unused, uint64_t seed, FILE *trace, struct sim_result *result)
{
    (void)unused;
    (void)trace;
    if (seed == 90)
        _exit(1);
    *result = (struct sim_result){.seed = seed, .violations = seed == 70 || seed == 71 || seed % 100 == 0};
}

/* Whichever process comes first: the seeds below are all run. */
Test(worlds, a_sweep_for_the_first_failure_stops_at_the_lowest_seed)
{
    for (uint32_t jobs = 1; jobs <= 4; jobs++) {
        struct sim_sweep sweep = {
            .first = 1, .last = UINT64_MAX / 4, .jobs = jobs, .is_first = true, .run = run_some_that_fail};

        cr_assert_eq(sim_sweep_run(&sweep), 0);
        cr_expect_eq(sweep.failures, 1);
        cr_expect_eq(sweep.failed[0].seed, 70, "in %u processes: seed %lu", jobs, sweep.failed[0].seed);
        cr_expect_geq(sweep.seeds, 70);
    }
}

/* The other process has far to go, and hears of it. */
Test(worlds, a_sweep_for_the_first_failure_stops_at_a_process_that_died)
{
    struct sim_sweep sweep = {.first = 80, .last = 400000, .jobs = 2, .is_first = true, .run = run_some_that_fail};

    cr_assert_eq(sim_sweep_run(&sweep), 0);
    cr_expect_eq(sweep.failures, 1);
    cr_expect_eq(sweep.failed[0].seed, 90);
    cr_expect_lt(sweep.seeds, 100000);
}

Test(worlds, F_planned_and_never_hit_makes_a_sweep_invalid)
{
    struct sim_sweep sweep = {.first = 1, .last = 30};

    sweep.planned[SIM_FAULT_TORN] = 19;
    cr_expect_not(sim_sweep_has_missed(&sweep, SIM_FAULT_TORN));
    sweep.planned[SIM_FAULT_TORN] = 20;
    cr_expect(sim_sweep_has_missed(&sweep, SIM_FAULT_TORN));
    sweep.hits[SIM_FAULT_TORN] = 1;
    cr_expect_not(sim_sweep_has_missed(&sweep, SIM_FAULT_TORN));
}

/* ---- worlds with sagas ---- */

static void prepare_sagas(void)
{
    sim_run_prepare();
    sim_run_protocol(SIM_PROTOCOL_SAGA);
}

TestSuite(worlds_of_sagas, .init = prepare_sagas, .fini = give_back);

Test(worlds_of_sagas, one_seed_is_one_world)
{
    struct sim_result first, again;

    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &first);
        sim_run_seed(&world, seed, NULL, &again);
        cr_expect_eq(first.hash, again.hash, "seed %lu", seed);
    }
}

/* I23, S1: whatever can end has ended within the bound, and nothing else is violated. */
Test(worlds_of_sagas, all_of_them_hold)
{
    struct sim_totals totals = {.sagas = 0};
    struct sim_result result;

    for (uint64_t seed = 1; seed <= UINT64_C(3) * WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &result);
        cr_expect_eq(result.violations, 0, "seed %lu: %s", seed, result.violation);
        totals.sagas += result.totals.sagas;
        totals.completed += result.totals.completed;
        totals.compensated += result.totals.compensated;
    }
    cr_expect_gt(totals.sagas, UINT64_C(10) * WORLDS);
    cr_expect_gt(totals.completed, WORLDS);
    cr_expect_gt(totals.compensated, WORLDS);
}

/* What transactions do does not depend on whether there are options of sagas. */
Test(worlds_of_sagas, a_world_of_transactions_is_what_it_was)
{
    struct sim_options without, with;

    for (uint64_t seed = 1; seed <= 3000; seed++) {
        sim_options_draw(&without, seed);
        sim_options_draw_for(&with, seed, SIM_PROTOCOL_2PC);
        cr_assert_arr_eq(&without, &with, sizeof(with));
        sim_options_draw_for(&with, seed, SIM_PROTOCOL_ALL);
        cr_assert_eq(without.participants, with.participants);
        cr_assert_eq(without.kills, with.kills);
    }
}

/* I31, for sagas: what a world can meet some of the first worlds have met. */
Test(worlds_of_sagas, what_there_is_to_meet_is_met)
{
    bool is_met[SIM_MARKS] = {false};
    struct sim_result result;

    for (uint64_t seed = 1; seed <= UINT64_C(5) * WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &result);
        for (int i = 0; i < SIM_MARKS; i++)
            is_met[i] = is_met[i] || result.marks[i];
    }
    for (int i = 0; i < SIM_MARKS; i++)
        cr_expect(is_met[i] || !sim_mark_is_of_sagas((enum sim_mark)i) || sim_mark_within((enum sim_mark)i) == 0, "%s",
                  sim_mark_number((enum sim_mark)i));
}

/* ---- worlds with events ---- */

static void prepare_events(void)
{
    sim_run_prepare();
    sim_run_protocol(SIM_PROTOCOL_EVENTS);
}

TestSuite(worlds_of_events, .init = prepare_events, .fini = give_back);

Test(worlds_of_events, one_seed_is_one_world)
{
    struct sim_result first, again;

    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &first);
        sim_run_seed(&world, seed, NULL, &again);
        cr_expect_eq(first.hash, again.hash, "seed %lu", seed);
    }
}

/* I26, I28: in the last phase outboxes empty, and groups have done or buried all; and nothing else is violated. */
Test(worlds_of_events, all_of_them_hold)
{
    uint64_t told = 0;
    struct sim_result result;

    for (uint64_t seed = 1; seed <= UINT64_C(2) * WORLDS; seed++) {
        sim_run_seed(&world, seed, NULL, &result);
        cr_expect_eq(result.violations, 0, "seed %lu: %s", seed, result.violation);
        told += result.totals.events_told;
    }
    cr_expect_gt(told, UINT64_C(5) * WORLDS);
}
