#include "hand.h"

struct measure_record *hand(struct measure_run *run, const char *node, uint64_t ms, enum measure_what what,
                            const char *id, const char *key)
{
    struct measure_record *record = measure_run_record(run, what, MS(ms));

    record->node = measure_name(run->names, node);
    record->id = measure_name(run->names, id);
    record->key = measure_name(run->names, key);
    return record;
}

void hand_life(struct measure_run *run, const char *node, uint64_t ms, bool is_coordinator)
{
    hand(run, node, ms, MEASURE_LIFE, NULL, NULL)->is_coordinator = is_coordinator;
}

void hand_wait(struct measure_run *run, const char *node, uint64_t ms, const char *id, const char *key,
               const char *holder)
{
    struct measure_record *record = hand(run, node, ms, MEASURE_WAIT, id, key);

    record->other = measure_name(run->names, holder);
}

void hand_branch(struct measure_run *run, const char *node, const char *id, const char *key, uint64_t lock_ms,
                 uint64_t yes_ms, uint64_t applied_ms, enum measure_outcome outcome)
{
    (void)hand(run, node, lock_ms, MEASURE_LOCK, id, key);
    (void)hand(run, node, yes_ms, MEASURE_YES, id, NULL);
    hand(run, node, applied_ms, MEASURE_APPLIED, id, NULL)->outcome = outcome;
    (void)hand(run, node, applied_ms, MEASURE_FREE, id, key);
}

void hand_read(struct measure_run *run, uint64_t ms, const char *id, const char *key, int64_t version, const char *by)
{
    struct measure_record *record = hand(run, "stock", ms, MEASURE_READ, id, key);

    record->version = version;
    record->other = measure_name(run->names, by);
}

void hand_write(struct measure_run *run, uint64_t ms, const char *id, const char *key, int64_t version, int64_t from,
                bool is_compensation)
{
    struct measure_record *record = hand(run, "stock", ms, MEASURE_WRITE, id, key);

    record->version = version;
    record->from = from;
    record->is_compensation = is_compensation;
}

struct measure_op *hand_op(struct measure_run *run, const char *id, uint64_t due_ms, uint64_t end_ms,
                           enum measure_outcome outcome)
{
    struct measure_op *op = measure_run_op(run, MS(due_ms));

    op->start_us = op->due_us;
    op->end_us = MS(end_ms);
    op->id = measure_name(run->names, id);
    op->outcome = outcome;
    return op;
}

struct measure_fault *hand_death(struct measure_run *run, const char *node, uint64_t ms, uint64_t healed_ms)
{
    struct measure_fault *fault = measure_run_fault(run, MS(ms));

    fault->node = measure_name(run->names, node);
    fault->healed_us = MS(healed_ms);
    fault->is_death = true;
    return fault;
}
