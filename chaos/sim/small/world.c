/* What can happen next in a small world, and what follows from it. */
#include "chaos/sim/small/world.h"

#include <string.h>

#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

void small_world_first(const struct small_nodes *nodes, struct small_world *world)
{
    const struct small_config *config = &nodes->config;
    const uint32_t participants = config->participants;

    VOW_ASSERT(participants <= SMALL_PARTICIPANTS_MAX);
    memset(world, 0, sizeof(*world));
    world->budget[SMALL_B_COORD] = (uint8_t)config->coord_crashes;
    for (uint32_t i = 0; i < participants; i++) {
        world->budget[SMALL_B_PART + i] = (uint8_t)config->part_crashes;
        world->budget[SMALL_B_BREAKS + i] = (uint8_t)config->breaks;
    }
    world->budget[SMALL_B_CRASHES] =
        (uint8_t)(config->crashes != 0 ? config->crashes : config->coord_crashes + participants * config->part_crashes);
}

/* ---- what can happen ---- */

struct list {
    struct small_event *events;
    uint32_t len;
};

static void add(struct list *list, enum small_event_kind kind, uint32_t peer, uint32_t arg)
{
    VOW_ASSERT(list->len < SMALL_EVENTS_MAX);
    list->events[list->len++] = (struct small_event){(uint8_t)kind, (uint8_t)peer, (uint16_t)arg};
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

static void add_client(const struct small_nodes *nodes, const struct small_world *world, struct list *list)
{
    const bool is_lost = (world->flags & SMALL_F_CLIENT_LOST) != 0;
    const uint32_t session = is_lost ? SMALL_CLIENT_SESSION + 1 : SMALL_CLIENT_SESSION;
    const bool is_joined = nodes->config.work == SMALL_JOINED;

    if (is_joined)
        add(list, SMALL_BEGIN, 0, session);
    if (!is_joined || (world->flags & SMALL_F_BEGUN) != 0)
        add(list, SMALL_COMMIT, 0, small_ask(session, ops_told(nodes, world)));
    if (nodes->config.rolls_back)
        add(list, SMALL_ROLLBACK, 0, session);
    add(list, SMALL_STATUS, 0, session);
    if (!is_lost)
        add(list, SMALL_CLIENT_DOWN, 0, session);
}

static void add_coord(const struct small_nodes *nodes, const struct small_world *world, struct list *list)
{
    const struct small_coord *coord = &nodes->coords[world->coord];

    if (!coord->up) {
        add(list, SMALL_COORD_START, 0, 0);
        return;
    }
    if (!coord->has_recovered)
        add(list, SMALL_COORD_RECOVER, 0, 0);
    add_client(nodes, world, list);
    if (coord->queue_len > 0)
        add(list, SMALL_JOURNAL_DONE, 0, 0);
    if (coord->has_timer)
        add(list, SMALL_COORD_TIMER, 0, 0);
    for (uint32_t k = 0; k <= coord->queue_len && may_crash(world, SMALL_B_COORD); k++)
        add(list, SMALL_COORD_CRASH, 0, k);
}

static void add_store(const struct small_part *part, uint32_t peer, struct list *list)
{
    enum vow_store_result results[3];

    for (uint32_t i = 0; i < part->queue_len; i++) {
        const uint32_t len = small_part_answers(part, i, results);

        for (uint32_t k = 0; k < len; k++)
            add(list, SMALL_STORE_DONE, peer, small_answer(i, results[k]));
    }
}

/* Each operation once, and once more in a world of one. */
static uint32_t joins_max(const struct small_nodes *nodes)
{
    return nodes->config.participants == 1 ? 2 : 1;
}

static void add_part(const struct small_nodes *nodes, const struct small_world *world, uint32_t peer, struct list *list)
{
    const struct small_part *part = &nodes->parts[world->parts[peer]];

    if (!part->up) {
        add(list, SMALL_PART_START, peer, 0);
        return;
    }
    if (nodes->config.work == SMALL_JOINED && (world->flags & SMALL_F_BEGUN) != 0 && !part->is_joining &&
        (world->flags >> small_f(peer, SMALL_P_JOINS) & 3) < joins_max(nodes))
        add(list, SMALL_JOIN, peer, 0);
    add_store(part, peer, list);
    if (part->has_timer) {
        add(list, SMALL_PART_TIMER, peer, 0);
        add(list, SMALL_PART_LATE, peer, 0);
    }
    for (uint32_t k = 0; k < small_part_survivors(part) && may_crash(world, SMALL_B_PART + peer); k++)
        add(list, SMALL_PART_CRASH, peer, k);
}

static bool is_session_up(const struct small_coord *coord, uint32_t peer)
{
    return coord->up && (coord->sessions >> peer & 1) != 0;
}

/* A break is seen by both ends, one after the other; so is the death of one by the other. */
static void add_connection(const struct small_nodes *nodes, const struct small_world *world, uint32_t peer,
                           struct list *list)
{
    const struct small_coord *coord = &nodes->coords[world->coord];
    const struct small_part *part = &nodes->parts[world->parts[peer]];
    const bool at_coord = is_session_up(coord, peer), at_part = part->up && part->is_connected;
    const bool may_break = (at_coord && at_part && world->budget[SMALL_B_BREAKS + peer] > 0);

    if (at_coord && (!at_part || may_break))
        add(list, SMALL_SESSION_DOWN, peer, 0);
    if (at_part && (!at_coord || may_break))
        add(list, SMALL_COORD_DOWN, peer, 0);
    if (coord->up && part->up && !part->is_connected)
        add(list, SMALL_CONNECT, peer, 0);
}

static void add_messages(const struct small_nodes *nodes, const struct small_world *world, uint32_t peer,
                         struct list *list)
{
    const struct small_set *set = &nodes->mail.sets[world->sets[peer]];
    const bool at_coord = is_session_up(&nodes->coords[world->coord], peer);
    const struct small_part *part = &nodes->parts[world->parts[peer]];

    for (uint32_t number = 0; number < nodes->mail.messages_len; number++) {
        const bool is_to_coord = small_mail_is_to_coord(&nodes->mail, number);

        const bool at_part = part->up && (part->is_connected || nodes->mail.from[number] != 0);

        if ((set->words[number / 64] >> (number % 64) & 1) != 0 && (is_to_coord ? at_coord : at_part))
            add(list, is_to_coord ? SMALL_TO_COORD : SMALL_TO_PART, peer, number);
    }
}

uint32_t small_world_events(const struct small_nodes *nodes, const struct small_world *world,
                            struct small_event events[SMALL_EVENTS_MAX])
{
    struct list list = {events, 0};

    add_coord(nodes, world, &list);
    for (uint32_t i = 0; i < nodes->config.participants; i++) {
        add_messages(nodes, world, i, &list);
        add_part(nodes, world, i, &list);
        add_connection(nodes, world, i, &list);
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
    if (event.kind == SMALL_JOIN)
        world->flags += UINT64_C(1) << small_f(event.peer, SMALL_P_JOINS);
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
