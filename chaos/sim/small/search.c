/*
 * Through all states of a small world, those that have come least far first (rank.h). A state is left out if another
 * one was reached that covers it: the same but for messages and budgets, of which the other has at least as many. What
 * was sent may always be lost and a fault that may come need not, so the other can do all that this one can. Of states
 * that differ in the names of participants alone one is kept (turn.h).
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/closure.h"
#include "chaos/sim/small/fold.h"
#include "chaos/sim/small/quiet.h"
#include "chaos/sim/small/rank.h"
#include "chaos/sim/small/rise.h"
#include "chaos/sim/small/shelf.h"
#include "chaos/sim/small/walk.h"
#include "chaos/sim/small/world.h"
#include "proto/assert.h"

/* How a state was reached: that is all that is kept of those that lie behind. */
struct node {
    uint32_t parent;
    uint16_t arg;            /* of the event */
    uint8_t kind, peer_turn; /* and who it is about; above that, by what the state was turned */
};

struct search {
    struct small_nodes nodes;
    struct node *found;
    size_t found_len, found_room;
    uint32_t turns;                /* how many are looked at */
    struct small_names names;      /* of the state that was printed last */
    struct small_shelves *shelves; /* by rank */
    uint32_t rank;                 /* of those that are looked at */
    struct small_ends ends;
    struct small_report *report;
};

/* ---- states that were found ---- */

static void add(struct search *search, const struct small_world *world, uint32_t parent, struct small_event event)
{
    const uint32_t rank = search->nodes.config.is_unswept ? 0 : small_world_rank(&search->nodes, world);
    struct small_turned turned;

    VOW_ASSERT(rank >= search->rank && search->found_len < UINT32_MAX);
    small_turn_least(&search->nodes, world, search->turns, &turned);
    if (!small_shelves_put(&search->shelves[rank], &search->nodes, &turned, (uint32_t)search->found_len)) {
        search->report->covered++;
        return;
    }
    search->found = small_room_grow(search->found, &search->found_room, search->found_len + 1, sizeof(*search->found));
    search->found[search->found_len++] =
        (struct node){parent, event.arg, event.kind, (uint8_t)(event.peer | turned.turn << 4)};
}

/* ---- the way to one ---- */

static uint32_t depth_of(const struct search *search, uint32_t at)
{
    uint32_t depth = 0;

    for (; at != 0; at = search->found[at].parent)
        depth++;
    return depth;
}

static void go(struct search *search, const struct node *node, struct small_world *world, struct small_names *names,
               FILE *trace)
{
    const struct small_event event = {node->kind, node->peer_turn & 15, node->arg};
    const uint32_t turn = node->peer_turn >> 4;
    struct small_world reached = *world;

    (void)small_world_step(&search->nodes, &reached, event);
    small_print(&search->nodes, &reached, event, names, trace);
    small_world_settle(&search->nodes, &reached, names, trace);
    (void)small_turn(&search->nodes, &reached, turn, world);
    *names = small_turn_names(names, turn);
}

/* Returns what the participants of that state were called at the beginning. */
static struct small_names print_way(struct search *search, uint32_t to, const struct small_world *last,
                                    struct small_event event, FILE *trace)
{
    uint32_t len = depth_of(search, to);
    uint32_t *way = small_room(len, sizeof(*way));
    struct small_names names = small_names_first;
    struct small_world world;

    small_world_first(&search->nodes, &world);
    small_world_settle(&search->nodes, &world, NULL, NULL);
    for (uint32_t i = len; i-- > 0; to = search->found[to].parent)
        way[i] = to;
    for (uint32_t i = 0; i < len; i++)
        go(search, &search->found[way[i]], &world, &names, trace);
    if (last != NULL)
        small_print(&search->nodes, last, event, &names, trace);
    free(way);
    return names;
}

