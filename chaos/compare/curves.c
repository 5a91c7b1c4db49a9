/* What pictures are made of. Times are seconds since the load began. */
#include "chaos/measure/curves.h"

#include <stdlib.h>

#include "chaos/compare/compare.h"
#include "chaos/kill/memory.h"

#define HEAT_ROWS 24
#define HEAT_BINS 120

static json_t *seconds(const struct measure_run *run, uint64_t t_us)
{
    return real_need(json_real(((double)t_us - (double)run->from_us) / 1e6));
}

static json_t *faults_of(const struct measure_run *run)
{
    json_t *faults = real_need(json_array());

    for (size_t i = 0; i < run->faults_len; i++) {
        const struct measure_fault *fault = &run->faults[i];
        json_t *item = real_need(json_pack("{s:o, s:s, s:s}", "from", seconds(run, fault->t_us), "who",
                                           measure_text(run->names, fault->node), "what",
                                           fault->is_death ? "is away" : "is cut off"));
        (void)json_object_set_new(item, "to",
                                  fault->healed_us > 0 ? seconds(run, fault->healed_us) : real_need(json_null()));
        (void)json_array_append_new(faults, item);
    }
    return faults;
}

static json_t *goodput_of(const struct measure_run *run)
{
    struct measure_bins bins = measure_goodput_bins(run);
    json_t *list = real_need(json_array());

    for (size_t i = 0; i < bins.len; i++)
        (void)json_array_append_new(list, json_integer(bins.counts[i]));
    free(bins.counts);
    return list;
}

static json_t *rounded(double number)
{
    return real_need(json_real((double)(int64_t)(number * 1000 + 0.5) / 1000));
}

static json_t *curve_of(struct measure_curve curve)
{
    json_t *list = real_need(json_array());

    for (size_t i = 0; i < curve.len; i++)
        (void)json_array_append_new(list, rounded(curve.of[i]));
    free(curve.of);
    return list;
}

static json_t *heat_of(const struct measure_run *run, const struct measure_spans *spans)
{
    struct measure_heat heat = measure_heat(run, spans, HEAT_ROWS, HEAT_BINS);
    json_t *rows = real_need(json_array());

    for (size_t i = 0; i < heat.rows_len; i++) {
        json_t *parts = real_need(json_array());
        for (size_t k = 0; k < heat.bins; k++)
            (void)json_array_append_new(parts, rounded(heat.parts[i * heat.bins + k]));
        (void)json_array_append_new(
            rows, real_need(json_pack("{s:s, s:s, s:o}", "node", measure_text(run->names, heat.rows[i].node), "key",
                                      measure_text(run->names, heat.rows[i].key), "parts", parts)));
    }
    measure_heat_free(&heat);
    return rows;
}

json_t *compare_curves(const struct measure_run *run, const struct measure_spans *spans)
{
    return real_need(json_pack("{s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "bin_s", (double)MEASURE_BIN_US / 1e6, "load_s",
                               (double)(run->to_us - run->from_us) / 1e6, "faults", faults_of(run), "goodput",
                               goodput_of(run), "in_doubt", curve_of(measure_in_doubt_curve(run, spans)),
                               "dead_letters", curve_of(measure_letters_curve(run)), "heat", heat_of(run, spans)));
}
