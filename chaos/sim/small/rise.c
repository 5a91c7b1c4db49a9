#include "chaos/sim/small/rise.h"
#include "proto/assert.h"

#include <stdlib.h>

#include "chaos/sim/small/fold.h"

#define NONE UINT32_MAX

/* Two states that stand for their classes: b can do all that a can, as far as is known. */
struct pair {
    uint32_t a, b;
    bool holds;
};

/* Only the pairs that somebody asks for; each is believed until a move is found that nothing matches. */
struct rise {
    const struct small_nodes *nodes;
    struct small_memo *memo;
    bool is_coord;
    struct pair *pairs;
    size_t pairs_len, pairs_room;
    struct small_map pair_of;
};

static const struct small_step *step_of(const struct rise *rise, uint32_t move)
{
    return &rise->memo->steps[rise->memo->moves[move].step];
}

static bool can(struct rise *rise, uint32_t a, uint32_t b)
{
    const uint64_t key = (uint64_t)a << 32 | b;
    uint32_t at;

    if (a == b)
        return true;
    if (rise->pairs != NULL && small_map_find(&rise->pair_of, key, &at))
        return rise->pairs[at].holds;
    rise->pairs = small_room_grow(rise->pairs, &rise->pairs_room, rise->pairs_len + 1, sizeof(*rise->pairs));
    VOW_ASSERT(rise->pairs != NULL);
    rise->pairs[rise->pairs_len] = (struct pair){a, b, small_fold_shows(rise->nodes, rise->is_coord, b, a)};
    small_map_put(&rise->pair_of, key, (uint32_t)rise->pairs_len);
    return rise->pairs[rise->pairs_len++].holds;
}

/* ---- does b's move do what a's does? ---- */

static bool sends_all(const struct small_step *a, const struct small_step *b)
{
    bool all = true;

    for (uint32_t i = 0; i < a->sends_len && all; i++) {
        bool found = false;

        for (uint32_t k = 0; k < b->sends_len && !found; k++)
            found = a->sends[i].peer == b->sends[k].peer && a->sends[i].message == b->sends[k].message;
        all = found;
    }
    return all;
}

static bool is_matched_by(struct rise *rise, const struct small_step *a, const struct small_step *b)
{
    if (a->rule != NULL || b->rule != NULL)
        return b->rule != NULL;
    return a->seen == b->seen && a->mask == b->mask && sends_all(a, b) && can(rise, a->to, b->to);
}

/* Without doing anything b has done it. */
static bool is_done(struct rise *rise, struct small_event event, const struct small_step *step, uint32_t b)
{
    const bool is_told = event.kind == SMALL_BEGIN || event.kind == SMALL_CLIENT_DOWN || event.kind == SMALL_JOIN ||
                         event.kind == SMALL_COORD_CRASH || event.kind == SMALL_PART_CRASH ||
                         event.kind == SMALL_SESSION_UP || event.kind == SMALL_COORD_UP;

    return !is_told && step->rule == NULL && step->seen == 0 && step->sends_len == 0 && can(rise, step->to, b);
}

static bool is_matched(struct rise *rise, uint32_t move, uint32_t b)
{
    const struct small_memo *memo = rise->memo;
    const struct small_event event = memo->moves[move].event;
    const uint64_t name = small_fold_name(event);
    bool found = is_done(rise, event, step_of(rise, move), b);

    for (uint32_t i = memo->first_move[b]; i < memo->first_move[b + 1] && !found; i++)
        found =
            small_fold_name(memo->moves[i].event) == name && is_matched_by(rise, step_of(rise, move), step_of(rise, i));
    return found;
}

static bool is_simulated(struct rise *rise, uint32_t a, uint32_t b)
{
    const struct small_memo *memo = rise->memo;
    bool all = true;

    for (uint32_t i = memo->first_move[a]; i < memo->first_move[a + 1] && all; i++)
        all = is_matched(rise, i, b);
    return all;
}

/* ---- the greatest relation in which each move is matched ---- */

static bool thin_out(struct rise *rise)
{
    const size_t before = rise->pairs_len;
    bool changed = false;

    for (size_t i = 0; i < rise->pairs_len; i++) {
        if (!rise->pairs[i].holds || is_simulated(rise, rise->pairs[i].a, rise->pairs[i].b))
            continue;
        rise->pairs[i].holds = false;
        changed = true;
    }
    return changed || rise->pairs_len != before;
}

/* ---- where to rise ---- */

/* Up, or to the lowest of those that are equal: it ends. */
static bool is_higher(struct rise *rise, uint32_t from, const struct small_step *step)
{
    if (step->rule != NULL || step->seen != 0 || step->to == from || !can(rise, from, step->to))
        return false;
    return !can(rise, step->to, from) || step->to < from;
}

static uint32_t find(struct rise *rise, uint32_t state)
{
    const struct small_memo *memo = rise->memo;
    uint32_t found = NONE;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1] && found == NONE; i++) {
        if (small_fold_is_own(memo->moves[i].event) && is_higher(rise, state, step_of(rise, i)))
            found = i;
    }
    return found;
}

static void find_all(struct rise *rise, uint32_t states)
{
    for (uint32_t i = 0; i < states; i++)
        rise->memo->rise[i] = rise->memo->stands_for[i] == i ? find(rise, i) : NONE;
}

/* To look where to rise is to ask for pairs, which are then looked at until nothing changes. */
static void rise_kind(struct small_nodes *nodes, struct small_memo *memo, bool is_coord)
{
    struct rise rise = {.nodes = nodes, .memo = memo};
    const uint32_t states = (uint32_t)(is_coord ? nodes->coords_len : nodes->parts_len);

    rise.is_coord = is_coord;
    rise.memo->rise = small_room(states, sizeof(uint32_t));
    do
        find_all(&rise, states);
    while (thin_out(&rise));
    free(rise.pairs);
    small_map_deinit(&rise.pair_of);
}

void small_rise(struct small_nodes *nodes)
{
    rise_kind(nodes, &nodes->coord_memo, true);
    rise_kind(nodes, &nodes->part_memo, false);
    if (nodes->config.is_loud)
        return;
    rise_kind(nodes, &nodes->coord_quiet, true);
    rise_kind(nodes, &nodes->part_quiet, false);
}
