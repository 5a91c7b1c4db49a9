/* What is made of the archives of runs: archives written by hand, the results and tables of them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/compare/archive.h"
#include "chaos/compare/compare.h"
#include "chaos/kill/directory.h"

#define OP(n, due, end, outcome)                                                                                       \
    "{\"op\":" #n ",\"due_us\":" #due ",\"start_us\":" #due ",\"end_us\":" #end ",\"id\":\"t" #n                       \
    "\",\"outcome\":\"" outcome "\"}\n"
#define LIFE "{\"t_us\":1000001,\"what\":\"life\",\"node\":\"stock\",\"pid\":1,\"role\":\"participant\"}\n"
#define DOUBT(id, from, to)                                                                                            \
    "{\"t_us\":" #from ",\"what\":\"yes\",\"id\":\"" id "\"}\n{\"t_us\":" #to ",\"what\":\"applied\",\"id\":\"" id     \
    "\",\"outcome\":\"commit\"}\n"
#define READ(id, version, by)                                                                                          \
    "{\"t_us\":1000500,\"what\":\"read\",\"id\":\"" id "\",\"key\":\"k\",\"version\":" #version ",\"by\":\"" by "\"}"  \
    "\n"
#define HISTORY OP(1, 1000000, 1040000, "committed") OP(2, 2000000, 2020000, "aborted")
#define VERDICT(word, violations)                                                                                      \
    "{\"verdict\":\"" word "\",\"zero_us\":900000,\"took_us\":2000000,\"violations\":[" violations "],\"invalid\":[]}"

struct bed {
    char directory[64];
    struct compare compare;
    struct compare_options options;
    struct real_scenario scenario;
    struct compare_run runs[4];
};

static void put(const char *directory, const char *name, const char *text)
{
    char path[256], *slash;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    cr_assert_eq(real_directory_make(path), 0);
    *slash = '/';
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

static void bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof(*bed));
    (void)snprintf(bed->directory, sizeof(bed->directory), "/tmp/vow-compare-XXXXXX");
    cr_assert_not_null(mkdtemp(bed->directory));
    bed->options =
        (struct compare_options){.scenario = "s.yaml", .runs = 2, .seed = 1, .command = "vow-chaos compare s.yaml"};
    bed->options.arms = (struct compare_arms){.of = {COMPARE_TWO_PHASE, COMPARE_BARE}, .len = 2};
    (void)snprintf(bed->scenario.name, sizeof(bed->scenario.name), "s");
    bed->scenario.teaches.text = (char *)(uintptr_t) "t";
    bed->scenario.bytes = (char *)(uintptr_t) "teaches: t\n";
    bed->compare =
        (struct compare){.options = &bed->options, .scenario = &bed->scenario, .runs = bed->runs, .runs_len = 4};
    for (unsigned i = 0; i < 4; i++) {
        struct compare_run *run = &bed->runs[i];
        *run = (struct compare_run){.arm = bed->options.arms.of[i / 2], .number = i % 2 + 1, .seed = i % 2 + 1};
        run->why = json_array();
        (void)snprintf(run->name, sizeof(run->name), "%u", i);
        (void)snprintf(run->directory, sizeof(run->directory), "%s/%u", bed->directory, i);
    }
}

static void bed_close(struct bed *bed)
{
    for (unsigned i = 0; i < 4; i++) {
        json_decref(bed->runs[i].why);
        json_decref(bed->runs[i].curves);
    }
    cr_expect_eq(real_directory_empty(bed->directory), 0);
    cr_expect_eq(rmdir(bed->directory), 0);
}

/* An archive as a run leaves it. */
static void archive(struct bed *bed, unsigned i, const char *trace, const char *history, const char *verdict)
{
    put(bed->runs[i].directory, "timeline.jsonl", "{\"t_us\":1,\"what\":\"phase\",\"text\":\"the load works\"}\n");
    put(bed->runs[i].directory, "nodes/stock/trace.jsonl", trace);
    put(bed->runs[i].directory, "nodes/stock/stock.db", "no JSON");
    put(bed->runs[i].directory, "nodes/load/history.jsonl", history);
    put(bed->runs[i].directory, "verdict.json", verdict);
    compare_measure(&bed->compare, &bed->runs[i]);
}

