#include "chaos/sim/small/fold.h"

#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/peers.h"
#include "chaos/sim/small/strip.h"
#include "proto/assert.h"

#define NONE UINT32_MAX

struct fold {
    struct small_nodes *nodes;
    struct small_memo *memo;
    bool is_coord;
    uint32_t states;
    uint32_t *class_of, *next_of; /* of each state; NONE: cannot be reached */
    uint64_t *marks;              /* of moves */
    size_t marks_len, marks_room;
    uint32_t *drifts; /* states, see drift() */
    size_t drifts_len, drifts_room;
};

/* ---- what can be seen of a state without a move ---- */

/* But for its life, which a connection to it tells. */
static uint64_t see_coord(const struct small_coord *coord, const uint8_t *names)
{
    uint64_t yes = 0, sessions = 0;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        sessions |= (uint64_t)(coord->sessions >> i & 1) << names[i];
    for (uint32_t i = 0; i < coord->disk.yes.len; i++)
        yes |= UINT64_C(1) << names[coord->disk.yes.members[i].name[1] - '0'];
    return small_mix(small_mix(1, (uint64_t)coord->has_recovered << 1 | sessions << 8 |
                                      (uint64_t)(coord->open > 0) << 16 |
                                      (uint64_t)(coord->disk.kinds >> VOW_RECORD_ONE_PHASE & 1) << 24),
                     yes);
}

static uint64_t see_part(const struct small_part *part)
{
    const bool is_open = part->open > 0 || part->rows[part->rows_len - 1].state == SMALL_ROW_PREPARED;

    return small_mix(2, (uint64_t)part->is_connected << 1 | (uint64_t)part->is_joining << 2 | (uint64_t)is_open << 3 |
                            (uint64_t)part->joins << 8);
}

static uint64_t see_life(const struct small_nodes *nodes, bool is_coord, uint32_t state)
{
    if (is_coord)
        return nodes->coords[state].up ? 1 + (uint64_t)nodes->coords[state].welcome : 0;
    return (uint64_t)nodes->parts[state].up | (uint64_t)nodes->parts[state].rows[0].incarnation << 1;
}

uint64_t small_fold_see_turned(const struct small_nodes *nodes, bool is_coord, uint32_t state, const uint8_t *names)
{
    const uint64_t seen = is_coord ? see_coord(&nodes->coords[state], names) : see_part(&nodes->parts[state]);

    return small_mix(seen, see_life(nodes, is_coord, state));
}

uint64_t small_fold_see(const struct small_nodes *nodes, bool is_coord, uint32_t state)
{
    static const uint8_t own[SMALL_PARTICIPANTS_MAX] = {0, 1, 2};

    return small_fold_see_turned(nodes, is_coord, state, own);
}

/*
 * Others see the connections of one that is dead broken, and so they do of one that has just started; and only to one
 * that lives can they connect (world.c).
 */
bool small_fold_shows(const struct small_nodes *nodes, bool is_coord, uint32_t more, uint32_t less)
{
    static const uint8_t own[SMALL_PARTICIPANTS_MAX] = {0, 1, 2};
    const bool is_dead = !(is_coord ? nodes->coords[less].up : nodes->parts[less].up);

    if (small_fold_see(nodes, is_coord, more) == small_fold_see(nodes, is_coord, less))
        return true;
    if (!is_dead)
        return false;
    if (is_coord)
        return see_coord(&nodes->coords[more], own) == see_coord(&nodes->coords[less], own);
    return see_part(&nodes->parts[more]) == see_part(&nodes->parts[less]);
}

/* ---- and of a move ---- */

static const struct small_step *step_of(const struct fold *fold, const struct small_move *move)
{
    return &fold->memo->steps[move->step];
}

