#include "chaos/sim/small/turn.h"

#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/fold.h"
#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

#define NONE UINT32_MAX
#define NO_MESSAGE UINT16_MAX

/* Those of two participants are the first two, of three all. The second and the third change two of them, and make all
 * others. */
static const uint8_t turns[SMALL_TURNS_MAX][SMALL_PARTICIPANTS_MAX] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

uint32_t small_turns(const struct small_nodes *nodes)
{
    static const uint32_t counts[] = {1, 1, 2, SMALL_TURNS_MAX};

    return counts[nodes->config.participants];
}

const struct small_names small_names_first = {{0, 1, 2}};

struct small_names small_turn_names(const struct small_names *names, uint32_t turn)
{
    struct small_names turned;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        turned.of[turns[turn][i]] = names->of[i];
    return turned;
}

uint32_t small_turn_state(const struct small_nodes *nodes, const struct small_memo *memo, bool is_coord, uint32_t state,
                          uint32_t turn)
{
    const struct small_turn *to = &nodes->turns[turn];
    const uint32_t turned = turn == 0 ? state : (is_coord ? to->coords : to->parts)[state];

    return turned != NONE ? memo->stands_for[turned] : NONE;
}

static uint64_t turned_bits(uint64_t bits, uint32_t width, uint32_t turn)
{
    const uint64_t one = (UINT64_C(1) << width) - 1;
    uint64_t turned = 0;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        turned |= (bits >> (i * width) & one) << (turns[turn][i] * width);
    return turned;
}

/* ---- messages ---- */

static int compare_peers(const void *a, const void *b)
{
    return strcmp(((const struct vow_msg_peer *)a)->name, ((const struct vow_msg_peer *)b)->name);
}

static bool is_same_list(const struct vow_msg_prepare *a, const struct vow_msg_peer *b)
{
    bool is_same = true;

    for (uint32_t i = 0; i < a->peers_len && is_same; i++)
        is_same = strcmp(a->peers[i].name, b[i].name) == 0 && a->peers[i].incarnation == b[i].incarnation;
    return is_same;
}

/* It names nobody, or whom `wanted` names. */
static bool is_turned(const struct vow_msg *msg, const struct vow_msg *to, const struct vow_msg_peer *wanted)
{
    struct vow_msg same = *to;

    /* NOLINTBEGIN(bugprone-suspicious-memory-comparison,cert-*): each was cleared whole before it was filled */
    if (msg->kind != VOW_MSG_PREPARE && msg->kind != VOW_MSG_COMMIT_ONE_PHASE)
        return memcmp(msg, to, sizeof(same)) == 0;
    same.prepare.peers = msg->prepare.peers;
    return memcmp(msg, &same, sizeof(same)) == 0 && is_same_list(&to->prepare, wanted);
    /* NOLINTEND(bugprone-suspicious-memory-comparison,cert-*) */
}

static uint16_t find_message(const struct small_mail *mail, uint32_t number, uint32_t turn,
                             const struct vow_msg_peer *wanted)
{
    const uint32_t from = mail->from[number] == 0 ? 0 : turns[turn][mail->from[number] - 1u] + 1u;
    uint32_t found = 0;

    while (found < mail->messages_len &&
           (mail->from[found] != from || !is_turned(&mail->messages[number], &mail->messages[found], wanted)))
        found++;
    return found < mail->messages_len ? (uint16_t)found : NO_MESSAGE;
}

/* PREPARE names all that take part: in the order in which they came, or in their own. */
static uint16_t turned_message(const struct small_mail *mail, uint32_t number, uint32_t turn)
{
    const struct vow_msg *msg = &mail->messages[number];
    struct vow_msg_peer wanted[SMALL_PARTICIPANTS_MAX];
    uint32_t len = 0;
    uint16_t found;

    if (msg->kind == VOW_MSG_PREPARE || msg->kind == VOW_MSG_COMMIT_ONE_PHASE)
        len = msg->prepare.peers_len;
    for (uint32_t i = 0; i < len; i++) {
        wanted[i] = msg->prepare.peers[i];
        wanted[i].name = small_peer_name(turns[turn][msg->prepare.peers[i].name[1] - '0']);
    }
    found = find_message(mail, number, turn, wanted);
    if (found != NO_MESSAGE)
        return found;
    qsort(wanted, len, sizeof(wanted[0]), compare_peers);
    return find_message(mail, number, turn, wanted);
}

static void turn_messages(struct small_nodes *nodes, uint32_t turn)
{
    for (uint32_t i = 0; i < nodes->mail.messages_len; i++)
        nodes->turns[turn].messages[i] = turned_message(&nodes->mail, i, turn);
}

/* A message without a counterpart is like no other. */
static uint64_t message_of(const struct small_nodes *nodes, uint32_t turn, uint32_t number)
{
    const uint16_t turned = nodes->turns[turn].messages[number];

    return turned != NO_MESSAGE ? turned : (UINT64_C(1) << 32) + number;
}

/* ---- what a state can do, under other names ---- */

struct find {
    const struct small_nodes *nodes;
    const struct small_memo *memo;
    uint32_t states;
    bool is_coord;
    uint64_t *colours[2], *next; /* of each state: as it is, and turned */
};

