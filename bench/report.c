/* What a run says: JSON for programs, a few lines for people. Figures are medians over the rounds. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t len)
{
    qsort(values, len, sizeof(*values), compare);
    return len % 2 == 1 ? values[len / 2] : (values[len / 2 - 1] + values[len / 2]) / 2;
}

static double rate_of(const struct bench_round *round)
{
    return round->elapsed_us > 0 ? (double)round->committed * 1e6 / (double)round->elapsed_us : 0;
}

static double median_rate(const struct bench_options *options, const struct bench_subject *subject)
{
    double rates[32];
    for (uint32_t i = 0; i < options->rounds; i++)
        rates[i] = rate_of(&subject->rounds[i]);
    return median(rates, options->rounds);
}

static struct bench_round sum(const struct bench_options *options, const struct bench_subject *subject)
{
    struct bench_round all = {0};
    for (uint32_t i = 0; i < options->rounds; i++) {
        const struct bench_round *round = &subject->rounds[i];
        all.committed += round->committed;
        all.aborted += round->aborted;
        all.unknown += round->unknown;
        all.elapsed_us += round->elapsed_us;
        all.messages += round->messages;
        all.forced_records += round->forced_records;
        all.records += round->records;
        all.journal_syncs += round->journal_syncs;
        all.journal_commits += round->journal_commits;
        all.cpu_us += round->cpu_us;
        histogram_merge(&all.latency, &round->latency);
    }
    return all;
}

/* What is counted: keys and lines name it. */
static const char *unit_of(enum bench_protocol protocol)
{
    return protocol == BENCH_2PC ? "txn" : "saga";
}

static void set_real(json_t *object, const char *what, const char *between, const char *unit, double value)
{
    char key[64];
    snprintf(key, sizeof(key), "%s%s%s", what, between, unit);
    json_object_set_new(object, key, json_real(value));
}

static json_t *subject_json(const struct bench_options *options, const struct bench_subject *subject, const char *unit)
{
    struct bench_round all = sum(options, subject);
    json_t *rounds = json_array();
    for (uint32_t i = 0; i < options->rounds; i++)
        json_array_append_new(rounds, json_real(rate_of(&subject->rounds[i])));
    json_t *json = json_pack("{s:s,s:o,s:I,s:I,s:I,s:I}", "subject", subject->name, "rounds", rounds, "committed",
                             (json_int_t)all.committed, "p50_us", (json_int_t)histogram_quantile(&all.latency, 0.50),
                             "p95_us", (json_int_t)histogram_quantile(&all.latency, 0.95), "p99_us",
                             (json_int_t)histogram_quantile(&all.latency, 0.99));
    set_real(json, unit, "s_per_", "second", median_rate(options, subject));
    return json;
}

static void add_costs(json_t *json, const struct bench_round *all, const char *unit)
{
    double units = all->committed > 0 ? (double)all->committed : 1;
    double commits = all->journal_commits > 0 ? (double)all->journal_commits : 1;
    json_object_set_new(json, "aborted", json_integer((json_int_t)all->aborted));
    json_object_set_new(json, "unknown", json_integer((json_int_t)all->unknown));
    set_real(json, "messages", "_per_", unit, (double)all->messages / units);
    set_real(json, "forced_records", "_per_", unit, (double)all->forced_records / units);
    set_real(json, "records", "_per_", unit, (double)all->records / units);
    set_real(json, "journal_syncs", "_per_", unit, (double)all->journal_syncs / units);
    set_real(json, "journal_commits", "_per_", unit, (double)all->journal_commits / units);
    set_real(json, "forced_records", "_per_", "commit", (double)all->forced_records / commits);
    set_real(json, "vowd_cpu_us", "_per_", unit, (double)all->cpu_us / units);
}

/* A subject that vowd served, with what that has cost it. */
static json_t *served_json(const struct bench_options *options, const struct bench_subject *subject, const char *unit)
{
    struct bench_round all = sum(options, subject);
    json_t *json = subject_json(options, subject, unit);
    add_costs(json, &all, unit);
    return json;
}