/* Nothing comes of it. */
static bool is_idle(const struct fold *fold, uint32_t from, const struct small_move *move)
{
    const struct small_step *step = step_of(fold, move);
    const enum small_event_kind kind = (enum small_event_kind)move->event.kind;
    /* The world remembers the first two, and of the others there is one at the other end, too. */
    const bool is_told =
        kind == SMALL_BEGIN || kind == SMALL_CLIENT_DOWN || kind == SMALL_SESSION_UP || kind == SMALL_COORD_UP;

    return !is_told && step->rule == NULL && step->seen == 0 && step->sends_len == 0 &&
           fold->class_of[step->to] == fold->class_of[from];
}

#define OWN_MOVE 1
#define CRASH 2

/* A node's own moves are told apart by what comes of them alone; a crash costs something. */
uint64_t small_fold_name(struct small_event event)
{
    switch ((int)event.kind) {
    case SMALL_JOURNAL_DONE:
    case SMALL_COORD_TIMER:
    case SMALL_COORD_START:
    case SMALL_COORD_RECOVER:
    case SMALL_STORE_DONE:
    case SMALL_PART_TIMER:
    case SMALL_PART_LATE:
    case SMALL_PART_START:
        return OWN_MOVE;
    case SMALL_COORD_CRASH:
    case SMALL_PART_CRASH:
        return CRASH;
    default:
        return small_mix(3, (uint64_t)event.kind << 32 | (uint64_t)event.peer << 16 | event.arg);
    }
}

bool small_fold_is_own(struct small_event event)
{
    return small_fold_name(event) == OWN_MOVE;
}

/* The network is a set, so the order of what a step sends makes no difference. */
static uint64_t outcome_of(const struct fold *fold, const struct small_step *step)
{
    uint64_t sends = 0;

    for (uint32_t i = 0; i < step->sends_len; i++)
        sends += small_mix(4, (uint64_t)step->sends[i].peer << 16 | step->sends[i].message);
    if (step->rule != NULL)
        return 5;
    return small_mix(small_mix(small_mix(sends, (uint64_t)step->seen << 16 | step->mask), step->sends_len),
                     fold->class_of[step->to]);
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Marks of a state's own moves, behind those that are there. */
static void mark_moves(struct fold *fold, uint32_t state)
{
    const struct small_memo *memo = fold->memo;
    const uint32_t end = memo->first_move[state + 1];

    fold->marks = small_room_grow(fold->marks, &fold->marks_room, fold->marks_len + end - memo->first_move[state],
                                  sizeof(*fold->marks));
    for (uint32_t i = memo->first_move[state]; i < end; i++) {
        const struct small_step *step = step_of(fold, &memo->moves[i]);

        if (!is_idle(fold, state, &memo->moves[i]))
            fold->marks[fold->marks_len++] = small_mix(small_fold_name(memo->moves[i].event), outcome_of(fold, step));
    }
}

static void sort_marks(struct fold *fold)
{
    size_t len = 0;

    qsort(fold->marks, fold->marks_len, sizeof(*fold->marks), compare);
    for (size_t i = 0; i < fold->marks_len; i++) {
        if (len == 0 || fold->marks[len - 1] != fold->marks[i])
            fold->marks[len++] = fold->marks[i];
    }
    fold->marks_len = len;
}

/* Those to which it comes by itself, while nothing shows: it can do what they can. */
static void drift(struct fold *fold, uint32_t state)
{
    const struct small_memo *memo = fold->memo;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++) {
        const struct small_step *step = step_of(fold, &memo->moves[i]);
        bool is_known = small_fold_name(memo->moves[i].event) != OWN_MOVE || !is_idle(fold, state, &memo->moves[i]);

        for (size_t k = 0; k < fold->drifts_len && !is_known; k++)
            is_known = fold->drifts[k] == step->to;
        if (is_known)
            continue;
        fold->drifts = small_room_grow(fold->drifts, &fold->drifts_room, fold->drifts_len + 1, sizeof(*fold->drifts));
        fold->drifts[fold->drifts_len++] = step->to;
    }
}