static const char *why(const struct bed *bed, unsigned i)
{
    const char *text = json_string_value(json_array_get(bed->runs[i].why, 0));
    return text != NULL ? text : "";
}

Test(compare, a_run_is_measured)
{
    struct bed bed;
    bed_open(&bed);
    archive(&bed, 0, LIFE DOUBT("t1", 1010000, 1030000), HISTORY, VERDICT("held", ""));
    cr_expect(compare_is_valid(&bed.runs[0]), "%s", why(&bed, 0));
    cr_expect_float_eq(bed.runs[0].values[MEASURE_METRIC_DOUBT_MAX].number, 20, 1e-9);
    cr_expect_float_eq(bed.runs[0].values[MEASURE_METRIC_GOODPUT].number, 1, 1e-9);
    cr_expect_str_eq(bed.runs[0].verdict, "held");
    bed_close(&bed);
}

Test(compare, a_run_that_was_violated_is_not_valid)
{
    struct bed bed;
    bed_open(&bed);
    archive(&bed, 0, LIFE, HISTORY, VERDICT("violated", "\"money is gone\""));
    cr_expect_not(compare_is_valid(&bed.runs[0]));
    cr_expect_str_eq(why(&bed, 0), "violated: money is gone");
    bed_close(&bed);
}

Test(compare, a_run_that_breaks_a_law_is_not_valid)
{
    struct bed bed;
    bed_open(&bed);
    archive(&bed, 0, LIFE READ("t1", 2, "t2"), HISTORY, VERDICT("held", ""));
    cr_expect_not(compare_is_valid(&bed.runs[0]));
    cr_expect_not_null(strstr(why(&bed, 0), "breaks the law \"isolated\": "), "%s", why(&bed, 0));
    bed_close(&bed);
}

Test(compare, what_cannot_be_measured_is_not_valid)
{
    struct bed bed;
    bed_open(&bed);
    archive(&bed, 0, LIFE "{\"t_us\":1,\"what\":\"maybe\"}\n" LIFE, HISTORY, VERDICT("held", ""));
    cr_expect_not_null(strstr(why(&bed, 0), "trace.jsonl:2: \"what\" does not know"), "%s", why(&bed, 0));
    archive(&bed, 1, LIFE, "", VERDICT("held", ""));
    cr_expect_not_null(strstr(why(&bed, 1), "no load has left a history"), "%s", why(&bed, 1));
    put(bed.runs[2].directory, "nodes/load/history.jsonl", HISTORY);
    put(bed.runs[2].directory, "timeline.jsonl", "");
    put(bed.runs[2].directory, "verdict.json", VERDICT("held", ""));
    compare_measure(&bed.compare, &bed.runs[2]);
    cr_expect_not_null(strstr(why(&bed, 2), "no node has left a trace"), "%s", why(&bed, 2));
    compare_measure(&bed.compare, &bed.runs[3]);
    cr_expect_not_null(strstr(why(&bed, 3), "verdict.json"), "%s", why(&bed, 3));
    for (int i = 0; i < 4; i++)
        cr_expect_not(compare_is_valid(&bed.runs[i]));
    bed_close(&bed);
}

/* 20 and 40 ms; the second arm has one run that is valid, and one of an hour that is not. */
static json_t *results_of(struct bed *bed)
{
    archive(bed, 0, LIFE DOUBT("t1", 1010000, 1030000), HISTORY, VERDICT("held", ""));
    archive(bed, 1, LIFE DOUBT("t1", 1010000, 1050000), HISTORY, VERDICT("held", ""));
    archive(bed, 2, LIFE, HISTORY, VERDICT("held", ""));
    archive(bed, 3, LIFE DOUBT("t1", 1010000, 1050000), HISTORY, VERDICT("violated", "\"x\""));
    return compare_results(&bed->compare);
}

