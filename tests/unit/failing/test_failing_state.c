/* F142: what is remembered beside a resource, without memory. What is there is found, or the lookup fails: a tombstone
 * that is not seen is a COMMIT that nobody acknowledges. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "fail.h"
#include "participant/store/state_file.h"
#include "proto/error.h"

#define HEURISTIC 2

static const int errors[] = {VOW_E_NO_MEMORY, VOW_E_DATABASE, VOW_E_IO, VOW_E_BUSY, 0};
static struct state_file *file;
static struct vow_error_detail detail;
static char path[256];
static enum state_row row;
static bool has;
static enum vow_verdict verdict;

static struct vow_gtrid id(void)
{
    return vow_gtrid_make(1, 2, 3, 0, 4);
}

static void filled(void *ctx)
{
    const struct vow_branches_recovered heuristic = {
        .gtrid = id(), .branch = HEURISTIC, .epoch = 2, .heuristic = VOW_ABORT, .who = "eva", .why = "the till waits"};
    struct vow_store_identity identity;

    (void)ctx;
    (void)snprintf(path, sizeof(path), "%s/state-%d", fail_parent(), (int)getpid());
    cr_assert_eq(state_file_open(path, &file, &identity, &detail), 0, "%s", detail.text);
    cr_assert_eq(state_file_begin(file, true, &detail), 0);
    cr_assert_eq(state_file_set(file, &(struct vow_gtrid){{0}}, 0, STATE_ROW_MEMO, &detail), 0);
    const struct vow_gtrid gtrid = id();
    cr_assert_eq(state_file_set(file, &gtrid, 1, STATE_ROW_COMMITTED, &detail), 0);
    cr_assert_eq(state_heuristic_add(file, &heuristic, &detail), 0);
    cr_assert_eq(state_file_commit(file, &detail), 0);
}

static int look_up(void *ctx)
{
    const struct vow_gtrid gtrid = id();
    int error = state_file_get(file, &gtrid, 1, &row, &detail);

    (void)ctx;
    if (error == 0)
        error = state_file_has_tombstone(file, &gtrid, &has, &detail);
    return error != 0 ? error : state_heuristic_get(file, &gtrid, HEURISTIC, &verdict, &detail);
}

static void all_found(void *ctx, int error)
{
    (void)ctx;
    if (error == 0) {
        cr_assert_eq(row, STATE_ROW_COMMITTED);
        cr_assert(has);
        cr_assert_eq(verdict, VOW_ABORT);
    }
    state_file_close(file);
    (void)unlink(path);
}

Test(failing_state, F142_what_is_there_is_found)
{
    static const struct fail_case lookup = {
        .before = filled, .run = look_up, .after = all_found, .errors = errors, .runs_max = 200, .why = detail.text};
    fail_sweep(FAIL_MEMORY, &lookup, NULL);
}

static int end_all(void *ctx)
{
    const struct vow_gtrid gtrid = id();
    int error = state_file_begin(file, true, &detail);

    (void)ctx;
    if (error == 0)
        error = state_file_set(file, &gtrid, 1, STATE_ROW_NONE, &detail);
    if (error == 0)
        error = state_heuristic_remove(file, &gtrid, HEURISTIC, &detail);
    return error != 0 ? error : state_file_commit(file, &detail);
}

static void all_gone(void *ctx, int error)
{
    if (error == 0) {
        cr_assert_eq(look_up(ctx), 0, "%s", detail.text);
        cr_assert_eq(row, STATE_ROW_NONE);
        cr_assert_not(has);
        cr_assert_eq(verdict, 0);
    }
    state_file_close(file);
    (void)unlink(path);
}

Test(failing_state, F142_what_is_removed_is_gone)
{
    static const struct fail_case removal = {
        .before = filled, .run = end_all, .after = all_gone, .errors = errors, .runs_max = 200, .why = detail.text};
    fail_sweep(FAIL_MEMORY, &removal, NULL);
}