static void say_assertion(struct search *search, const struct small_world *from, struct small_event event)
{
    const bool is_coord = event.kind < SMALL_JOIN;

    if (event.kind != SMALL_CONNECT)
        small_nodes_repeat(&search->nodes, is_coord ? from->coord : from->parts[event.peer], event);
}

/* What is looked at: a state, and the number under which it was found. */
struct look {
    struct small_world from;
    uint32_t at;
};

static int report_breach(struct search *search, struct small_breach breach, const struct look *look,
                         const struct small_world *last, struct small_event event, FILE *trace)
{
    search->report->rule = breach.rule;
    search->report->what = breach.what;
    if (trace != NULL) {
        (void)fprintf(trace, "%s is broken: %s\n", breach.rule, breach.what);
        search->names = print_way(search, look->at, last, event, trace);
    }
    if (trace != NULL && last != NULL && strcmp(breach.rule, "assert") == 0)
        say_assertion(search, &look->from, event);
    return 1;
}

/* ---- the search ---- */

/*
 * An event that does nothing but send something new leads to a state that covers this one: whatever follows is looked
 * for from there alone. So the state of a participant that asks again and again is one, and not one for each of the
 * messages that it has sent so far.
 */
static bool gain(struct search *search, const struct look *look, const struct small_move *moves, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        struct small_world to = look->from;
        const struct small_breach breach = small_world_move(&search->nodes, &to, moves[i]);

        if (breach.rule != NULL)
            continue;
        small_world_settle(&search->nodes, &to, NULL, NULL);
        if (small_world_is_alike(&to, &look->from) && memcmp(&to, &look->from, sizeof(to)) != 0 &&
            small_world_covers(&search->nodes, &to, &look->from)) {
            search->report->transitions += i;
            add(search, &to, look->at, moves[i].event);
            return true;
        }
    }
    return false;
}

static int check_end(struct search *search, const struct look *look, FILE *trace)
{
    const struct small_breach breach = small_world_ends(&search->nodes, &look->from, &search->ends, NULL, NULL);

    if (breach.rule == NULL)
        return 0;
    (void)report_breach(search, breach, look, NULL, (struct small_event){0}, trace);
    if (trace != NULL) {
        (void)fputs("  and from here on without a fault:\n", trace);
        (void)small_world_ends(&search->nodes, &look->from, &search->ends, &search->names, trace);
    }
    return 1;
}

static int look_further(struct search *search, const struct look *look, FILE *trace)
{
    struct small_move moves[SMALL_EVENTS_MAX];
    const uint32_t len = small_world_moves(&search->nodes, &look->from, moves);

    search->report->looked_at++;
    if (check_end(search, look, trace) != 0)
        return 1;
    if (gain(search, look, moves, len))
        return 0;
    for (uint32_t i = 0; i < len; i++) {
        struct small_world to = look->from;
        const struct small_breach breach = small_world_move(&search->nodes, &to, moves[i]);

        search->report->transitions++;
        if (breach.rule != NULL)
            return report_breach(search, breach, look, &to, moves[i].event, trace);
        small_world_settle(&search->nodes, &to, NULL, NULL);
        if (memcmp(&to, &look->from, sizeof(to)) != 0)
            add(search, &to, look->at, moves[i].event);
    }
    return 0;
}

/* ---- rank after rank ---- */

/* As many as a search finds that makes one of them that differ in names alone. */
static uint64_t count_alike(struct search *search, const struct small_shelves *shelves)
{
    struct small_shelves once = {0};
    uint64_t alike;

    for (size_t i = 0; i < shelves->shelves_len; i++) {
        for (uint32_t k = 0; k < shelves->shelves[i].len; k++) {
            const struct small_world world = small_shelf_world(&shelves->shelves[i], k);
            struct small_turned turned;

            small_turn_least(&search->nodes, &world, small_turns(&search->nodes), &turned);
            (void)small_shelves_put(&once, &search->nodes, &turned, 0);
        }
    }
    alike = small_shelves_count(&once);
    small_shelves_deinit(&once);
    return alike;
}

