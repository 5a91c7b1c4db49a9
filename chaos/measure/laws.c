#include "chaos/measure/laws.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/stats.h"

#define TAIL 0.0005          /* Little's law, on either side: a comparison has hundreds of runs */
#define TRANSACTIONS_MIN 30  /* for the mean that it needs */
#define ASKING_MS 10000.0    /* how long a participant may take to ask again, and to be told */
#define UNAVAILABLE_MAX 1e-4 /* what is as good as none */

struct court {
    const struct measure_run *run;
    const struct measure_spans *spans;
    const struct measure_kind *kind;
    const struct measure_value *values;
};

static double value(const struct court *court, enum measure_metric metric)
{
    return court->values[metric].number;
}

static struct measure_finding say(enum measure_judgement judgement, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct measure_finding say(enum measure_judgement judgement, const char *format, ...)
{
    struct measure_finding finding = {.judgement = judgement};
    va_list args;

    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is */
    (void)vsnprintf(finding.text, sizeof(finding.text), format, args);
    va_end(args);
    return finding;
}

static enum measure_judgement holds_if(bool holds)
{
    return holds ? MEASURE_HOLDS : MEASURE_BROKEN;
}

/* --- Little --- */

/* The death of a coordinator, if it is the first fault: what was before is the steady state. */
static const struct measure_fault *first_death(const struct court *court)
{
    const struct measure_run *run = court->run;

    if (run->faults_len == 0 || !run->faults[0].is_death)
        return NULL;
    return measure_is_coordinator(run, run->faults[0].node) ? &run->faults[0] : NULL;
}

/* A transaction is in doubt from the first YES of a branch until the last branch is told. The spans' copy is put in
 * order by id. */
static int by_id(const void *left, const void *right)
{
    const struct measure_span *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static struct measure_span *transactions(const struct measure_spans *spans, size_t *len)
{
    struct measure_span *found = real_need(malloc((spans->doubts.len + 1) * sizeof(*found)));

    for (size_t i = 0; i < spans->doubts.len; i++)
        found[i] = spans->doubts.of[i];
    qsort(found, spans->doubts.len, sizeof(*found), by_id);
    *len = 0;
    for (size_t i = 0; i < spans->doubts.len; i++) {
        struct measure_span *last = *len > 0 ? &found[*len - 1] : NULL;
        if (last == NULL || last->id != found[i].id) {
            found[(*len)++] = found[i];
            continue;
        }
        last->from_us = found[i].from_us < last->from_us ? found[i].from_us : last->from_us;
        last->to_us = found[i].to_us > last->to_us ? found[i].to_us : last->to_us;
    }
    return found;
}

/*
 * In the steady state the number in doubt is, on average, the rate of transactions by the time that one is in doubt,
 * and it is spread as a Poisson process is. A coordinator that dies at a crash point dies while it works on one, which
 * is one more than a look at any moment would see.
 */
static struct measure_finding judge_little(const struct court *court)
{
    const struct measure_fault *death = first_death(court);
    double before = 0, lambda_w = 0;
    size_t len, met = 0;

    if (!court->kind->is_2pc || death == NULL || death->t_us <= court->run->from_us)
        return say(MEASURE_NOT_SHOWN, "no coordinator of transactions died first");
    struct measure_span *found = transactions(court->spans, &len);
    for (size_t i = 0; i < len; i++) {
        if (found[i].from_us <= death->t_us && found[i].to_us > death->t_us)
            met++;
        if (found[i].from_us < court->run->from_us || found[i].to_us > death->t_us)
            continue;
        before++;
        lambda_w += (double)measure_span_us(&found[i]) / (double)(death->t_us - court->run->from_us);
    }
    free(found);
    if (before < TRANSACTIONS_MIN)
        return say(MEASURE_NOT_SHOWN, "only %.0f transactions had been in doubt before", before);
    const struct measure_count_interval interval = measure_poisson(lambda_w, TAIL);
    return say(holds_if(met >= interval.low && met <= interval.high + 1),
               "%zu were in doubt at the death; %.2f expected, between %llu and %llu", met, lambda_w,
               (unsigned long long)interval.low, (unsigned long long)interval.high + 1);
}

/* --- Outage --- */

static struct measure_finding judge_outage(const struct court *court)
{
    const double restart = value(court, MEASURE_METRIC_RESTART), replay = value(court, MEASURE_METRIC_REPLAY);
    const double last = value(court, MEASURE_METRIC_LAST_DOUBT);
    const double longest = value(court, MEASURE_METRIC_DOUBT_MAX);
    const double high = restart + replay + ASKING_MS;

    if (!court->kind->is_2pc || first_death(court) == NULL || isnan(restart) || isnan(replay))
        return say(MEASURE_NOT_SHOWN, "no coordinator of transactions died and came back");
    if (last == 0)
        return say(MEASURE_NOT_SHOWN, "nobody was in doubt when it died");
    /* Peers may know what the coordinator cannot say. */
    const double low = court->kind->is_cooperative ? 0 : restart;
    return say(holds_if(longest >= low && longest <= high),
               "%.0f ms in doubt at most; the coordinator was away for %.0f ms, and served %.0f ms later", longest,
               restart, replay);
}

/* --- Peers --- */

/* When another branch of the transaction was the first to have heard the outcome; UINT64_MAX = none did before this. */
static uint64_t peer_knew_us(const struct measure_spans *spans, const struct measure_span *doubt)
{
    uint64_t first_us = UINT64_MAX;

    for (size_t i = 0; i < spans->doubts.len; i++) {
        const struct measure_span *other = &spans->doubts.of[i];
        if (other->id == doubt->id && other->node != doubt->node && !other->is_censored && other->to_us < first_us)
            first_us = other->to_us;
    }
    return first_us < doubt->to_us ? first_us : UINT64_MAX;
}

/* Branches that were in doubt while the coordinator was away, and could have been told. */
struct owed {
    size_t len, late;
    uint64_t longest_us;
};

static void owe(const struct court *court, const struct measure_fault *death, struct owed *owed)
{
    for (size_t i = 0; i < court->spans->doubts.len; i++) {
        const struct measure_span *doubt = &court->spans->doubts.of[i];
        if (doubt->from_us > death->t_us || doubt->to_us <= death->t_us)
            continue;
        const uint64_t knew_us = peer_knew_us(court->spans, doubt);
        const uint64_t from_us = knew_us > death->t_us ? knew_us : death->t_us;
        if (knew_us == UINT64_MAX || (death->healed_us != 0 && from_us + court->run->asked_us > death->healed_us))
            continue;
        const uint64_t took_us = doubt->to_us - from_us;
        owed->len++;
        owed->late += doubt->is_censored || took_us > court->run->asked_us;
        owed->longest_us = took_us > owed->longest_us ? took_us : owed->longest_us;
    }
}

/* A scenario that promises that a peer knows, and in which none ever did, has not done what it says. */
static struct measure_finding judge_asked(const struct court *court)
{
    const struct measure_run *run = court->run;
    struct owed owed = {0};

    if (!court->kind->is_cooperative || run->asked_us == 0)
        return say(MEASURE_NOT_SHOWN, "nobody asks, or the scenario does not say that somebody knows");
    for (size_t i = 0; i < run->faults_len; i++)
        if (run->faults[i].is_death && measure_is_coordinator(run, run->faults[i].node))
            owe(court, &run->faults[i], &owed);
    return say(holds_if(owed.len > 0 && owed.late == 0),
               "%zu branches had a peer that knew; they were told within %.0f ms, and %.0f are allowed", owed.len,
               (double)owed.longest_us / 1000, (double)run->asked_us / 1000);
}

/* --- Sagas --- */

static struct measure_finding judge_unlocked(const struct court *court)
{
    const double unavailable = value(court, MEASURE_METRIC_UNAVAILABLE);

    if (!court->kind->is_saga || court->kind->is_mixed || court->kind->has_semantic_lock || isnan(unavailable))
        return say(MEASURE_NOT_SHOWN, "its orders are not sagas alone, or they lock their rows");
    return say(holds_if(unavailable <= UNAVAILABLE_MAX), "%.6f of the rows were unavailable", unavailable);
}

static struct measure_finding judge_leaking(const struct court *court)
{
    const double dirty = value(court, MEASURE_METRIC_DIRTY_READS);

    if (!court->kind->is_bare || court->run->faults_len == 0 || isnan(dirty))
        return say(MEASURE_NOT_SHOWN,
                   "it has no fault, no reads were recorded, or something is done against anomalies");
    return say(holds_if(dirty > 0), "%.2f dirty reads for 1,000 orders", dirty);
}

/* What an auditor has seen counts, too (I15): rows that are clean, each for itself, may show half an order together. */
static struct measure_finding judge_isolated(const struct court *court)
{
    const double lost = value(court, MEASURE_METRIC_LOST_UPDATES), dirty = value(court, MEASURE_METRIC_DIRTY_READS);
    const double fuzzy = value(court, MEASURE_METRIC_FUZZY_READS), skew = value(court, MEASURE_METRIC_WRITE_SKEWS);
    const double halves = value(court, MEASURE_METRIC_AUDIT_WRONG);

    if (court->kind->is_2pc && halves > 0)
        return say(MEASURE_BROKEN, "%.2f %% of the audits found half an order", 100 * halves);
    if (!court->kind->is_2pc || isnan(dirty))
        return say(MEASURE_NOT_SHOWN, "its orders are no transactions, or no reads were recorded");
    return say(holds_if(lost + dirty + fuzzy + skew <= 0),
               "%.2f lost updates, %.2f dirty reads, %.2f fuzzy reads, %.2f write skews for 1,000 orders; %s", lost,
               dirty, fuzzy, skew, isnan(halves) ? "nobody audited" : "no audit found half an order");
}

/* --- All --- */

static const struct {
    const char *word, *text;
} laws[MEASURE_LAWS] = {
#define LAW(name, word, text) {word, text},
#include "chaos/measure/law.def"
#undef LAW
};

const char *measure_law_word(enum measure_law law)
{
    return laws[law].word;
}

const char *measure_law_text(enum measure_law law)
{
    return laws[law].text;
}

const char *measure_judgement_word(enum measure_judgement judgement)
{
    return judgement == MEASURE_HOLDS ? "holds" : judgement == MEASURE_BROKEN ? "broken" : "not shown";
}

size_t measure_laws(const struct measure_run *run, const struct measure_spans *spans, const struct measure_kind *kind,
                    const struct measure_value values[MEASURE_METRICS], struct measure_finding findings[MEASURE_LAWS])
{
    const struct court court = {run, spans, kind, values};
    size_t broken = 0;

    findings[MEASURE_LAW_LITTLE] = judge_little(&court);
    findings[MEASURE_LAW_OUTAGE] = judge_outage(&court);
    findings[MEASURE_LAW_ASKED] = judge_asked(&court);
    findings[MEASURE_LAW_UNLOCKED] = judge_unlocked(&court);
    findings[MEASURE_LAW_LEAKING] = judge_leaking(&court);
    findings[MEASURE_LAW_ISOLATED] = judge_isolated(&court);
    for (int i = 0; i < MEASURE_LAWS; i++)
        broken += findings[i].judgement == MEASURE_BROKEN;
    return broken;
}
