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

static json_t *subject_json(const struct bench_options *options, const struct bench_subject *subject)
{
    struct bench_round all = sum(options, subject);
    json_t *rounds = json_array();
    for (uint32_t i = 0; i < options->rounds; i++)
        json_array_append_new(rounds, json_real(rate_of(&subject->rounds[i])));
    return json_pack("{s:s,s:f,s:o,s:I,s:I,s:I,s:I}", "subject", subject->name, "txns_per_second",
                     median_rate(options, subject), "rounds", rounds, "committed", (json_int_t)all.committed, "p50_us",
                     (json_int_t)histogram_quantile(&all.latency, 0.50), "p95_us",
                     (json_int_t)histogram_quantile(&all.latency, 0.95), "p99_us",
                     (json_int_t)histogram_quantile(&all.latency, 0.99));
}

static void add_costs(json_t *vow, const struct bench_round *all)
{
    double txns = all->committed > 0 ? (double)all->committed : 1;
    json_object_set_new(vow, "aborted", json_integer((json_int_t)all->aborted));
    json_object_set_new(vow, "unknown", json_integer((json_int_t)all->unknown));
    json_object_set_new(vow, "messages_per_txn", json_real((double)all->messages / txns));
    json_object_set_new(vow, "forced_records_per_txn", json_real((double)all->forced_records / txns));
    json_object_set_new(vow, "records_per_txn", json_real((double)all->records / txns));
    json_object_set_new(vow, "journal_syncs_per_txn", json_real((double)all->journal_syncs / txns));
    json_object_set_new(vow, "journal_commits_per_txn", json_real((double)all->journal_commits / txns));
    json_object_set_new(vow, "vowd_cpu_us_per_txn", json_real((double)all->cpu_us / txns));
}

static json_t *run_json(const struct bench_options *options, const struct bench_subject *vow,
                        const struct bench_subject *log_floor, const struct bench_subject *store_floor)
{
    struct bench_round all = sum(options, vow);
    const char *store = options->store == BENCH_STORE_NULL ? "null" : "sqlite";
    json_t *run =
        json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:i}", "protocol", "2pc", "store", store, "participants",
                  (int)options->participants, "clients", (int)options->clients, "connections",
                  (int)options->connections, "seconds", (int)options->seconds, "rounds", (int)options->rounds);
    json_t *vow_json = subject_json(options, vow);
    add_costs(vow_json, &all);
    json_object_set_new(run, "vow", vow_json);
    if (!options->floor)
        return run;
    double rate = median_rate(options, vow);
    json_object_set_new(run, "floor_log", subject_json(options, log_floor));
    json_object_set_new(run, "ratio_to_log", json_real(rate / median_rate(options, log_floor)));
    if (options->store == BENCH_STORE_SQLITE) {
        json_object_set_new(run, "floor_store", subject_json(options, store_floor));
        json_object_set_new(run, "ratio_to_store", json_real(rate / median_rate(options, store_floor)));
    }
    return run;
}

static double real(const json_t *from, const char *key)
{
    return json_number_value(json_object_get(from, key));
}

static void print_subject(const json_t *subject)
{
    printf("%-12s %9.0f txn/s   p50 %6.0f us   p95 %6.0f us   p99 %6.0f us\n",
           json_string_value(json_object_get(subject, "subject")), real(subject, "txns_per_second"),
           real(subject, "p50_us"), real(subject, "p95_us"), real(subject, "p99_us"));
}

static void print_run(const json_t *run)
{
    const json_t *vow = json_object_get(run, "vow");
    printf("2PC, %s store, %.0f participants, %.0f clients\n", json_string_value(json_object_get(run, "store")),
           real(run, "participants"), real(run, "clients"));
    print_subject(vow);
    printf("  a transaction: %.2f messages, %.2f forced records, %.3f journal syncs, %.1f us of vowd's CPU\n",
           real(vow, "messages_per_txn"), real(vow, "forced_records_per_txn"), real(vow, "journal_syncs_per_txn"),
           real(vow, "vowd_cpu_us_per_txn"));
    printf("  aborted %.0f, unknown %.0f\n", real(vow, "aborted"), real(vow, "unknown"));
    if (json_object_get(run, "floor_log") != NULL) {
        print_subject(json_object_get(run, "floor_log"));
        printf("  ratio to the bare log: %.3f\n", real(run, "ratio_to_log"));
    }
    if (json_object_get(run, "floor_store") != NULL) {
        print_subject(json_object_get(run, "floor_store"));
        printf("  ratio to the bare store: %.3f\n", real(run, "ratio_to_store"));
    }
}

void report(const struct bench_options *options, const struct bench_subject *vow, const struct bench_subject *log_floor,
            const struct bench_subject *store_floor)
{
    json_t *run = run_json(options, vow, log_floor, store_floor);
    if (options->json) {
        json_dumpf(run, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        printf("\n");
    } else {
        print_run(run);
    }
    json_decref(run);
}
