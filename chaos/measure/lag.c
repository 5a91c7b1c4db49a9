#include "chaos/measure/lastings.h"
#include "chaos/measure/metrics.h"

struct measure_survival measure_outbox_lag(const struct measure_run *run)
{
    struct measure_lasting *lags = lastings_new(run->records_len);
    size_t len = 0;

    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_EVENT)
            lags[len++] = (struct measure_lasting){run->records[i].lag_us, false};
    const struct measure_survival survival = measure_survival(lags, len);
    free(lags);
    return survival;
}
