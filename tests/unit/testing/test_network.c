/* The in-memory network, with a real coordinator behind it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "town.h"

TestSuite(network, .timeout = 60);

static void expect_money(const struct town *town, int north, int south)
{
    cr_assert_eq(town_money(town, NORTH), north);
    cr_assert_eq(town_money(town, SOUTH), south);
}

Test(network, a_transfer_costs_what_the_protocol_says)
{
    struct town town;

    town_open(&town, false, 0);
    cr_assert_eq(town_transfer_now(&town).outcome, VOW_COMMITTED);
    vow_test_network_await(town.network, NULL, VOW_TEST_TO_COORDINATOR, "ACK", 2);
    cr_assert_eq(vow_test_network_passed(town.network, NULL, VOW_TEST_FROM_COORDINATOR, "PREPARE"), 2);
    cr_assert_eq(vow_test_network_passed(town.network, NULL, VOW_TEST_TO_COORDINATOR, "VOTE"), 2);
    cr_assert_eq(vow_test_network_passed(town.network, NULL, VOW_TEST_FROM_COORDINATOR, "DECISION"), 2);
    cr_assert_eq(vow_test_network_passed(town.network, "north", VOW_TEST_BOTH_WAYS, "ACK"), 1);
    cr_assert_eq(vow_test_network_passed(town.network, "nobody", VOW_TEST_BOTH_WAYS, "ACK"), 0);
    expect_money(&town, 70, 130);
    town_close(&town);
}

/* Every message of a transfer is harmed in every way; the books agree, and the client is not lied to. */
static void harm_one(enum vow_test_way way, const char *message, enum vow_test_harm harm)
{
    struct transfer transfer;
    struct town town;
    bool has_happened;

    town_open(&town, true, 0);
    cr_assert_eq(vow_test_network_harm(town.network, NULL, way, message, 1, harm), 0);
    town_transfer(&town, &transfer);
    vow_testing_clock_advance(4000);
    vow_test_network_heal(town.network, "north");
    vow_test_network_heal(town.network, "south");
    vow_test_network_heal(town.network, "client");
    vow_testing_clock_advance(30000);
    cr_assert(transfer.done, "%s, harm %d: never ended", message, harm);
    has_happened = town_money(&town, NORTH) == 70;
    expect_money(&town, has_happened ? 70 : 100, has_happened ? 130 : 100);
    if (transfer.result.outcome != VOW_UNKNOWN)
        cr_assert_eq(transfer.result.outcome == VOW_COMMITTED, has_happened, "%s, harm %d", message, harm);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt + town_stats(&town, SOUTH).in_doubt, 0);
    town_close(&town);
}

static void harm_each(enum vow_test_way way, const char *const *messages)
{
    for (; *messages != NULL; messages++) {
        for (int harm = VOW_TEST_CUT_BEFORE; harm <= VOW_TEST_TWICE; harm++)
            harm_one(way, *messages, (enum vow_test_harm)harm);
    }
}

Test(network, any_message_to_the_coordinator_may_be_harmed)
{
    static const char *const messages[] = {"COMMIT_REQUEST", "VOTE", "ACK", NULL};

    harm_each(VOW_TEST_TO_COORDINATOR, messages);
}

Test(network, any_message_from_the_coordinator_may_be_harmed)
{
    static const char *const messages[] = {"PREPARE", "DECISION", "OUTCOME", NULL};

    harm_each(VOW_TEST_FROM_COORDINATOR, messages);
}

