/*
 * Folding is sound: whatever a node does in any of its states, the state that stands for it does, too, so that no run
 * of a world is missed. Each state that the cores can reach and each of their moves is looked at.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "chaos/sim/small/closure.h"
#include "chaos/sim/small/fold.h"
#include "chaos/sim/small/quiet.h"

/* The same numbers in both: a node is followed in the same order. */
struct bed {
    struct small_nodes whole, folded;
};

static void bed_init(struct bed *bed, const struct small_config *config)
{
    small_nodes_init(&bed->whole, config);
    small_closure(&bed->whole);
    small_nodes_init(&bed->folded, config);
    small_closure(&bed->folded);
    small_fold(&bed->folded);
}

static void bed_deinit(struct bed *bed)
{
    small_nodes_deinit(&bed->whole);
    small_nodes_deinit(&bed->folded);
}

static bool is_own(struct small_event event)
{
    return event.kind == SMALL_JOURNAL_DONE || event.kind == SMALL_COORD_TIMER || event.kind == SMALL_COORD_START ||
           event.kind == SMALL_COORD_RECOVER || event.kind == SMALL_STORE_DONE || event.kind == SMALL_PART_TIMER ||
           event.kind == SMALL_PART_LATE || event.kind == SMALL_PART_START;
}

static bool is_same_event(struct small_event a, struct small_event b)
{
    if (is_own(a))
        return is_own(b);
    if (a.kind == SMALL_COORD_CRASH || a.kind == SMALL_PART_CRASH)
        return a.kind == b.kind;
    return a.kind == b.kind && a.peer == b.peer && a.arg == b.arg;
}

/* Messages that somebody takes notice of; others need not be sent (strip.h). */
static bool noticed[SMALL_MESSAGES_MAX];

static void note_noticed(struct small_nodes *nodes, const struct small_memo *memo)
{
    for (size_t i = 0; i < memo->moves_len; i++) {
        const struct small_event event = memo->moves[i].event;

        if (event.kind != SMALL_TO_COORD && event.kind != SMALL_TO_PART)
            continue;
        noticed[event.arg] = true;
        /* Among participants: as it is sent, and as each of the others would say it. */
        for (uint32_t k = 0; k < nodes->mail.messages_len && nodes->mail.from[event.arg] != 0; k++) {
            if (nodes->mail.from[k] == 0 && nodes->mail.messages[k].kind == nodes->mail.messages[event.arg].kind &&
                small_mail_of(&nodes->mail, k, nodes->mail.from[event.arg] - 1u) == event.arg)
                noticed[k] = true;
        }
    }
}

static void note_all_noticed(struct small_nodes *nodes, const struct small_memo *coords, const struct small_memo *parts)
{
    memset(noticed, 0, sizeof(noticed));
    note_noticed(nodes, coords);
    note_noticed(nodes, parts);
}

static bool sends(const struct small_step *step, struct small_send send)
{
    bool found = false;

    for (uint32_t k = 0; k < step->sends_len; k++)
        found = found || (step->sends[k].peer == send.peer && step->sends[k].message == send.message);
    return found;
}

static bool sends_what_matters(const struct small_step *a, const struct small_step *b)
{
    bool all = true;

    for (uint32_t i = 0; i < a->sends_len; i++)
        all = all && (!noticed[a->sends[i].message] || sends(b, a->sends[i]));
    return all;
}

static bool is_same_outcome(const struct small_step *a, const struct small_step *b)
{
    if (a->rule != NULL || b->rule != NULL)
        return a->rule != NULL && b->rule != NULL;
    return a->seen == b->seen && a->mask == b->mask && sends_what_matters(a, b) && sends_what_matters(b, a);
}

/* `step` leads to a state for which `to` stands; the representative `from` can do the same, or it is as if nothing was
 * done. */
static bool can(const struct small_memo *folded, uint32_t from, struct small_event event, const struct small_step *step)
{
    const uint32_t to = step->rule == NULL ? folded->stands_for[step->to] : 0;
    static const struct small_step nothing;
    bool found = step->rule == NULL && is_same_outcome(step, &nothing) && to == from;

    for (uint32_t i = folded->first_move[from]; i < folded->first_move[from + 1] && !found; i++) {
        const struct small_step *other = &folded->steps[folded->moves[i].step];

        found = is_same_event(event, folded->moves[i].event) && is_same_outcome(step, other) &&
                (step->rule != NULL || other->to == to);
    }
    return found;
}

static uint32_t check(const struct small_memo *whole, const struct small_memo *folded, size_t states)
{
    uint32_t checked = 0, missing = 0;

    for (uint32_t state = 0; state < states; state++) {
        for (uint32_t i = whole->first_move[state]; i < whole->first_move[state + 1]; i++, checked++) {
            const struct small_move *move = &whole->moves[i];

            missing += !can(folded, folded->stands_for[state], move->event, &whole->steps[move->step]);
        }
    }
    cr_expect_eq(missing, 0, "%u of %u moves are missing", missing, checked);
    return checked;
}

