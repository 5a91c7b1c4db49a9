#include "chaos/measure/record.h"

#include <stdlib.h>

#include "chaos/kill/memory.h"

void measure_run_init(struct measure_run *run)
{
    *run = (struct measure_run){.names = measure_names_new()};
}

void measure_run_deinit(struct measure_run *run)
{
    free(run->records);
    free(run->ops);
    free(run->faults);
    measure_names_free(run->names);
    *run = (struct measure_run){.names = NULL};
}

static void *room(void *array, size_t len, size_t *size, size_t item_size)
{
    if (len < *size)
        return array;
    *size = *size > 0 ? 2 * *size : 64;
    return real_need(realloc(array, *size * item_size));
}

struct measure_record *measure_run_record(struct measure_run *run, enum measure_what what, uint64_t t_us)
{
    run->records = room(run->records, run->records_len, &run->records_size, sizeof(*run->records));
    struct measure_record *record = &run->records[run->records_len++];
    *record = (struct measure_record){.t_us = t_us, .what = what};
    return record;
}

struct measure_op *measure_run_op(struct measure_run *run, uint64_t due_us)
{
    run->ops = room(run->ops, run->ops_len, &run->ops_size, sizeof(*run->ops));
    struct measure_op *op = &run->ops[run->ops_len++];
    *op = (struct measure_op){.due_us = due_us};
    return op;
}

struct measure_fault *measure_run_fault(struct measure_run *run, uint64_t t_us)
{
    run->faults = room(run->faults, run->faults_len, &run->faults_size, sizeof(*run->faults));
    struct measure_fault *fault = &run->faults[run->faults_len++];
    *fault = (struct measure_fault){.t_us = t_us};
    return fault;
}

/* The sort is stable, by the place that a record had before: what a process wrote in one microsecond stays in order. */
struct placed {
    struct measure_record record;
    size_t place;
};

static int compare_records(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;

    if (a->record.t_us != b->record.t_us)
        return (a->record.t_us > b->record.t_us) - (a->record.t_us < b->record.t_us);
    return (a->place > b->place) - (a->place < b->place);
}

static void sort_records(struct measure_run *run)
{
    struct placed *placed = real_need(malloc((run->records_len + 1) * sizeof(*placed)));

    for (size_t i = 0; i < run->records_len; i++)
        placed[i] = (struct placed){run->records[i], i};
    qsort(placed, run->records_len, sizeof(*placed), compare_records);
    for (size_t i = 0; i < run->records_len; i++)
        run->records[i] = placed[i].record;
    free(placed);
}

static int compare_ops(const void *left, const void *right)
{
    const struct measure_op *a = left, *b = right;

    return (a->due_us > b->due_us) - (a->due_us < b->due_us);
}

static int compare_faults(const void *left, const void *right)
{
    const struct measure_fault *a = left, *b = right;

    return (a->t_us > b->t_us) - (a->t_us < b->t_us);
}

void measure_run_settle(struct measure_run *run)
{
    sort_records(run);
    if (run->ops_len > 0) {
        qsort(run->ops, run->ops_len, sizeof(*run->ops), compare_ops);
        run->from_us = run->ops[0].due_us;
        run->to_us = run->ops[run->ops_len - 1].due_us;
    }
    if (run->faults_len > 0)
        qsort(run->faults, run->faults_len, sizeof(*run->faults), compare_faults);
    if (run->records_len > 0 && run->records[run->records_len - 1].t_us > run->end_us)
        run->end_us = run->records[run->records_len - 1].t_us;
    run->end_us = run->end_us < run->to_us ? run->to_us : run->end_us;
}

bool measure_is_done(enum measure_outcome outcome)
{
    return outcome == MEASURE_COMMITTED || outcome == MEASURE_COMPLETED;
}

bool measure_is_undone(enum measure_outcome outcome)
{
    return outcome == MEASURE_ABORTED || outcome == MEASURE_COMPENSATED;
}
