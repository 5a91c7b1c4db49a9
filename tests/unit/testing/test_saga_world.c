/* Sagas in a world of <vow/testing.h>: real coordinator, real services, every message harmed, time moved by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "town.h"

TestSuite(saga_world, .timeout = 60);

/* Where the result of a saga goes. */
struct trip {
    atomic_bool done;
    struct vow_saga_result result;
};

static void take(void *ctx, const struct vow_saga_result *result)
{
    struct trip *trip = ctx;

    trip->result = *result;
    atomic_store(&trip->done, true);
}

/* 30 go from north to south; `amount` is what south takes, and what it cannot take is refused. */
static void start(struct town *town, struct trip *trip, const char *amount, const char *key)
{
    const struct vow_saga_options options = {.size = sizeof(options), .key = key};
    const struct vow_saga_step steps[] = {
        {sizeof(steps[0]), "north", "add", "give_back", "-30", 3, .attempts_max = 1000, .deadline_ms = 3600000},
        {sizeof(steps[0]), "south", "add", "give_back", amount, strlen(amount), .attempts_max = 1000,
         .deadline_ms = 3600000},
    };
    struct vow_saga *saga;

    atomic_store(&trip->done, false);
    cr_assert_eq(vow_saga_new(town->client, &options, &saga), 0);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(vow_saga_step(saga, &steps[i]), 0, "%s", vow_saga_why(saga));
    cr_assert_eq(vow_saga_start(saga, 600000, take, trip), 0);
    vow_saga_free(saga);
}

static void expect(const struct town *town, const struct trip *trip, enum vow_saga_state state, int north, int south)
{
    cr_assert(trip->done);
    cr_assert_eq(trip->result.error, 0, "%s", vow_error_text(trip->result.error));
    cr_assert_eq(trip->result.state, state, "%s", vow_saga_state_name((int)trip->result.state));
    cr_assert_eq(town_money(town, NORTH), north);
    cr_assert_eq(town_money(town, SOUTH), south);
}

Test(saga_world, a_saga_costs_what_it_says)
{
    struct town town;
    struct trip trip;

    town_open(&town, true, 0);
    start(&town, &trip, "30", NULL);
    vow_testing_clock_settle();
    expect(&town, &trip, VOW_SAGA_COMPLETED, 70, 130);
    cr_assert_eq(vow_test_network_passed(town.network, NULL, VOW_TEST_FROM_COORDINATOR, "STEP"), 2);
    cr_assert_eq(vow_test_network_passed(town.network, NULL, VOW_TEST_TO_COORDINATOR, "STEP_DONE"), 2);
    cr_assert_eq(vow_test_network_passed(town.network, "client", VOW_TEST_TO_COORDINATOR, "SAGA_REQUEST"), 1);
    town_close(&town);
}

/* South has 100 and is to give 200. */
Test(saga_world, a_refused_step_undoes_what_was_done)
{
    struct town town;
    struct trip trip;

    town_open(&town, true, 0);
    start(&town, &trip, "-200", NULL);
    vow_testing_clock_settle();
    expect(&town, &trip, VOW_SAGA_COMPENSATED, 100, 100);
    cr_assert_eq(trip.result.step, 1);
    town_close(&town);
}

/* Each message of a saga that completes, and of one that is undone, is harmed in every way. */
static void harm_one(enum vow_test_way way, const char *message, enum vow_test_harm harm, const char *amount)
{
    const bool completes = amount[0] != '-';
    struct town town;
    struct trip trip;

    town_open(&town, true, 0);
    cr_assert_eq(vow_test_network_harm(town.network, NULL, way, message, 1, harm), 0);
    start(&town, &trip, amount, "trip 1");
    vow_testing_clock_advance(4000);
    vow_test_network_heal(town.network, NULL);
    vow_test_network_heal(town.network, "north");
    vow_test_network_heal(town.network, "south");
    vow_test_network_heal(town.network, "client");
    for (int i = 0; i < 24 && !trip.done; i++)
        vow_testing_clock_advance(5000);
    cr_assert(trip.done, "%s, harm %d: never ended", message, harm);
    expect(&town, &trip, completes ? VOW_SAGA_COMPLETED : VOW_SAGA_COMPENSATED, completes ? 70 : 100,
           completes ? 130 : 100);
    town_close(&town);
}

static void harm_each(enum vow_test_way way, const char *message)
{
    for (int harm = VOW_TEST_CUT_BEFORE; harm <= VOW_TEST_TWICE; harm++) {
        harm_one(way, message, (enum vow_test_harm)harm, "30");
        harm_one(way, message, (enum vow_test_harm)harm, "-200");
    }
}

Test(saga_world, F193_F194_the_request_may_be_harmed)
{
    harm_each(VOW_TEST_TO_COORDINATOR, "SAGA_REQUEST");
}

Test(saga_world, F193_F194_the_answer_of_a_step_may_be_harmed)
{
    harm_each(VOW_TEST_TO_COORDINATOR, "STEP_DONE");
}

Test(saga_world, F193_F194_a_step_may_be_harmed)
{
    harm_each(VOW_TEST_FROM_COORDINATOR, "STEP");
}

Test(saga_world, F193_F194_what_the_client_is_told_may_be_harmed)
{
    harm_each(VOW_TEST_FROM_COORDINATOR, "SAGA_STATE");
}

/* F198: the coordinator goes and comes while south is away; the same key is the same saga then. */
Test(saga_world, F198_a_saga_goes_on_when_the_coordinator_is_back)
{
    struct vow_error_detail detail;
    struct town town;
    struct trip trip, again;

    town_open(&town, true, 0);
    vow_test_network_cut(town.network, "south", VOW_TEST_FROM_COORDINATOR);
    start(&town, &trip, "30", "trip 1");
    vow_testing_clock_settle();
    cr_assert_eq(town_money(&town, NORTH), 70);
    vow_test_network_stop_coordinator(town.network);
    vow_testing_clock_settle();
    vow_test_network_heal(town.network, "south");
    cr_assert_eq(vow_test_network_start_coordinator(town.network, &detail), 0, "%s", detail.text);
    start(&town, &again, "30", "trip 1");
    vow_testing_clock_advance(120000);
    expect(&town, &trip, VOW_SAGA_COMPLETED, 70, 130);
    expect(&town, &again, VOW_SAGA_COMPLETED, 70, 130);
    cr_assert(vow_gtrid_equal(&trip.result.id, &again.result.id));
    town_close(&town);
}
