/*
 * Breadth first through all states of a small world. A state is left out if another one was reached that covers it: the
 * same but for messages and budgets, of which the other has at least as many. What was sent may always be lost and a
 * fault that may come need not, so the other can do all that this one can. Of states that differ in the names of
 * participants alone one is kept (turn.h).
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/closure.h"
#include "chaos/sim/small/fold.h"
#include "chaos/sim/small/rise.h"
#include "chaos/sim/small/shelf.h"
#include "chaos/sim/small/walk.h"
#include "chaos/sim/small/world.h"

struct node {
    struct small_world world;
    uint32_t parent;
    struct small_event event;
    bool is_covered;
    uint8_t turn; /* what it was reached as was turned by this */
};

struct search {
    struct small_nodes nodes;
    struct node *found;
    size_t found_len, found_room;
    uint32_t turns;           /* how many are looked at */
    struct small_names names; /* of the state that was printed last */
    struct small_shelves shelves;
    struct small_map ends;
    struct small_report *report;
};

/* ---- states that were found ---- */

static void cross_out(void *ctx, uint32_t number)
{
    ((struct search *)ctx)->found[number].is_covered = true;
}

static void add(struct search *search, const struct small_world *world, uint32_t parent, struct small_event event)
{
    struct small_turned turned;

    small_turn_least(&search->nodes, world, search->turns, &turned);
    if (!small_shelves_put(&search->shelves, &search->nodes, &turned, (uint32_t)search->found_len, cross_out, search)) {
        search->report->covered++;
        return;
    }
    search->found = small_room_grow(search->found, &search->found_room, search->found_len + 1, sizeof(*search->found));
    search->found[search->found_len++] =
        (struct node){.world = turned.worlds[0], .parent = parent, .event = event, .turn = (uint8_t)turned.turn};
}

/* ---- the way to one ---- */

/* Returns what the participants of that state were called at the beginning. */
static struct small_names print_way(struct search *search, uint32_t to, const struct small_world *last,
                                    struct small_event event, FILE *trace)
{
    uint32_t way[1024];
    uint32_t len = 0;
    struct small_names names = small_names_first;

    for (uint32_t at = to; at != 0 && len < 1024; at = search->found[at].parent)
        way[len++] = at;
    while (len > 0) {
        const struct node *node = &search->found[way[--len]];
        struct small_world world = search->found[node->parent].world;

        (void)small_world_step(&search->nodes, &world, node->event);
        small_print(&search->nodes, &world, node->event, &names, trace);
        small_world_settle(&search->nodes, &world, &names, trace);
        names = small_turn_names(&names, node->turn);
    }
    if (last != NULL)
        small_print(&search->nodes, last, event, &names, trace);
    return names;
}

static uint32_t depth_of(const struct search *search, uint32_t at)
{
    uint32_t depth = 0;

    for (; at != 0; at = search->found[at].parent)
        depth++;
    return depth;
}

static void say_assertion(struct search *search, const struct small_world *from, struct small_event event)
{
    const bool is_coord = event.kind < SMALL_JOIN;

    if (event.kind != SMALL_CONNECT)
        small_nodes_repeat(&search->nodes, is_coord ? from->coord : from->parts[event.peer], event);
}

static int report_breach(struct search *search, struct small_breach breach, uint32_t at, const struct small_world *last,
                         struct small_event event, FILE *trace)
{
    search->report->rule = breach.rule;
    search->report->what = breach.what;
    if (trace != NULL) {
        (void)fprintf(trace, "%s is broken: %s\n", breach.rule, breach.what);
        search->names = print_way(search, at, last, event, trace);
    }
    if (trace != NULL && last != NULL && strcmp(breach.rule, "assert") == 0)
        say_assertion(search, &search->found[at].world, event);
    return 1;
}

/* ---- the search ---- */

/*
 * An event that does nothing but send something new leads to a state that covers this one: whatever follows is looked
 * for from there alone. So the state of a participant that asks again and again is one, and not one for each of the
 * messages that it has sent so far.
 */
static bool gain(struct search *search, uint32_t at, const struct small_move *moves, uint32_t len)
{
    const struct small_world from = search->found[at].world;

    for (uint32_t i = 0; i < len; i++) {
        struct small_world to = from;
        const struct small_breach breach = small_world_move(&search->nodes, &to, moves[i]);

        small_world_settle(&search->nodes, &to, NULL, NULL);
        if (breach.rule == NULL && small_world_is_alike(&to, &from) && memcmp(&to, &from, sizeof(to)) != 0 &&
            small_world_covers(&search->nodes, &to, &from)) {
            search->report->transitions += i;
            add(search, &to, at, moves[i].event);
            return true;
        }
    }
    return false;
}

