/*
 * The scenarios of tests/golden/participant: what comes in and what must go out. VOW_REWRITE=1 writes what went out
 * instead.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "proto/assert.h"
#include "script.h"

#define SCENARIOS_MAX 64

struct scenario {
    char name[NAME_MAX + 1];
};

static int is_scenario(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

ParameterizedTestParameters(branch_golden, scenario)
{
    struct scenario *scenarios = cr_malloc(SCENARIOS_MAX * sizeof(*scenarios));
    struct dirent **entries = NULL;
    const int found = scandir(VOW_GOLDEN_DIR, &entries, is_scenario, alphasort);
    /* None at all would be a test that tests nothing. */
    VOW_ASSERT(found > 0 && found <= SCENARIOS_MAX);
    for (int i = 0; i < found; i++) {
        snprintf(scenarios[i].name, sizeof(scenarios[i].name), "%s", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return cr_make_param_array(struct scenario, scenarios, (size_t)found);
}

static void path_of(const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", VOW_GOLDEN_DIR, name);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    char *text = NULL;
    size_t size = 0;
    if (getdelim(&text, &size, '\0', file) < 0)
        cr_assert_fail("%s is empty", path);
    fclose(file);
    return text;
}

static void write_all(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

/* Says where the two part. */
static void report(const char *name, const char *wanted, const char *got)
{
    int line = 1;
    while (*wanted != '\0' && *wanted == *got) {
        line += *wanted == '\n';
        wanted++;
        got++;
    }
    cr_expect_fail("%s:%d: wanted %.120s\n--- but got %.120s", name, line, wanted, got);
}

ParameterizedTest(struct scenario *scenario, branch_golden, scenario)
{
    char path[PATH_MAX];
    path_of(scenario->name, path);
    char *wanted = read_all(path);
    char *got = script_run(wanted);
    if (getenv("VOW_REWRITE") != NULL)
        write_all(path, got);
    else if (strcmp(wanted, got) != 0)
        report(scenario->name, wanted, got);
    free(wanted);
    free(got);
}
