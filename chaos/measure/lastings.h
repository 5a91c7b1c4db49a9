/* Between the files of the metrics: times that are being gathered. */
#ifndef VOW_CHAOS_MEASURE_LASTINGS_H
#define VOW_CHAOS_MEASURE_LASTINGS_H

#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/spans.h"
#include "chaos/measure/survival.h"

static inline struct measure_lasting *lastings_new(size_t len)
{
    return real_need(calloc(len + 1, sizeof(struct measure_lasting)));
}

/* One whose beginning was not seen has lasted longer, too: it is known to be at least so long. */
static inline struct measure_survival lastings_of_spans(const struct measure_span_list *list)
{
    struct measure_lasting *lastings = lastings_new(list->len);

    for (size_t i = 0; i < list->len; i++)
        lastings[i] =
            (struct measure_lasting){measure_span_us(&list->of[i]), list->of[i].is_censored || list->of[i].is_late};
    const struct measure_survival survival = measure_survival(lastings, list->len);
    free(lastings);
    return survival;
}

#endif
