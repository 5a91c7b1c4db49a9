/* What a comparison leaves: results.json, and the same for a spreadsheet. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "chaos/compare/compare.h"
#include "chaos/written.h"

static int fail(const char *path, const char *why)
{
    (void)fprintf(stderr, "vow-chaos compare: %s: %s\n", path, why);
    return -1;
}

int compare_write_json(const char *directory, const json_t *results)
{
    char path[COMPARE_PATH_SIZE + 16];

    (void)snprintf(path, sizeof(path), "%s/results.json", directory);
    return json_dump_file(results, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0
               ? 0
               : fail(path, "cannot be written");
}

/* Words of ours have neither commas nor quotes in them. */
static void write_run(FILE *file, const char *arm, const json_t *run, const json_t *metrics)
{
    const json_t *metric;
    size_t i;

    json_array_foreach(metrics, i, metric)
    {
        const char *word = json_string_value(json_object_get(metric, "word"));
        const json_t *value = json_object_get(json_object_get(run, "values"), word);
        (void)fprintf(file, "%s,%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT ",%s,%s,", arm,
                      json_integer_value(json_object_get(run, "run")), json_integer_value(json_object_get(run, "seed")),
                      json_is_true(json_object_get(run, "valid")) ? "valid" : "invalid", word);
        if (json_is_number(value))
            (void)fprintf(file, "%.9g", json_number_value(value));
        (void)fprintf(file, ",%s\n", json_string_value(json_object_get(metric, "unit")));
    }
}

int compare_write_csv(const char *directory, const json_t *results)
{
    const json_t *metrics = json_object_get(results, "metrics"), *arm, *run;
    char path[COMPARE_PATH_SIZE + 16];
    size_t i, k;

    (void)snprintf(path, sizeof(path), "%s/results.csv", directory);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return fail(path, strerror(errno));
    (void)fputs("arm,run,seed,validity,metric,value,unit\n", file);
    json_array_foreach(json_object_get(results, "arms"), i, arm)
        json_array_foreach(json_object_get(arm, "runs"), k, run)
            write_run(file, json_string_value(json_object_get(arm, "word")), run, metrics);
    const int error = written_close(file);
    return error == 0 ? 0 : fail(path, strerror(error));
}
