/* A client and two participants on one loop of one thread, with a real coordinator behind the network. */
#include <criterion/criterion.h>
#include <poll.h>

#include <event2/event.h>

#include "town.h"

TestSuite(one_loop, .timeout = 60);

#define TRANSFERS 3

/* --- A loop made of poll(2) by hand, without a time-out: all time must show in the descriptors --- */

static void poll_once(const struct town *town)
{
    struct pollfd items[] = {
        {.fd = vow_participant_fd(town->banks[NORTH]), .events = POLLIN},
        {.fd = vow_participant_fd(town->banks[SOUTH]), .events = POLLIN},
        {.fd = vow_client_fd(town->client), .events = POLLIN},
    };

    cr_assert_gt(poll(items, 3, -1), 0);
    for (int i = 0; i < BANKS; i++) {
        if (items[i].revents != 0)
            cr_assert_eq(vow_participant_process(town->banks[i]), 0);
    }
    if (items[2].revents != 0)
        cr_assert_eq(vow_client_process(town->client), 0);
}

static void base_once(const struct town *town)
{
    cr_assert_eq(event_base_loop(town->base, EVLOOP_ONCE), 0);
}

/* Several, one after the other; the early ones may find nobody connected, and are tried again. */
static void transfer_all(struct town *town, void (*once)(const struct town *))
{
    struct transfer transfer;

    for (int committed = 0; committed < TRANSFERS;) {
        town_transfer(town, &transfer);
        while (!transfer.done)
            once(town);
        committed += transfer.result.outcome == VOW_COMMITTED;
    }
    while (town_stats(town, NORTH).committed < TRANSFERS || town_stats(town, SOUTH).committed < TRANSFERS)
        once(town);
    cr_assert_eq(town_money(town, NORTH), 100 - 30 * TRANSFERS);
    cr_assert_eq(town_money(town, SOUTH), 100 + 30 * TRANSFERS);
}

Test(one_loop, all_behind_descriptors)
{
    struct town town;

    town_open_on(&town, false, VOW_LOOP_FD, NULL);
    transfer_all(&town, poll_once);
    town_close(&town);
}

Test(one_loop, all_on_one_base)
{
    struct event_base *base = event_base_new();
    struct town town;

    town_open_on(&town, false, VOW_LOOP_BASE, base);
    transfer_all(&town, base_once);
    town_close(&town);
    event_base_free(base);
}

/* Loop and clock on one thread: moving time gives the loop its turns. */
static void by_hand(enum vow_loop_kind loop, struct event_base *base)
{
    struct transfer transfer;
    struct town town;

    town_open_on(&town, true, loop, base);
    cr_assert(town_stats(&town, NORTH).connected);
    vow_test_network_delay(town.network, "south", VOW_TEST_TO_COORDINATOR, 1000);
    town_transfer(&town, &transfer);
    vow_testing_clock_advance(999);
    cr_assert_not(transfer.done);
    vow_testing_clock_advance(1);
    cr_assert(transfer.done);
    cr_assert_eq(transfer.result.outcome, VOW_COMMITTED);
    town_close(&town);
}

Test(one_loop, time_by_hand_behind_descriptors)
{
    by_hand(VOW_LOOP_FD, NULL);
}

Test(one_loop, time_by_hand_on_one_base)
{
    struct event_base *base = event_base_new();

    by_hand(VOW_LOOP_BASE, base);
    event_base_free(base);
}