static void check_all(struct small_config config)
{
    struct bed bed;

    config.asks_peers = config.rolls_back = true;
    bed_init(&bed, &config);
    note_all_noticed(&bed.folded, &bed.folded.coord_memo, &bed.folded.part_memo);
    cr_expect_gt(check(&bed.whole.coord_memo, &bed.folded.coord_memo, bed.whole.coords_len), 300);
    cr_expect_gt(check(&bed.whole.part_memo, &bed.folded.part_memo, bed.whole.parts_len), 200);
    cr_expect_lt((size_t)bed.folded.coord_memo.classes * 2, bed.whole.coords_len);
    cr_expect_lt((size_t)bed.folded.part_memo.classes * 2, bed.whole.parts_len);
    bed_deinit(&bed);
}

Test(small_fold, no_move_of_two_is_missed)
{
    check_all((struct small_config){.participants = 2, .work = SMALL_SHIPPED});
}

Test(small_fold, no_move_is_missed_when_the_coordinator_crashes)
{
    check_all((struct small_config){.participants = 1, .coord_crashes = 1, .work = SMALL_SHIPPED});
}

Test(small_fold, no_move_is_missed_when_the_participant_crashes)
{
    check_all((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED});
}

Test(small_fold, no_move_of_one_phase_is_missed)
{
    check_all((struct small_config){.participants = 1, .part_crashes = 1, .work = SMALL_ONE_PHASE});
}

/* Without a crash, which is what those that are left do not know of any more. */
static uint32_t check_quiet(const struct small_memo *folded, const struct small_memo *quiet, size_t states)
{
    uint32_t checked = 0, missing = 0;

    for (uint32_t state = 0; state < states; state++) {
        for (uint32_t i = folded->first_move[state]; i < folded->first_move[state + 1]; i++) {
            const struct small_move *move = &folded->moves[i];

            if (move->event.kind == SMALL_COORD_CRASH || move->event.kind == SMALL_PART_CRASH)
                continue;
            missing += !can(quiet, quiet->stands_for[state], move->event, &folded->steps[move->step]);
            checked++;
        }
    }
    cr_expect_eq(missing, 0, "%u of %u moves are missing", missing, checked);
    cr_expect_lt(quiet->classes, folded->classes);
    return checked;
}

Test(small_fold, no_move_is_missed_when_no_crash_is_left)
{
    struct small_config config = {.participants = 1, .coord_crashes = 1, .part_crashes = 1, .work = SMALL_SHIPPED};
    struct small_nodes nodes;

    config.asks_peers = config.rolls_back = true;
    small_nodes_init(&nodes, &config);
    small_closure(&nodes);
    small_fold(&nodes);
    small_quiet(&nodes);
    note_all_noticed(&nodes, &nodes.coord_quiet, &nodes.part_quiet);
    cr_expect_gt(check_quiet(&nodes.coord_memo, &nodes.coord_quiet, nodes.coords_len), 300);
    cr_expect_gt(check_quiet(&nodes.part_memo, &nodes.part_quiet, nodes.parts_len), 200);
    small_nodes_deinit(&nodes);
}

/* What still matters keeps states apart. */
Test(small_fold, states_that_matter_are_apart)
{
    struct small_config config = {.participants = 1, .part_crashes = 1, .work = SMALL_SHIPPED};
    struct small_nodes nodes;

    small_nodes_init(&nodes, &config);
    small_closure(&nodes);
    small_fold(&nodes);
    for (uint32_t i = 0; i < nodes.parts_len; i++) {
        const uint32_t chosen = nodes.part_memo.stands_for[i];

        if (chosen == UINT32_MAX)
            continue;
        const struct small_row *row = &nodes.parts[i].rows[0], *stands = &nodes.parts[chosen].rows[0];

        /* What is on the disk of the last life will not be read any more. */
        if (row->incarnation == 1)
            cr_expect_eq(row->state == SMALL_ROW_PREPARED, stands->state == SMALL_ROW_PREPARED);
        cr_expect_eq(row->incarnation, stands->incarnation);
        cr_expect_eq(nodes.parts[i].up, nodes.parts[chosen].up);
    }
    for (uint32_t i = 0; i < nodes.coords_len; i++) {
        const uint32_t chosen = nodes.coord_memo.stands_for[i];

        if (chosen != UINT32_MAX)
            cr_expect_eq(nodes.coords[i].disk.kinds >> VOW_RECORD_COMMIT & 1,
                         nodes.coords[chosen].disk.kinds >> VOW_RECORD_COMMIT & 1);
    }
    small_nodes_deinit(&nodes);
}