static uint64_t name_of(const struct find *find, struct small_event event, uint32_t turn)
{
    if (event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART)
        return small_mix(small_mix(event.kind, find->is_coord ? turns[turn][event.peer] : 0),
                         message_of(find->nodes, turn, event.arg));
    if (event.kind == SMALL_COMMIT)
        event.arg = small_ask(event.arg & 15, (uint32_t)turned_bits(event.arg >> 4, 2, turn));
    if (event.kind == SMALL_SESSION_UP || event.kind == SMALL_SESSION_DOWN)
        event.peer = turns[turn][event.peer];
    return small_fold_name(event);
}

static uint64_t sends_of(const struct find *find, const struct small_step *step, uint32_t turn)
{
    uint64_t sends = 0;

    for (uint32_t i = 0; i < step->sends_len; i++) {
        const uint8_t peer = step->sends[i].peer;

        sends += small_mix(small_mix(7, peer == SMALL_TO_THE_COORD ? peer : turns[turn][peer]),
                           message_of(find->nodes, turn, step->sends[i].message));
    }
    return sends;
}

static uint64_t colour_of_move(const struct find *find, const struct small_move *move, uint32_t turn, bool is_turned)
{
    const struct small_step *step = &find->memo->steps[move->step];
    uint64_t colour = name_of(find, move->event, turn);

    if (step->rule != NULL)
        return small_mix(colour, 5);
    /* Of a coordinator it is the yes-list, of a participant the operations. */
    colour = small_mix(colour,
                       (uint64_t)step->seen << 16 | (find->is_coord ? turned_bits(step->mask, 1, turn) : step->mask));
    return small_mix(small_mix(colour, sends_of(find, step, turn)), find->colours[is_turned][step->to]);
}

static void paint(struct find *find, uint32_t turn, bool is_turned)
{
    const struct small_memo *memo = find->memo;

    for (uint32_t state = 0; state < find->states; state++) {
        uint64_t sum = 0;

        for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++)
            sum += colour_of_move(find, &memo->moves[i], turn, is_turned);
        find->next[state] = small_mix(find->colours[is_turned][state], sum);
    }
    memcpy(find->colours[is_turned], find->next, find->states * sizeof(*find->next));
}

/* Of both together; those that no class has are left out. */
static uint32_t count_colours(const struct find *find)
{
    struct small_map seen = {0};
    uint32_t len = 0, ignored;

    for (uint32_t i = 0; i < 2 * find->states; i++) {
        const uint32_t state = i / 2;

        if (find->memo->stands_for[state] != state || small_map_find(&seen, find->colours[i % 2][state], &ignored))
            continue;
        small_map_put(&seen, find->colours[i % 2][state], len++);
    }
    small_map_deinit(&seen);
    return len;
}

static void match(const struct find *find, uint32_t *turned)
{
    struct small_map state_of = {0};
    uint32_t ignored;

    for (uint32_t i = 0; i < find->states; i++) {
        if (find->memo->stands_for[i] == i && !small_map_find(&state_of, find->colours[0][i], &ignored))
            small_map_put(&state_of, find->colours[0][i], i);
    }
    for (uint32_t i = 0; i < find->states; i++) {
        turned[i] = NONE;
        if (find->memo->stands_for[i] == i && !small_map_find(&state_of, find->colours[1][i], &turned[i]))
            turned[i] = NONE;
    }
    small_map_deinit(&state_of);
}

/* Colours are told apart ever more finely, until they no longer are: of one colour then is what can do the same. */
static void turn_states(struct small_nodes *nodes, bool is_coord, uint32_t turn, uint32_t *turned)
{
    struct find find = {.nodes = nodes, .memo = is_coord ? &nodes->coord_memo : &nodes->part_memo};
    uint32_t before, colours = 0;

    find.is_coord = is_coord;
    find.states = (uint32_t)(is_coord ? nodes->coords_len : nodes->parts_len);
    find.next = small_room(find.states, sizeof(uint64_t));
    for (uint32_t k = 0; k < 2; k++) {
        find.colours[k] = small_room(find.states, sizeof(uint64_t));
        for (uint32_t i = 0; i < find.states; i++)
            find.colours[k][i] = small_fold_see_turned(nodes, is_coord, i, turns[k == 0 ? 0 : turn]);
    }
    do {
        before = colours;
        paint(&find, 0, false);
        paint(&find, turn, true);
        colours = count_colours(&find);
    } while (colours != before);
    match(&find, turned);
    free(find.colours[0]);
    free(find.colours[1]);
    free(find.next);
}

/* ---- the turns ---- */

static void combine(uint32_t *to, const uint32_t *first, const uint32_t *then, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = first[i] == NONE ? NONE : then[first[i]];
}

