#include "chaos/compare/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/compare/report.h"
#include "chaos/kill/clock.h"
#include "chaos/kill/directory.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "chaos/sim/rng.h"

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "vow-chaos compare: %s: %s\n", what, why);
    return -1;
}

/* --- Before --- */

/* A scenario that places its orders in one way only has nothing to be compared with. */
static int check_scenario(const struct compare *compare)
{
    if (real_scenario_var(compare->scenario, "protocol") != NULL || real_scenario_var(compare->scenario, "arm") != NULL)
        return 0;
    return fail(compare->options->scenario,
                "has neither protocol nor arm among its vars, so every run would be the same; see docs/experiment.md");
}

/* A number among its vars; 0 if it is not there. */
static int read_number(const struct compare *compare, const char *name, const char *what, uint32_t *number)
{
    const struct real_variable *var = real_scenario_var(compare->scenario, name);
    char *end;

    if (var == NULL)
        return 0;
    errno = 0;
    const unsigned long value = strtoul(var->value.text, &end, 10);
    if (errno != 0 || *end != '\0' || end == var->value.text || value > 1000000000)
        return fail(compare->options->scenario, what);
    *number = (uint32_t)value;
    return 0;
}

static int read_vars(struct compare *compare)
{
    if (read_number(compare, "keys", "keys, among its vars, is how many rows there are: a number", &compare->keys) != 0)
        return -1;
    return read_number(
        compare, "asked",
        "asked, among its vars, is within how many milliseconds whoever asks its peers is told: a number",
        &compare->asked_ms);
}

/* What was asked for; else what the scenario is for; else all. */
int compare_choose_arms(const struct real_scenario *scenario, struct compare_options *options)
{
    char text[256];

    if (options->arms.len > 0)
        return 0;
    options->arms = compare_arms_all();
    if (scenario->arms.len > 0)
        options->arms.len = 0;
    for (size_t i = 0; i < scenario->arms.len; i++) {
        const struct real_text *word = &scenario->arms.of[i];
        if (compare_arms_add(&options->arms, word->text) == 0)
            continue;
        (void)snprintf(text, sizeof(text), "line %u: arms does not know, or has twice, %.64s", word->place.line,
                       word->text);
        return fail(options->scenario, text);
    }
    return 0;
}

static int make_out(struct compare *compare)
{
    const char *wanted = compare->options->out;
    char runs[COMPARE_PATH_SIZE + 16];

    if (wanted != NULL && strlen(wanted) > 700)
        return fail(wanted, strerror(ENAMETOOLONG));
    if (wanted != NULL)
        (void)snprintf(compare->out, sizeof(compare->out), "%s", wanted);
    else
        (void)snprintf(compare->out, sizeof(compare->out), "out/compare-%s-%d-%" PRIu64, compare->scenario->name,
                       (int)getpid(), real_clock_us() % 1000000);
    (void)snprintf(runs, sizeof(runs), "%s/runs", compare->out);
    int error = real_directory_is_free(compare->out);
    error = error == 0 ? real_directory_make(compare->out) : error;
    error = error == 0 ? real_directory_make(runs) : error;
    return error == 0 ? 0 : fail(compare->out, strerror(error));
}

/* The nth run of every arm has the same seed, so the same orders at the same times. */
static void make_runs(struct compare *compare)
{
    const struct compare_options *options = compare->options;

    compare->runs_len = options->arms.len * options->runs;
    compare->runs = real_need(calloc(compare->runs_len + 1, sizeof(*compare->runs)));
    for (size_t i = 0; i < compare->runs_len; i++) {
        struct compare_run *run = &compare->runs[i];
        *run = (struct compare_run){.arm = options->arms.of[i / options->runs],
                                    .number = (uint32_t)(i % options->runs) + 1,
                                    .why = real_need(json_array())};
        run->seed = options->seed + run->number - 1;
        for (int k = 0; k < MEASURE_METRICS; k++)
            run->values[k].number = NAN;
        (void)snprintf(run->name, sizeof(run->name), "%s-%u", compare_arm(run->arm)->word, run->number);
        (void)snprintf(run->directory, sizeof(run->directory), "%.1000s/runs/%s", compare->out, run->name);
    }
}

static void free_runs(struct compare *compare)
{
    for (size_t i = 0; i < compare->runs_len; i++) {
        json_decref(compare->runs[i].why);
        json_decref(compare->runs[i].curves);
    }
    free(compare->runs);
}

/* --- All runs --- */

/* In an order of chance, so that what changes on the machine meanwhile (a full page cache, a warm processor) favours no
 * arm. */
