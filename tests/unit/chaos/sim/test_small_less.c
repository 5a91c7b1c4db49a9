/*
 * What makes a search smaller makes it no blinder: whatever it finds with all of that, it finds without, and the other
 * way round. So a bug is planted in one step of a core after the other, and the world is searched in both ways: a step
 * that breaks a rule is met in both or in none; a step that shows what it should not is a breach in both or in none,
 * though votes, what was said, and the moment of a crash may have been left out before.
 */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "chaos/sim/small/node.h"
#include "chaos/sim/small/small.h"

/* Everything off; each on its own; and, of nodes, nothing folded either. */
enum way { LESS, NO_ORDER, ALL_FLAGS, ALL_CRASHES, MORE, WHOLE, WAYS };

static void search(struct small_config config, enum way way, struct small_report *report)
{
    config.asks_peers = config.rolls_back = true;
    config.is_unswept = way == NO_ORDER || way >= MORE;
    config.keeps_flags = way == ALL_FLAGS || way >= MORE;
    config.is_loud = way == ALL_CRASHES || way >= MORE;
    config.is_whole = config.is_apart = way == WHOLE;
    (void)small_search(&config, report, NULL);
    cr_expect(report->rule != NULL || report->complete);
}

/* ---- without a bug: the same is decided and done ---- */

static void compare(struct small_config config, enum way last)
{
    struct small_report less, other;

    search(config, LESS, &less);
    cr_expect_null(less.rule);
    cr_expect_gt(less.outcomes, 3);
    for (enum way way = NO_ORDER; way <= last; way++) {
        search(config, way, &other);
        cr_expect_null(other.rule);
        cr_expect_eq(less.outcomes, other.outcomes, "way %d: %u outcomes, and %u", (int)way, (unsigned)less.outcomes,
                     (unsigned)other.outcomes);
        cr_expect_eq(less.outcomes_digest, other.outcomes_digest);
        cr_expect_leq(less.states, other.states);
    }
}

Test(small_less, two_participants_do_the_same)
{
    compare((struct small_config){.participants = 2, .work = SMALL_SHIPPED}, MORE);
}

Test(small_less, each_node_crashes_and_does_the_same)
{
    compare((struct small_config){.participants = 1, .coord_crashes = 1, .part_crashes = 1, .work = SMALL_SHIPPED},
            MORE);
}

Test(small_less, one_participant_does_the_same_as_a_whole)
{
    compare((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED}, WHOLE);
    compare((struct small_config){.participants = 1, .coord_crashes = 1, .work = SMALL_SHIPPED}, WHOLE);
    compare((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_ONE_PHASE}, WHOLE);
}

/* ---- with one ---- */

struct count {
    uint32_t tried, met;
};

static void plant(struct small_config config, enum way other_way, struct count *count)
{
    struct small_report less, other;

    search(config, LESS, &less);
    search(config, other_way, &other);
    count->tried++;
    count->met += less.rule != NULL;
    cr_expect_eq(less.rule != NULL, other.rule != NULL,
                 "the bug in step %u of the coordinator, %u of a participant, that shows %x: %s, and otherwise %s",
                 config.coord_bug, config.part_bug, config.bug_shows, less.rule != NULL ? less.rule : "not met",
                 other.rule != NULL ? other.rule : "not met");
}

/* More of them at night: they take minutes. */
static uint32_t bugs_to_plant(uint32_t bugs)
{
    const char *text = getenv("VOW_SMALL_BUGS");

    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : bugs;
}

/* So many in the steps of each kind of node, not the same ones for all that they show. */
static struct count plant_all(struct small_config config, enum way other_way, uint32_t shows, uint32_t bugs)
{
    struct small_report report;
    struct count count = {0, 0};

    search(config, LESS, &report);
    config.bug_shows = shows;
    for (uint64_t i = 0; i < bugs; i++) {
        config.part_bug = 0;
        config.coord_bug = 1 + (uint32_t)((i * report.coord_steps + shows % 97) / bugs);
        plant(config, other_way, &count);
        config.coord_bug = 0;
        config.part_bug = 1 + (uint32_t)((i * report.part_steps + shows % 97) / bugs);
        plant(config, other_way, &count);
    }
    return count;
}

static void plant_in(struct small_config config, enum way other_way, uint32_t bugs)
{
    static const uint32_t shown[] = {0,
                                     SMALL_SAID_ABORT,
                                     SMALL_TOLD_ABORTED,
                                     SMALL_TOLD_COMMITTED | SMALL_TOLD_UNLOGGED,
                                     SMALL_TOLD_COMMITTED,
                                     SMALL_LOGS_END};
    uint32_t met = 0, tried = 0;

    bugs = bugs_to_plant(bugs);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        const struct count count = plant_all(config, other_way, shown[i], bugs);

        cr_log_info("%x: %u bugs, of which %u are met", shown[i], count.tried, count.met);
        met += count.met;
        tried += count.tried;
    }
    cr_expect_gt(met, 2);
    cr_expect_lt(met, tried);
}

Test(small_less, bugs_of_two_participants_are_met)
{
    plant_in((struct small_config){.participants = 2, .work = SMALL_SHIPPED}, MORE, 6);
}

Test(small_less, bugs_are_met_when_the_coordinator_crashes)
{
    plant_in((struct small_config){.participants = 1, .coord_crashes = 1, .work = SMALL_SHIPPED}, WHOLE, 1);
}

Test(small_less, bugs_are_met_when_the_participant_crashes)
{
    plant_in((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED}, WHOLE, 2);
}
