/*
 * Small worlds, searched whole: no rule is broken in any state that can be reached, and from each of them all ends.
 * These worlds are the smallest in which the mistakes of protocol 2.10 show; docs/simulator.md says which was planted
 * and what it broke. Larger worlds are searched by vow-chaos sim --exhaustive.
 */
#include <criterion/criterion.h>

#include "chaos/sim/small/command.h"

static void search(struct small_config config, struct small_report *report)
{
    config.asks_peers = true;
    cr_expect_eq(small_search(&config, report, stderr), 0, "%s: %s", report->rule, report->what);
    cr_expect(report->complete);
}

static struct small_config world(uint32_t participants, uint32_t coord_crashes, uint32_t part_crashes,
                                 enum small_work work)
{
    return (struct small_config){
        .participants = participants, .coord_crashes = coord_crashes, .part_crashes = part_crashes, .work = work};
}

/* A search that never went anywhere would hold, too. */
Test(small, one_participant_no_crash)
{
    struct small_config config = world(1, 0, 0, SMALL_SHIPPED);
    struct small_report report;

    config.rolls_back = true;
    search(config, &report);
    cr_expect_gt(report.states, 25);
    cr_expect_gt(report.core_steps, 1000);
    cr_expect_gt(report.endings, 20);
}

Test(small, one_participant_and_the_coordinator_crashes)
{
    struct small_report report;

    search(world(1, 1, 0, SMALL_SHIPPED), &report);
    cr_expect_gt(report.states, 300);
}

Test(small, one_participant_that_crashes)
{
    struct small_report report;

    search(world(1, 0, 1, SMALL_SHIPPED), &report);
    cr_expect_gt(report.states, 100);
}

Test(small, one_phase_and_the_participant_crashes)
{
    struct small_report report;

    search(world(1, 0, 1, SMALL_ONE_PHASE), &report);
    cr_expect_gt(report.states, 70);
}

Test(small, joined_no_crash)
{
    struct small_report report;

    search(world(1, 0, 0, SMALL_JOINED), &report);
    cr_expect_gt(report.states, 200);
}

/* Two operations, the participant restarting between them: neither may be missed (mistake 19). */
Test(small, joined_and_the_participant_crashes)
{
    struct small_report report;

    search(world(1, 0, 1, SMALL_JOINED), &report);
    cr_expect_gt(report.states, 1000);
}

Test(small, two_participants_no_crash)
{
    struct small_report report;

    search(world(2, 0, 0, SMALL_SHIPPED), &report);
    cr_expect_gt(report.states, 130);
}

Test(small, three_participants_no_crash)
{
    struct small_report report;

    search(world(3, 0, 0, SMALL_SHIPPED), &report);
    cr_expect_gt(report.states, 500);
}

Test(small, what_cannot_be_searched_is_refused)
{
    struct small_config config;
    struct small_report report;

    config = world(4, 0, 0, SMALL_SHIPPED);
    cr_expect_eq(small_search(&config, &report, NULL), -1);
    config = world(2, 0, 0, SMALL_ONE_PHASE);
    cr_expect_eq(small_search(&config, &report, NULL), -1);
    cr_expect(sim_small_read("2,1,1", &config));
    cr_expect(sim_small_read("3,1,1,2", &config));
    cr_expect_eq(config.crashes, 2);
    cr_expect_not(sim_small_read("", &config));
    cr_expect_not(sim_small_read("2,1", &config));
    cr_expect_not(sim_small_read("4", &config));
    cr_expect_not(sim_small_read("2,1,1,", &config));
    cr_expect_not(sim_small_read("2;1;1", &config));
    cr_expect_not(sim_small_read_work("both", &config));
    cr_expect_not(sim_small_read_breaks("4", &config));
    cr_expect_not(sim_small_read_keep("some", &config));
}

/* A world that is too large is walked through by chance. */

static struct small_report sample(uint32_t participants, uint64_t first, uint64_t last)
{
    struct small_config config = world(participants, 1, 1, SMALL_SHIPPED);
    struct small_report report;

    config.crashes = 2;
    config.walk_first = first;
    config.walk_last = last;
    search(config, &report);
    return report;
}

Test(small, walks_go_where_their_seeds_lead)
{
    const struct small_report whole = sample(1, 1, 50), again = sample(1, 1, 50), half = sample(1, 1, 25);

    cr_expect_eq(whole.walks, 50);
    cr_expect_eq(whole.states, again.states);
    cr_expect_eq(whole.transitions, again.transitions);
    cr_expect_lt(half.states, whole.states);
    cr_expect_gt(whole.transitions, 1000);
    cr_expect_gt(whole.endings, 12);
}
