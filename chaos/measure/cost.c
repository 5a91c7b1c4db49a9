#include <math.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

static void add(struct measure_cost *sum, const struct measure_cost *cost)
{
    sum->fsyncs += cost->fsyncs;
    sum->msgs_in += cost->msgs_in;
    sum->msgs_out += cost->msgs_out;
    sum->bytes_in += cost->bytes_in;
    sum->bytes_out += cost->bytes_out;
    sum->cpu_us += cost->cpu_us;
}

/* The counters begin anew with each life: the last of a life is all of it. */
static struct measure_cost sum_of(const struct measure_run *run)
{
    const uint32_t names = measure_names_len(run->names);
    struct measure_cost *last = real_need(calloc(names, sizeof(*last)));
    struct measure_cost sum = {0};

    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->what == MEASURE_LIFE) {
            add(&sum, &last[record->node]);
            last[record->node] = (struct measure_cost){0};
        } else if (record->what == MEASURE_COST) {
            last[record->node] = record->cost;
        }
    }
    for (uint32_t node = 0; node < names; node++)
        add(&sum, &last[node]);
    free(last);
    return sum;
}

static bool has_costs(const struct measure_run *run)
{
    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_COST)
            return true;
    return false;
}

struct measure_costs measure_costs(const struct measure_run *run)
{
    const struct measure_cost sum = sum_of(run);
    double ended = 0;

    for (size_t i = 0; i < run->ops_len; i++)
        ended += measure_is_done(run->ops[i].outcome) || measure_is_undone(run->ops[i].outcome);
    if (ended <= 0 || !has_costs(run))
        return (struct measure_costs){NAN, NAN, NAN, NAN};
    /* What one process sends another one receives: a message counts once, where it is sent. */
    return (struct measure_costs){.fsyncs = (double)sum.fsyncs / ended,
                                  .msgs = (double)sum.msgs_out / ended,
                                  .bytes = (double)sum.bytes_out / ended,
                                  .cpu_ms = (double)sum.cpu_us / 1000 / ended};
}
