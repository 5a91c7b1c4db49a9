/*
 * What a run has cost, in numbers: the metrics of blocking and of leaking. Each is a pure function of the records and
 * of the spans that are made of them. A number that nothing can be said of is NAN.
 */
#ifndef VOW_CHAOS_MEASURE_METRICS_H
#define VOW_CHAOS_MEASURE_METRICS_H

#include "chaos/measure/record.h"
#include "chaos/measure/spans.h"
#include "chaos/measure/survival.h"

#define MEASURE_BIN_US 100000 /* of goodput and of the curves */

struct measure_value {
    double number;    /* NAN = nothing can be said */
    bool is_at_least; /* it lasted still */
};

/* How a transaction has ended, by its id: as its coordinator says, else as a branch or the client does. Free it. */
enum measure_outcome *measure_outcomes(const struct measure_run *run);

/* Is it what the first of its lives says? */
bool measure_is_coordinator(const struct measure_run *run, uint32_t node);
/* Does it touch the time of a fault: from when it was done until what it took away served again? */
bool measure_meets_fault(const struct measure_run *run, const struct measure_span *span);
/* Had it begun, and not ended, when a fault was done? */
bool measure_covers_fault(const struct measure_run *run, const struct measure_span *span);

/* in_doubt.c: from a durable YES until the outcome is durable at the same participant, which frees its rows. */
struct measure_in_doubt {
    struct measure_survival time;
    size_t left; /* in doubt still at the end */
};
struct measure_in_doubt measure_in_doubt(const struct measure_spans *spans);

/* locks.c */
struct measure_locks {
    struct measure_survival time;
    double fault_ratio; /* mean of those that a fault has met, by the mean of those that were over before the first */
};
struct measure_locks measure_locks(const struct measure_run *run, const struct measure_spans *spans);

/* unavailable.c: what part of all rows is locked by branches in doubt (or by semantic locks), on average over the time
 * of the load; and how likely an access meets such a row, if accesses are as they were before the first fault. */
struct measure_unavailable {
    double rows, accesses;
};
struct measure_unavailable measure_unavailable(const struct measure_run *run, const struct measure_spans *spans);

/* blast.c: other transactions that waited for one that was in doubt at a fault, directly or behind others. */
struct measure_blast {
    size_t blockers;
    double mean; /* waiting, for each of these */
    size_t max;
    size_t chain_max; /* the longest chain of waits behind one */
    size_t aborted;   /* of all that waited */
};
struct measure_blast measure_blast(const struct measure_run *run, const struct measure_spans *spans,
                                   const enum measure_outcome *outcomes);

/* goodput.c: orders that were answered for good, by the time of the answer. */
struct measure_bins {
    uint64_t from_us;
    uint32_t *counts;
    size_t len;
};
struct measure_bins measure_goodput_bins(const struct measure_run *run); /* free its counts */

struct measure_goodput {
    double per_s;
    double baseline_per_s; /* the median bin of the 30 s before the first fault; NAN if that was less than a second */
    double dip_depth;      /* what part of the baseline was missing when it was worst */
    double dip_area;       /* orders that were not done until it had recovered */
    double gap_ms;         /* the longest time without any */
    double recovered_ms; /* from the first fault until a second has 95 % of that, 0 if there was no dip; NAN = never */
};
struct measure_goodput measure_goodput(const struct measure_run *run);

/* latency.c: from when an order was due, not from when the load came to send it. */
struct measure_survival measure_latency(const struct measure_run *run);

/* recovery.c: of the first death of a coordinator, from that moment, in ms. */
struct measure_recovery {
    double restart, replay, first_decision, last_in_doubt; /* replay: from the restart until it serves */
};
struct measure_recovery measure_recovery(const struct measure_run *run, const struct measure_spans *spans);

/* detect.c: from the last sign of life of the first that dies until those that it leaves have lost their connection to
 * it: all participants, of a coordinator; the coordinator, of a participant. In ms; NAN if nobody ever says so. */
struct measure_value measure_detect(const struct measure_run *run);

/* letters.c: steps and events that were delivered though they were done, for 1,000 that were done; NAN if none was. */
double measure_duplicates(const struct measure_run *run);
/* Dead letters at the coordinator; NAN if it never says. */
struct measure_letters {
    double max, left;
};
struct measure_letters measure_letters(const struct measure_run *run);

/* orphans.c: what the faults have left: transactions and sagas that had begun when the last one was over, and that
 * hold a row or are in doubt still 60 s later, or at the end if that comes sooner. */
struct measure_orphans {
    double left;
    double after_ms; /* that was so long after it; NAN = there was no fault */
};
struct measure_orphans measure_orphans(const struct measure_run *run, const struct measure_spans *spans);

/* skew.c: pairs of orders, both done for good, each of which has read of a row what the other has overwritten later,
 * and these are two rows: no order of the two, one after the other, gives that (Elle's G2 and G-single of two). */
size_t measure_write_skews(const struct measure_run *run, const enum measure_outcome *outcomes);

/* lag.c: of an event, from when it was written down, beside the change of which it tells, until it is durable at the
 * coordinator. */
struct measure_survival measure_outbox_lag(const struct measure_run *run);

/* anomalies.c */
struct measure_anomalies {
    size_t orders; /* of those that were begun */
    size_t lost_updates, dirty_reads, fuzzy_reads;
    int64_t exposure; /* what the orders had cost that were read and then undone, once each */
    bool is_seen;     /* reads and writes were recorded at all */
};
struct measure_anomalies measure_anomalies(const struct measure_run *run, const enum measure_outcome *outcomes);

/* audits.c: the sum of what must be constant, looked at while the load runs. */
struct measure_audits {
    size_t len;
    double wrong; /* part of them */
    double deviation_max;
    double wrong_ms; /* how long it was not right in all, from a wrong one to the next that is right */
};
struct measure_audits measure_audits(const struct measure_run *run);

/* sagas.c */
struct measure_sagas {
    size_t len, stuck;
    double compensated;                   /* part of those that have ended */
    struct measure_survival compensation; /* from the turn until all is undone */
    struct measure_survival visible;      /* from the first step that others see until the end */
};
struct measure_sagas measure_sagas(const struct measure_run *run);

/* cost.c: for each order that has ended, of all processes. */
struct measure_costs {
    double fsyncs, msgs, bytes, cpu_ms;
};
struct measure_costs measure_costs(const struct measure_run *run);

#endif
