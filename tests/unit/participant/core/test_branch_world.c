/* Many small worlds, each from a seed: see world.h. VOW_SEED=N runs one alone; VOW_WORLDS=N that many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "participant/core/branch.h"
#include "world.h"

#define WORLDS 20000

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

/* A peer names the life that PREPARE named, and that one alone is at work for it. A one-phase commit has no peers, and
 * this world no operators. */
static bool is_beyond_honest_peers(const struct vow_fsm_edge *edge)
{
    if (edge->event == VOW_BRANCH_EV_PEER_HEURISTIC)
        return true;
    if (edge->event != VOW_BRANCH_EV_PEER_ASKS && edge->event != VOW_BRANCH_EV_PEER_ASKS_OLD)
        return false;
    const bool is_before_vote = edge->from == VOW_BRANCH_ENLISTING || edge->from == VOW_BRANCH_ACTIVE ||
                                edge->from == VOW_BRANCH_WORKING || edge->from == VOW_BRANCH_SPOILED ||
                                edge->from == VOW_BRANCH_PREPARING || edge->from == VOW_BRANCH_DOOMED;
    return edge->from == VOW_BRANCH_ONE_PHASE || (is_before_vote && edge->event == VOW_BRANCH_EV_PEER_ASKS_OLD);
}

/* Edges that an honest coordinator and an honest store never take. The table's test drives them. */
static bool is_beyond_honesty(const struct vow_fsm_edge *edge)
{
    const bool is_joined = edge->from == VOW_BRANCH_ENLISTING || edge->from == VOW_BRANCH_ACTIVE ||
                           edge->from == VOW_BRANCH_WORKING || edge->from == VOW_BRANCH_SPOILED;
    /* Joined work is never asked to commit in one phase, and an id with a memo is not opened for it. */
    if (is_joined && (edge->event == VOW_BRANCH_EV_COMMIT_ONE_PHASE || edge->event == VOW_BRANCH_EV_FORGET))
        return true;
    if (edge->event == VOW_BRANCH_EV_JOIN && (edge->from == VOW_BRANCH_ONE_PHASE))
        return true;
    /* Nobody here is an operator: heuristics are for the golden traces and the simulator. */
    if (strcmp(edge->rule, "2.7") == 0)
        return true;
    if (edge->from >= VOW_BRANCH_HEURISTIC_COMMITTING && edge->from <= VOW_BRANCH_DAMAGED)
        return true;
    if (is_beyond_honest_peers(edge))
        return true;
    return edge->event == VOW_BRANCH_EV_STORE_NO_RECORD && edge->from == VOW_BRANCH_COMMITTING;
}

static void report_missed_edges(const uint64_t *hits)
{
    const struct vow_fsm *fsm = vow_branches_fsm();
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        cr_expect(hits[i] != 0 || is_beyond_honesty(edge), "never taken: %s --%s--> %s", fsm->states[edge->from].name,
                  fsm->events[edge->event].name, fsm->states[edge->to].name);
    }
}

Test(branch_world, holds_for_every_seed, .timeout = 100)
{
    uint64_t hits[VOW_BRANCH_EDGES] = {0};
    const uint64_t only = from_environment("VOW_SEED", 0);
    const uint64_t worlds = from_environment("VOW_WORLDS", WORLDS);
    for (uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : worlds); seed++) {
        const char *violation = world_run(seed, hits);
        cr_assert_null(violation, "VOW_SEED=%llu: %s", (unsigned long long)seed, violation);
    }
    if (only == 0 && worlds >= WORLDS)
        report_missed_edges(hits);
}
