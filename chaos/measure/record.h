/*
 * What a run has written down of itself: the traces of its processes, and the history of its load. Texts are numbers
 * (names.h). Times are those of the monotonic clock, in microseconds, one clock for all processes.
 */
#ifndef VOW_CHAOS_MEASURE_RECORD_H
#define VOW_CHAOS_MEASURE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaos/measure/names.h"

enum measure_what {
    MEASURE_NOTHING = 0,
#define RECORD(name, word, fields, text) MEASURE_##name,
#include "chaos/measure/record.def"
#undef RECORD
    MEASURE_WHATS
};

/* How a transaction or saga has ended, as one was told; as its coordinator says; as a branch has carried it out. */
enum measure_outcome {
    MEASURE_UNKNOWN = 0, /* nobody was told, or there is no end yet */
    MEASURE_COMMITTED,
    MEASURE_ABORTED,
    MEASURE_COMPLETED,
    MEASURE_COMPENSATED,
    MEASURE_STUCK,
    MEASURE_REJECTED, /* not even begun: the coordinator had no room */
};

enum measure_state {
    MEASURE_RUNNING = 1,
    MEASURE_COMPENSATING,
    MEASURE_DONE,
    MEASURE_UNDONE,
    MEASURE_HALTED, /* it needs an operator */
    MEASURE_CLOSED  /* an operator has ended it */
};

/* What a line about dead letters says of one; MEASURE_LETTERS_ONLY: how many there are. */
enum measure_letter {
    MEASURE_LETTERS_ONLY = 0,
    MEASURE_LETTER_DEAD,
    MEASURE_LETTER_RETRIED,
    MEASURE_LETTER_DROPPED,
    MEASURE_LETTER_DONE,
    MEASURE_LETTER_REMOVED
};

struct measure_cost {
    uint64_t fsyncs, msgs_in, msgs_out, bytes_in, bytes_out, cpu_us;
};

struct measure_record {
    uint64_t t_us;
    enum measure_what what;
    uint32_t node;    /* whose file it is in */
    uint32_t id, key; /* LIFE: key is what the process calls itself */
    uint32_t other; /* WAIT: who holds the row. READ: who has written what was read. HANDLED: which group, key: what */
    enum measure_outcome outcome;
    enum measure_state state;
    bool is_compensation; /* STEP, WRITE */
    bool is_refused;      /* STEP: nothing was done */
    bool is_shared;       /* LOCK: others may have it, too */
    bool is_by_hand;      /* APPLIED: nobody had told it */
    uint32_t step;        /* STEP: its number */
    enum measure_letter letter;
    bool is_coordinator; /* LIFE */
    bool was_found;      /* DECIDED: by an earlier life, whose journal says so */
    int64_t version, from;
    int64_t sum, expected;
    uint64_t lag_us;  /* EVENT */
    uint64_t letters; /* LETTERS; of one: other is its group */
    uint64_t offset;  /* LETTERS: of one */
    struct measure_cost cost;
};

/* What the load has asked for. It is due at its time, whatever the answers before it have taken (open loop). */
struct measure_op {
    uint64_t due_us, start_us;
    uint64_t end_us; /* 0 = it was never answered */
    uint32_t id;
    enum measure_outcome outcome;
    int64_t amount;
};

/* What was done to the processes. */
struct measure_fault {
    uint64_t t_us;
    uint64_t healed_us; /* when what was taken away served again; 0 = never in the run */
    uint32_t node;      /* 0 = a link */
    bool is_death;      /* the node died; else it was paused, or a link was cut */
};

/* All that was seen of one run. */
struct measure_run {
    struct measure_names *names;
    struct measure_record *records; /* by time; of one process in the order in which it wrote them */
    size_t records_len, records_size;
    struct measure_op *ops; /* by the time when they are due */
    size_t ops_len, ops_size;
    struct measure_fault *faults; /* by time */
    size_t faults_len, faults_size;
    uint64_t from_us, to_us; /* the load: between its first and its last op are due */
    uint64_t end_us;         /* nobody has looked after that */
    uint32_t keys;           /* rows that there are to lock; 0 = those that were ever asked for */
    uint64_t asked_us;       /* within which a participant in doubt is told what a peer knows; 0 = nobody says so */
};

void measure_run_init(struct measure_run *run);
void measure_run_deinit(struct measure_run *run);
struct measure_record *measure_run_record(struct measure_run *run, enum measure_what what, uint64_t t_us);
struct measure_op *measure_run_op(struct measure_run *run, uint64_t due_us);
struct measure_fault *measure_run_fault(struct measure_run *run, uint64_t t_us);
/* Puts all in order and finds the window of the load, after the last was read. */
void measure_run_settle(struct measure_run *run);

bool measure_is_done(enum measure_outcome outcome);   /* it has taken effect for good */
bool measure_is_undone(enum measure_outcome outcome); /* it has no effect, or none any more */

#endif
