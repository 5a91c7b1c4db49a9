/* A coordinator that starts with very much, or with something hopeless, in doubt: the rest goes on. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "kit.h"

TestSuite(in_doubt, .timeout = 240);

static json_int_t figure(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    cr_assert(json_is_integer(value), "no %s", key);
    return json_integer_value(value);
}

/* vow-bench makes the files of a coordinator and two participants that died, starts them, and reads the rows. */
Test(in_doubt, F028_all_are_resolved_and_each_branch_commits_once)
{
    static struct run run;
    const char *argv[] = {VOW_BIN "/vow-bench", "--in-doubt", "2000", "--json", NULL};
    run_program(&run, argv);
    cr_assert_eq(run.status, 0, "exit status %d: %s", run.status, run.err);
    json_t *row = json_loads(run.out, 0, NULL);
    cr_assert_not_null(row, "%s", run.out);
    cr_expect_eq(figure(row, "in_doubt"), 2000);
    cr_expect_eq(figure(row, "committed_rows"), 4000);
    cr_expect_eq(figure(row, "wrong_rows"), 0);
    json_decref(row);
}
