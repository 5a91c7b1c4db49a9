/*
 * The test of resources, on one that is right and on all its wrong ones: what cannot fail proves nothing. Each planted
 * bug must be found, by the check that is about it.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_resource.h"
#include "participant/testing/power.h"

/* A loss of power is played, so the files may lie in memory. */
static char folder[64];
static char said[64 * 1024];

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "%s/vow-resource-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    power_remove(folder);
}

TestSuite(resource_test, .timeout = 240, .init = make_folder, .fini = remove_folder);

/* Runs the test, and keeps what it prints. */
static int run(struct vow_test_resource_options *options)
{
    char path[sizeof(folder) + 8];
    options->directory = folder;
    snprintf(path, sizeof(path), "%s/out", folder);
    fflush(stdout);
    const int out = dup(STDOUT_FILENO), file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(dup2(file, STDOUT_FILENO), 0);
    const int result = vow_test_resource(options);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    const ssize_t len = pread(file, said, sizeof(said) - 1, 0);
    said[len > 0 ? len : 0] = '\0';
    close(out);
    close(file);
    unlink(path);
    return result;
}

Test(resource_test, a_resource_that_keeps_its_word)
{
    struct log_options log = {BUG_NONE, 0};
    struct vow_test_resource_options options = log_resource_test(&log);
    cr_assert_eq(run(&options), 0, "%s", said);
    cr_assert_not_null(strstr(said, "ok     commit"), "%s", said);
    cr_assert_null(strstr(said, "FAIL"), "%s", said);
}

Test(resource_test, a_resource_that_answers_later_and_from_threads)
{
    struct log_options log = {BUG_NONE, 1};
    struct vow_test_resource_options options = log_resource_test(&log);
    cr_assert_eq(run(&options), 0, "%s", said);
}

Test(resource_test, a_resource_whose_data_cannot_lose_power)
{
    struct log_options log = {BUG_PREPARE_NOT_SYNCED, 0};
    struct vow_test_resource_options options = log_resource_test(&log);
    options.no_power_loss = 1;
    options.only = "commit";
    options.quiet = 1;
    cr_assert_eq(run(&options), 0, "%s", said);
    cr_assert_str_eq(said, "");
}

/* ---- planted bugs ---- */

struct planted {
    enum bug bug;
    char check[16], words[48];
};

static const struct planted all_planted[] = {
    {BUG_PREPARE_NOT_SYNCED, "commit", "has said YES"},
    {BUG_PREPARE_NOT_WRITTEN, "commit", "has said YES"},
    {BUG_COMMIT_NOT_SYNCED, "commit", "was committed"},
    {BUG_NAME_NOT_SYNCED, "commit", "not at all"},
    {BUG_RECOVER_NOT_SYNCED, "commit", "was not synced"},
    {BUG_RECOVER_MISSES_ONE, "recovery", "not at all"},
    {BUG_RECOVER_HIDES_COMMITTED, "commit", "was committed"},
    {BUG_RECOVER_DROPS_LOCKS, "recovery", "its lock is lost"},
    {BUG_RECOVER_LISTS_TWICE, "hidden", "twice"},
    {BUG_COMMIT_ADDS_AGAIN, "commit", "visible 2 times"},
    {BUG_COMMIT_KEEPS_NOTHING, "commit", "though it was DONE before"},
    {BUG_UNKNOWN_IS_DONE, "unknown", "it must be UNKNOWN"},
    {BUG_VISIBLE_EARLY, "hidden", "prepared and not committed"},
    {BUG_NO_LOCKS, "locks", "not locked"},
    {BUG_ABORT_KEEPS_LOCK, "abort", "NO, not YES"},
    {BUG_ABORT_COMMITS, "abort", "visible 1 times"},
    {BUG_FORGET_DOES_NOTHING, "space", "forgotten"},
    {BUG_READ_ONLY_IS_KEPT, "votes", "READ_ONLY"},
    {BUG_REFUSES_LATE, "votes", "voted otherwise"},
    {BUG_ANSWERS_TWICE, "locks", "2 times"},
    {BUG_NEVER_ANSWERS, "locks", "did not within"},
    {BUG_RETURNS_ZERO, "locks", "returned 0"},
    {BUG_HANGS, "locks", "does not return"},
};

ParameterizedTestParameters(resource_test, a_planted_bug_is_found)
{
    return cr_make_param_array(struct planted, (void *)all_planted, sizeof(all_planted) / sizeof(all_planted[0]));
}

ParameterizedTest(const struct planted *planted, resource_test, a_planted_bug_is_found)
{
    struct log_options log = {planted->bug, 0};
    struct vow_test_resource_options options = log_resource_test(&log);
    options.only = planted->check;
    if (planted->bug == BUG_NEVER_ANSWERS || planted->bug == BUG_HANGS)
        options.answer_timeout_ms = 1; /* the others answer at once, however slow the machine */
    cr_expect_eq(run(&options), 1, "bug %d: %s", planted->bug, said);
    cr_expect_not_null(strstr(said, planted->words), "bug %d: %s", planted->bug, said);
    cr_expect_not_null(strstr(said, "again: VOW_TEST_RESOURCE="), "bug %d: %s", planted->bug, said);
}

Test(resource_test, every_bug_is_planted)
{
    cr_assert_eq(sizeof(all_planted) / sizeof(all_planted[0]), BUGS - 1);
}

Test(resource_test, a_place_can_be_tried_again)
{
    struct log_options log = {BUG_PREPARE_NOT_WRITTEN, 0};
    struct vow_test_resource_options options = log_resource_test(&log);
    char again[64];
    cr_assert_geq(run(&options), 1);
    const char *at = strstr(said, "VOW_TEST_RESOURCE=commit:");
    cr_assert_not_null(at, "%s", said);
    snprintf(again, sizeof(again), "%.*s", (int)strcspn(at + 18, "\n"), at + 18);
    setenv("VOW_TEST_RESOURCE", again, 1);
    cr_assert_eq(run(&options), 1);
    cr_assert_not_null(strstr(said, again), "%s", said);
}

Test(resource_test, options_that_are_wrong_are_named)
{
    struct log_options log = {BUG_NONE, 0};
    struct vow_test_resource_options options = log_resource_test(&log);
    cr_assert_eq(vow_test_resource(NULL), VOW_E_ARGUMENT);
    options.size--;
    cr_assert_eq(vow_test_resource(&options), VOW_E_ARGUMENT);
    options = log_resource_test(&log);
    options.seen = NULL;
    cr_assert_eq(vow_test_resource(&options), VOW_E_ARGUMENT);
    options = log_resource_test(&log);
    options.only = "nonesuch";
    cr_assert_eq(vow_test_resource(&options), VOW_E_ARGUMENT);
    options.only = "commit:1:axe";
    cr_assert_eq(vow_test_resource(&options), VOW_E_ARGUMENT);
    options.only = NULL;
    options.directory = "/nonesuch";
    cr_assert_eq(vow_test_resource(&options), VOW_E_SYSTEM);
}
