#include "chaos/sim/run.h"

#include <string.h>

#include <sqlite3.h>

#include "chaos/sim/check.h"
#include "chaos/sim/heap.h"
#include "chaos/sim/trace.h"
#include "proto/assert.h"
#include "proto/logging.h"

#define OPTIONS_TEXT 4096

/* Its memory is used again by the next world. */
static struct sim_judge judge;
static struct sim_marks marks;
static struct sim_edges edges;
static enum sim_protocol protocol;

/* One thread: SQLite needs no mutexes, and nobody asks how much memory it uses. */
void sim_run_prepare(void)
{
    VOW_ASSERT(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
    VOW_ASSERT(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
    sim_heap_install();
    vow_log_to(NULL, NULL, VOW_LOG_NONE);
}

void sim_run_protocol(enum sim_protocol what)
{
    protocol = what;
}

static uint64_t bit(bool is_planned, enum sim_fault fault)
{
    return is_planned ? UINT64_C(1) << fault : 0;
}

static uint64_t planned_by(const struct sim_options *o)
{
    return bit(o->loss > 0, SIM_FAULT_LOSS) | bit(o->duplicate > 0, SIM_FAULT_DUPLICATE) |
           bit(o->reorder > 0, SIM_FAULT_REORDER) | bit(o->long_delay > 0, SIM_FAULT_DELAY) |
           bit(o->stray > 0, SIM_FAULT_STRAY) | bit(o->slice > 0, SIM_FAULT_SLICED) |
           bit(o->flip > 0, SIM_FAULT_FRAME_FLIP) | bit(o->kills > 0, SIM_FAULT_KILL) |
           bit(o->powers > 0, SIM_FAULT_POWER) | bit(o->pauses > 0, SIM_FAULT_PAUSE) |
           bit(o->restarts > 0, SIM_FAULT_RESTART) | bit(o->resets > 0, SIM_FAULT_RESET) |
           bit(o->resets > 0, SIM_FAULT_RESET_MID_FRAME) | bit(o->cuts + o->flaps > 0, SIM_FAULT_CUT) |
           bit(o->jumps > 0, SIM_FAULT_CLOCK_JUMP) | bit(o->slow_sync > 0, SIM_FAULT_SLOW_SYNC);
}

static void print_head(const struct sim_options *options, const struct sim_plan *plan, FILE *trace)
{
    char text[OPTIONS_TEXT];

    (void)sim_options_print(options, text, sizeof(text));
    (void)fprintf(trace, "%s\n", text);
    for (uint32_t i = 0; i < plan->len; i++) {
        const struct sim_action *action = &plan->actions[i];

        (void)fprintf(trace, "plan %3u  %9.6f %s node=%u peer=%u amount=%lld\n", i, (double)action->at_us / 1e6,
                      sim_action_name(action->kind), action->node, action->peer, (long long)action->amount);
    }
}

static void fill(const struct sim_world *world, const struct sim_trace *trace, struct sim_result *result)
{
    *result = (struct sim_result){.seed = world->options.seed,
                                  .hash = trace->hash,
                                  .sights = trace->sights,
                                  .totals = world->totals,
                                  .planned = planned_by(&world->options),
                                  .violations = world->violations,
                                  .is_short = world->options.is_short != 0};
    for (int i = 0; i < SIM_FAULTS; i++)
        result->hits[i] = (uint32_t)world->fault_hits[i];
    memcpy(result->marks, marks.hit, sizeof(result->marks));
    result->edges = edges;
    memcpy(result->violation, world->violation, sizeof(result->violation));
}

/* Told before a world that does not end: it was seen earlier, and is most often why. */
static void report(struct sim_world *world, const struct sim_violation *violation, FILE *trace)
{
    char text[256], id[48] = "";

    if (violation->invariant == NULL)
        return;
    if (!vow_gtrid_is_none(&violation->gtrid))
        (void)snprintf(id, sizeof(id), "t%u.%llu: ", vow_gtrid_epoch(&violation->gtrid),
                       (unsigned long long)vow_gtrid_seq(&violation->gtrid));
    (void)snprintf(text, sizeof(text), "%s%.170s (sight %llu)", id, violation->text, (unsigned long long)violation->at);
    world->violations = 0;
    sim_world_violated(world, violation->invariant, text);
    if (trace != NULL)
        (void)fprintf(trace, "violated %s: %s\n", violation->invariant, text);
}

static void run(struct sim_world *world, const struct sim_options *options, const struct sim_plan *plan, FILE *trace,
                sim_see_fn *see, void *ctx, struct sim_result *result)
{
    struct sim_trace seen;

    if (trace != NULL)
        print_head(options, plan, trace);
    sim_world_init(world, options, plan);
    sim_trace_begin(&seen, trace);
    sim_watch_add(&world->watch, sim_trace_see, &seen);
    sim_judge_begin(&judge);
    sim_watch_add(&world->watch, sim_judge_see, &judge);
    sim_marks_begin(&marks, &judge.book, &judge.ledger);
    sim_watch_add(&world->watch, sim_marks_see, &marks);
    sim_edges_begin(&edges);
    sim_watch_add(&world->watch, sim_edges_see, &edges);
    if (see != NULL)
        sim_watch_add(&world->watch, see, ctx);
    sim_world_run(world);
    report(world, &judge.violation, trace);
    sim_world_end(world);
    fill(world, &seen, result);
}

void sim_run_world(struct sim_world *world, const struct sim_options *options, const struct sim_plan *plan, FILE *trace,
                   struct sim_result *result)
{
    run(world, options, plan, trace, NULL, NULL, result);
}

void sim_run_seed(struct sim_world *world, uint64_t seed, FILE *trace, struct sim_result *result)
{
    struct sim_options options;
    struct sim_plan plan;

    sim_options_draw_for(&options, seed, protocol);
    sim_plan_draw(&plan, &options);
    sim_run_world(world, &options, &plan, trace, result);
}

void sim_run_seed_seen(struct sim_world *world, uint64_t seed, sim_see_fn *see, void *ctx, struct sim_result *result)
{
    struct sim_options options;
    struct sim_plan plan;

    sim_options_draw_for(&options, seed, protocol);
    sim_plan_draw(&plan, &options);
    run(world, &options, &plan, NULL, see, ctx, result);
}
