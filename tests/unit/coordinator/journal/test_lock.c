#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/journal/lock.h"
#include "kit.h"

static struct bed bed;
static pid_t holder;

/* Another process opens the journal and keeps it until it is killed. */
static void hold(void)
{
    int ready[2];
    char byte = 0;

    bed_make(&bed);
    cr_assert_eq(pipe(ready), 0);
    holder = fork();
    cr_assert_geq(holder, 0);
    if (holder == 0) {
        /* No assert in here: the framework knows nothing of this process. Its death is the end of the pipe. */
        if (bed_open(&bed) != 0 || bed.ops->takeover(bed.engine, &bed.identity, &bed.detail) != 0 ||
            write(ready[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

static void let_go(void)
{
    (void)kill(holder, SIGKILL);
    cr_assert_eq(waitpid(holder, NULL, 0), holder);
}

static void teardown(void)
{
    bed_remove(&bed);
}

TestSuite(lock, .init = hold, .fini = teardown, .timeout = 240);

Test(lock, F020_second_process_is_refused_and_told_who)
{
    char words[64];

    (void)snprintf(words, sizeof(words), "in use by process %ld;", (long)holder);
    bed_expect_refused(&bed, VOW_E_LOCKED, words);
    let_go();
}

/* Who removes the lock file still meets SQLite's own lock. */
Test(lock, F020_removed_lock_file_does_not_let_two_in)
{
    file_remove(&bed, "lock");
    bed_expect_refused(&bed, VOW_E_LOCKED, "another program has the file open");
    let_go();
}

Test(lock, dies_with_its_process)
{
    let_go();
    bed_start(&bed);
    cr_assert_eq(bed.identity.epoch, 2);
}

/* ---- somebody who only looks ---- */

static int looker = -1;

static void look(void)
{
    bed_make(&bed);
    bed_start(&bed);
    bed_close(&bed);
    const int directory = open(bed.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    looker = journal_lock_try(bed.directory, directory, &bed.detail);
    cr_assert_geq(looker, 0, "%s", bed.detail.text);
    const int second = journal_lock_try(bed.directory, directory, &bed.detail);
    cr_expect_geq(second, 0, "another one who looks: %s", bed.detail.text);
    journal_lock_drop(second);
    (void)close(directory);
}

static void stop_looking(int signal)
{
    (void)signal;
    (void)close(looker);
}

TestSuite(looked_at, .init = look, .fini = teardown, .timeout = 240);

/* `vowctl doctor --data` beside a restart: the start waits, and does not fail of it. */
Test(looked_at, a_start_waits_until_nobody_looks_any_more)
{
    const struct itimerval soon = {.it_value = {.tv_usec = 100000}};
    (void)signal(SIGALRM, stop_looking);
    cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    bed_start(&bed);
    cr_assert_eq(bed.identity.epoch, 2);
}

Test(looked_at, a_start_does_not_wait_for_ever)
{
    bed_expect_refused(&bed, VOW_E_LOCKED, "is being examined; wait until vowctl doctor has ended");
    stop_looking(0);
}
