#include "chaos/sim/small/rank.h"

#include <stdlib.h>

#include "chaos/sim/small/turn.h"
#include "proto/assert.h"

#define NONE UINT32_MAX

/*
 * States that lead to each other, found by Tarjan's algorithm: a group is whole when all that it leads to is, so that
 * then the longest way from it to an end is known, too.
 */
struct group {
    const struct small_nodes *nodes;
    struct small_memo *memo;
    bool is_coord;
    uint32_t *found, *low; /* in which order states were found, from 1; the first of those that one leads back to */
    uint32_t *height;      /* the longest way to an end, once its group is whole; NONE: it is not */
    uint32_t *open;        /* found, and of a group that is not whole */
    struct frame {
        uint32_t state, edge;
    } * way; /* from the first state to the one that is looked at */
    uint32_t open_len, way_len, found_len;
};

/* ---- what a state leads to ---- */

static uint32_t edges_of(const struct group *group, uint32_t state)
{
    return group->memo->first_move[state + 1] - group->memo->first_move[state] + small_turns(group->nodes) - 1;
}

/* By its moves, and to its counterparts, which so have the same rank. */
static uint32_t edge_of(const struct group *group, uint32_t state, uint32_t edge)
{
    const struct small_memo *memo = group->memo;
    const uint32_t moves = memo->first_move[state + 1] - memo->first_move[state];
    const struct small_step *step;

    if (edge >= moves)
        return small_turn_state(group->nodes, memo, group->is_coord, state, 1 + edge - moves);
    step = &memo->steps[memo->moves[memo->first_move[state] + edge].step];
    return step->rule == NULL ? step->to : NONE;
}

/* ---- groups ---- */

static void open_state(struct group *group, uint32_t state)
{
    group->found[state] = group->low[state] = ++group->found_len;
    group->open[group->open_len++] = state;
    group->way[group->way_len++] = (struct frame){state, 0};
}

/* Those from `first` on are all of a group. */
static void close_group(struct group *group, uint32_t first)
{
    uint32_t start = group->open_len, height = 0;

    while (group->open[--start] != first)
        continue;
    for (uint32_t i = start; i < group->open_len; i++) {
        for (uint32_t k = 0; k < edges_of(group, group->open[i]); k++) {
            const uint32_t to = edge_of(group, group->open[i], k);

            if (to != NONE && group->height[to] != NONE && group->height[to] >= height)
                height = group->height[to] + 1;
        }
    }
    for (uint32_t i = start; i < group->open_len; i++)
        group->height[group->open[i]] = height;
    group->open_len = start;
}

static void leave_state(struct group *group)
{
    const uint32_t state = group->way[--group->way_len].state;

    if (group->low[state] == group->found[state])
        close_group(group, state);
    if (group->way_len > 0) {
        const uint32_t from = group->way[group->way_len - 1].state;

        if (group->low[state] < group->low[from])
            group->low[from] = group->low[state];
    }
}

static void follow(struct group *group, uint32_t first)
{
    open_state(group, first);
    while (group->way_len > 0) {
        struct frame *at = &group->way[group->way_len - 1];
        uint32_t to;

        if (at->edge == edges_of(group, at->state)) {
            leave_state(group);
            continue;
        }
        to = edge_of(group, at->state, at->edge++);
        if (to == NONE)
            continue;
        if (group->found[to] == 0)
            open_state(group, to);
        else if (group->height[to] == NONE && group->found[to] < group->low[at->state])
            group->low[at->state] = group->found[to];
    }
}

static void keep_ranks(const struct group *group, uint32_t states)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < states; i++)
        most = group->found[i] != 0 && group->height[i] > most ? group->height[i] : most;
    group->memo->ranks = most + 1;
    for (uint32_t i = 0; i < states; i++)
        group->memo->rank[i] = group->found[i] != 0 ? most - group->height[i] : NONE;
}

static void rank_kind(struct small_nodes *nodes, struct small_memo *memo, bool is_coord)
{
    const uint32_t states = (uint32_t)(is_coord ? nodes->coords_len : nodes->parts_len);
    struct group group = {.nodes = nodes, .memo = memo, .is_coord = is_coord};

    memo->rank = small_room(states, sizeof(uint32_t));
    group.found = small_room(states, sizeof(uint32_t));
    group.low = small_room(states, sizeof(uint32_t));
    group.height = small_room(states, sizeof(uint32_t));
    group.open = small_room(states, sizeof(uint32_t));
    group.way = small_room(states, sizeof(*group.way));
    for (uint32_t i = 0; i < states; i++)
        group.height[i] = NONE;
    for (uint32_t i = 0; i < states; i++) {
        if (memo->stands_for[i] == i && group.found[i] == 0)
            follow(&group, i);
    }
    keep_ranks(&group, states);
    free(group.found);
    free(group.low);
    free(group.height);
    free(group.open);
    free(group.way);
}

void small_ranks_find(struct small_nodes *nodes)
{
    rank_kind(nodes, &nodes->coord_memo, true);
    rank_kind(nodes, &nodes->part_memo, false);
    if (nodes->coord_quiet.stands_for == NULL)
        return;
    rank_kind(nodes, &nodes->coord_quiet, true);
    rank_kind(nodes, &nodes->part_quiet, false);
}

/* ---- a world's ---- */

#define FLAGS_MAX 64

/* Those that stay, once they are there. */
static uint64_t lasting_flags(void)
{
    uint64_t flags = SMALL_F_COMMIT | SMALL_F_END | SMALL_F_CLIENT_LOST | SMALL_F_BEGUN;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        flags |= (UINT64_C(1) << SMALL_P_YES | UINT64_C(1) << SMALL_P_READ_ONLY | UINT64_C(1) << SMALL_P_COMMITTED |
                  UINT64_C(1) << SMALL_P_MEMO)
                 << small_f(i, 0);
    return flags;
}

/* Where the ranks of those begin in which no crash is left: above all others. */
static uint32_t quiet_from(const struct small_nodes *nodes)
{
    return nodes->coord_memo.ranks + nodes->config.participants * nodes->part_memo.ranks + FLAGS_MAX;
}

uint32_t small_world_rank(const struct small_nodes *nodes, const struct small_world *world)
{
    const bool is_quiet = (world->flags & SMALL_F_QUIET) != 0;
    uint32_t rank = small_memo_of(nodes, world, true)->rank[world->coord] + (is_quiet ? quiet_from(nodes) : 0);

    /* Those that no rule reads any more count as if they were all there: so they do once that is so. */
    for (uint64_t flags = (world->flags | small_flags_spent(nodes, world)) & lasting_flags(); flags != 0;
         flags &= flags - 1)
        rank++;
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        rank += small_memo_of(nodes, world, false)->rank[world->parts[i]];
    VOW_ASSERT(rank < small_ranks(nodes));
    return rank;
}

uint32_t small_ranks(const struct small_nodes *nodes)
{
    return quiet_from(nodes) + nodes->coord_quiet.ranks + nodes->config.participants * nodes->part_quiet.ranks +
           FLAGS_MAX;
}
