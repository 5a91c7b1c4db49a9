/*
 * The operator at three in the morning: what is in doubt, since when, what it waits for, what it blocks, and what may
 * be done about it. Real processes; what is read is what vowctl prints.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"
#include "proto/gtrid.h"

TestSuite(operator, .timeout = 120);

static struct run run; /* vowctl's last answer */
static struct cluster cluster;
static char id[VOW_GTRID_TEXT_SIZE];

static int vowctl(const char *const arguments[])
{
    const char *argv[16] = {VOW_BIN "/vowctl", "--coordinator", cluster.address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&run, argv);
    return run.status;
}

#define VOWCTL(...) vowctl((const char *const[]){__VA_ARGS__, NULL})

static void expect_words(const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++)
        cr_expect_not_null(strstr(run.out, words[i]), "no \"%s\" in: %s", words[i], run.out);
}

#define EXPECT_WORDS(...) expect_words((const char *const[]){__VA_ARGS__, NULL})

/* Runs vowctl until its answer has the word; what it waits for comes with time. */
static void wait_for(const char *word, const char *const arguments[])
{
    do
        cr_assert_eq(vowctl(arguments), 0, "%s", run.err);
    while (strstr(run.out, word) == NULL);
}

#define WAIT_FOR(word, ...) wait_for(word, (const char *const[]){__VA_ARGS__, NULL})

/* s1 stands still, so that s0 is prepared and nobody can say what for. */
static void begin_undecided(struct commit *commit)
{
    cluster_init(&cluster);
    cluster.vowd_flags[0] = "--vote-timeout";
    cluster.vowd_flags[1] = "60000";
    cluster.vowd_flags[2] = "--heartbeat"; /* s1 is not lost, only slow */
    cluster.vowd_flags[3] = "60000";
    cluster_run(&cluster, 2, NULL, NULL);
    cr_assert_eq(kill(cluster.services[1].pid, SIGSTOP), 0);
    commit_start(&cluster, commit, "add");
    WAIT_FOR("PREPARED", "list", "--in-doubt");
    cr_assert_eq(sscanf(run.out, "%42s", id), 1);
}

static void end_undecided(struct commit *commit)
{
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    (void)commit_wait(&cluster, commit);
    cluster_end(&cluster);
}

Test(operator, B13_a_prepared_branch_is_listed_with_what_it_waits_for_and_holds)
{
    struct commit commit;
    begin_undecided(&commit);
    EXPECT_WORDS("PREPARING", "s1               has not voted", "holds      counter(id=1)",
                 "not told by s1: has not answered", "it is not decided", "vowctl abort");
    WAIT_FOR("the coordinator has not decided yet", "show", id);
    end_undecided(&commit);
}