static uint64_t mark_of(struct fold *fold, uint32_t state)
{
    uint64_t mark = small_mix(6, fold->class_of[state]);

    fold->marks_len = 0;
    fold->drifts = small_room_grow(fold->drifts, &fold->drifts_room, 1, sizeof(*fold->drifts));
    fold->drifts[0] = state;
    fold->drifts_len = 1;
    for (size_t i = 0; i < fold->drifts_len; i++) {
        mark_moves(fold, fold->drifts[i]);
        drift(fold, fold->drifts[i]);
    }
    sort_marks(fold);
    for (size_t i = 0; i < fold->marks_len; i++)
        mark = small_mix(mark, fold->marks[i]);
    return mark;
}

/* How much it can do at once. */
static size_t count_marks(struct fold *fold, uint32_t state)
{
    fold->marks_len = 0;
    mark_moves(fold, state);
    sort_marks(fold);
    return fold->marks_len;
}

/* ---- classes, finer with each round, until no move leads from one class into two ---- */

/* Once they were folded, those that stand for others. */
static bool is_left(const struct small_memo *memo, uint32_t state)
{
    return memo->stands_for != NULL ? memo->stands_for[state] == state : small_is_reached(memo, state);
}

static uint32_t split(struct fold *fold, bool is_first)
{
    struct small_map classes = {0};
    uint32_t len = 0;

    for (uint32_t i = 0; i < fold->states; i++) {
        uint64_t mark;
        uint32_t class;

        fold->next_of[i] = NONE;
        if (!is_left(fold->memo, i))
            continue;
        if (is_first)
            mark = small_fold_see(fold->nodes, fold->is_coord, i);
        else
            mark = mark_of(fold, i);
        if (!small_map_find(&classes, mark, &class))
            small_map_put(&classes, mark, class = len++);
        fold->next_of[i] = class;
    }
    memcpy(fold->class_of, fold->next_of, fold->states * sizeof(*fold->class_of));
    small_map_deinit(&classes);
    return len;
}

/* ---- one state for each class ---- */

static bool is_double(const struct fold *fold, const struct small_move *moves, uint32_t len, uint64_t name,
                      uint64_t outcome)
{
    bool found = false;

    for (uint32_t i = 0; i < len && !found; i++)
        found = small_fold_name(moves[i].event) == name && outcome_of(fold, step_of(fold, &moves[i])) == outcome;
    return found;
}

/* Those that do something, each once. */
static uint32_t copy_moves(const struct fold *fold, uint32_t state, struct small_move *to)
{
    const struct small_memo *memo = fold->memo;
    uint32_t len = 0;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++) {
        const struct small_step *step = step_of(fold, &memo->moves[i]);
        const uint64_t name = small_fold_name(memo->moves[i].event), outcome = outcome_of(fold, step);

        if (!is_idle(fold, state, &memo->moves[i]) && (name > CRASH || !is_double(fold, to, len, name, outcome)))
            to[len++] = memo->moves[i];
    }
    return len;
}

static void keep_moves(struct fold *fold, const uint32_t *chosen)
{
    struct small_memo *memo = fold->memo;
    struct small_move *moves = small_room(memo->moves_len, sizeof(*moves));
    uint32_t *first = small_room((size_t)fold->states + 1, sizeof(*first));
    uint32_t len = 0;

    for (uint32_t i = 0; i < fold->states; i++) {
        first[i] = len;
        if (fold->class_of[i] != NONE && chosen[fold->class_of[i]] == i)
            len += copy_moves(fold, i, moves + len);
    }
    first[fold->states] = len;
    free(memo->moves);
    free(memo->first_move);
    memo->moves = moves;
    memo->moves_len = len;
    memo->first_move = first;
}

static void lead_to(struct fold *fold, const uint32_t *chosen)
{
    for (size_t i = 0; i < fold->memo->steps_len; i++) {
        struct small_step *step = &fold->memo->steps[i];

        if (step->rule == NULL && fold->class_of[step->to] != NONE)
            step->to = chosen[fold->class_of[step->to]];
    }
}

