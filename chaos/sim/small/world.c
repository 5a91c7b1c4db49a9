/* What can happen next in a small world, and what follows from it. */
#include "chaos/sim/small/world.h"

#include <string.h>

#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

const struct small_memo *small_memo_of(const struct small_nodes *nodes, const struct small_world *world, bool is_coord)
{
    if ((world->flags & SMALL_F_QUIET) != 0)
        return is_coord ? &nodes->coord_quiet : &nodes->part_quiet;
    return is_coord ? &nodes->coord_memo : &nodes->part_memo;
}

void small_world_first(const struct small_nodes *nodes, struct small_world *world)
{
    const struct small_config *config = &nodes->config;
    const uint32_t participants = config->participants;

    VOW_ASSERT(participants <= SMALL_PARTICIPANTS_MAX);
    memset(world, 0, sizeof(*world));
    world->coord = nodes->coord_memo.first;
    world->budget[SMALL_B_COORD] = (uint8_t)config->coord_crashes;
    for (uint32_t i = 0; i < participants; i++) {
        world->parts[i] = nodes->part_memo.first;
        world->budget[SMALL_B_PART + i] = (uint8_t)config->part_crashes;
        world->budget[SMALL_B_BREAKS + i] = (uint8_t)config->breaks;
    }
    world->budget[SMALL_B_CRASHES] =
        (uint8_t)(config->crashes != 0 ? config->crashes : config->coord_crashes + participants * config->part_crashes);
}

/* ---- what can happen ---- */

struct list {
    const struct small_nodes *nodes;
    const struct small_world *world;
    struct small_move *moves;
    uint32_t len;
};

static void add(struct list *list, struct small_move move, uint32_t peer)
{
    VOW_ASSERT(list->len < SMALL_EVENTS_MAX);
    move.event.peer = (uint8_t)peer;
    list->moves[list->len++] = move;
}

static const struct small_coord *coord_of(const struct list *list)
{
    return &list->nodes->coords[list->world->coord];
}

static const struct small_part *part_of(const struct list *list, uint32_t peer)
{
    return &list->nodes->parts[list->world->parts[peer]];
}

static bool may_crash(const struct small_world *world, uint32_t node)
{
    return world->budget[node] > 0 && world->budget[SMALL_B_CRASHES] > 0;
}

static uint32_t ops_told(const struct small_nodes *nodes, const struct small_world *world)
{
    uint32_t ops = 0;

    for (uint32_t i = 0; i < nodes->config.participants; i++)
        ops |= (uint32_t)(world->flags >> small_f(i, SMALL_P_TOLD) & 3) << (2 * i);
    return ops;
}

/* The client asks for what it knows of, through the connection that it has. */
static bool may_client(const struct list *list, struct small_event event)
{
    const bool is_lost = (list->world->flags & SMALL_F_CLIENT_LOST) != 0;
    const uint32_t session = is_lost ? SMALL_CLIENT_SESSION + 1 : SMALL_CLIENT_SESSION;
    const bool is_joined = list->nodes->config.work == SMALL_JOINED;

    if (event.kind == SMALL_COMMIT)
        return event.arg == small_ask(session, ops_told(list->nodes, list->world)) &&
               (!is_joined || (list->world->flags & SMALL_F_BEGUN) != 0);
    return event.arg == session;
}

static bool is_session_up(const struct small_coord *coord, uint32_t peer)
{
    return coord->up && (coord->sessions >> peer & 1) != 0;
}

/* A break is seen by both ends, one after the other; so is the death of one by the other. */
static bool may_break(const struct list *list, uint32_t peer, bool is_other_up)
{
    return !is_other_up || list->world->budget[SMALL_B_BREAKS + peer] > 0;
}

static bool has_message(const struct list *list, uint32_t peer, uint32_t number)
{
    return (list->nodes->mail.sets[list->world->sets[peer]].words[number / 64] >> (number % 64) & 1) != 0;
}

