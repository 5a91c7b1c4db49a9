/* docs/simulator.md has the list of invariants as chaos/sim/check.def has it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/check.h"

static char *read_page(void)
{
    FILE *file = fopen(VOW_SOURCE_DIR "/docs/simulator.md", "r");
    char *page = calloc(1, 1 << 20);

    cr_assert(file != NULL && page != NULL);
    cr_assert_gt(fread(page, 1, (1 << 20) - 1, file), 0);
    (void)fclose(file);
    return page;
}

Test(check_docs, each_invariant_has_its_row)
{
    char *page = read_page(), row[1024];

    cr_assert_eq(sim_check_rows_len, 34);
    for (unsigned i = 0; i < sim_check_rows_len; i++) {
        const struct sim_check_row *check = &sim_check_rows[i];

        (void)snprintf(row, sizeof(row), "| %s | %s | %s |\n", check->number, check->when, check->text);
        cr_expect(strstr(page, row) != NULL, "docs/simulator.md lacks: %s", row);
    }
    free(page);
}