static int look_further(struct search *search, uint32_t at, FILE *trace)
{
    struct small_move moves[SMALL_EVENTS_MAX];
    const struct small_world from = search->found[at].world;
    const uint32_t len = small_world_moves(&search->nodes, &from, moves);
    struct small_breach breach = small_world_ends(&search->nodes, &from, &search->ends, NULL, NULL);

    if (breach.rule != NULL) {
        (void)report_breach(search, breach, at, NULL, (struct small_event){0}, trace);
        if (trace != NULL) {
            (void)fputs("  and from here on without a fault:\n", trace);
            (void)small_world_ends(&search->nodes, &from, &search->ends, &search->names, trace);
        }
        return 1;
    }
    if (gain(search, at, moves, len))
        return 0;
    for (uint32_t i = 0; i < len; i++) {
        struct small_world to = from;

        breach = small_world_move(&search->nodes, &to, moves[i]);
        search->report->transitions++;
        if (breach.rule != NULL)
            return report_breach(search, breach, at, &to, moves[i].event, trace);
        small_world_settle(&search->nodes, &to, NULL, NULL);
        if (memcmp(&to, &from, sizeof(to)) != 0)
            add(search, &to, at, moves[i].event);
    }
    return 0;
}

/* As many as a search finds that makes one of them that differ in names alone. */
static uint64_t count_alike(struct search *search)
{
    const uint64_t covered = search->report->covered;
    struct node *found = search->found;
    const size_t len = search->found_len;
    uint64_t alike = 0;

    search->found = NULL;
    search->found_len = search->found_room = 0;
    small_shelves_deinit(&search->shelves);
    search->turns = small_turns(&search->nodes);
    for (size_t i = 0; i < len; i++) {
        if (!found[i].is_covered)
            add(search, &found[i].world, 0, found[i].event);
    }
    for (size_t i = 0; i < search->found_len; i++)
        alike += !search->found[i].is_covered;
    free(found);
    search->report->covered = covered;
    return alike;
}

static void count(struct search *search)
{
    struct small_report *report = search->report;

    report->states = 0;
    for (size_t i = 0; i < search->found_len; i++)
        report->states += !search->found[i].is_covered;
    report->covered += search->found_len - report->states;
    report->endings = search->ends.used;
    report->depth = depth_of(search, (uint32_t)search->found_len - 1);
    report->alike = search->nodes.config.is_apart ? count_alike(search) : report->states;
}

/* All that the nodes can ever do. */
static void follow(struct search *search, const struct small_config *config)
{
    small_closure(&search->nodes);
    if (config->is_whole) {
        small_fold_nothing(&search->nodes);
    } else {
        small_fold(&search->nodes);
        small_rise(&search->nodes);
    }
    search->report->coord_states = search->nodes.coord_memo.classes;
    search->report->part_states = search->nodes.part_memo.classes;
    search->report->core_steps = search->nodes.core_steps;
}

static int run(struct search *search, const struct small_config *config, FILE *trace)
{
    struct small_world first;
    int status = 0;

    follow(search, config);
    if (config->walk_last != 0)
        return small_walk(&search->nodes, search->report, trace);
    small_turns_find(&search->nodes);
    search->turns = config->is_apart ? 1 : small_turns(&search->nodes);
    small_world_first(&search->nodes, &first);
    small_world_settle(&search->nodes, &first, NULL, NULL);
    add(search, &first, 0, (struct small_event){0});
    for (size_t at = 0; at < search->found_len && status == 0; at++) {
        if (config->states_max != 0 && search->found_len > config->states_max) {
            search->report->complete = false;
            break;
        }
        if (!search->found[at].is_covered)
            status = look_further(search, (uint32_t)at, trace);
    }
    count(search);
    return status;
}

static bool is_valid(const struct small_config *config)
{
    return config->participants >= 1 && config->participants <= SMALL_PARTICIPANTS_MAX &&
           config->coord_crashes <= SMALL_CRASHES_MAX && config->part_crashes <= SMALL_CRASHES_MAX &&
           (config->work != SMALL_ONE_PHASE || config->participants == 1);
}

int small_search(const struct small_config *config, struct small_report *report, FILE *trace)
{
    struct search search = {.report = report};
    int status;

    *report = (struct small_report){.complete = true};
    if (!is_valid(config))
        return -1;
    small_nodes_init(&search.nodes, config);
    status = run(&search, config, trace);
    small_nodes_deinit(&search.nodes);
    small_shelves_deinit(&search.shelves);
    small_map_deinit(&search.ends);
    free(search.found);
    return status;
}
