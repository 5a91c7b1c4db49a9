/* Records made by hand, for tests of metrics: short names, and times in milliseconds. */
#ifndef TESTS_MEASURE_HAND_H
#define TESTS_MEASURE_HAND_H

#include "chaos/measure/record.h"

#define MS(ms) (UINT64_C(1000) * (ms))

/* A line of a trace: who writes it, when, what, of whom, of which row. */
struct measure_record *hand(struct measure_run *run, const char *node, uint64_t ms, enum measure_what what,
                            const char *id, const char *key);
void hand_life(struct measure_run *run, const char *node, uint64_t ms, bool is_coordinator);
void hand_wait(struct measure_run *run, const char *node, uint64_t ms, const char *id, const char *key,
               const char *holder);
/* A branch that holds a row from `lock` on, is in doubt from `yes` to `applied`, and frees the row then. */
void hand_branch(struct measure_run *run, const char *node, const char *id, const char *key, uint64_t lock_ms,
                 uint64_t yes_ms, uint64_t applied_ms, enum measure_outcome outcome);
void hand_read(struct measure_run *run, uint64_t ms, const char *id, const char *key, int64_t version, const char *by);
void hand_write(struct measure_run *run, uint64_t ms, const char *id, const char *key, int64_t version, int64_t from,
                bool is_compensation);
/* `end_ms` 0 = it was never answered. */
struct measure_op *hand_op(struct measure_run *run, const char *id, uint64_t due_ms, uint64_t end_ms,
                           enum measure_outcome outcome);
struct measure_fault *hand_death(struct measure_run *run, const char *node, uint64_t ms, uint64_t healed_ms);

#endif
