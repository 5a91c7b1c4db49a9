#include "chaos/measure/values.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *word, *unit, *text;
} metrics[MEASURE_METRICS] = {
#define METRIC(name, word, unit, text) {word, unit, text},
#include "chaos/measure/metric.def"
#undef METRIC
};

const char *measure_metric_word(enum measure_metric metric)
{
    return metrics[metric].word;
}

const char *measure_metric_unit(enum measure_metric metric)
{
    return metrics[metric].unit;
}

const char *measure_metric_text(enum measure_metric metric)
{
    return metrics[metric].text;
}

static struct measure_value ms(struct measure_time time)
{
    return (struct measure_value){time.us / 1000, time.is_at_least};
}

static struct measure_value plain(double number)
{
    return (struct measure_value){number, false};
}

static struct measure_value count(size_t number)
{
    return plain((double)number);
}

#define SET(name, value) values[MEASURE_METRIC_##name] = (value)

static void set_blocking(const struct measure_run *run, const struct measure_spans *spans, struct measure_value *values)
{
    const struct measure_in_doubt doubt = measure_in_doubt(spans);
    const struct measure_locks locks = measure_locks(run, spans);
    const struct measure_unavailable unavailable = measure_unavailable(run, spans);

    SET(DOUBT_P50, ms(doubt.time.p50));
    SET(DOUBT_P90, ms(doubt.time.p90));
    SET(DOUBT_P99, ms(doubt.time.p99));
    SET(DOUBT_P999, ms(doubt.time.p999));
    SET(DOUBT_MAX, ms(doubt.time.max));
    SET(DOUBT_COUNT, count(doubt.time.len));
    SET(DOUBT_LEFT, count(doubt.left));
    SET(LOCK_P50, ms(locks.time.p50));
    SET(LOCK_P99, ms(locks.time.p99));
    SET(LOCK_MAX, ms(locks.time.max));
    SET(LOCK_RATIO, plain(locks.fault_ratio));
    SET(UNAVAILABLE, plain(unavailable.rows));
    SET(UNAVAILABLE_ACCESSES, plain(unavailable.accesses));
}

static void set_blast(const struct measure_run *run, const struct measure_spans *spans,
                      const enum measure_outcome *outcomes, struct measure_value *values)
{
    const struct measure_blast blast = measure_blast(run, spans, outcomes);

    SET(BLAST_MEAN, plain(blast.mean));
    SET(BLAST_MAX, count(blast.max));
    SET(BLAST_CHAIN, count(blast.chain_max));
    SET(BLAST_ABORTED, count(blast.aborted));
}

static void set_goodput(const struct measure_run *run, struct measure_value *values)
{
    const struct measure_goodput goodput = measure_goodput(run);
    const struct measure_survival latency = measure_latency(run);
    size_t unanswered = 0;

    for (size_t i = 0; i < run->ops_len; i++)
        unanswered += run->ops[i].end_us == 0 || run->ops[i].outcome == MEASURE_UNKNOWN;
    SET(GOODPUT, plain(goodput.per_s));
    SET(BASELINE, plain(goodput.baseline_per_s));
    SET(DIP_DEPTH, plain(goodput.dip_depth));
    SET(DIP_AREA, plain(goodput.dip_area));
    SET(GAP, plain(goodput.gap_ms));
    SET(LATENCY_P50, ms(latency.p50));
    SET(LATENCY_P99, ms(latency.p99));
    SET(LATENCY_MAX, ms(latency.max));
    SET(RECOVERED, plain(goodput.recovered_ms));
    SET(UNANSWERED, count(unanswered));
}

static void set_recovery(const struct measure_run *run, const struct measure_spans *spans, struct measure_value *values)
{
    const struct measure_recovery recovery = measure_recovery(run, spans);
    const struct measure_orphans orphans = measure_orphans(run, spans);

    SET(DETECT, measure_detect(run));
    SET(RESTART, plain(recovery.restart));
    SET(REPLAY, plain(recovery.replay));
    SET(FIRST_DECISION, plain(recovery.first_decision));
    SET(LAST_DOUBT, plain(recovery.last_in_doubt));
    SET(ORPHANS, plain(orphans.left));
    SET(ORPHANS_AFTER, plain(orphans.after_ms));
}

/* What nobody has recorded is not zero. */
static double for_thousand(const struct measure_anomalies *anomalies, size_t number)
{
    return anomalies->is_seen && anomalies->orders > 0 ? 1000.0 * (double)number / (double)anomalies->orders : NAN;
}

static void set_leaking(const struct measure_run *run, const enum measure_outcome *outcomes,
                        struct measure_value *values)
{
    const struct measure_anomalies anomalies = measure_anomalies(run, outcomes);
    const struct measure_audits audits = measure_audits(run);

    SET(LOST_UPDATES, plain(for_thousand(&anomalies, anomalies.lost_updates)));
    SET(DIRTY_READS, plain(for_thousand(&anomalies, anomalies.dirty_reads)));
    SET(FUZZY_READS, plain(for_thousand(&anomalies, anomalies.fuzzy_reads)));
    SET(WRITE_SKEWS, plain(for_thousand(&anomalies, measure_write_skews(run, outcomes))));
    SET(EXPOSURE, plain(anomalies.is_seen ? (double)anomalies.exposure : NAN));
    SET(AUDIT_WRONG, plain(audits.wrong));
    SET(AUDIT_DEVIATION, plain(audits.deviation_max));
    SET(AUDIT_WRONG_TIME, plain(audits.wrong_ms));
}

static void set_sagas(const struct measure_run *run, struct measure_value *values)
{
    const struct measure_sagas sagas = measure_sagas(run);
    const struct measure_survival lag = measure_outbox_lag(run);
    const struct measure_letters letters = measure_letters(run);

    SET(COMPENSATED, plain(sagas.compensated));
    SET(COMPENSATION_P99, ms(sagas.compensation.p99));
    SET(VISIBLE_P50, ms(sagas.visible.p50));
    SET(VISIBLE_P99, ms(sagas.visible.p99));
    SET(STUCK, count(sagas.stuck));
    SET(OUTBOX_P50, ms(lag.p50));
    SET(OUTBOX_P99, ms(lag.p99));
    SET(DUPLICATES, plain(measure_duplicates(run)));
    SET(LETTERS_MAX, plain(letters.max));
    SET(LETTERS_LEFT, plain(letters.left));
}

static void set_costs(const struct measure_run *run, struct measure_value *values)
{
    const struct measure_costs costs = measure_costs(run);

    SET(FSYNCS, plain(costs.fsyncs));
    SET(MSGS, plain(costs.msgs));
    SET(BYTES, plain(costs.bytes));
    SET(CPU, plain(costs.cpu_ms));
}

void measure_values(const struct measure_run *run, const struct measure_spans *spans,
                    struct measure_value values[MEASURE_METRICS])
{
    enum measure_outcome *outcomes = measure_outcomes(run);

    set_blocking(run, spans, values);
    set_blast(run, spans, outcomes, values);
    set_goodput(run, values);
    set_recovery(run, spans, values);
    set_leaking(run, outcomes, values);
    set_sagas(run, values);
    set_costs(run, values);
    free(outcomes);
}
