/*
 * Replays the scenarios of tests/golden/coordinator and compares what the core does with what is written there. With
 * VOW_REWRITE=1 in the environment the files are written anew: read the difference before it is committed.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

#define FILES_MAX 64

struct golden {
    char path[512];
};

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    cr_assert_not_null(file, "%s", path);
    cr_assert(getdelim(&text, &size, '\0', file) >= 0);
    fclose(file);
    return text;
}

static void rewrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

/* Lists the scenarios; returns how many there are. */
static size_t find_files(struct golden *files)
{
    DIR *dir = opendir(VOW_GOLDEN_DIR);
    const struct dirent *entry;
    size_t len = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL && len < FILES_MAX) {
        if (strstr(entry->d_name, ".txt") != NULL)
            snprintf(files[len++].path, sizeof(files->path), "%s/%s", VOW_GOLDEN_DIR, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return len;
}

ParameterizedTestParameters(golden, trace)
{
    struct golden *files = cr_malloc(FILES_MAX * sizeof(*files));

    return cr_make_param_array(struct golden, files, find_files(files));
}

ParameterizedTest(struct golden *golden, golden, trace)
{
    char *expected = read_file(golden->path);
    char *got = script_replay(expected);

    cr_expect_null(strstr(got, "unknown command"), "%s has a command that does not exist", golden->path);
    if (getenv("VOW_REWRITE") != NULL)
        rewrite(golden->path, got);
    else
        cr_expect_str_eq(got, expected, "%s differs; this is what the core does:\n%s", golden->path, got);
    free(got);
    free(expected);
}

/* A folder that is not found would pass every trace in it. */
Test(golden, all_scenarios_are_found)
{
    static struct golden files[FILES_MAX];

    cr_assert_geq(find_files(files), 20);
}
