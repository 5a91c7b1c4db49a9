/* vow-chaos storm as a user meets it: what it says, what it ends with, and that it is what it says. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/directory.h"
#include "kit.h"

TestSuite(storm, .timeout = 600);

static struct run run;
static char directory[64], out[80], scenario[80];

static void open_bed(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/vow-storm-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(out, sizeof(out), "%s/out", directory);
    (void)snprintf(scenario, sizeof(scenario), "%s/s.yaml", directory);
}

static void close_bed(void)
{
    cr_expect_eq(real_directory_empty(directory), 0);
    cr_expect_eq(rmdir(directory), 0);
}

static int storm(const char *const arguments[])
{
    const char *argv[16] = {VOW_BIN "/vow-chaos", "storm", "--out", out};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 4] = arguments[i];
    run_program(&run, argv);
    return run.status;
}

#define STORM(...) storm((const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_SAID(text, in) cr_expect_not_null(strstr(in, text), "no \"%s\" in: %s", text, in)

static void write_scenario(const char *text)
{
    FILE *file = fopen(scenario, "w");
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A user's own service: what it has done once is in its file. Its load ends when it is told to. */
#define SERVICE(work)                                                                                                  \
    "teaches: t\n"                                                                                                     \
    "nodes:\n"                                                                                                         \
    "  - {name: a, exit_status: 143, ready: {line: ready},\n"                                                          \
    "     command: [sh, -c, \"" work "echo ready; mkfifo f 2>/dev/null; exec cat <>f\"]}\n"                            \
    "load: {exit_status: 143, command: [sh, -c, \"mkfifo f; exec cat <>f\"]}\n"                                        \
    "checks: [{name: lives, command: [sh, -c, \"test $(cat ${a.dir}/lives | wc -l) -gt 10\"]}]\n"

Test(storm, kills_in_a_scenario_of_ones_own)
{
    open_bed();
    write_scenario(SERVICE("echo x >>lives; "));
    cr_expect_eq(STORM("--kills", "20", "--per-world", "20", "--every", "20", scenario), 0, "%s%s", run.out, run.err);
    EXPECT_SAID("20 kills in 1 worlds", run.out);
    close_bed();
}

Test(storm, a_world_that_does_not_hold_is_a_violation_and_its_archive_stays)
{
    open_bed();
    write_scenario(SERVICE("echo x >lives; "));
    cr_expect_eq(STORM("--kills", "12", "--per-world", "12", "--every", "20", scenario), 1, "%s%s", run.out, run.err);
    EXPECT_SAID("VIOLATED: lives", run.out);
    EXPECT_SAID("see ", run.out);
    (void)snprintf(out + strlen(out), sizeof(out) - strlen(out), "/world-1");
    cr_expect_eq(access(out, F_OK), 0);
    close_bed();
}

/* What it is to have done it has not. */
Test(storm, a_load_that_ends_before_the_storm_makes_it_invalid)
{
    open_bed();
    write_scenario(
        "teaches: t\nnodes:\n  - {name: a, exit_status: 143, command: [sleep, '1000']}\nload: {command: [true]}\n");
    cr_expect_eq(STORM("--kills", "10", "--every", "1000", scenario), 3, "%s%s", run.out, run.err);
    EXPECT_SAID("the load ended after", run.out);
    close_bed();
}

Test(storm, points_of_a_kind)
{
    open_bed();
    cr_expect_eq(STORM("--points", "--kinds", "2pc", "--at",
                       "log.before.COMMIT,log.after.COMMIT,store.after.PREPARE,store.mid.COMMIT,send.after.VOTE"),
                 0, "%s%s", run.out, run.err);
    EXPECT_SAID("5 crash points", run.out);
    close_bed();
}

/* Not by luck: here who is in doubt asks so late that nobody would, if one service did not stand still. */
Test(storm, who_has_voted_is_told_to_wait)
{
    open_bed();
    cr_expect_eq(STORM("--points", "--kinds", "2pc", "--at", "send.before.WAIT,send.after.WAIT,recv.before.WAIT",
                       "--set", "ask=1000", "--set", "within=40s"),
                 0, "%s%s", run.out, run.err);
    EXPECT_SAID("in 3 pairs of point and kind", run.out);
    close_bed();
}

/* The second is in the life after the first, and no pair counts twice. */
Test(storm, pairs_of_crashes)
{
    open_bed();
    cr_expect_eq(STORM("--pairs", "12", "--kinds", "2pc"), 0, "%s%s", run.out, run.err);
    EXPECT_SAID(" different pairs of crashes, of 12, in ", run.out);
    close_bed();
}

Test(storm, says_what_it_does_not_understand)
{
    static const char *const wrong[][3] = {{"--kills", "0"},
                                           {"--kinds", "3pc"},
                                           {"--at", "log.after.COMMIT"},
                                           {"--points", "--at=no"},
                                           {"--every"},
                                           {"--pairs", "0"},
                                           {"--pairs=2", "--at=log.after.COMMIT"},
                                           {"--what"},
                                           {"one", "two"},
                                           {"--kinds", "operator"},
                                           {"/nothing.yaml"}};
    open_bed();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_eq(STORM(wrong[i][0], wrong[i][1], wrong[i][2]), 2, "%s: %s", wrong[i][0], run.out);
        EXPECT_SAID("vow-chaos", run.err);
    }
    close_bed();
}
