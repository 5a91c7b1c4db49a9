/* results.json: metrics, laws and arms with their words; of each arm its runs, and medians with intervals of those that
 * are valid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "chaos/compare/compare.h"
#include "chaos/kill/memory.h"
#include "chaos/measure/stats.h"

/* JSON has no NAN: null is what nothing can be said of. */
static json_t *number(double value)
{
    return real_need(isfinite(value) ? json_real(value) : json_null());
}

static json_t *metrics_of(void)
{
    json_t *list = real_need(json_array());

    for (int i = 0; i < MEASURE_METRICS; i++) {
        const enum measure_metric metric = (enum measure_metric)i;
        (void)json_array_append_new(
            list, real_need(json_pack("{s:s, s:s, s:s}", "word", measure_metric_word(metric), "unit",
                                      measure_metric_unit(metric), "text", measure_metric_text(metric))));
    }
    return list;
}

static json_t *laws_of(void)
{
    json_t *list = real_need(json_array());

    for (int i = 0; i < MEASURE_LAWS; i++)
        (void)json_array_append_new(list,
                                    real_need(json_pack("{s:s, s:s}", "word", measure_law_word((enum measure_law)i),
                                                        "text", measure_law_text((enum measure_law)i))));
    return list;
}

/* --- A run --- */

static json_t *values_of(const struct compare_run *run)
{
    json_t *values = real_need(json_object());

    for (int i = 0; i < MEASURE_METRICS && run->is_measured; i++)
        (void)json_object_set_new(values, measure_metric_word((enum measure_metric)i), number(run->values[i].number));
    return values;
}

static json_t *bounds_of(const struct compare_run *run)
{
    json_t *list = real_need(json_array());

    for (int i = 0; i < MEASURE_METRICS && run->is_measured; i++)
        if (run->values[i].is_at_least)
            (void)json_array_append_new(list, json_string(measure_metric_word((enum measure_metric)i)));
    return list;
}

static json_t *findings_of(const struct compare_run *run)
{
    json_t *findings = real_need(json_object());

    for (int i = 0; i < MEASURE_LAWS && run->is_measured; i++)
        (void)json_object_set_new(
            findings, measure_law_word((enum measure_law)i),
            real_need(json_pack("{s:s, s:s}", "judgement", measure_judgement_word(run->findings[i].judgement), "text",
                                run->findings[i].text)));
    return findings;
}

static json_t *run_of(const struct compare_run *run)
{
    char archive[96];

    (void)snprintf(archive, sizeof(archive), "runs/%s", run->name);
    return real_need(json_pack("{s:I, s:I, s:s, s:s, s:b, s:O, s:o, s:o, s:o}", "run", (json_int_t)run->number, "seed",
                               (json_int_t)run->seed, "archive", archive, "verdict", run->verdict, "valid",
                               compare_is_valid(run), "why", run->why, "values", values_of(run), "at_least",
                               bounds_of(run), "laws", findings_of(run)));
}

/* --- An arm --- */

static json_t *summary_of(const struct compare *compare, const struct compare_run *runs, enum measure_metric metric)
{
    double *values = real_need(calloc(compare->options->runs, sizeof(double)));
    bool is_at_least = false;
    size_t len = 0;

    for (uint32_t i = 0; i < compare->options->runs; i++) {
        if (!compare_is_valid(&runs[i]) || !isfinite(runs[i].values[metric].number))
            continue;
        values[len++] = runs[i].values[metric].number;
        is_at_least = is_at_least || runs[i].values[metric].is_at_least;
    }
    const struct measure_interval interval = measure_bootstrap(values, len, compare->options->seed);
    free(values);
    return real_need(json_pack("{s:o, s:o, s:o, s:I, s:b}", "mid", number(interval.mid), "low", number(interval.low),
                               "high", number(interval.high), "runs", (json_int_t)len, "at_least", is_at_least));
}

/* The pictures are those of one run: the first that is valid, else the first that was measured. */
static json_t *curves_of(const struct compare *compare, const struct compare_run *runs)
{
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < compare->options->runs; i++)
            if (runs[i].curves != NULL && (round == 1 || compare_is_valid(&runs[i])))
                return json_incref(runs[i].curves);
    return real_need(json_null());
}

static json_t *arm_of(const struct compare *compare, const struct compare_run *runs)
{
    const struct compare_arm *arm = compare_arm(runs[0].arm);
    json_t *summary = real_need(json_object()), *list = real_need(json_array());

    for (int i = 0; i < MEASURE_METRICS; i++)
        (void)json_object_set_new(summary, measure_metric_word((enum measure_metric)i),
                                  summary_of(compare, runs, (enum measure_metric)i));
    for (uint32_t i = 0; i < compare->options->runs; i++)
        (void)json_array_append_new(list, run_of(&runs[i]));
    return real_need(json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "word", arm->word, "text",
                               arm->text, "protocol", arm->protocol, "countermeasure", arm->countermeasure, "peers",
                               arm->peers, "is_2pc", arm->kind.is_2pc, "is_saga", arm->kind.is_saga, "summary", summary,
                               "runs", list, "curves", curves_of(compare, runs)));
}

/* --- All --- */

static json_t *machine_of(void)
{
    struct utsname name;
    char system[256] = "";

    if (uname(&name) == 0)
        (void)snprintf(system, sizeof(system), "%.60s %.120s %.60s", name.sysname, name.release, name.machine);
    return real_need(json_pack("{s:s, s:I, s:s}", "system", system, "processors",
                               (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "vow", VOW_SOFTWARE_VERSION));
}

static json_t *parameters_of(const struct compare *compare)
{
    json_t *parameters = real_need(json_object());

    for (size_t i = 0; i < compare->scenario->vars_len; i++) {
        const struct real_variable *var = &compare->scenario->vars[i];
        (void)json_object_set_new(parameters, var->name.text, json_string(var->value.text));
    }
    return parameters;
}

static json_t *scenario_of(const struct compare *compare)
{
    const struct real_scenario *scenario = compare->scenario;

    return real_need(json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", scenario->name, "file", compare->options->scenario,
                               "teaches", scenario->teaches.text, "text", scenario->bytes, "vars",
                               parameters_of(compare)));
}

json_t *compare_results(const struct compare *compare)
{
    json_t *arms = real_need(json_array());
    size_t invalid = 0;

    for (size_t i = 0; i < compare->runs_len; i += compare->options->runs)
        (void)json_array_append_new(arms, arm_of(compare, &compare->runs[i]));
    for (size_t i = 0; i < compare->runs_len; i++)
        invalid += !compare_is_valid(&compare->runs[i]);
    return real_need(json_pack("{s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:f, s:I, s:o, s:o, s:o}", "version", 1, "command",
                               compare->options->command, "machine", machine_of(), "scenario", scenario_of(compare),
                               "seed", (json_int_t)compare->options->seed, "runs", (json_int_t)compare->options->runs,
                               "keys", (json_int_t)compare->keys, "took_s", (double)compare->took_us / 1e6, "invalid",
                               (json_int_t)invalid, "metrics", metrics_of(), "laws", laws_of(), "arms", arms));
}
