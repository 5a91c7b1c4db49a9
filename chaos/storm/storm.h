/*
 * vow-chaos storm: real processes that nobody spares. Either they are killed at random moments, in worlds of all kinds
 * of transactions, one after another; or they die at every crash point that there is, at least once for each kind that
 * comes to it, and the table of points (chaos/points) is held against what they have come to.
 */
#ifndef VOW_CHAOS_STORM_H
#define VOW_CHAOS_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/kill/run.h"
#include "chaos/points/points.h"

#define STORM_PATH_SIZE 1024

struct storm_options {
    const char *scenario; /* a user's own; NULL = Vow's */
    const char *out;      /* NULL = a folder of its own under out/ */
    bool is_points;       /* they die at crash points, */
    uint32_t pairs;       /* and again in their next lives: until so many pairs have been seen; 0 = at each point */
    bool has_kinds;
    bool kinds[POINTS_KINDS];
    const char *at; /* names of points, with commas; NULL = all */
    uint32_t times; /* at least so often at each point */
    uint32_t kills, per_world, every_ms;
    uint32_t seed;
    struct real_sets sets;
};

/* argv[0] is "storm". Returns the exit status. */
int storm_command(int argc, char **argv);

/* world.c: a world of that kind, or of the user's own scenario, in this storm; `directory` is its archive, which goes
 * if it held; in one that is calm most lives are long. Returns the exit status of its run. */
int storm_world(const struct storm_options *options, enum points_kind kind, const char *directory, uint32_t seed,
                bool is_calm, struct real_storm *storm);
/* The operator's is for points alone: who is killed there while it stands still votes when it is back. */
bool storm_has_kind(const struct storm_options *options, enum points_kind kind);
/* In its calm worlds alone somebody does not vote until the others have asked, and looks at who waits for him. */
bool storm_holds(enum points_kind kind);
/* How long nodes are away: `away_ms` of a storm whose ctx begins with this. Who is in doubt asks the others only when
 * vowd has been away for a while. */
struct storm_away {
    unsigned long_one_in; /* vowd, for so long that the others ask each other; 0 = never */
    uint64_t luck;
};
uint64_t storm_away_ms(void *ctx, const char *program);
/* Is it one of a list with commas? */
bool storm_is_in(const char *list, const char *name);
/* Of two exit statuses the one that says more. */
int storm_worse(int status, int other);

/* kills.c, matrix.c, pairs.c: the storms. Each returns the exit status. */
int storm_kills(const struct storm_options *options, const char *out);
int storm_matrix(const struct storm_options *options, const char *out);
int storm_pairs(const struct storm_options *options, const char *out);

#endif