Test(network, the_coordinator_comes_back_with_its_journal)
{
    struct vow_error_detail detail;
    struct transfer transfer;
    struct town town;

    town_open(&town, true, 0);
    cr_assert_eq(vow_test_network_harm(town.network, "north", VOW_TEST_TO_COORDINATOR, "VOTE", 1, VOW_TEST_CUT_AFTER),
                 0);
    town_transfer(&town, &transfer);
    vow_testing_clock_settle();
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 1);
    vow_test_network_stop_coordinator(town.network);
    vow_test_network_reset(town.network, "north"); /* the decision is on its way to it */
    vow_test_network_heal(town.network, "north");
    vow_testing_clock_advance(30000);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 1, "decided without anybody to ask");
    cr_assert_eq(vow_test_network_start_coordinator(town.network, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_test_network_start_coordinator(town.network, &detail), VOW_E_STATE);
    vow_testing_clock_advance(20000);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 0);
    expect_money(&town, 70, 130);
    town_close(&town);
}

Test(network, one_way_is_enough_to_be_deaf)
{
    struct transfer transfer;
    struct town town;

    town_open(&town, true, 0);
    vow_test_network_cut(town.network, "south", VOW_TEST_FROM_COORDINATOR);
    town_transfer(&town, &transfer);
    vow_testing_clock_advance(5000); /* until it votes no more */
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_ABORTED);
    vow_test_network_heal(town.network, "south");
    vow_testing_clock_advance(20000);
    expect_money(&town, 100, 100);
    town_close(&town);
}

static void count_known(void *ctx, const char *name, unsigned long times)
{
    unsigned *strange = ctx;
    bool is_known = strcmp(name, "bank.before.update") == 0;

    (void)times;
    for (size_t i = 0; vow_testing_crash_point_name(i) != NULL; i++)
        is_known = is_known || strcmp(name, vow_testing_crash_point_name(i)) == 0;
    if (!is_known) {
        fprintf(stderr, "not in the list of points: %s\n", name);
        ++*strange;
    }
}

static void count_all(void *ctx, const char *name, unsigned long times)
{
    (void)name, (void)times;
    ++*(unsigned *)ctx;
}

Test(network, the_points_of_a_run_are_known)
{
    unsigned strange = 0, all = 0;
    struct town town;

    town_open(&town, false, 0);
    vow_testing_crash_record(1);
    cr_assert_eq(town_transfer_now(&town).outcome, VOW_COMMITTED);
    vow_test_network_await(town.network, NULL, VOW_TEST_TO_COORDINATOR, "ACK", 2);
    vow_testing_crash_points_met(count_known, &strange);
    vow_testing_crash_points_met(count_all, &all);
    cr_assert_eq(strange, 0);
    cr_assert_gt(all, 15);
    town_close(&town);
}

Test(network, misuse_is_refused)
{
    struct vow_test_network *second = (struct vow_test_network *)&second;
    struct vow_error_detail detail;
    struct town town;

    cr_assert_eq(vow_test_network_open(NULL, &second, &detail), VOW_E_ARGUMENT);
    cr_assert_null(second);
    cr_assert_eq(vow_test_network_open("/tmp", NULL, &detail), VOW_E_ARGUMENT);
    cr_assert_neq(vow_test_network_open("/proc/no/such", &second, &detail), 0);
    cr_assert_str_neq(detail.text, "");
    town_open(&town, false, 0);
    cr_assert_eq(vow_test_network_open(town.directory, &second, &detail), VOW_E_STATE);
    cr_assert_eq(vow_test_network_harm(town.network, NULL, VOW_TEST_TO_COORDINATOR, "NONSENSE", 1, VOW_TEST_TWICE),
                 VOW_E_ARGUMENT);
    cr_assert_eq(vow_test_network_harm(town.network, NULL, VOW_TEST_BOTH_WAYS, "VOTE", 1, VOW_TEST_TWICE),
                 VOW_E_ARGUMENT);
    cr_assert_eq(vow_test_network_harm(town.network, NULL, VOW_TEST_TO_COORDINATOR, "VOTE", 0, VOW_TEST_TWICE),
                 VOW_E_ARGUMENT);
    cr_assert_eq(vow_testing_crash_at("two words"), VOW_E_ARGUMENT);
    vow_test_network_close(NULL);
    town_close(&town);
}