static bool may_coord(const struct list *list, struct small_event event)
{
    const struct small_part *part = part_of(list, event.peer);

    switch ((int)event.kind) {
    case SMALL_BEGIN:
    case SMALL_COMMIT:
    case SMALL_ROLLBACK:
    case SMALL_STATUS:
    case SMALL_CLIENT_DOWN:
        return may_client(list, event);
    case SMALL_TO_COORD:
        return has_message(list, event.peer, event.arg);
    case SMALL_SESSION_DOWN:
        return may_break(list, event.peer, part->up && part->is_connected);
    case SMALL_SESSION_UP:
        return false; /* see add_connect() */
    case SMALL_COORD_CRASH:
        return may_crash(list->world, SMALL_B_COORD);
    default:
        return true;
    }
}

static bool may_part(const struct list *list, struct small_event event, uint32_t peer)
{
    switch ((int)event.kind) {
    case SMALL_JOIN:
        return (list->world->flags & SMALL_F_BEGUN) != 0;
    case SMALL_TO_PART:
        return has_message(list, peer, event.arg);
    case SMALL_COORD_DOWN:
        return may_break(list, peer, is_session_up(coord_of(list), peer));
    case SMALL_COORD_UP:
        return false; /* see add_connect() */
    case SMALL_PART_CRASH:
        return may_crash(list->world, SMALL_B_PART + peer);
    default:
        return true;
    }
}

static void add_coord(struct list *list)
{
    const struct small_memo *memo = small_memo_of(list->nodes, list->world, true);
    const uint32_t state = list->world->coord;

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++) {
        if (may_coord(list, memo->moves[i].event))
            add(list, memo->moves[i], memo->moves[i].event.peer);
    }
}

static void add_part(struct list *list, uint32_t peer)
{
    const struct small_memo *memo = small_memo_of(list->nodes, list->world, false);
    const uint32_t state = list->world->parts[peer];

    for (uint32_t i = memo->first_move[state]; i < memo->first_move[state + 1]; i++) {
        if (may_part(list, memo->moves[i].event, peer))
            add(list, memo->moves[i], peer);
    }
}

static void add_connect(struct list *list, uint32_t peer)
{
    const struct small_part *part = part_of(list, peer);

    if (coord_of(list)->up && part->up && !part->is_connected)
        add(list, (struct small_move){{SMALL_CONNECT, 0, 0}, 0}, peer);
}

/* The closure has followed whatever can come to be; a message that it ruled out must not (closure.h). */
static void check_followed(const struct list *list, uint32_t peer)
{
    const struct small_nodes *nodes = list->nodes;
    const struct small_part *part = part_of(list, peer);

    for (uint32_t number = 0; number < nodes->mail.messages_len; number++) {
        const struct small_event up = {SMALL_TO_COORD, (uint8_t)peer, (uint16_t)number};
        const struct small_event down = {SMALL_TO_PART, (uint8_t)peer, (uint16_t)number};

        if (!has_message(list, peer, number))
            continue;
        if (small_mail_is_to_coord(&nodes->mail, number))
            VOW_ASSERT(!is_session_up(coord_of(list), peer) || small_coord_knows(nodes, list->world->coord, up));
        else if (part->up && (part->is_connected || nodes->mail.from[number] != 0))
            VOW_ASSERT(small_part_knows(nodes, list->world->parts[peer], down));
    }
}

uint32_t small_world_moves(const struct small_nodes *nodes, const struct small_world *world,
                           struct small_move moves[SMALL_EVENTS_MAX])
{
    struct list list = {nodes, world, moves, 0};

    add_coord(&list);
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        add_part(&list, i);
        add_connect(&list, i);
        if (nodes->config.is_whole)
            check_followed(&list, i);
    }
    return list.len;
}

/* ---- what follows ---- */

static struct small_breach apply(struct small_nodes *nodes, struct small_world *world, struct small_event event,
                                 const struct small_step *step, bool is_coord)
{
    if (is_coord)
        world->coord = step->to;
    else
        world->parts[event.peer] = step->to;
    for (uint32_t i = 0; i < step->sends_len; i++) {
        const struct small_event letter = small_letter(nodes, event, step, i);

        if (letter.kind != 0)
            world->sets[letter.peer] = small_mail_with(&nodes->mail, world->sets[letter.peer], letter.arg);
    }
    if (step->rule != NULL)
        return (struct small_breach){step->rule, step->what};
    return small_check(nodes, world, event, step);
}