/* For those, too, that were folded before. */
static void stand_for_all(const struct fold *fold, const uint32_t *chosen)
{
    struct small_memo *memo = fold->memo;
    uint32_t *stands_for = small_room(fold->states, sizeof(*stands_for));

    for (uint32_t i = 0; i < fold->states; i++) {
        const uint32_t left = memo->stands_for != NULL ? memo->stands_for[i] : i;

        stands_for[i] = left != NONE && fold->class_of[left] != NONE ? chosen[fold->class_of[left]] : NONE;
    }
    free(memo->stands_for);
    memo->stands_for = stands_for;
    memo->first = stands_for[0];
}

/* The one that can do most at once: no other of its class can do more, not even by and by. */
static void choose(struct fold *fold, uint32_t classes)
{
    uint32_t *chosen = small_room(classes, sizeof(*chosen));
    size_t *most = small_room(classes, sizeof(*most));

    for (uint32_t i = fold->states; i-- > 0;) {
        if (fold->class_of[i] == NONE)
            continue;
        const size_t len = count_marks(fold, i) + 1;

        if (len < most[fold->class_of[i]])
            continue;
        most[fold->class_of[i]] = len;
        chosen[fold->class_of[i]] = i;
    }
    for (uint32_t i = 0; i < classes; i++) {
        (void)mark_of(fold, chosen[i]);
        VOW_ASSERT(fold->marks_len + 1 == most[i]);
    }
    keep_moves(fold, chosen);
    lead_to(fold, chosen);
    fold->memo->classes = classes;
    stand_for_all(fold, chosen);
    free(most);
    free(chosen);
}

/* ---- messages that may still do something, and what may still be seen ---- */

static bool add_live(struct small_live *to, const struct small_live *from)
{
    bool grew = false;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++) {
        for (uint32_t k = 0; k < SMALL_SET_WORDS; k++) {
            grew = grew || (from->sets[i].words[k] & ~to->sets[i].words[k]) != 0;
            to->sets[i].words[k] |= from->sets[i].words[k];
        }
    }
    return grew;
}

static bool spread_live(struct fold *fold, uint32_t state)
{
    struct small_memo *memo = fold->memo;
    bool grew = false;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++) {
        const struct small_step *step = step_of(fold, &memo->moves[i]);
        const struct small_event event = memo->moves[i].event;
        struct small_live one = {0};

        if (event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART)
            one.sets[event.peer].words[event.arg / 64] |= UINT64_C(1) << (event.arg % 64);
        grew = add_live(&memo->live[state], &one) || grew;
        grew = add_live(&memo->live[state], &memo->live[step->to]) || grew;
        grew = grew || ((step->seen | memo->future[step->to]) & ~memo->future[state]) != 0;
        memo->future[state] |= step->seen | memo->future[step->to];
    }
    return grew;
}

static void find_live(struct fold *fold)
{
    bool grew;

    free(fold->memo->live);
    free(fold->memo->future);
    fold->memo->live = small_room(fold->states, sizeof(*fold->memo->live));
    fold->memo->future = small_room(fold->states, sizeof(*fold->memo->future));
    do {
        grew = false;
        for (uint32_t i = fold->states; i-- > 0;)
            grew = spread_live(fold, i) || grew;
    } while (grew);
}

/* ---- coordinators to which it makes no difference which connection the client speaks through ---- */

static bool is_client(struct small_event event)
{
    return event.kind == SMALL_BEGIN || event.kind == SMALL_COMMIT || event.kind == SMALL_ROLLBACK ||
           event.kind == SMALL_STATUS;
}