static const json_t *at(const json_t *results, size_t arm, const char *metric, const char *field)
{
    const json_t *summary = json_object_get(json_array_get(json_object_get(results, "arms"), arm), "summary");
    return json_object_get(json_object_get(summary, metric), field);
}

Test(compare, medians_are_of_valid_runs_alone)
{
    struct bed bed;
    bed_open(&bed);
    json_t *results = results_of(&bed);
    cr_expect_float_eq(json_real_value(at(results, 0, "in_doubt_max", "mid")), 30, 1e-9);
    cr_expect_float_eq(json_real_value(at(results, 0, "in_doubt_max", "low")), 20, 1e-9);
    cr_expect_float_eq(json_real_value(at(results, 0, "in_doubt_max", "high")), 40, 1e-9);
    cr_expect_eq(json_integer_value(at(results, 1, "goodput", "runs")), 1);
    cr_expect(json_is_null(at(results, 1, "in_doubt_max", "mid")));
    cr_expect_eq(json_integer_value(json_object_get(results, "invalid")), 1);
    json_decref(results);
    bed_close(&bed);
}

Test(compare, the_table_has_a_row_for_each_run_and_metric)
{
    struct bed bed;
    char path[128], *line = NULL;
    size_t size = 0, rows = 0, found = 0;
    bed_open(&bed);
    json_t *results = results_of(&bed);
    cr_assert_eq(compare_write_csv(bed.directory, results), 0);
    (void)snprintf(path, sizeof(path), "%s/results.csv", bed.directory);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (getline(&line, &size, file) > 0) {
        rows++;
        found += strcmp(line, "2pc,2,2,valid,in_doubt_max,40,ms\n") == 0;
        found += strcmp(line, "saga,1,1,valid,in_doubt_max,,ms\n") == 0;
        found += strcmp(line, "saga,2,2,invalid,goodput,1,/s\n") == 0;
    }
    cr_expect_eq(rows, 1 + 4 * MEASURE_METRICS);
    cr_expect_eq(found, 3);
    free(line);
    (void)fclose(file);
    json_decref(results);
    bed_close(&bed);
}

Test(compare, arms_by_their_words)
{
    struct compare_arms arms;
    char wrong[64];
    cr_expect_eq(compare_arms_parse("saga-reread,2pc", &arms, wrong), 0);
    cr_expect_eq(arms.len, 2);
    cr_expect_eq(arms.of[0], COMPARE_REREAD);
    cr_expect_eq(arms.of[1], COMPARE_TWO_PHASE);
    cr_expect_eq(compare_arms_parse("2pc,3pc", &arms, wrong), -1);
    cr_expect_str_eq(wrong, "3pc");
    cr_expect_eq(compare_arms_parse("2pc,2pc", &arms, wrong), -1);
    cr_expect_eq(compare_arms_parse("", &arms, wrong), -1);
    cr_expect_eq(compare_arms_all().len, COMPARE_ARMS);
}

/* What is asked for goes before what the scenario is for, and that before all. */
Test(compare, arms_are_those_of_the_scenario)
{
    struct real_scenario scenario = {.name = "s"};
    struct compare_options options = {.scenario = "s.yaml"};
    cr_assert_eq(compare_choose_arms(&scenario, &options), 0);
    cr_expect_eq(options.arms.len, COMPARE_ARMS);
    scenario.arms.len = 2;
    scenario.arms.of[0].text = "2pc-cooperative";
    scenario.arms.of[1].text = "2pc";
    cr_assert_eq(compare_choose_arms(&scenario, &options), 0);
    cr_expect_eq(options.arms.len, COMPARE_ARMS, "they were chosen");
    options.arms.len = 0;
    cr_assert_eq(compare_choose_arms(&scenario, &options), 0);
    cr_assert_eq(options.arms.len, 2);
    cr_expect_eq(options.arms.of[0], COMPARE_COOPERATIVE);
    cr_expect_eq(options.arms.of[1], COMPARE_TWO_PHASE);
    options.arms.len = 0;
    scenario.arms.of[1].text = "3pc";
    cr_expect_eq(compare_choose_arms(&scenario, &options), -1);
}
