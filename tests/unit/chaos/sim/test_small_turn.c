/*
 * Participants that are alike: a state's counterpart can do, under other names, all that the state can, and a search
 * that keeps one of both finds neither less nor more than one that keeps all. So does one that folds no state of a
 * node, in which every message that a world sends meets a node that was followed with it (closure.h).
 */
#include <criterion/criterion.h>

#include "chaos/sim/small/closure.h"
#include "chaos/sim/small/fold.h"
#include "chaos/sim/small/turn.h"

static void search(struct small_config config, struct small_report *report)
{
    config.asks_peers = config.rolls_back = true;
    cr_expect_eq(small_search(&config, report, stderr), 0, "%s: %s", report->rule, report->what);
    cr_expect(report->complete);
}

/* ---- the same is found ---- */

static void compare(struct small_config config, uint64_t less)
{
    struct small_report turned, apart;

    search(config, &turned);
    config.is_apart = true;
    search(config, &apart);
    cr_expect_eq(turned.states, apart.alike, "%u states, and %u of those that were kept apart", (unsigned)turned.states,
                 (unsigned)apart.alike);
    cr_expect_gt(apart.states * 10, turned.states * less);
}

Test(small_turn, two_participants_are_found_once)
{
    compare((struct small_config){.participants = 2, .work = SMALL_SHIPPED}, 17);
}

Test(small_turn, three_participants_are_found_once)
{
    compare((struct small_config){.participants = 3, .work = SMALL_SHIPPED}, 40);
}

/* The one that crashes is one of them. */
Test(small_turn, two_of_which_one_crashes_are_found_once)
{
    compare((struct small_config){.participants = 2, .part_crashes = 1, .crashes = 1, .work = SMALL_SHIPPED}, 17);
}

Test(small_turn, one_participant_has_no_counterpart)
{
    compare((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED}, 9);
}

Test(small_turn, whole_worlds_hold_too)
{
    struct small_config config = {.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED};
    struct small_report folded, whole;

    config.is_whole = config.is_apart = true;
    search(config, &whole);
    config.is_whole = config.is_apart = false;
    search(config, &folded);
    cr_expect_gt(whole.states, folded.states * 2);
    config = (struct small_config){.participants = 1, .coord_crashes = 1, .work = SMALL_SHIPPED};
    config.is_whole = config.is_apart = true;
    search(config, &whole);
}

/* ---- each state's counterpart does the same ---- */

/* The names of the first two are changed for one another. */
#define TURN 1

struct bed {
    const struct small_nodes *nodes;
    const struct small_memo *memo;
    const uint32_t *turned;
    bool is_coord;
};

static uint32_t peer_of(uint32_t peer)
{
    return peer < 2 ? 1 - peer : peer;
}

static struct small_event event_of(const struct bed *bed, struct small_event event)
{
    const uint32_t ops = (uint32_t)event.arg >> 4;

    if (event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART)
        event.arg = bed->nodes->turns[TURN].messages[event.arg];
    if (event.kind == SMALL_TO_COORD || event.kind == SMALL_SESSION_UP || event.kind == SMALL_SESSION_DOWN)
        event.peer = (uint8_t)peer_of(event.peer);
    if (event.kind == SMALL_COMMIT)
        event.arg = small_ask(event.arg & 15, (ops & 3) << 2 | (ops >> 2 & 3) | (ops & ~15u));
    return event;
}

static bool sends(const struct small_step *step, uint32_t peer, uint32_t message)
{
    bool found = false;

    for (uint32_t i = 0; i < step->sends_len && !found; i++)
        found = step->sends[i].peer == peer && step->sends[i].message == message;
    return found;
}

static bool is_turned(const struct bed *bed, const struct small_step *a, const struct small_step *b)
{
    const uint32_t mask = bed->is_coord ? (a->mask & 1u) << 1 | (a->mask >> 1 & 1u) | (a->mask & ~3u) : a->mask;
    bool is_same = a->rule == NULL && b->rule == NULL && a->seen == b->seen && mask == b->mask;

    if (a->rule != NULL)
        return b->rule != NULL;
    is_same = is_same && a->sends_len == b->sends_len && bed->turned[a->to] == b->to;
    for (uint32_t i = 0; i < a->sends_len && is_same; i++) {
        const uint32_t peer = a->sends[i].peer;

        is_same = sends(b, peer == SMALL_TO_THE_COORD ? peer : peer_of(peer),
                        bed->nodes->turns[TURN].messages[a->sends[i].message]);
    }
    return is_same;
}

static bool can(const struct bed *bed, uint32_t state, const struct small_move *move)
{
    const struct small_event event = event_of(bed, move->event);
    bool found = false;

    for (uint32_t i = bed->memo->first_move[state]; i < bed->memo->first_move[state + 1] && !found; i++) {
        const struct small_move *other = &bed->memo->moves[i];

        found = small_fold_name(event) == small_fold_name(other->event) &&
                is_turned(bed, &bed->memo->steps[move->step], &bed->memo->steps[other->step]);
    }
    return found;
}

static uint32_t check(const struct bed *bed, uint32_t states)
{
    uint32_t checked = 0, missing = 0, alone = 0;

    for (uint32_t state = 0; state < states; state++) {
        if (bed->memo->stands_for[state] != state)
            continue;
        alone += bed->turned[state] == UINT32_MAX;
        for (uint32_t i = bed->memo->first_move[state];
             i < bed->memo->first_move[state + 1] && bed->turned[state] != UINT32_MAX; i++, checked++)
            missing += !can(bed, bed->turned[state], &bed->memo->moves[i]);
    }
    cr_expect_eq(missing, 0, "%u of %u moves are missing", missing, checked);
    cr_expect_eq(alone, 0, "%u states have no counterpart", alone);
    return checked;
}

static void check_all(struct small_config config)
{
    struct small_nodes nodes;

    config.asks_peers = config.rolls_back = true;
    small_nodes_init(&nodes, &config);
    small_closure(&nodes);
    small_fold(&nodes);
    small_turns_find(&nodes);
    cr_expect_gt(
        check(&(struct bed){&nodes, &nodes.coord_memo, nodes.turns[TURN].coords, true}, (uint32_t)nodes.coords_len),
        100);
    cr_expect_gt(
        check(&(struct bed){&nodes, &nodes.part_memo, nodes.turns[TURN].parts, false}, (uint32_t)nodes.parts_len), 100);
    small_nodes_deinit(&nodes);
}

Test(small_turn, no_move_of_two_is_missed)
{
    check_all((struct small_config){.participants = 2, .work = SMALL_SHIPPED});
}

Test(small_turn, no_move_is_missed_when_the_coordinator_crashes)
{
    check_all((struct small_config){.participants = 2, .coord_crashes = 1, .work = SMALL_SHIPPED});
}

Test(small_turn, no_move_of_three_is_missed)
{
    check_all((struct small_config){.participants = 3, .work = SMALL_SHIPPED});
}
