#include "chaos/sim/trial.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/error.h"

#define LAST_WORDS_MAX 65536

/* What the process leaves behind, however it ends. */
struct legacy {
    bool is_done, is_trace_cut;
    struct sim_result result;
    struct sim_noise noise;
};

/* Warm: the files that all worlds begin with are made once, by whoever starts the processes. */
static struct sim_world world;

static _Noreturn void run(const struct sim_scenario *scenario, FILE *trace, struct legacy *legacy, int words)
{
    (void)dup2(words, STDERR_FILENO);
    if (trace != NULL)
        (void)setvbuf(trace, NULL, _IOLBF, 0);
    world.noise = &legacy->noise;
    sim_run_world(&world, &scenario->options, &scenario->plan, trace, &legacy->result);
    legacy->is_done = true;
    legacy->is_trace_cut = trace != NULL && (fflush(trace) != 0 || ferror(trace) != 0);
    _exit(0);
}

/* Where it died: the line of our assert, or a sanitizer's summary, for process numbers and addresses differ. */
static void read_last_words(int words, char *what, size_t size)
{
    static char text[LAST_WORDS_MAX];
    const ssize_t got = pread(words, text, sizeof(text) - 1, 0);
    const char *line;

    text[got > 0 ? got : 0] = '\0';
    line = strstr(text, "vow: ");
    if (line == NULL)
        line = strstr(text, "SUMMARY: ");
    if (line == NULL)
        line = "";
    (void)snprintf(what, size, "died: %.*s", (int)strcspn(line, "\n"), line);
}

static void judge(const struct legacy *legacy, int status, int words, struct sim_trial *trial)
{
    memset(trial, 0, sizeof(*trial));
    trial->noise = legacy->noise;
    trial->is_trace_cut = legacy->is_trace_cut;
    if (!legacy->is_done || status != 0) {
        trial->has_failed = true;
        (void)snprintf(trial->invariant, sizeof(trial->invariant), "died");
        read_last_words(words, trial->what, sizeof(trial->what));
        (void)snprintf(trial->text, sizeof(trial->text), "%.200s (%s %d)", trial->what,
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return;
    }
    trial->result = legacy->result;
    trial->has_failed = legacy->result.violations > 0;
    (void)snprintf(trial->text, sizeof(trial->text), "%s", legacy->result.violation);
    (void)snprintf(trial->invariant, sizeof(trial->invariant), "%.*s", (int)strcspn(legacy->result.violation, ": "),
                   legacy->result.violation);
    (void)snprintf(trial->what, sizeof(trial->what), "%s", trial->invariant);
}

static int run_child(const struct sim_scenario *scenario, FILE *trace, struct legacy *legacy, int words,
                     struct sim_trial *trial)
{
    int status = 0;
    pid_t pid;

    if (scenario->options.coordinators + scenario->options.participants + scenario->options.clients +
            scenario->options.saga_clients <=
        SIM_NODES_OF_SCENARIO_MAX)
        sim_world_init(&world, &scenario->options, &scenario->plan);
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0)
        run(scenario, trace, legacy, words);
    if (pid < 0)
        return VOW_E_SYSTEM;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    judge(legacy, status, words, trial);
    return 0;
}

int sim_trial_run(const struct sim_scenario *scenario, FILE *trace, struct sim_trial *trial)
{
    struct legacy *legacy = mmap(NULL, sizeof(*legacy), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int words = memfd_create("last-words", MFD_CLOEXEC);
    int error = VOW_E_SYSTEM;

    if (legacy != MAP_FAILED && words >= 0)
        error = run_child(scenario, trace, legacy, words, trial);
    if (words >= 0)
        (void)close(words);
    if (legacy != MAP_FAILED)
        (void)munmap(legacy, sizeof(*legacy));
    return error;
}
