/* What was delivered more than once, and what could not be delivered. */
#include <math.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/curves.h"
#include "chaos/measure/metrics.h"

/* A step that was refused is done, too: its record answers whoever asks again. */
double measure_duplicates(const struct measure_run *run)
{
    size_t done = 0, again = 0;

    for (size_t i = 0; i < run->records_len; i++) {
        const enum measure_what what = run->records[i].what;
        done += what == MEASURE_STEP || what == MEASURE_HANDLED;
        again += what == MEASURE_AGAIN;
    }
    return done > 0 ? 1000.0 * (double)again / (double)done : NAN;
}

struct measure_letters measure_letters(const struct measure_run *run)
{
    struct measure_letters letters = {.max = NAN, .left = NAN};

    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_LETTERS) {
            letters.left = (double)run->records[i].letters;
            letters.max = letters.left > letters.max || isnan(letters.max) ? letters.left : letters.max;
        }
    return letters;
}

/* They are on a disk: a coordinator that is away has them still. */
struct measure_curve measure_letters_curve(const struct measure_run *run)
{
    const size_t len = (run->to_us - run->from_us) / MEASURE_BIN_US;
    struct measure_curve curve = {.of = real_need(calloc(len + 1, sizeof(double))), .len = len};
    double letters = 0;
    size_t at = 0;

    for (size_t bin = 0; bin < len; bin++) {
        const uint64_t to_us = run->from_us + (bin + 1) * MEASURE_BIN_US;
        double most = letters;
        for (; at < run->records_len && run->records[at].t_us < to_us; at++)
            if (run->records[at].what == MEASURE_LETTERS) {
                letters = (double)run->records[at].letters;
                most = letters > most ? letters : most;
            }
        curve.of[bin] = most;
    }
    return curve;
}
