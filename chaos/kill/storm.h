/*
 * What befalls the nodes of a run that no timeline plans: they are killed at random moments, or die at crash points,
 * and come back after a short while, again and again, until it is enough. Then the load is told to end (SIGTERM),
 * however much it would do still, and the run goes on as any other.
 */
#ifndef VOW_CHAOS_KILL_STORM_H
#define VOW_CHAOS_KILL_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for VOW_CRASH_AT of a life. */
#define REAL_POINTS_SIZE 16384

struct real_storm {
    /* Random kills: so many, one after so long on the average. 0 = none. */
    uint32_t kills;
    uint64_t every_ms;

    /* Or crash points: all four, or none of them. `program` is the name of a node's program. */
    /* The points of its next life, NAME@N with commas; false = it is to live. */
    bool (*arm)(void *ctx, const char *program, char points[REAL_POINTS_SIZE]);
    /* It died at this one. False if that is nothing new. */
    bool (*died)(void *ctx, const char *program, const char *point);
    /* The points that a node has come to: a line each, and again in its next life. After the load has ended. */
    void (*met)(void *ctx, const char *program, const char *path);
    bool (*is_over)(void *ctx);
    uint64_t lull_ms; /* or when there has been nothing new for so long; 0 = never */

    /* How long who has died is away, at most; NULL = AWAY_MS of storm.c. */
    uint64_t (*away_ms)(void *ctx, const char *program);
    void *ctx;

    /* What it has done. */
    uint32_t killed, crashed;
    bool is_interrupted; /* SIGINT or SIGTERM: no other world is to come */
};

#endif
