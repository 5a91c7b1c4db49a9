/* A storm: kills that nobody has planned, crash points, and how those who died come back. */
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "proto/jitter.h"

#define AWAY_MS 150
#define STARTING_ONE_IN 6

static uint64_t draw_below(struct real_run *run, uint64_t n)
{
    return n == 0 ? 0 : vow_jitter_next(&run->luck) % n;
}

/* The last part of its first word: who knows crash points knows by that what a process is. */
static const char *program_of(const struct real_member *member)
{
    const char *word = member->plan->command.of[0].text;
    const char *slash = strrchr(word, '/');

    return slash != NULL ? slash + 1 : word;
}

static bool has_points(const struct real_storm *storm)
{
    return storm != NULL && storm->arm != NULL;
}

void real_storm_prepare(const struct real_storm *storm, struct real_scenario *scenario)
{
    for (size_t i = 0; has_points(storm) && i < scenario->nodes_len; i++)
        scenario->nodes[i].has_points = true;
}

/* From the first start of a node on, for some points are met there alone. */
static bool is_blowing(const struct real_run *run)
{
    return run->is_loading || !run->has_begun;
}

/* --- Nothing new --- */

static void on_lull(void *ctx)
{
    struct real_run *run = ctx;

    run->is_lull = true;
}

static void set_lull(struct real_run *run)
{
    if (run->storm->lull_ms > 0)
        real_timer_set(run->lull, run->storm->lull_ms);
}

/* --- Who died comes back --- */

static void start(struct real_run *run, struct real_member *member)
{
    const struct real_storm *storm = run->storm;
    bool is_armed;

    if (!real_node_is(&member->node, REAL_NODE_DOWN))
        return;
    is_armed = is_blowing(run) && has_points(storm) && storm->arm(storm->ctx, program_of(member), member->points);
    (void)real_member_start(run, member, is_armed ? member->points : NULL);
}

static void on_back(void *ctx)
{
    struct real_member *member = ctx;

    member->comes_back = false;
    start(member->run, member);
}

static uint64_t draw_away(struct real_run *run, const struct real_member *member)
{
    const struct real_storm *storm = run->storm;

    return draw_below(run, 1 + (storm->away_ms != NULL ? storm->away_ms(storm->ctx, program_of(member)) : AWAY_MS));
}

void real_storm_ended(struct real_run *run, struct real_member *member, enum real_ending ending)
{
    struct real_storm *storm = run->storm;

    if (storm == NULL || run->is_interrupted)
        return;
    /* What the checks come to, when the storm is over, is theirs. */
    if (ending == REAL_ENDED_AT_POINT && has_points(storm) && is_blowing(run)) {
        if (storm->died(storm->ctx, program_of(member), member->node.died_at))
            set_lull(run);
        storm->crashed++;
    }
    if (!run->is_loading && (run->has_begun || ending != REAL_ENDED_AT_POINT))
        return;
    member->comes_back = true;
    real_timer_set(member->back, draw_away(run, member));
}

bool real_storm_start(struct real_run *run, struct real_member *member)
{
    if (run->storm == NULL)
        return false;
    start(run, member);
    return true;
}

/* --- Kills --- */

/* Whoever runs; NULL = nobody does. Seldom one that is not ready yet: on a busy machine nobody would ever get ready,
 * and who asks for an outcome gives up at some time. */
static struct real_member *draw_victim(struct real_run *run)
{
    const size_t len = run->scenario->nodes_len;
    const size_t first = draw_below(run, len);

    for (size_t i = 0; i < len; i++) {
        struct real_member *member = &run->members[(first + i) % len];
        if (real_node_is(&member->node, REAL_NODE_SERVING) ||
            (real_node_is(&member->node, REAL_NODE_STARTING) && draw_below(run, STARTING_ONE_IN) == 0))
            return member;
    }
    return NULL;
}

static void set_strike(struct real_run *run)
{
    real_timer_set(run->strike, 1 + draw_below(run, 2 * run->storm->every_ms));
}

static void on_strike(void *ctx)
{
    struct real_run *run = ctx;
    struct real_member *victim = draw_victim(run);

    if (victim != NULL)
        run->storm->killed += real_node_kill(&victim->node);
    if (run->storm->killed < run->storm->kills)
        set_strike(run);
}

/* --- From begin to end --- */

static void open_member(struct real_run *run, struct real_member *member)
{
    member->run = run;
    member->back = real_timer_new(run->base, on_back, member);
    if (has_points(run->storm)) {
        char path[REAL_FILE_SIZE];
        (void)snprintf(path, sizeof(path), "%s/logs/%s.met", run->out, member->plan->name.text);
        member->node.met = real_need(strdup(path));
        member->points = real_need(malloc(REAL_POINTS_SIZE));
    }
}

void real_storm_open(struct real_run *run)
{
    if (run->storm == NULL)
        return;
    run->luck = run->seed_number;
    run->strike = real_timer_new(run->base, on_strike, run);
    run->lull = real_timer_new(run->base, on_lull, run);
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        open_member(run, &run->members[i]);
}

void real_storm_begin(struct real_run *run)
{
    if (run->storm == NULL)
        return;
    if (has_points(run->storm))
        set_lull(run);
    else
        set_strike(run);
}

bool real_storm_is_over(const struct real_run *run)
{
    const struct real_storm *storm = run->storm;

    if (storm == NULL)
        return false;
    return has_points(storm) ? run->is_lull || storm->is_over(storm->ctx) : storm->killed >= storm->kills;
}

/* Who waits for an answer gets it before it is told to end. */
void real_storm_end(struct real_run *run)
{
    if (run->storm == NULL || run->is_interrupted)
        return;
    if (!real_storm_is_over(run) && !has_points(run->storm))
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "the load ended after %u of %u kills",
                        run->storm->killed, run->storm->kills);
    run->is_loading = false; /* from here on a crash is a late one, which comes back by itself */
    real_timer_clear(run->strike);
    real_timer_clear(run->lull);
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        struct real_member *member = &run->members[i];
        if (member->node.met != NULL) /* before the checks come to points of their own */
            run->storm->met(run->storm->ctx, program_of(member), member->node.met);
        real_timer_clear(member->back);
        member->comes_back = false;
        if (real_node_is(&member->node, REAL_NODE_DYING))
            member->starts_again = true;
        member->next_point = NULL;
        start(run, member);
    }
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        (void)real_node_term(&run->loads[i].node);
}

static void close_member(struct real_member *member)
{
    real_timer_free(member->back);
    free((char *)member->node.met);
    free(member->points);
    member->back = NULL;
    member->node.met = NULL;
    member->points = NULL;
}

void real_storm_close(struct real_run *run)
{
    if (run->storm == NULL || run->strike == NULL)
        return;
    real_timer_free(run->strike);
    real_timer_free(run->lull);
    run->strike = run->lull = NULL;
    run->storm->is_interrupted = run->is_interrupted;
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        close_member(&run->members[i]);
}