static struct small_breach connect(struct small_nodes *nodes, struct small_world *world, struct small_event event)
{
    const struct small_part *part = &nodes->parts[world->parts[event.peer]];
    const struct small_event up = {SMALL_SESSION_UP, event.peer, part->rows[0].incarnation};
    const struct small_event coord_up = {SMALL_COORD_UP, event.peer, (uint16_t)nodes->coords[world->coord].welcome};
    struct small_breach breach = apply(nodes, world, up, small_coord_step(nodes, world->coord, up), true);

    if (breach.rule != NULL)
        return breach;
    return apply(nodes, world, coord_up, small_part_step(nodes, world->parts[event.peer], coord_up), false);
}

static void pay(const struct small_nodes *nodes, struct small_world *world, struct small_event event)
{
    if (event.kind == SMALL_COORD_CRASH || event.kind == SMALL_PART_CRASH) {
        world->budget[SMALL_B_CRASHES]--;
        world->budget[event.kind == SMALL_COORD_CRASH ? SMALL_B_COORD : SMALL_B_PART + event.peer]--;
    }
    if ((event.kind == SMALL_SESSION_DOWN || event.kind == SMALL_COORD_DOWN) &&
        is_session_up(&nodes->coords[world->coord], event.peer) && nodes->parts[world->parts[event.peer]].up &&
        nodes->parts[world->parts[event.peer]].is_connected)
        world->budget[SMALL_B_BREAKS + event.peer]--;
    if (event.kind == SMALL_BEGIN)
        world->flags |= SMALL_F_BEGUN;
    if (event.kind == SMALL_CLIENT_DOWN)
        world->flags |= SMALL_F_CLIENT_LOST;
}

struct small_breach small_world_step(struct small_nodes *nodes, struct small_world *world, struct small_event event)
{
    pay(nodes, world, event);
    if (event.kind == SMALL_CONNECT)
        return connect(nodes, world, event);
    if (event.kind < SMALL_JOIN)
        return apply(nodes, world, event, small_coord_step(nodes, world->coord, event), true);
    return apply(nodes, world, event, small_part_step(nodes, world->parts[event.peer], event), false);
}

struct small_breach small_world_move(struct small_nodes *nodes, struct small_world *world, struct small_move move)
{
    const bool is_coord = move.event.kind < SMALL_JOIN;

    pay(nodes, world, move.event);
    if (move.event.kind == SMALL_CONNECT)
        return connect(nodes, world, move.event);
    return apply(nodes, world, move.event, &small_memo_of(nodes, world, is_coord)->steps[move.step], is_coord);
}

/* ---- what makes no difference ---- */

static void rise(struct small_nodes *nodes, struct small_world *world, const struct small_memo *memo,
                 const uint32_t *state, uint32_t peer, const struct small_names *names, FILE *trace)
{
    while (memo->rise[*state] != UINT32_MAX) {
        struct small_move move = memo->moves[memo->rise[*state]];

        move.event.peer = (uint8_t)peer;
        (void)small_world_move(nodes, world, move);
        if (trace != NULL)
            small_print(nodes, world, move.event, names, trace);
    }
}

static void hush(const struct small_nodes *nodes, struct small_world *world)
{
    if (world->budget[SMALL_B_CRASHES] > 0 || nodes->config.is_whole || nodes->config.is_loud)
        return;
    world->flags |= SMALL_F_QUIET;
    world->coord = nodes->coord_quiet.stands_for[world->coord];
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        world->parts[i] = nodes->part_quiet.stands_for[world->parts[i]];
}

void small_world_settle(struct small_nodes *nodes, struct small_world *world, const struct small_names *names,
                        FILE *trace)
{
    const struct small_memo *coords, *parts;
    const struct small_live *coord;

    hush(nodes, world);
    coords = small_memo_of(nodes, world, true);
    parts = small_memo_of(nodes, world, false);
    rise(nodes, world, coords, &world->coord, 0, names, trace);
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        rise(nodes, world, parts, &world->parts[i], i, names, trace);
    coord = &coords->live[world->coord];
    if (coords->is_blind[world->coord])
        world->flags |= SMALL_F_CLIENT_LOST;
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        const struct small_set *part = &parts->live[world->parts[i]].sets[0];

        world->sets[i] = small_mail_without(&nodes->mail, world->sets[i], &coord->sets[i], part);
    }
    world->flags &= ~small_flags_spent(nodes, world);
}
