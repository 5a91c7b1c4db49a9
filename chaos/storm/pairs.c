/*
 * Pairs of crashes: who has died at a point dies again in the life that brings it back. Each life is armed with a few
 * points, drawn anew, of those that its kind of transaction comes to, and dies at the first that it comes to; two
 * deaths of a node after one another are a pair. Worlds of all kinds, one after another, until so many different pairs
 * have been seen.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"
#include "chaos/storm/storm.h"
#include "proto/jitter.h"

/* One in so many of the points that a life could come to: most lives meet one of them soon, and not always the same. */
#define ARMED_ONE_IN 10
#define NODES_MAX 16
#define DEATHS_PER_WORLD 80
/* The last world may end with fewer: but it is to have done some work meanwhile. */
#define DEATHS_LEAST 40
/* Nobody comes to what has been drawn for them any more. */
#define LULL_MS 10000
/* Worlds after one another in which there was nothing new. */
#define BARREN_MAX 2

/* Which program, and the point that its last life died at. */
struct widow {
    const char *program;
    size_t died_at; /* points_len() = none */
};

struct pairs {
    struct storm_away away; /* first: storm_away_ms() has it */
    enum points_kind kind;
    uint64_t luck;
    struct widow widows[NODES_MAX];
    size_t widows_len;
    uint32_t deaths; /* in this world */
    uint32_t wanted, found, crashed, worlds;
    uint8_t *seen; /* [kind][first][second] */
    int status;
    bool is_interrupted;
};

static enum points_node node_of(const char *program)
{
    return strcmp(program, "vowd") == 0 ? POINTS_VOWD : POINTS_SERVICE;
}

static struct widow *widow_of(struct pairs *pairs, const char *program)
{
    for (size_t i = 0; i < pairs->widows_len; i++)
        if (strcmp(pairs->widows[i].program, program) == 0)
            return &pairs->widows[i];
    if (pairs->widows_len == NODES_MAX)
        return NULL;
    struct widow *widow = &pairs->widows[pairs->widows_len++];
    *widow = (struct widow){.program = program, .died_at = points_len()};
    return widow;
}

static uint8_t *cell(struct pairs *pairs, size_t first, size_t second)
{
    return &pairs->seen[((size_t)pairs->kind * points_len() + first) * points_len() + second];
}

static bool is_drawn(struct pairs *pairs, size_t point, const struct widow *widow)
{
    const bool is_seen = widow != NULL && widow->died_at < points_len() && *cell(pairs, widow->died_at, point) != 0;

    return points_why_not(points_at(point), pairs->kind) == NULL && !is_seen &&
           vow_jitter_next(&pairs->luck) % ARMED_ONE_IN == 0;
}

static bool arm(void *ctx, const char *program, char points[REAL_POINTS_SIZE])
{
    struct pairs *pairs = ctx;
    const struct widow *widow = widow_of(pairs, program);
    size_t len = 0;

    for (size_t i = 0; i < points_len(); i++)
        if (points_at(i)->node == node_of(program) && is_drawn(pairs, i, widow))
            len += (size_t)snprintf(points + len, REAL_POINTS_SIZE - len, "%s%s@1", len > 0 ? "," : "",
                                    points_at(i)->name);
    return len > 0;
}

/* New is a death here: it is what keeps the world going. */
static bool died(void *ctx, const char *program, const char *name)
{
    struct pairs *pairs = ctx;
    const struct points_point *point = points_find(node_of(program), name);
    struct widow *widow = widow_of(pairs, program);

    if (point == NULL || widow == NULL)
        return false;
    const size_t second = (size_t)(point - points_at(0));
    if (widow->died_at < points_len() && *cell(pairs, widow->died_at, second) == 0) {
        *cell(pairs, widow->died_at, second) = 1;
        pairs->found++;
    }
    widow->died_at = second;
    pairs->deaths++;
    return true;
}

static void met(void *ctx, const char *program, const char *path)
{
    (void)ctx, (void)program, (void)path; /* what is met is for the table of points (matrix.c) */
}

static bool is_over(void *ctx)
{
    const struct pairs *pairs = ctx;

    return pairs->deaths >= (pairs->found >= pairs->wanted ? DEATHS_LEAST : DEATHS_PER_WORLD);
}

static void run_one(const struct storm_options *options, const char *out, struct pairs *pairs)
{
    const uint32_t seed = options->seed + pairs->worlds, before = pairs->found;
    const uint64_t began_us = real_clock_us();
    struct real_storm storm = {.arm = arm,
                               .died = died,
                               .met = met,
                               .is_over = is_over,
                               .lull_ms = LULL_MS,
                               .away_ms = storm_away_ms,
                               .ctx = pairs};
    char directory[STORM_PATH_SIZE];

    pairs->away = (struct storm_away){.long_one_in = pairs->kind == POINTS_COOPERATIVE ? 5 : 0, .luck = seed};
    pairs->luck = seed;
    pairs->widows_len = 0;
    pairs->deaths = 0;
    (void)snprintf(directory, sizeof(directory), "%.900s/world-%" PRIu32, out, pairs->worlds + 1);
    const int status = storm_world(options, pairs->kind, directory, seed, false, &storm);
    pairs->worlds++;
    pairs->crashed += storm.crashed;
    pairs->status = storm_worse(pairs->status, status);
    pairs->is_interrupted = storm.is_interrupted;
    printf("world %" PRIu32 ", %s, seed %" PRIu32 ": %" PRIu32 " new pairs, %" PRIu32 " deaths in %.1f s, %" PRIu32
           " of %" PRIu32 "%s%s\n",
           pairs->worlds, points_kind_word(pairs->kind), seed, pairs->found - before, storm.crashed,
           (double)(real_clock_us() - began_us) / 1e6, pairs->found, pairs->wanted, status == REAL_HELD ? "" : ": see ",
           status == REAL_HELD ? "" : directory);
    (void)fflush(stdout);
}

static void run_all(const struct storm_options *options, const char *out, struct pairs *pairs)
{
    uint32_t barren = 0;

    while (pairs->found < pairs->wanted && pairs->status == REAL_HELD && barren < BARREN_MAX &&
           !pairs->is_interrupted) {
        const uint32_t before = pairs->found;
        do
            pairs->kind = (pairs->kind + 1) % POINTS_KINDS;
        while (!storm_has_kind(options, pairs->kind));
        run_one(options, out, pairs);
        barren = pairs->found > before ? 0 : barren + 1;
    }
    if (pairs->found < pairs->wanted && pairs->status == REAL_HELD)
        pairs->status = REAL_INVALID;
}

int storm_pairs(const struct storm_options *options, const char *out)
{
    const uint64_t began_us = real_clock_us();
    struct pairs *pairs = real_need(calloc(1, sizeof(*pairs)));

    pairs->wanted = options->pairs;
    pairs->kind = POINTS_KINDS - 1;
    pairs->status = REAL_HELD;
    pairs->seen = real_need(calloc(POINTS_KINDS * points_len() * points_len(), 1));
    run_all(options, out, pairs);
    const int status = pairs->status;
    printf("%" PRIu32 " different pairs of crashes, of %" PRIu32 ", in %" PRIu32 " deaths, %" PRIu32
           " worlds, %.0f s: %s\n",
           pairs->found, pairs->wanted, pairs->crashed, pairs->worlds, (double)(real_clock_us() - began_us) / 1e6,
           status == REAL_HELD ? "held" : "NOT held");
    free(pairs->seen);
    free(pairs);
    return status;
}