static size_t *shuffled(const struct compare *compare)
{
    struct sim_rng rng = {sim_mix(compare->options->seed, compare->runs_len)};
    size_t *order = real_need(calloc(compare->runs_len + 1, sizeof(*order)));

    for (size_t i = 0; i < compare->runs_len; i++) {
        const size_t other = sim_rng_below(&rng, i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

/* What nothing can be said of, such as a time in doubt of a saga, is a dash. */
static void show_number(const char *what, double number, int width, int decimals, const char *unit)
{
    if (isnan(number))
        printf("  %s %*s %*s", what, width, "-", (int)strlen(unit), "");
    else
        printf("  %s %*.*f %s", what, width, decimals, number, unit);
}

static void show(const struct compare *compare, const struct compare_run *run, size_t done)
{
    printf("%3zu/%zu  %-22s run %-3u", done, compare->runs_len, compare_arm(run->arm)->word, run->number);
    if (run->is_measured) {
        show_number("done", run->values[MEASURE_METRIC_GOODPUT].number, 6, 1, "orders/s");
        show_number("rows blocked", 100 * run->values[MEASURE_METRIC_UNAVAILABLE].number, 5, 2, "%");
        show_number("in doubt up to", run->values[MEASURE_METRIC_DOUBT_MAX].number / 1000, 6, 2, "s");
        show_number("dirty reads", run->values[MEASURE_METRIC_DIRTY_READS].number, 5, 1, "of 1,000\n");
    } else {
        printf("  was not measured\n");
    }
    const json_t *text;
    size_t i;
    json_array_foreach(run->why, i, text) printf("         not valid: %s\n", json_string_value(text));
    (void)fflush(stdout);
}

/* False if it was ended before all were made. */
static bool run_all(struct compare *compare)
{
    size_t *order = shuffled(compare);
    bool is_whole = true;

    for (size_t i = 0; i < compare->runs_len && is_whole; i++) {
        struct compare_run *run = &compare->runs[order[i]];
        is_whole = compare_run_one(compare, run);
        if (is_whole)
            show(compare, run, i + 1);
    }
    free(order);
    return is_whole;
}

/* --- After --- */

static int exit_status(const struct compare *compare)
{
    int status = REAL_HELD;

    for (size_t i = 0; i < compare->runs_len; i++) {
        if (compare->runs[i].is_violated)
            return REAL_VIOLATED;
        if (!compare_is_valid(&compare->runs[i]))
            status = REAL_INVALID;
    }
    return status;
}

static int write_all(const struct compare *compare)
{
    json_t *results = compare_results(compare);
    const bool is_written = compare_write_json(compare->out, results) == 0 &&
                            compare_write_csv(compare->out, results) == 0 &&
                            compare_write_report(compare->out, results) == 0;

    json_decref(results);
    return is_written ? 0 : -1;
}

static int run_prepared(struct compare *compare)
{
    const uint64_t began_us = real_clock_us();
    int status = REAL_INVALID;

    (void)signal(SIGPIPE, SIG_IGN); /* whoever has read enough of the lines still gets a report */
    make_runs(compare);
    if (!run_all(compare)) {
        (void)fprintf(stderr, "vow-chaos compare: was told to end; the archives so far are in %s/runs\n", compare->out);
    } else {
        compare->took_us = real_clock_us() - began_us;
        status = write_all(compare) == 0 ? exit_status(compare) : REAL_INVALID;
        printf("%s/report.html, results.json, results.csv: %s\n", compare->out,
               status == REAL_HELD       ? "all runs are valid"
               : status == REAL_VIOLATED ? "a run was violated"
                                         : "not all runs are valid");
    }
    free_runs(compare);
    return status;
}

int compare_all(const struct compare_options *options)
{
    struct compare_options chosen = *options;
    struct compare compare = {.options = &chosen};
    struct real_scenario *scenario;
    struct real_error error;
    int status = REAL_BAD;

    if (real_scenario_load(options->scenario, &options->sets, &scenario, &error) != 0) {
        real_scenario_tell("vow-chaos compare", &error);
        return REAL_BAD;
    }
    compare.scenario = scenario;
    if (check_scenario(&compare) == 0 && compare_choose_arms(scenario, &chosen) == 0 && read_vars(&compare) == 0 &&
        make_out(&compare) == 0)
        status = run_prepared(&compare);
    real_scenario_free(scenario);
    return status;
}

int compare_redraw(const char *directory)
{
    char path[COMPARE_PATH_SIZE + 16];
    json_error_t error;

    (void)snprintf(path, sizeof(path), "%.2000s/results.json", directory);
    json_t *results = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (results == NULL)
        return (void)fprintf(stderr, "vow-chaos compare: %s; see vow-chaos compare --help\n", error.text), REAL_BAD;
    const int status = compare_write_report(directory, results) == 0 ? REAL_HELD : REAL_BAD;
    json_decref(results);
    return status;
}
