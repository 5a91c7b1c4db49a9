/* Time moved by hand: what takes seconds and hours happens at once, and exactly then. */
#include <criterion/criterion.h>
#include <limits.h>

#include "town.h"

TestSuite(clock_by_hand, .timeout = 60);

#define HEARTBEAT_MS UINT64_C(2000)
#define TIMEOUT_MS 30000

Test(clock_by_hand, a_commit_needs_no_time)
{
    struct transfer transfer;
    struct town town;
    uint64_t before_ms;

    town_open(&town, true, 0);
    before_ms = vow_testing_clock_ms();
    town_transfer(&town, &transfer);
    vow_testing_clock_settle();
    cr_assert(transfer.done, "settled, and the commit is not over");
    cr_assert_eq(transfer.result.outcome, VOW_COMMITTED);
    cr_assert_eq(vow_testing_clock_ms(), before_ms);
    cr_assert_eq(town_money(&town, NORTH), 70);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

/* Guarantee 3: not a millisecond early, and never an abort. */
Test(clock_by_hand, a_client_waits_exactly_its_time_and_says_unknown)
{
    struct transfer transfer;
    struct town town;

    town_open(&town, true, TIMEOUT_MS);
    cr_assert_eq(
        vow_test_network_harm(town.network, "client", VOW_TEST_TO_COORDINATOR, "COMMIT_REQUEST", 1, VOW_TEST_CUT_AFTER),
        0);
    town_transfer(&town, &transfer);
    vow_testing_clock_advance(TIMEOUT_MS - 1);
    cr_assert_not(transfer.done);
    vow_testing_clock_advance(1);
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_UNKNOWN);
    cr_assert_eq(transfer.result.error, VOW_E_IN_DOUBT);
    cr_assert_eq(town_money(&town, SOUTH), 130, "it did happen");
    town_close(&town);
}

/* F084: three heartbeats of silence, and an honest peer is not taken for silent however much time passes at once. */
Test(clock_by_hand, F084_only_a_silent_peer_is_lost)
{
    struct town town;

    town_open(&town, true, 0);
    vow_testing_clock_advance(300000);
    cr_assert(town_stats(&town, NORTH).connected, "lost in peace");
    cr_assert_eq(vow_test_network_passed(town.network, "north", VOW_TEST_TO_COORDINATOR, "HELLO"), 1);
    vow_test_network_cut(town.network, "north", VOW_TEST_BOTH_WAYS);
    vow_testing_clock_advance(2 * HEARTBEAT_MS);
    cr_assert(town_stats(&town, NORTH).connected, "given up too early");
    vow_testing_clock_advance(2 * HEARTBEAT_MS);
    cr_assert_not(town_stats(&town, NORTH).connected);
    cr_assert(town_stats(&town, SOUTH).connected);
    vow_test_network_heal(town.network, "north");
    vow_testing_clock_advance(10000);
    cr_assert(town_stats(&town, NORTH).connected);
    town_close(&town);
}

/* F041: cut off after its YES, it waits, asks again and again, and follows the decision once it hears it. */
Test(clock_by_hand, F041_B35_in_doubt_it_asks_until_it_knows)
{
    struct transfer transfer;
    struct town town;
    unsigned inquiries;

    town_open(&town, true, 0);
    cr_assert_eq(vow_test_network_harm(town.network, "north", VOW_TEST_TO_COORDINATOR, "VOTE", 1, VOW_TEST_CUT_AFTER),
                 0);
    town_transfer(&town, &transfer);
    vow_testing_clock_settle();
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_COMMITTED, "all have said yes");
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 1);
    vow_testing_clock_advance(120000);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 1, "it has decided alone");
    cr_assert_eq(town_money(&town, NORTH), 100);
    inquiries = vow_test_network_passed(town.network, "north", VOW_TEST_TO_COORDINATOR, "INQUIRY");
    cr_assert_eq(inquiries, 0);
    vow_test_network_heal(town.network, "north");
    vow_testing_clock_advance(10000);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 0);
    cr_assert_eq(town_money(&town, NORTH), 70);
    town_close(&town);
}

/* T_dec (protocol 3): connected, and still no decision, it asks. */
Test(clock_by_hand, a_lost_decision_is_asked_for)
{
    struct transfer transfer;
    struct town town;

    town_open(&town, true, 0);
    vow_test_network_delay(town.network, "south", VOW_TEST_TO_COORDINATOR, 4000); /* its vote is late */
    town_transfer(&town, &transfer);
    vow_testing_clock_advance(3999);
    cr_assert_eq(town_stats(&town, NORTH).in_doubt, 1);
    cr_assert_geq(vow_test_network_passed(town.network, "north", VOW_TEST_TO_COORDINATOR, "INQUIRY"), 1);
    cr_assert_not(transfer.done);
    vow_testing_clock_advance(1);
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_COMMITTED);
    town_close(&town);
}