/* No state of that rank will be met again. */
static void leave_behind(struct search *search, struct small_shelves *shelves)
{
    const uint64_t states = small_shelves_count(shelves);

    search->report->states += states;
    search->report->alike += search->nodes.config.is_apart ? count_alike(search, shelves) : states;
    small_shelves_deinit(shelves);
}

/* What is remembered of runs without faults only saves time. */
#define ENDS_MAX 20000000

static void forget_ends(struct search *search)
{
    if (search->ends.from.used < ENDS_MAX)
        return;
    search->report->endings += search->ends.from.used;
    small_map_deinit(&search->ends.from);
}

static int sweep(struct search *search, FILE *trace)
{
    const uint64_t most = search->nodes.config.states_max;
    struct look look;
    int status = 0;

    for (; search->rank < small_ranks(&search->nodes) && status == 0; search->rank++) {
        struct small_shelves *shelves = &search->shelves[search->rank];

        while (status == 0 && search->report->complete && small_shelves_next(shelves, &look.from, &look.at)) {
            status = look_further(search, &look, trace);
            forget_ends(search);
            search->report->complete = most == 0 || search->found_len <= most;
        }
        leave_behind(search, shelves);
    }
    return status;
}

static void count(struct search *search)
{
    struct small_report *report = search->report;

    report->covered += search->found_len - report->states;
    report->endings += search->ends.from.used;
    report->outcomes = search->ends.outcomes.used;
    report->outcomes_digest = search->ends.outcomes_digest;
    report->depth = depth_of(search, (uint32_t)search->found_len - 1);
}

static void plant(struct small_memo *memo, uint32_t bug, uint32_t shows)
{
    if (bug == 0 || bug > memo->steps_len)
        return;
    memo->steps[bug - 1].seen |= shows;
    if (shows == 0)
        small_break_rule(&memo->steps[bug - 1], "planted", "a bug was planted here");
}

/* All that the nodes can ever do. */
static void follow(struct search *search, const struct small_config *config)
{
    small_closure(&search->nodes);
    search->report->coord_steps = search->nodes.coord_memo.steps_len;
    search->report->part_steps = search->nodes.part_memo.steps_len;
    plant(&search->nodes.coord_memo, config->coord_bug, config->bug_shows);
    plant(&search->nodes.part_memo, config->part_bug, config->bug_shows);
    if (config->is_whole) {
        small_fold_nothing(&search->nodes);
    } else {
        small_fold(&search->nodes);
        if (!config->is_loud)
            small_quiet(&search->nodes);
        small_rise(&search->nodes);
    }
    search->report->coord_states = search->nodes.coord_memo.classes;
    search->report->part_states = search->nodes.part_memo.classes;
    search->report->core_steps = search->nodes.core_steps;
}

static int run(struct search *search, const struct small_config *config, FILE *trace)
{
    struct small_world first;
    int status;

    follow(search, config);
    if (config->walk_last != 0)
        return small_walk(&search->nodes, search->report, trace);
    small_turns_find(&search->nodes);
    small_ranks_find(&search->nodes);
    search->turns = config->is_apart ? 1 : small_turns(&search->nodes);
    search->shelves = small_room(small_ranks(&search->nodes), sizeof(*search->shelves));
    small_world_first(&search->nodes, &first);
    small_world_settle(&search->nodes, &first, NULL, NULL);
    add(search, &first, 0, (struct small_event){0});
    status = sweep(search, trace);
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
    for (uint32_t i = 0; search.shelves != NULL && i < small_ranks(&search.nodes); i++)
        small_shelves_deinit(&search.shelves[i]);
    free(search.shelves);
    small_nodes_deinit(&search.nodes);
    small_ends_deinit(&search.ends);
    free(search.found);
    return status;
}
