#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/compare/archive.h"
#include "chaos/compare/compare.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "proto/assert.h"

#define WORDS_MAX (16 + 2 * REAL_VARS_MAX)
#define SETS_MAX 5 /* by an arm */
#define SET_SIZE 128
#define NOT_STARTED 127 /* an exit status that no run ends with */

/* The words of a command: all but what an arm sets belong to the comparison. */
struct words {
    char sets[SETS_MAX][SET_SIZE], seed[16];
    char *argv[WORDS_MAX + 1];
    size_t sets_len, len;
};

static void put(struct words *words, const char *word)
{
    /* real_scenario_load() has refused so many; and execv() does not write into a word. */
    if (words->len == WORDS_MAX)
        return;
    words->argv[words->len] = (char *)word;
    words->argv[++words->len] = NULL;
}

/* A scenario is told what it asks for: it need not have all of them. */
static void put_variable(struct words *words, const struct real_scenario *scenario, const char *name, const char *value)
{
    char *set;

    if (real_scenario_var(scenario, name) == NULL)
        return;
    VOW_ASSERT(words->sets_len < SETS_MAX);
    set = words->sets[words->sets_len++];
    (void)snprintf(set, SET_SIZE, "%s=%s", name, value);
    put(words, "--set");
    put(words, set);
}

static void make_words(const struct compare *compare, const struct compare_run *run, struct words *words)
{
    const struct compare_arm *arm = compare_arm(run->arm);

    words->len = words->sets_len = 0;
    (void)snprintf(words->seed, sizeof(words->seed), "%u", run->seed);
    put(words, "vow-chaos");
    put(words, "run");
    put(words, compare->options->scenario);
    put(words, "--out");
    put(words, run->directory);
    put(words, "--seed");
    put(words, words->seed);
    put_variable(words, compare->scenario, "arm", arm->word);
    put_variable(words, compare->scenario, "protocol", arm->protocol);
    put_variable(words, compare->scenario, "countermeasure", arm->countermeasure);
    put_variable(words, compare->scenario, "peers", arm->peers);
    put_variable(words, compare->scenario, "record", arm->record);
    for (size_t i = 0; i < compare->options->sets.len; i++) {
        put(words, "--set");
        put(words, compare->options->sets.of[i]);
    }
}

/* --- The process --- */

static volatile sig_atomic_t was_told_to_end;

static void on_signal(int number)
{
    (void)number;
    was_told_to_end = 1;
}

/* They come while a run is waited for, and at no other time: none is missed between a look and the wait. */
static void heed_signals(sigset_t *before)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = on_signal};
    struct sigaction now;
    sigset_t heeded;

    (void)sigemptyset(&heeded);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            continue; /* started to outlive its terminal, say */
        (void)sigaddset(&heeded, numbers[i]);
        (void)sigaction(numbers[i], &action, NULL);
    }
    (void)sigprocmask(SIG_BLOCK, &heeded, before);
}

/* A run is told to end if the comparison ends, however that does, also one that has ended before it could ask. */
static _Noreturn void become(const struct compare_run *run, char *const *argv, pid_t parent, const sigset_t *mask)
{
    char log[COMPARE_PATH_SIZE + 8];

    (void)snprintf(log, sizeof(log), "%s.log", run->directory);
    const int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
        dup2(fd, STDERR_FILENO) >= 0 && sigprocmask(SIG_SETMASK, mask, NULL) == 0)
        (void)execv("/proc/self/exe", argv);
    _exit(NOT_STARTED);
}

/* Its wait status; a run ends its nodes well before it ends itself, so it is waited for in any case. */
static int wait_for(pid_t pid, const sigset_t *mask)
{
    struct pollfd end = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    int status = 0;
    bool was_told = false;

    while (end.fd >= 0 && ppoll(&end, 1, NULL, mask) < 0 && errno == EINTR)
        if (was_told_to_end && !was_told)
            was_told = kill(pid, SIGTERM) == 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            status = NOT_STARTED << 8;
    if (end.fd >= 0)
        close(end.fd);
    return status;
}

static void say_why(struct compare_run *run, const char *format, const char *text)
{
    (void)json_array_append_new(run->why, real_need(json_sprintf(format, text)));
}

static void judge_status(struct compare_run *run, int status)
{
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;

    run->is_violated = code == REAL_VIOLATED;
    if (code == REAL_BAD || code == NOT_STARTED)
        say_why(run, "the run could not be made; see %s.log", run->directory);
}

bool compare_run_one(const struct compare *compare, struct compare_run *run)
{
    struct words *words = real_need(calloc(1, sizeof(*words)));
    const pid_t parent = getpid();
    sigset_t before;

    heed_signals(&before);
    make_words(compare, run, words);
    const pid_t pid = fork();
    if (pid == 0)
        become(run, words->argv, parent, &before);
    if (pid < 0)
        say_why(run, "the run could not be started: %s", strerror(errno));
    else
        judge_status(run, wait_for(pid, &before));
    free(words);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (was_told_to_end)
        return false;
    if (json_array_size(run->why) == 0)
        compare_measure(compare, run);
    return true;
}

/* --- The archive --- */

/* What the run itself has said of it: violations, and why it proves less than it says. */
static void take_verdict(struct compare_run *run, const json_t *verdict)
{
    static const char *const lists[] = {"violations", "invalid"};
    const char *word = json_string_value(json_object_get(verdict, "verdict"));
    const json_t *text;
    size_t i;

    (void)snprintf(run->verdict, sizeof(run->verdict), "%s", word != NULL ? word : "");
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(json_object_get(verdict, lists[k]), i, text)
            say_why(run, k == 0 ? "violated: %s" : "invalid: %s", json_string_value(text));
}

static void take_findings(struct compare_run *run)
{
    for (int i = 0; i < MEASURE_LAWS; i++)
        if (run->findings[i].judgement == MEASURE_BROKEN)
            (void)json_array_append_new(
                run->why, real_need(json_sprintf("breaks the law \"%s\": %s", measure_law_word((enum measure_law)i),
                                                 run->findings[i].text)));
}

void compare_measure(const struct compare *compare, struct compare_run *run)
{
    struct measure_run records;
    struct measure_spans spans;
    char why[MEASURE_ERROR_SIZE];
    json_t *verdict;

    measure_run_init(&records);
    records.keys = compare->keys;
    records.asked_us = UINT64_C(1000) * compare->asked_ms;
    if (compare_archive_read(run->directory, &records, &verdict, why) == 0) {
        measure_spans_make(&records, &spans);
        measure_values(&records, &spans, run->values);
        (void)measure_laws(&records, &spans, &compare_arm(run->arm)->kind, run->values, run->findings);
        run->curves = compare_curves(&records, &spans);
        run->is_measured = true;
        take_verdict(run, verdict);
        take_findings(run);
        measure_spans_free(&spans);
        json_decref(verdict);
    } else {
        say_why(run, "%s", why);
    }
    measure_run_deinit(&records);
}

bool compare_is_valid(const struct compare_run *run)
{
    return run->is_measured && json_array_size(run->why) == 0;
}
