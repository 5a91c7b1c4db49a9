#include "chaos/sim/small/quiet.h"

#include <string.h>

#include "chaos/sim/small/fold.h"

static void copy_move(const struct small_memo *from, struct small_memo *to, const struct small_move *move)
{
    const bool is_crash = move->event.kind == SMALL_COORD_CRASH || move->event.kind == SMALL_PART_CRASH;

    if (is_crash)
        return;
    to->moves = small_room_grow(to->moves, &to->moves_room, to->moves_len + 1, sizeof(*to->moves));
    to->moves[to->moves_len++] = (struct small_move){move->event, (uint32_t)to->steps_len};
    to->steps = small_room_grow(to->steps, &to->steps_room, to->steps_len + 1, sizeof(*to->steps));
    to->steps[to->steps_len++] = from->steps[move->step];
}

/* The states that are left, with all their moves but crashes. */
static void copy(const struct small_memo *from, struct small_memo *to, uint32_t states)
{
    to->first_move = small_room((size_t)states + 1, sizeof(*to->first_move));
    to->stands_for = small_room(states, sizeof(*to->stands_for));
    memcpy(to->stands_for, from->stands_for, states * sizeof(*to->stands_for));
    for (uint32_t i = 0; i < states; i++) {
        to->first_move[i] = (uint32_t)to->moves_len;
        for (uint32_t k = from->first_move[i]; k < from->first_move[i + 1]; k++)
            copy_move(from, to, &from->moves[k]);
    }
    to->first_move[states] = (uint32_t)to->moves_len;
}

void small_quiet(struct small_nodes *nodes)
{
    copy(&nodes->coord_memo, &nodes->coord_quiet, (uint32_t)nodes->coords_len);
    copy(&nodes->part_memo, &nodes->part_quiet, (uint32_t)nodes->parts_len);
    small_fold_both(nodes, &nodes->coord_quiet, &nodes->part_quiet);
}
