/* Participants in doubt that ask each other while the coordinator is away: protocol 2.6, by real connections. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <sqlite3.h>

#include "town.h"

TestSuite(peers, .timeout = 60);

/* Two inquiries, and what the jitter may add. */
#define UNTIL_ASKED_MS UINT64_C(20000)
/* A further round at least. */
#define UNTIL_BLOCKED_MS UINT64_C(30000)

/* A transfer that commits, and of which this bank does not hear the decision; then the coordinator is gone. NULL: no
 * bank hears of it. */
static void commit_unheard_by(struct town *town, const char *bank)
{
    const char *const both[] = {"north", "south"};

    for (int i = 0; i < BANKS; i++) {
        if (bank == NULL || strcmp(bank, both[i]) == 0)
            cr_assert_eq(vow_test_network_harm(town->network, both[i], VOW_TEST_FROM_COORDINATOR, "DECISION", 1,
                                               VOW_TEST_CUT_BEFORE),
                         0);
    }
    cr_assert_eq(town_transfer_by_hand(town).outcome, VOW_COMMITTED);
    vow_test_network_stop_coordinator(town->network);
    vow_testing_clock_settle();
}

static void bring_coordinator_back(struct town *town)
{
    struct vow_error_detail detail;

    vow_test_network_heal(town->network, "north");
    vow_test_network_heal(town->network, "south");
    cr_assert_eq(vow_test_network_start_coordinator(town->network, &detail), 0, "%s", detail.text);
    vow_testing_clock_advance(UNTIL_BLOCKED_MS);
}

static void south_hears_of_it_from_north(enum vow_loop_kind loop, struct event_base *base)
{
    struct town town;

    town_open_of_peers(&town, loop, base);
    commit_unheard_by(&town, "south");
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 1);
    cr_assert_eq(town_money(&town, SOUTH), 100);
    vow_testing_clock_advance(UNTIL_ASKED_MS);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 0);
    cr_assert_eq(town_stats(&town, SOUTH).ended_by_peers, 1);
    cr_assert_geq(town_stats(&town, NORTH).answered_peers, 1);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    /* Nobody was there to acknowledge it to; its tombstone does, when the coordinator asks for it. */
    const unsigned acks = vow_test_network_passed(town.network, "south", VOW_TEST_TO_COORDINATOR, "ACK");
    cr_assert_eq(acks, 0);
    bring_coordinator_back(&town);
    cr_assert_geq(vow_test_network_passed(town.network, "south", VOW_TEST_TO_COORDINATOR, "ACK"), 1);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

Test(peers, outcome_is_learnt_from_a_peer)
{
    south_hears_of_it_from_north(VOW_LOOP_OWN_THREAD, NULL);
}

Test(peers, outcome_is_learnt_behind_descriptors)
{
    south_hears_of_it_from_north(VOW_LOOP_FD, NULL);
}

Test(peers, outcome_is_learnt_on_one_base)
{
    struct event_base *base = event_base_new();

    south_hears_of_it_from_north(VOW_LOOP_BASE, base);
    event_base_free(base);
}

/* Three questions: after 100, 200 and 400 ms, and what the jitter may add; not after 14 s. */
Test(peers, asked_as_soon_as_the_service_wants)
{
    struct town town;

    town_open_of_peers(&town, VOW_LOOP_OWN_THREAD, NULL);
    town.decision_timeout_ms = 100;
    town_close_bank(&town, SOUTH);
    town_open_bank(&town, SOUTH);
    commit_unheard_by(&town, "south");
    vow_testing_clock_advance(500);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 1, "its coordinator is asked first, and twice");
    cr_assert_eq(town_stats(&town, SOUTH).asked_peers, 0);
    vow_testing_clock_advance(400);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 0);
    cr_assert_eq(town_stats(&town, SOUTH).ended_by_peers, 1);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

/* Guarantee 5: it cannot know, and says so; and it ends when the coordinator is back. */
Test(peers, blocked_if_all_are_uncertain)
{
    struct town town;

    town_open_of_peers(&town, VOW_LOOP_OWN_THREAD, NULL);
    commit_unheard_by(&town, NULL);
    vow_testing_clock_advance(UNTIL_ASKED_MS + UNTIL_BLOCKED_MS);
    for (int i = 0; i < BANKS; i++) {
        cr_assert_eq(town_stats(&town, i).in_doubt, 1);
        cr_assert_eq(town_stats(&town, i).blocked, 1);
        cr_assert_geq(town_stats(&town, i).asked_peers, 2);
        cr_assert_geq(town_stats(&town, i).answered_peers, 2);
        cr_assert_eq(town_stats(&town, i).ended_by_peers, 0);
        cr_assert_eq(town_money(&town, i), 100);
    }
    bring_coordinator_back(&town);
    for (int i = 0; i < BANKS; i++) {
        cr_assert_eq(town_stats(&town, i).blocked, 0);
        cr_assert_eq(town_stats(&town, i).in_doubt, 0);
    }
    cr_assert_eq(town_money(&town, NORTH), 70);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

/* Whom to ask lies with the prepared branch. */
Test(peers, asked_after_a_restart_of_the_asker)
{
    struct town town;

    town_open_of_peers(&town, VOW_LOOP_OWN_THREAD, NULL);
    commit_unheard_by(&town, "south");
    town.is_alone = true;
    town_close_bank(&town, SOUTH);
    town_open_bank(&town, SOUTH);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 1);
    vow_testing_clock_advance(UNTIL_ASKED_MS);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 0);
    cr_assert_eq(town_stats(&town, SOUTH).ended_by_peers, 1);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

/* Mistake 7, and the finding of protocol 2.6: a READ_ONLY voter that has restarted has no record, and that says
 * nothing. An abort would undo what is committed. */
Test(peers, a_restarted_read_only_voter_has_no_information)
{
    static const struct vow_call calls[] = {{"north", "look", "", 0}, {"south", "add", "30", 2}};
    struct town town;

    town_open_of_peers(&town, VOW_LOOP_OWN_THREAD, NULL);
    cr_assert_eq(
        vow_test_network_harm(town.network, "south", VOW_TEST_FROM_COORDINATOR, "DECISION", 1, VOW_TEST_CUT_BEFORE), 0);
    cr_assert_eq(town_commit_by_hand(&town, calls, 2).outcome, VOW_COMMITTED);
    cr_assert_eq(town_stats(&town, NORTH).read_only, 1);
    vow_test_network_stop_coordinator(town.network);
    town.is_alone = true;
    town_close_bank(&town, NORTH);
    town_open_bank(&town, NORTH);
    vow_testing_clock_advance(UNTIL_ASKED_MS + UNTIL_BLOCKED_MS);
    cr_assert_eq(town_stats(&town, SOUTH).in_doubt, 1, "ended without knowing how");
    cr_assert_eq(town_stats(&town, SOUTH).aborted, 0);
    bring_coordinator_back(&town);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}

/* The tombstone tells it after a restart of who is asked, too. */
Test(peers, a_restarted_peer_answers_from_its_tombstone)
{
    struct town town;

    town_open_of_peers(&town, VOW_LOOP_OWN_THREAD, NULL);
    commit_unheard_by(&town, "south");
    town.is_alone = true;
    town_close_bank(&town, NORTH);
    town_open_bank(&town, NORTH);
    vow_testing_clock_advance(UNTIL_ASKED_MS);
    cr_assert_eq(town_stats(&town, SOUTH).ended_by_peers, 1);
    cr_assert_eq(town_money(&town, SOUTH), 130);
    town_close(&town);
}
