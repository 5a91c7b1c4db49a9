#include "chaos/sim/options.h"

#include <stdio.h>
#include <string.h>

#include "chaos/sim/rng.h"

/* An amount in about half of the worlds, and nothing in the others. */
static uint32_t sometimes(struct sim_rng *rng, uint32_t low, uint32_t high)
{
    return sim_rng_below(rng, 2) == 0 ? 0 : (uint32_t)sim_rng_between(rng, low, high);
}

static uint32_t rarely(struct sim_rng *rng, uint32_t low, uint32_t high)
{
    return sim_rng_below(rng, 8) != 0 ? 0 : (uint32_t)sim_rng_between(rng, low, high);
}

static uint32_t between(struct sim_rng *rng, uint32_t low, uint32_t high)
{
    return (uint32_t)sim_rng_between(rng, low, high);
}

/* From low to low << steps, each doubling as likely as another. */
static uint32_t doubled(struct sim_rng *rng, uint32_t low, uint32_t steps)
{
    return low << sim_rng_below(rng, steps + 1);
}

static void draw_world(struct sim_options *o, struct sim_rng *rng)
{
    o->is_short = sim_rng_below(rng, 2) == 0;
    o->priority_changes = o->is_short ? between(rng, 0, 4) : 0;
    o->coordinators = sim_rng_below(rng, o->is_short ? 8 : 4) == 0 ? 2 : 1;
    o->participants = o->is_short ? between(rng, 2, 3) : between(rng, 2, 4);
    o->clients = o->is_short ? 2 : between(rng, 2, 4);
    if (o->is_short && o->coordinators + o->participants + o->clients > 6)
        o->participants = 2;
    o->transactions = o->is_short ? between(rng, 1, 5) : between(rng, 40, 48);
    o->accounts = doubled(rng, 2, 3);
    o->legs_max = between(rng, 2, 4);
    o->safety_ms = o->is_short ? 2000 : 300000; /* enough for clients that hear nothing at all */
}

static void draw_work(struct sim_options *o, struct sim_rng *rng)
{
    o->joined_pct = sometimes(rng, 10, 70);
    o->keyed_pct = sometimes(rng, 10, 60);
    o->read_pct = sometimes(rng, 5, 30);
    o->single_pct = sometimes(rng, 5, 30);
    o->rollback_pct = sometimes(rng, 5, 40);
    o->status_pct = sometimes(rng, 5, 30);
    o->refused_pct = sometimes(rng, 2, 20);
    o->think_us = doubled(rng, 500, 7);
    o->patience_ms = doubled(rng, 1000, 3);
}

static void draw_network(struct sim_options *o, struct sim_rng *rng)
{
    o->delay_us = doubled(rng, 100, 7);
    o->long_delay = sometimes(rng, 10, 300);
    o->loss = sometimes(rng, 20, 600);
    o->duplicate = sometimes(rng, 20, 1000);
    o->reorder = sometimes(rng, 100, 5000);
    o->slice = sometimes(rng, 50, 2000);
    o->flip = sometimes(rng, 5, 50);
    o->slow_link = rarely(rng, 2000, 40000);
    o->queue_full = sometimes(rng, 10, 500);
    o->timer_late = sometimes(rng, 50, 2000);
    o->sync_us = doubled(rng, 50, 7);
    o->slow_sync = sometimes(rng, 10, 300);
    o->log_late = sometimes(rng, 100, 2000);
}

static uint32_t faults_of(const struct sim_options *o)
{
    return o->kills + o->powers + o->pauses + o->restarts + o->resets + o->cuts + o->flaps + o->jumps + o->restores +
           o->client_kills + o->wipes + o->disk_faults;
}

