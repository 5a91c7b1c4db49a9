/* All metrics of a run as one list of numbers, in the order of metric.def. Pure. */
#ifndef VOW_CHAOS_MEASURE_VALUES_H
#define VOW_CHAOS_MEASURE_VALUES_H

#include "chaos/measure/metrics.h"

enum measure_metric {
#define METRIC(name, word, unit, text) MEASURE_METRIC_##name,
#include "chaos/measure/metric.def"
#undef METRIC
    MEASURE_METRICS
};

const char *measure_metric_word(enum measure_metric metric);
const char *measure_metric_unit(enum measure_metric metric);
const char *measure_metric_text(enum measure_metric metric);

void measure_values(const struct measure_run *run, const struct measure_spans *spans,
                    struct measure_value values[MEASURE_METRICS]);

#endif