/* What turn `first` and then turn `then` make. */
static void combine_turns(struct small_nodes *nodes, uint32_t turn, uint32_t first, uint32_t then)
{
    struct small_turn *to = &nodes->turns[turn];
    const struct small_turn *a = &nodes->turns[first], *b = &nodes->turns[then];

    combine(to->coords, a->coords, b->coords, nodes->coords_len);
    combine(to->parts, a->parts, b->parts, nodes->parts_len);
    for (uint32_t i = 0; i < nodes->mail.messages_len; i++)
        to->messages[i] = a->messages[i] == NO_MESSAGE ? NO_MESSAGE : b->messages[a->messages[i]];
}

void small_turns_find(struct small_nodes *nodes)
{
    const uint32_t len = small_turns(nodes);

    turn_messages(nodes, 0);
    for (uint32_t turn = 1; turn < len; turn++) {
        nodes->turns[turn].coords = small_room(nodes->coords_len, sizeof(uint32_t));
        nodes->turns[turn].parts = small_room(nodes->parts_len, sizeof(uint32_t));
        if (turn > 2)
            continue;
        turn_messages(nodes, turn);
        turn_states(nodes, true, turn, nodes->turns[turn].coords);
        turn_states(nodes, false, turn, nodes->turns[turn].parts);
    }
    if (len < SMALL_TURNS_MAX)
        return;
    combine_turns(nodes, 3, 2, 1);
    combine_turns(nodes, 4, 1, 2);
    combine_turns(nodes, 5, 3, 2);
}

/* ---- a world's ---- */

static uint64_t turned_flags(uint64_t flags, uint32_t turn)
{
    const uint32_t first = small_f(0, 0);

    return (flags & ((UINT64_C(1) << first) - 1)) | turned_bits(flags >> first, SMALL_P_FLAGS, turn) << first;
}

static bool turn_set(struct small_nodes *nodes, uint32_t set, uint32_t turn, uint32_t *turned)
{
    const uint64_t key = (uint64_t)turn << 32 | set;
    const struct small_set from = nodes->mail.sets[set];
    struct small_set to = {{0}};

    if (small_map_find(&nodes->turned_set_of, key, turned))
        return true;
    for (uint32_t number = 0; number < nodes->mail.messages_len; number++) {
        const uint16_t other = nodes->turns[turn].messages[number];

        if ((from.words[number / 64] >> (number % 64) & 1) == 0)
            continue;
        if (other == NO_MESSAGE)
            return false;
        to.words[other / 64] |= UINT64_C(1) << (other % 64);
    }
    *turned = small_mail_set(&nodes->mail, &to);
    small_map_put(&nodes->turned_set_of, key, *turned);
    return true;
}

bool small_turn(struct small_nodes *nodes, const struct small_world *world, uint32_t turn, struct small_world *turned)
{
    const uint32_t participants = nodes->config.participants;
    bool is_whole = true;

    VOW_ASSERT(participants <= SMALL_PARTICIPANTS_MAX);
    *turned = *world;
    if (turn == 0)
        return true;
    turned->coord = small_turn_state(nodes, small_memo_of(nodes, world, true), true, world->coord, turn);
    turned->flags = turned_flags(world->flags, turn);
    is_whole = turned->coord != NONE;
    for (uint32_t i = 0; i < participants && is_whole; i++) {
        const uint32_t to = turns[turn][i];

        turned->parts[to] = small_turn_state(nodes, small_memo_of(nodes, world, false), false, world->parts[i], turn);
        turned->budget[SMALL_B_PART + to] = world->budget[SMALL_B_PART + i];
        turned->budget[SMALL_B_BREAKS + to] = world->budget[SMALL_B_BREAKS + i];
        is_whole = turned->parts[to] != NONE && turn_set(nodes, world->sets[i], turn, &turned->sets[to]);
    }
    return is_whole;
}

/* ---- the one that a search keeps ---- */

/* By what a search looks worlds up. */
static int compare_keys(const struct small_world *a, const struct small_world *b)
{
    const uint64_t x = a->flags & ~small_world_harm(), y = b->flags & ~small_world_harm();
    const int parts = memcmp(a->parts, b->parts, sizeof(a->parts));

    if (a->coord != b->coord)
        return a->coord < b->coord ? -1 : 1;
    return parts != 0 ? parts : x < y ? -1 : x > y;
}

static bool has(const struct small_turned *found, const struct small_world *world)
{
    bool is_in = false;

    for (uint32_t i = 0; i < found->len && !is_in; i++)
        is_in = memcmp(&found->worlds[i], world, sizeof(*world)) == 0;
    return is_in;
}

void small_turn_least(struct small_nodes *nodes, const struct small_world *world, uint32_t turns_len,
                      struct small_turned *found)
{
    const struct small_memo *coords = small_memo_of(nodes, world, true);

    found->worlds[0] = *world;
    found->turn = 0;
    found->len = 1;
    for (uint32_t turn = 1; turn < turns_len; turn++) {
        struct small_world other;
        int order;

        if (small_turn_state(nodes, coords, true, world->coord, turn) > found->worlds[0].coord ||
            !small_turn(nodes, world, turn, &other))
            continue;
        order = compare_keys(&other, &found->worlds[0]);
        if (order > 0 || (order == 0 && has(found, &other)))
            continue;
        if (order < 0) {
            found->len = 0;
            found->turn = turn;
        }
        found->worlds[found->len++] = other;
    }
}