/* A full world has five at least. */
static void draw_plan(struct sim_options *o, struct sim_rng *rng)
{
    const uint32_t many = o->is_short ? 2 : 4;

    o->kills = sometimes(rng, 1, many);
    o->powers = sometimes(rng, 1, many);
    o->pauses = sometimes(rng, 1, many);
    o->restarts = sometimes(rng, 1, many / 2);
    o->resets = sometimes(rng, 1, 2 * many);
    o->cuts = sometimes(rng, 1, many);
    o->flaps = sometimes(rng, 1, many / 2);
    o->jumps = sometimes(rng, 1, many);
    o->skew_s = sometimes(rng, 1, 7200);
    o->client_kills = sometimes(rng, 1, many / 2);
    o->restores = rarely(rng, 1, 1);
    o->wipes = rarely(rng, 1, 1);
    o->disk_faults = sometimes(rng, 1, many);
    o->broken_pct = sim_rng_below(rng, 3) != 0 ? 0 : between(rng, 10, 60);
    o->lose_coordinators = sim_rng_below(rng, 10) == 0;
    while (!o->is_short && faults_of(o) < 5)
        o->kills++;
}

static void draw_limits(struct sim_options *o, struct sim_rng *rng)
{
    o->txns_max = sim_rng_below(rng, 4) == 0 ? between(rng, 2, 6) : 64;
    o->txn_ms = doubled(rng, 2000, 3);
    o->vote_ms = doubled(rng, 500, 3);
    o->ack_ms = doubled(rng, 250, 3);
    o->ack_max_ms = 8000;
    o->decision_ms = doubled(rng, 250, 3);
    o->decision_max_ms = 4000;
    o->termination_after = between(rng, 1, 3);
    o->lock_wait_ms = doubled(rng, 50, 4);
    o->lock_grace_ms = doubled(rng, 10, 3);
    o->fail_fast = sim_rng_below(rng, 4) == 0;
    o->notes = 1; /* as vowd does; without them nobody could be told again how what wrote nothing has ended */
    o->retention_ms = sim_rng_below(rng, 4) == 0 ? doubled(rng, 10000, 3) : 0;
}

/* In a third of the worlds; of a stream of its own, so that the others are what they were without it. */
static void draw_operator(struct sim_options *o, uint64_t seed)
{
    struct sim_rng rng = sim_rng_of(seed, SIM_FOR_OPTIONS, 1, 0);

    if (sim_rng_below(&rng, 3) != 0)
        return;
    o->orders = between(&rng, 1, o->is_short ? 4 : 12);
    o->forget_pct = sim_rng_below(&rng, 3) == 0 ? 0 : sim_rng_below(&rng, 2) == 0 ? 50 : 100;
    o->resolve_blocked = between(&rng, 0, 2);
    o->heuristic_ms = sim_rng_below(&rng, 4) == 0 ? doubled(&rng, 50, 6) : 0;
    o->heuristic_commit = sim_rng_below(&rng, 2) == 0;
    o->auto_forget = sim_rng_below(&rng, 8) == 0;
}

/* Of a stream of its own, too. */
static void draw_insistence(struct sim_options *o, uint64_t seed)
{
    struct sim_rng rng = sim_rng_of(seed, SIM_FOR_OPTIONS, 2, 0);

    o->stray = sometimes(&rng, 50, 1000);
    o->stop_late_us = sometimes(&rng, 20000, 1000000);
    o->call_twice_pct = sometimes(&rng, 2, 15);
    o->cancel_pct = sometimes(&rng, 2, 20);
    o->mixed_pct = sometimes(&rng, 5, 40);
    o->repeats = sim_rng_below(&rng, 2) == 0;
    /* Where there is another coordinator, rather than as if from another participant. */
    o->misrouted = o->coordinators > 1 ? sometimes(&rng, 4000, 9000) : rarely(&rng, 2000, 8000);
}

/* What they are worth where there are none. */
static void set_saga_limits(struct sim_options *o)
{
    o->saga_patience_ms = 10000;
    o->sagas_max = 64;
    o->step_attempts = 3;
    o->step_attempt_ms = o->step_backoff_max_ms = 500;
    o->step_deadline_ms = 5000;
}

void sim_options_draw(struct sim_options *options, uint64_t seed)
{
    struct sim_rng rng = sim_rng_of(seed, SIM_FOR_OPTIONS, 0, 0);

    memset(options, 0, sizeof(*options));
    options->seed = seed;
    draw_world(options, &rng);
    draw_work(options, &rng);
    draw_network(options, &rng);
    draw_plan(options, &rng);
    draw_limits(options, &rng);
    draw_operator(options, seed);
    draw_insistence(options, seed);
    set_saga_limits(options);
}

/* ---- sagas ---- */