/* What comes of the same request through the other connection. */
static bool has_twin(const struct fold *fold, uint32_t state, const struct small_move *move)
{
    const struct small_memo *memo = fold->memo;
    const uint64_t outcome = outcome_of(fold, step_of(fold, move));
    const uint16_t twin = move->event.arg ^ (SMALL_CLIENT_SESSION ^ (SMALL_CLIENT_SESSION + 1));
    bool found = false;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1] && !found; i++)
        found = memo->moves[i].event.kind == move->event.kind && memo->moves[i].event.arg == twin &&
                outcome_of(fold, step_of(fold, &memo->moves[i])) == outcome;
    return found;
}

static bool stays_blind(const struct fold *fold, uint32_t state)
{
    const struct small_memo *memo = fold->memo;
    bool is_blind = true;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1] && is_blind; i++) {
        const struct small_move *move = &memo->moves[i];

        const struct small_step *step = step_of(fold, move);

        is_blind = memo->is_blind[step->to] && (!is_client(move->event) || has_twin(fold, state, move));
        if (move->event.kind == SMALL_CLIENT_DOWN)
            is_blind = is_blind && step->to == state && step->sends_len == 0 && step->seen == 0;
    }
    return is_blind;
}

static void find_blind(struct fold *fold)
{
    struct small_memo *memo = fold->memo;
    bool changed;

    free(memo->is_blind);
    memo->is_blind = small_room(fold->states, sizeof(*memo->is_blind));
    memset(memo->is_blind, 1, fold->states * sizeof(*memo->is_blind));
    do {
        changed = false;
        for (uint32_t i = 0; i < fold->states; i++) {
            const bool is_blind = memo->is_blind[i] && stays_blind(fold, i);

            changed = changed || is_blind != memo->is_blind[i];
            memo->is_blind[i] = is_blind;
        }
    } while (changed);
}

static void fold_kind(struct small_nodes *nodes, struct small_memo *memo, bool is_coord)
{
    struct fold fold = {.nodes = nodes, .memo = memo};
    uint32_t classes = 0, before;

    fold.is_coord = is_coord;
    fold.states = (uint32_t)(is_coord ? nodes->coords_len : nodes->parts_len);
    fold.class_of = small_room(fold.states, sizeof(uint32_t));
    fold.next_of = small_room(fold.states, sizeof(uint32_t));
    do {
        before = classes;
        classes = split(&fold, before == 0);
    } while (classes != before);
    choose(&fold, classes);
    find_live(&fold);
    if (is_coord)
        find_blind(&fold);
    free(fold.class_of);
    free(fold.next_of);
    free(fold.marks);
    free(fold.drifts);
}

void small_fold_both(struct small_nodes *nodes, struct small_memo *coords, struct small_memo *parts)
{
    do {
        fold_kind(nodes, coords, true);
        fold_kind(nodes, parts, false);
    } while (small_strip(nodes, coords, parts));
}

static void keep_all(struct small_memo *memo, uint32_t states)
{
    memo->classes = states;
    memo->first = 0;
    memo->stands_for = small_room(states, sizeof(*memo->stands_for));
    memo->rise = small_room(states, sizeof(*memo->rise));
    memo->is_blind = small_room(states, sizeof(*memo->is_blind));
    memo->live = small_room(states, sizeof(*memo->live));
    memset(memo->live, 0xff, states * sizeof(*memo->live));
    memo->future = small_room(states, sizeof(*memo->future));
    memset(memo->future, 0xff, states * sizeof(*memo->future));
    for (uint32_t i = 0; i < states; i++) {
        memo->stands_for[i] = small_is_reached(memo, i) ? i : NONE;
        memo->rise[i] = NONE;
    }
}

void small_fold_nothing(struct small_nodes *nodes)
{
    keep_all(&nodes->coord_memo, (uint32_t)nodes->coords_len);
    keep_all(&nodes->part_memo, (uint32_t)nodes->parts_len);
    nodes->is_folded = true;
}

void small_fold(struct small_nodes *nodes)
{
    small_fold_both(nodes, &nodes->coord_memo, &nodes->part_memo);
    nodes->is_folded = true;
}
