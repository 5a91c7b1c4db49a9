/* The sanity laws: what a run must show, whatever it costs. One that breaks a law has been measured wrongly. Pure. */
#ifndef VOW_CHAOS_MEASURE_LAWS_H
#define VOW_CHAOS_MEASURE_LAWS_H

#include "chaos/measure/values.h"

enum measure_law {
#define LAW(name, word, text) MEASURE_LAW_##name,
#include "chaos/measure/law.def"
#undef LAW
    MEASURE_LAWS
};

/* What the orders of a run are. */
struct measure_kind {
    bool is_2pc;
    bool is_cooperative; /* participants ask each other */
    bool is_saga;        /* or a choreography */
    bool is_mixed;       /* some are transactions, others are sagas */
    bool has_semantic_lock;
    bool is_bare; /* nothing is done against anomalies */
};

enum measure_judgement {
    MEASURE_HOLDS = 1,
    MEASURE_BROKEN,
    MEASURE_NOT_SHOWN /* it says nothing of such a run, or the run has not come to where it would */
};

#define MEASURE_FINDING_SIZE 256

struct measure_finding {
    enum measure_judgement judgement;
    char text[MEASURE_FINDING_SIZE]; /* what was found, with its numbers */
};

const char *measure_law_word(enum measure_law law);
const char *measure_law_text(enum measure_law law);
const char *measure_judgement_word(enum measure_judgement judgement);

/* `values` are those of the run. Returns how many laws it breaks. */
size_t measure_laws(const struct measure_run *run, const struct measure_spans *spans, const struct measure_kind *kind,
                    const struct measure_value values[MEASURE_METRICS], struct measure_finding findings[MEASURE_LAWS]);

#endif