static const char *const protocols[] = {[SIM_PROTOCOL_2PC] = "2pc",
                                        [SIM_PROTOCOL_SAGA] = "saga",
                                        [SIM_PROTOCOL_EVENTS] = "events",
                                        [SIM_PROTOCOL_ALL] = "all"};

bool sim_protocol_read(const char *name, enum sim_protocol *protocol)
{
    for (unsigned i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(name, protocols[i]) == 0) {
            *protocol = (enum sim_protocol)i;
            return true;
        }
    }
    return false;
}

const char *sim_protocol_name(enum sim_protocol protocol)
{
    return protocols[protocol];
}

static void draw_sagas(struct sim_options *o, struct sim_rng *rng)
{
    o->saga_clients = o->is_short ? between(rng, 1, 2) : between(rng, 2, 3);
    o->sagas = o->is_short ? between(rng, 1, 4) : between(rng, 16, 32);
    o->saga_parallel_pct = sometimes(rng, 10, 70);
    o->saga_pivot_pct = sometimes(rng, 20, 80);
    o->saga_refused_pct = sometimes(rng, 10, 50);
    o->saga_stubborn_pct = sometimes(rng, 5, 40);
    o->saga_unable_pct = rarely(rng, 2, 20);
    o->saga_fail = sometimes(rng, 100, 3000);
    o->saga_cancel_pct = sometimes(rng, 5, 40);
    o->saga_deadline_pct = sometimes(rng, 5, 40);
    o->saga_query_pct = sometimes(rng, 5, 50);
    o->saga_close_pct = between(rng, 0, 60);
    o->saga_client_kills = sometimes(rng, 1, o->is_short ? 1 : 2);
    o->saga_think_us = doubled(rng, 500, 7);
    o->saga_patience_ms = doubled(rng, 1000, 5);
    o->saga_keyed_pct = sometimes(rng, 20, 80);
    o->sagas_max = sim_rng_below(rng, 4) == 0 ? between(rng, 1, 4) : 64;
    o->step_attempts = between(rng, 1, 6);
    o->step_attempt_ms = doubled(rng, 50, 5);
    o->step_deadline_ms = doubled(rng, 200, 6);
    o->step_backoff_max_ms = doubled(rng, 50, 5);
}

/* With one transaction beside, and no operator of transactions. */
static void leave_transactions_out(struct sim_options *o)
{
    o->transactions = o->clients = 1;
    o->orders = o->forget_pct = o->resolve_blocked = o->heuristic_ms = 0;
}

/* ---- events ---- */

static void draw_event_limits(struct sim_options *o, struct sim_rng *rng)
{
    o->events_max = sim_rng_below(rng, 4) == 0 ? between(rng, 4, 16) : 4096;
    o->dead_max = sim_rng_below(rng, 3) == 0 ? between(rng, 1, 4) : 64;
    o->event_window = sim_rng_below(rng, 3) == 0 ? between(rng, 1, 3) : 0;
    o->event_attempts = between(rng, 1, 6);
    o->event_attempt_ms = doubled(rng, 100, 5);
    o->event_backoff_max_ms = doubled(rng, 50, 5);
    o->outbox_max = sim_rng_below(rng, 3) == 0 ? between(rng, 2, 8) : 10000;
    o->inbox_retention_ms = sim_rng_below(rng, 4) == 0 ? doubled(rng, 100, 6) : 0;
}

/* Few keys are known, so that a late copy is kept again (docs/events.md). An inbox that forgets would do it again, too,
 * which is known: there its coordinator has room for all keys that there are. */
static void draw_small_keys(struct sim_options *o, struct sim_rng *rng)
{
    if (o->inbox_retention_ms != 0 || o->jumps != 0 || sim_rng_below(rng, 2) == 0)
        return;
    o->event_keys = between(rng, 1, 3);
    o->late_copies = o->is_short ? 0 : between(rng, 2, 6);
    o->event_filter = between(rng, 1, 2); /* a key waits for as long as its events do */
}

