/* The table of a storm at points: all of it, or no success. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chaos/storm/storm.h"

/* Of no kind at all: no process is started. */
static const struct storm_options of_no_kind = {.is_points = true, .has_kinds = true, .times = 1};

static char folder[32], table[48];

static void begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/vow-matrix-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(table, sizeof(table), "%s/points.md", folder);
}

static void end(void)
{
    cr_assert_eq(unlink(table), 0);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(storm_matrix, .init = begin, .fini = end);

Test(storm_matrix, a_storm_leaves_its_table)
{
    char line[256];
    cr_expect_eq(storm_matrix(&of_no_kind, folder), REAL_HELD);
    FILE *file = fopen(table, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(line, sizeof(line), file));
    cr_expect_str_eq(line, "| process | point |\n");
    (void)fclose(file);
}

/* A list of points that ends before its end would pass for all there are. */
Test(storm_matrix, a_full_disk_is_no_success)
{
    char said[128];
    (void)snprintf(said, sizeof(said), "vow-chaos storm: %s: No space left on device\n", table);
    cr_assert_eq(symlink("/dev/full", table), 0);
    cr_redirect_stderr();
    cr_expect_eq(storm_matrix(&of_no_kind, folder), REAL_INVALID);
    (void)fflush(stderr);
    cr_expect_stderr_eq_str(said);
}
