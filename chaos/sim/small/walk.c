#include "chaos/sim/small/walk.h"

#include <inttypes.h>
#include <string.h>

#include "chaos/sim/small/turn.h"
#include "proto/jitter.h"

/* Without faults a transaction of three participants ends in some 30 steps. */
#define STEPS_MAX 96
/* When a node may die, at the latest: after that what is left of the walk is for what comes of it. */
#define CRASH_STEPS 64
#define CRASHES_MAX 8

struct walk {
    struct small_nodes *nodes;
    struct small_report *report;
    struct small_ends ends;
    struct small_map seen;
    uint64_t random;
    uint32_t crash_at[CRASHES_MAX]; /* steps */
    uint32_t crashes;
    struct small_world at;
    struct small_event way[STEPS_MAX];
    uint32_t way_len;
    uint64_t seed;
};

static uint32_t below(struct walk *walk, uint32_t n)
{
    return (uint32_t)(vow_jitter_next(&walk->random) % n);
}

static bool is_crash(struct small_event event)
{
    return event.kind == SMALL_COORD_CRASH || event.kind == SMALL_PART_CRASH;
}

static void begin(struct walk *walk, uint64_t seed)
{
    walk->random = walk->seed = seed;
    walk->way_len = 0;
    small_world_first(walk->nodes, &walk->at);
    small_world_settle(walk->nodes, &walk->at, NULL, NULL);
    walk->crashes = walk->at.budget[SMALL_B_CRASHES] < CRASHES_MAX ? walk->at.budget[SMALL_B_CRASHES] : CRASHES_MAX;
    for (uint32_t i = 0; i < walk->crashes; i++)
        walk->crash_at[i] = below(walk, CRASH_STEPS);
}

/* So many crashes come at their steps, or as soon after as anybody may die; all else is as likely as any. */
static bool wants_crash(const struct walk *walk)
{
    const uint32_t all = walk->crashes, left = walk->at.budget[SMALL_B_CRASHES];
    uint32_t due = 0;

    for (uint32_t i = 0; i < all; i++)
        due += walk->crash_at[i] <= walk->way_len;
    return left > 0 && left <= all && all - left < due;
}

/* Those that are crashes, or that are not; if there are none, the others. Returns how many. */
static uint32_t sift(struct small_move *moves, uint32_t len, bool crashes)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < len; i++) {
        if (is_crash(moves[i].event) == crashes)
            moves[kept++] = moves[i];
    }
    return kept;
}

/* False: nothing can happen. */
static bool choose(struct walk *walk, struct small_move *chosen)
{
    struct small_move moves[SMALL_EVENTS_MAX];
    const uint32_t all = small_world_moves(walk->nodes, &walk->at, moves);
    uint32_t len = sift(moves, all, wants_crash(walk));

    if (len == 0)
        len = small_world_moves(walk->nodes, &walk->at, moves);
    if (len == 0)
        return false;
    *chosen = moves[below(walk, len)];
    return true;
}

/* ---- what is seen ---- */

static void note(struct walk *walk)
{
    const uint8_t *bytes = (const uint8_t *)&walk->at;
    uint64_t digest = 1;
    uint32_t ignored;

    for (size_t i = 0; i + sizeof(uint32_t) <= sizeof(walk->at); i += sizeof(uint32_t)) {
        uint32_t word;

        memcpy(&word, bytes + i, sizeof(word));
        digest = small_mix(digest, word);
    }
    if (small_map_find(&walk->seen, digest, &ignored))
        return;
    small_map_put(&walk->seen, digest, 1);
    walk->report->states++;
}

static void print_way(struct walk *walk, struct small_breach breach, FILE *trace)
{
    struct small_world world;

    (void)fprintf(trace, "%s is broken: %s\n  the walk of seed %" PRIu64 ":\n", breach.rule, breach.what, walk->seed);
    small_world_first(walk->nodes, &world);
    small_world_settle(walk->nodes, &world, NULL, NULL);
    for (uint32_t i = 0; i < walk->way_len; i++) {
        (void)small_world_step(walk->nodes, &world, walk->way[i]);
        small_print(walk->nodes, &world, walk->way[i], &small_names_first, trace);
        small_world_settle(walk->nodes, &world, &small_names_first, trace);
    }
}

static int break_off(struct walk *walk, struct small_breach breach, FILE *trace)
{
    walk->report->rule = breach.rule;
    walk->report->what = breach.what;
    if (trace != NULL)
        print_way(walk, breach, trace);
    return 1;
}

static int step(struct walk *walk, struct small_move move, FILE *trace)
{
    const struct small_breach breach = small_world_move(walk->nodes, &walk->at, move);

    walk->way[walk->way_len++] = move.event;
    walk->report->transitions++;
    if (breach.rule != NULL)
        return break_off(walk, breach, trace);
    small_world_settle(walk->nodes, &walk->at, NULL, NULL);
    note(walk);
    return 0;
}

/* All that is open ends, when no more faults come. */
static int end(struct walk *walk, FILE *trace)
{
    const struct small_breach breach = small_world_ends(walk->nodes, &walk->at, &walk->ends, NULL, NULL);

    if (breach.rule == NULL)
        return 0;
    (void)break_off(walk, breach, trace);
    if (trace != NULL) {
        (void)fputs("  and from here on without a fault:\n", trace);
        (void)small_world_ends(walk->nodes, &walk->at, &walk->ends, &small_names_first, trace);
    }
    return 1;
}

static int go(struct walk *walk, FILE *trace)
{
    struct small_move move;
    int status = 0;

    note(walk);
    while (status == 0 && walk->way_len < STEPS_MAX && choose(walk, &move)) {
        status = step(walk, move, trace);
        status = status == 0 ? end(walk, trace) : status;
    }
    if (walk->way_len > walk->report->depth)
        walk->report->depth = walk->way_len;
    return status;
}

int small_walk(struct small_nodes *nodes, struct small_report *report, FILE *trace)
{
    static struct walk walk;
    int status = 0;

    walk = (struct walk){.nodes = nodes, .report = report};
    for (uint64_t seed = nodes->config.walk_first; seed <= nodes->config.walk_last && status == 0; seed++) {
        begin(&walk, seed);
        status = go(&walk, trace);
        report->walks++;
    }
    report->endings = walk.ends.from.used;
    small_ends_deinit(&walk.ends);
    small_map_deinit(&walk.seen);
    return status;
}
