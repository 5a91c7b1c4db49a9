/*
 * Runs Criterion suites under ThreadSanitizer, where Criterion's own runner does not start (its memory arena and TSan's
 * shadow want the same addresses). One forked process a test, in order; signals, init and fini as Criterion has them;
 * no parameterized tests. Takes the place of main() and of the five functions of the library that a test calls.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The linker's names for Criterion's sections. NOLINTBEGIN */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));
/* NOLINTEND */

static const struct criterion_test *current;
static int failures;

/* A test has its own fixture, or its suite's. */
static const struct criterion_test_extra_data *fixture(void)
{
    if (current->data->init != NULL || current->data->fini != NULL)
        return current->data;
    for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
        if (*suite != NULL && strcmp((*suite)->name, current->category) == 0)
            return (*suite)->data;
    return current->data;
}

void criterion_internal_test_setup(void)
{
    if (fixture()->init != NULL)
        fixture()->init();
}

void criterion_internal_test_main(void (*fn)(void))
{
    fn();
}

void criterion_internal_test_teardown(void)
{
    if (fixture()->fini != NULL)
        fixture()->fini();
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (stats->passed)
        return;
    failures++;
    fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message != NULL ? stats->message : "failed");
}

void criterion_abort_test(void)
{
    exit(1);
}

static int passed(const struct criterion_test *test)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        current = test;
        test->test();
        exit(failures > 0);
    }
    if (waitpid(pid, &status, 0) != pid)
        return 0;
    if (test->data->signal != 0)
        return WIFSIGNALED(status) && WTERMSIG(status) == test->data->signal;
    return WIFEXITED(status) && WEXITSTATUS(status) == test->data->exit_code;
}

int main(void)
{
    int tested = 0, failed = 0;
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        if (*test == NULL || (*test)->data->kind_ != CR_TEST_NORMAL || (*test)->data->disabled)
            continue;
        int ok = passed(*test);
        printf("%s %s::%s\n", ok ? "ok  " : "FAIL", (*test)->category, (*test)->name);
        tested++;
        failed += !ok;
    }
    printf("%d tests, %d failed\n", tested, failed);
    return failed > 0 || tested == 0;
}