static void add_beside(json_t *run, const struct bench_options *options, const struct bench_subjects *subjects,
                       const char *unit)
{
    double rate = median_rate(options, &subjects->vow);
    if (options->protocol != BENCH_2PC) {
        json_object_set_new(run, "two_phase", served_json(options, &subjects->two_phase, "txn"));
        json_object_set_new(run, "ratio_to_2pc", json_real(rate / median_rate(options, &subjects->two_phase)));
    }
    if (!options->floor)
        return;
    json_object_set_new(run, "floor_log", subject_json(options, &subjects->log_floor, unit));
    json_object_set_new(run, "ratio_to_log", json_real(rate / median_rate(options, &subjects->log_floor)));
    if (options->store == BENCH_STORE_SQLITE && options->protocol == BENCH_2PC) {
        json_object_set_new(run, "floor_store", subject_json(options, &subjects->store_floor, unit));
        json_object_set_new(run, "ratio_to_store", json_real(rate / median_rate(options, &subjects->store_floor)));
    }
}

static const char *const protocol_names[] = {
    [BENCH_2PC] = "2pc", [BENCH_SAGA] = "saga", [BENCH_CHOREOGRAPHY] = "choreography"};
static const char *const titles[] = {
    [BENCH_2PC] = "2PC", [BENCH_SAGA] = "Sagas", [BENCH_CHOREOGRAPHY] = "Choreographed sagas"};

static json_t *run_json(const struct bench_options *options, const struct bench_subjects *subjects)
{
    const char *store = options->store == BENCH_STORE_NULL ? "null" : "sqlite";
    const char *unit = unit_of(options->protocol);
    json_t *run =
        json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:i}", "protocol", protocol_names[options->protocol], "store", store,
                  "participants", (int)options->participants, "clients", (int)options->clients, "connections",
                  (int)options->connections, "seconds", (int)options->seconds, "rounds", (int)options->rounds);
    json_object_set_new(run, "vow", served_json(options, &subjects->vow, unit));
    add_beside(run, options, subjects, unit);
    return run;
}

static double real(const json_t *from, const char *key)
{
    return json_number_value(json_object_get(from, key));
}

static double per(const json_t *from, const char *what, const char *unit)
{
    char key[64];
    snprintf(key, sizeof(key), "%s_per_%s", what, unit);
    return real(from, key);
}

static void print_subject(const json_t *subject, const char *unit)
{
    char units[16];
    snprintf(units, sizeof(units), "%ss", unit);
    printf("%-12s %9.0f %s/s   p50 %6.0f us   p95 %6.0f us   p99 %6.0f us\n",
           json_string_value(json_object_get(subject, "subject")), per(subject, units, "second"), unit,
           real(subject, "p50_us"), real(subject, "p95_us"), real(subject, "p99_us"));
}

static void print_served(const json_t *subject, const char *unit)
{
    print_subject(subject, unit);
    printf("  a %s: %.2f messages, %.2f forced records, %.3f journal commits, %.3f journal syncs, %.1f us of vowd's "
           "CPU\n"
           "  forced records of a group commit: %.1f\n"
           "  aborted %.0f, unknown %.0f\n",
           unit, per(subject, "messages", unit), per(subject, "forced_records", unit),
           per(subject, "journal_commits", unit), per(subject, "journal_syncs", unit),
           per(subject, "vowd_cpu_us", unit), real(subject, "forced_records_per_commit"), real(subject, "aborted"),
           real(subject, "unknown"));
}

static void print_beside(const json_t *run, const char *name, const char *ratio, const char *what, const char *unit)
{
    const json_t *subject = json_object_get(run, name);
    if (subject == NULL)
        return;
    if (json_object_get(subject, "aborted") != NULL)
        print_served(subject, unit);
    else
        print_subject(subject, unit);
    printf("  ratio to %s: %.3f\n", what, real(run, ratio));
}

static void print_run(const json_t *run, const char *title, const char *unit)
{
    printf("%s, %s store, %.0f participants, %.0f clients\n", title, json_string_value(json_object_get(run, "store")),
           real(run, "participants"), real(run, "clients"));
    print_served(json_object_get(run, "vow"), unit);
    print_beside(run, "two_phase", "ratio_to_2pc", "2PC", "txn");
    print_beside(run, "floor_log", "ratio_to_log", "the bare log", unit);
    print_beside(run, "floor_store", "ratio_to_store", "the bare store", unit);
}

void report(const struct bench_options *options, const struct bench_subjects *subjects)
{
    json_t *run = run_json(options, subjects);
    if (options->json) {
        json_dumpf(run, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        printf("\n");
    } else {
        print_run(run, titles[options->protocol], unit_of(options->protocol));
    }
    json_decref(run);
}
