/* Random kills: worlds of every kind, one after another, until there have been enough. */
#include <inttypes.h>
#include <stdio.h>

#include "chaos/kill/clock.h"
#include "chaos/storm/storm.h"

#define LONG_ONE_IN 5

struct tally {
    uint32_t killed, worlds, failed;
    int status;
    bool is_interrupted;
};

/* A user's own scenario is the only kind of it. */
static enum points_kind next_kind(const struct storm_options *options, enum points_kind kind)
{
    if (options->scenario != NULL)
        return 0;
    do
        kind = (kind + 1) % POINTS_KINDS;
    while (!storm_has_kind(options, kind));
    return kind;
}

static void run_one(const struct storm_options *options, const char *out, enum points_kind kind, struct tally *tally)
{
    const uint32_t left = options->kills - tally->killed;
    const uint32_t seed = options->seed + tally->worlds;
    const char *word = options->scenario != NULL ? options->scenario : points_kind_word(kind);
    struct storm_away away = {.long_one_in = options->scenario == NULL && kind == POINTS_COOPERATIVE ? LONG_ONE_IN : 0,
                              .luck = seed};
    struct real_storm storm = {.kills = left < options->per_world ? left : options->per_world,
                               .every_ms = options->every_ms,
                               .away_ms = storm_away_ms,
                               .ctx = &away};
    char directory[STORM_PATH_SIZE];
    const uint64_t began_us = real_clock_us();

    (void)snprintf(directory, sizeof(directory), "%.900s/world-%" PRIu32, out, tally->worlds + 1);
    const int status = storm_world(options, kind, directory, seed, false, &storm);
    tally->worlds++;
    tally->failed += status != REAL_HELD;
    tally->killed += storm.killed;
    tally->status = storm_worse(tally->status, status);
    tally->is_interrupted = storm.is_interrupted;
    printf("world %" PRIu32 ", %s, seed %" PRIu32 ": %" PRIu32 " kills in %.1f s, %" PRIu32 " of %" PRIu32 "%s%s\n",
           tally->worlds, word, seed, storm.killed, (double)(real_clock_us() - began_us) / 1e6, tally->killed,
           options->kills, status == REAL_HELD ? "" : ": see ", status == REAL_HELD ? "" : directory);
    (void)fflush(stdout);
}

int storm_kills(const struct storm_options *options, const char *out)
{
    struct tally tally = {.status = REAL_HELD};
    enum points_kind kind = POINTS_KINDS - 1;
    const uint64_t began_us = real_clock_us();

    while (tally.killed < options->kills && tally.status != REAL_BAD && tally.failed < 5 && !tally.is_interrupted) {
        kind = next_kind(options, kind);
        run_one(options, out, kind, &tally);
    }
    printf("%" PRIu32 " kills in %" PRIu32 " worlds, %.0f s: %s, %" PRIu32 " worlds did not hold\n", tally.killed,
           tally.worlds, (double)(real_clock_us() - began_us) / 1e6, tally.status == REAL_HELD ? "held" : "NOT held",
           tally.failed);
    return tally.status;
}
