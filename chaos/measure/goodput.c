#include <math.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"
#include "chaos/measure/stats.h"

#define BASELINE_BINS 300 /* 30 s */
#define SECOND_BINS 10

/* The last bin is a whole one: what is answered after the last order was due is no goodput under load. */
struct measure_bins measure_goodput_bins(const struct measure_run *run)
{
    const size_t len = (run->to_us - run->from_us) / MEASURE_BIN_US;
    struct measure_bins bins = {
        .from_us = run->from_us, .len = len, .counts = real_need(calloc(len + 1, sizeof(*bins.counts)))};

    for (size_t i = 0; i < run->ops_len; i++) {
        const struct measure_op *op = &run->ops[i];
        if (op->end_us < run->from_us || !measure_is_done(op->outcome))
            continue;
        const size_t bin = (op->end_us - run->from_us) / MEASURE_BIN_US;
        if (bin < len)
            bins.counts[bin]++;
    }
    return bins;
}

static size_t bin_of(const struct measure_bins *bins, uint64_t t_us)
{
    const size_t bin = t_us > bins->from_us ? (t_us - bins->from_us) / MEASURE_BIN_US : 0;

    return bin < bins->len ? bin : bins->len;
}

static double mean(const struct measure_bins *bins, size_t from, size_t to)
{
    double sum = 0;

    for (size_t i = from; i < to; i++)
        sum += bins->counts[i];
    return to > from ? sum / (double)(to - from) : NAN;
}

static double median_before(const struct measure_bins *bins, size_t fault)
{
    double before[BASELINE_BINS];
    const size_t len = fault < BASELINE_BINS ? fault : BASELINE_BINS;

    for (size_t i = 0; i < len; i++)
        before[i] = bins->counts[fault - len + i];
    return len >= SECOND_BINS ? measure_median(before, len) : NAN;
}

/* Zeros in a row. */
static size_t longest_gap(const struct measure_bins *bins)
{
    size_t longest = 0, gap = 0;

    for (size_t i = 0; i < bins->len; i++) {
        gap = bins->counts[i] == 0 ? gap + 1 : 0;
        longest = gap > longest ? gap : longest;
    }
    return longest;
}

/* The first bin from which a second has 95 % of the baseline; bins.len if there is none. */
static size_t recovery(const struct measure_bins *bins, size_t healed, double baseline)
{
    for (size_t i = healed; i + SECOND_BINS <= bins->len; i++)
        if (mean(bins, i, i + SECOND_BINS) >= 0.95 * baseline)
            return i;
    return bins->len;
}

/* Less than what chance makes of a baseline: what comes in a time is spread as in a Poisson process. */
static bool has_dip(const struct measure_bins *bins, size_t fault, size_t healed, double baseline)
{
    const size_t least = fault + SECOND_BINS < bins->len ? fault + SECOND_BINS : bins->len;
    const size_t to = healed > least ? healed : least;

    return to > fault && mean(bins, fault, to) < baseline - 2 * sqrt(baseline / (double)(to - fault));
}

/* When the last thing that was taken away was back; never, if one was not. */
static uint64_t all_healed_us(const struct measure_run *run)
{
    uint64_t last_us = 0;

    for (size_t i = 0; i < run->faults_len; i++) {
        if (run->faults[i].healed_us == 0)
            return UINT64_MAX;
        last_us = run->faults[i].healed_us > last_us ? run->faults[i].healed_us : last_us;
    }
    return last_us;
}

static void judge_dip(const struct measure_run *run, const struct measure_bins *bins, struct measure_goodput *goodput)
{
    const size_t fault = bin_of(bins, run->faults[0].t_us);
    const double baseline = median_before(bins, fault);
    const size_t healed = bin_of(bins, all_healed_us(run));
    double least = baseline;

    goodput->baseline_per_s = baseline * SECOND_BINS;
    if (isnan(baseline) || baseline <= 0)
        return;
    const size_t recovered = has_dip(bins, fault, healed, baseline) ? recovery(bins, healed, baseline) : fault;
    for (size_t i = fault; i < recovered; i++)
        least = bins->counts[i] < least ? bins->counts[i] : least;
    const double lost = recovered > fault ? (double)(recovered - fault) * (baseline - mean(bins, fault, recovered)) : 0;
    goodput->dip_depth = 1 - least / baseline;
    goodput->dip_area = lost > 0 ? lost : 0;
    if (recovered < bins->len) {
        const uint64_t at_us = bins->from_us + recovered * MEASURE_BIN_US;
        goodput->recovered_ms = at_us > run->faults[0].t_us ? (double)(at_us - run->faults[0].t_us) / 1000 : 0;
    }
}

struct measure_goodput measure_goodput(const struct measure_run *run)
{
    struct measure_bins bins = measure_goodput_bins(run);
    struct measure_goodput goodput = {.per_s = mean(&bins, 0, bins.len) * SECOND_BINS,
                                      .baseline_per_s = NAN,
                                      .dip_depth = NAN,
                                      .dip_area = NAN,
                                      .gap_ms = (double)(longest_gap(&bins) * MEASURE_BIN_US) / 1000,
                                      .recovered_ms = NAN};

    if (run->faults_len > 0)
        judge_dip(run, &bins, &goodput);
    free(bins.counts);
    return goodput;
}