static void draw_events(struct sim_options *o, struct sim_rng *rng)
{
    o->events = o->is_short ? between(rng, 1, 4) : between(rng, 16, 40);
    o->things = between(rng, 1, 4);
    o->event_think_us = doubled(rng, 500, 7);
    o->event_unsynced = sim_rng_below(rng, 3) == 0;
    o->event_txn_pct = between(rng, 10, 60);
    o->event_fail = sometimes(rng, 100, 3000);
    o->event_poison_pct = sometimes(rng, 2, 20);
    o->event_newer_pct = sometimes(rng, 5, 40);
    o->event_seek = sometimes(rng, 50, 1000);
    o->event_drop_pct = between(rng, 0, 60);
    draw_event_limits(o, rng);
    o->event_keys = sim_rng_below(rng, 3) == 0 ? o->participants * o->things + between(rng, 0, 3) : 0;
    o->event_forward_pct = sometimes(rng, 10, 60);
    o->event_filter = sim_rng_below(rng, 2) == 0 ? between(rng, 1, 2) : 0;
    o->event_remove_pct = sometimes(rng, 2, 40);
    o->inbox_known = sim_rng_below(rng, 3) == 0 ? between(rng, 1, 512) : 0;
    o->event_headers = sim_rng_below(rng, 2) == 0 ? between(rng, 1, 2) : 0;
    o->outbox_archive = sometimes(rng, 1, 8) * (sim_rng_below(rng, 2) == 0 ? 1 : 1000);
    o->event_move_pct = sometimes(rng, 2, 30);
    draw_small_keys(o, rng);
}

static bool wants_events(uint64_t seed, enum sim_protocol protocol, struct sim_rng *rng)
{
    *rng = sim_rng_of(seed, SIM_FOR_OPTIONS, 4, 0);
    return sim_rng_below(rng, 2) == 0 ? protocol != SIM_PROTOCOL_2PC && protocol != SIM_PROTOCOL_SAGA
                                      : protocol == SIM_PROTOCOL_EVENTS;
}

void sim_options_draw_for(struct sim_options *options, uint64_t seed, enum sim_protocol protocol)
{
    struct sim_rng rng = sim_rng_of(seed, SIM_FOR_OPTIONS, 3, 0), of_events;
    const uint64_t which = sim_rng_below(&rng, 3);
    const bool is_mixed = protocol == SIM_PROTOCOL_ALL || protocol == SIM_PROTOCOL_EVENTS;

    sim_options_draw(options, seed);
    if (protocol == SIM_PROTOCOL_SAGA || (is_mixed && which != 0))
        draw_sagas(options, &rng);
    if (protocol == SIM_PROTOCOL_SAGA || (is_mixed && which == 2))
        leave_transactions_out(options);
    if (wants_events(seed, protocol, &of_events))
        draw_events(options, &of_events);
    /* Events alone, where all have sagas and transactions. */
    if (protocol == SIM_PROTOCOL_EVENTS && which == 1) {
        options->saga_clients = options->sagas = options->saga_client_kills = 0;
        leave_transactions_out(options);
    }
}

/* By their places in the list, which are those of the numbers in struct sim_options after the seed. */
static const struct sim_option options_list[] = {
#define OPTION(name, least, most, text) {#name, least, most, offsetof(struct sim_options, name)},
#include "chaos/sim/options.def"
#undef OPTION
};

const struct sim_option *sim_option_at(uint32_t index)
{
    return index < sizeof(options_list) / sizeof(options_list[0]) ? &options_list[index] : NULL;
}

const struct sim_option *sim_option_find(const char *name)
{
    const struct sim_option *option;

    for (uint32_t i = 0; (option = sim_option_at(i)) != NULL; i++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

uint32_t sim_option_get(const struct sim_options *options, const struct sim_option *option)
{
    uint32_t value;

    memcpy(&value, (const char *)options + option->offset, sizeof(value));
    return value;
}

void sim_option_set(struct sim_options *options, const struct sim_option *option, uint32_t value)
{
    memcpy((char *)options + option->offset, &value, sizeof(value));
}

int sim_options_print(const struct sim_options *options, char *text, size_t size)
{
    const struct sim_option *option;
    int len = snprintf(text, size, "seed=%llu", (unsigned long long)options->seed);

    for (uint32_t i = 0; (option = sim_option_at(i)) != NULL; i++)
        len += snprintf((size_t)len < size ? text + len : NULL, (size_t)len < size ? size - (size_t)len : 0, " %s=%u",
                        option->name, sim_option_get(options, option));
    return len;
}
