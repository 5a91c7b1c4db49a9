#include "chaos/measure/lastings.h"
#include "chaos/measure/metrics.h"

struct measure_in_doubt measure_in_doubt(const struct measure_spans *spans)
{
    struct measure_in_doubt found = {.time = lastings_of_spans(&spans->doubts)};

    for (size_t i = 0; i < spans->doubts.len; i++)
        found.left += spans->doubts.of[i].is_censored;
    return found;
}