/* F130: an hour and ten years, both ways, with a branch in doubt; nothing is early, nothing is late. */
Test(clock_by_hand, F130_the_wall_clock_may_jump)
{
    static const int64_t jumps_ms[] = {3600000, -7200000, INT64_C(315360000000), INT64_C(-630720000000)};
    struct transfer transfer;
    struct town town;

    town_open(&town, true, TIMEOUT_MS);
    vow_test_network_cut(town.network, "south", VOW_TEST_BOTH_WAYS);
    town_transfer(&town, &transfer);
    vow_testing_clock_settle();
    for (unsigned i = 0; i < sizeof(jumps_ms) / sizeof(jumps_ms[0]); i++) {
        vow_testing_clock_jump_wall(jumps_ms[i]);
        vow_testing_clock_advance(500);
        cr_assert_not(transfer.done, "a jump ended it");
        cr_assert(town_stats(&town, NORTH).connected && town_stats(&town, SOUTH).connected);
    }
    vow_test_network_heal(town.network, "south");
    vow_testing_clock_settle();
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_COMMITTED);
    town_close(&town);
}

/* The same every millisecond, while one commit after the other goes through. */
Test(clock_by_hand, F131_the_wall_clock_may_jump_every_millisecond)
{
    struct town town;

    town_open(&town, true, TIMEOUT_MS);
    for (int i = 0; i < 3; i++) {
        struct transfer transfer;

        vow_test_network_delay(town.network, "south", VOW_TEST_TO_COORDINATOR, 300);
        town_transfer(&town, &transfer);
        for (int ms = 0; ms < 300; ms++) {
            cr_assert_not(transfer.done, "a jump ended it");
            vow_testing_clock_jump_wall(ms % 2 == 0 ? 7200000 : -7100000);
            vow_testing_clock_advance(1);
        }
        cr_assert(transfer.done);
        cr_assert_eq(transfer.result.outcome, VOW_COMMITTED);
        vow_test_network_delay(town.network, "south", VOW_TEST_TO_COORDINATOR, 0);
        vow_testing_clock_advance(1000);
    }
    cr_assert(town_stats(&town, NORTH).connected && town_stats(&town, SOUTH).connected);
    town_close(&town);
}

/* Nothing goes wrong, and so nothing is left: no branch in doubt, no lock, no more than was asked for. */
Test(clock_by_hand, B33_without_faults_nothing_is_left_in_doubt)
{
    struct town town;

    town_open(&town, true, TIMEOUT_MS);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(town_transfer_by_hand(&town).outcome, VOW_COMMITTED);
    cr_assert_eq(town_transfer_by_hand(&town).outcome, VOW_ABORTED, "there is no money left");
    vow_testing_clock_advance(1000);
    for (int bank = 0; bank < BANKS; bank++) {
        cr_assert_eq(town_stats(&town, bank).in_doubt, 0);
        cr_assert_eq(town_number(&town, bank, "SELECT count(*) FROM vow_lock"), 0);
        cr_assert_eq(town_number(&town, bank, "SELECT count(*) FROM vow_branch WHERE state = 'prepared'"), 0);
    }
    cr_assert_eq(town_money(&town, NORTH), 10);
    cr_assert_eq(town_money(&town, SOUTH), 190);
    town_close(&town);
}

/* F134: 0 is the default, 1 is one millisecond, and the largest number is so many, and no overflow. */
Test(clock_by_hand, F134_any_timeout_is_what_it_says)
{
    static const uint32_t timeouts_ms[] = {0, 1, INT_MAX, UINT32_MAX};
    static const uint64_t expected_ms[] = {TIMEOUT_MS, 1, INT_MAX, UINT32_MAX};

    for (unsigned i = 0; i < sizeof(timeouts_ms) / sizeof(timeouts_ms[0]); i++) {
        struct transfer transfer;
        struct town town;

        town_open(&town, true, timeouts_ms[i]);
        vow_test_network_stop_coordinator(town.network);
        for (int bank = 0; bank < BANKS; bank++)
            town_close_bank(&town, bank);
        town_transfer(&town, &transfer);
        /* The days between are full of attempts to connect: a week is enough to see that it waits. */
        vow_testing_clock_advance(expected_ms[i] < TIMEOUT_MS ? expected_ms[i] - 1 : TIMEOUT_MS - 1);
        cr_assert_not(transfer.done, "%u ms: too early", timeouts_ms[i]);
        if (expected_ms[i] <= TIMEOUT_MS)
            vow_testing_clock_advance(1);
        cr_assert_eq(transfer.done, expected_ms[i] <= TIMEOUT_MS, "%u ms", timeouts_ms[i]);
        town_close(&town);
    }
}

Test(clock_by_hand, it_is_taken_once_and_in_time)
{
    struct town town;

    cr_assert_eq(vow_testing_clock_take(), 0);
    cr_assert_eq(vow_testing_clock_take(), VOW_E_STATE);
    cr_assert_eq(vow_testing_clock_give_back(), 0);
    cr_assert_eq(vow_testing_clock_give_back(), VOW_E_STATE);
    town_open(&town, true, 0);
    cr_assert_eq(vow_testing_clock_take(), VOW_E_STATE);
    cr_assert_eq(vow_testing_clock_give_back(), VOW_E_STATE, "given back under those who keep time by it");
    town_close(&town);
    town_open(&town, false, 0);
    cr_assert_eq(vow_testing_clock_take(), VOW_E_STATE, "taken from those who keep time by the system's");
    town_close(&town);
}
