#include "chaos/sim/sweep.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/assert.h"
#include "proto/error.h"

#define JOBS_MAX 64
/* Of so many worlds that meant to have a fault, one must have had it. */
#define PLANNED_LEAST 20

_Static_assert(sizeof(struct sim_result) <= PIPE_BUF, "a result goes over the pipe in one piece");

struct job {
    pid_t pid; /* 0: ended */
    int status;
};

/* All processes see it. */
struct common {
    _Atomic uint64_t last;         /* no seed above it is begun */
    _Atomic uint64_t at[JOBS_MAX]; /* the seed that each job is doing, also when that has ended its process */
};

struct state {
    struct sim_sweep *sweep;
    struct job jobs[JOBS_MAX];
    struct common *common;
    int pipe[2];
    double shown;
};

static double now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A failure of this seed is known. */
static void lower_last(const struct state *state, uint64_t seed)
{
    uint64_t last = atomic_load(&state->common->last);

    while (state->sweep->is_first && seed < last && !atomic_compare_exchange_weak(&state->common->last, &last, seed)) {
    }
}

/* --- The child --- */

static _Noreturn void run_job(const struct state *state, uint32_t which, uint64_t seed)
{
    static struct sim_world world;
    static struct sim_result result;

    (void)close(state->pipe[0]);
    for (; seed <= atomic_load(&state->common->last); seed += state->sweep->jobs) {
        atomic_store(&state->common->at[which], seed);
        state->sweep->run(&world, seed, NULL, &result);
        if (result.violations > 0)
            lower_last(state, seed);
        if (write(state->pipe[1], &result, sizeof(result)) != (ssize_t)sizeof(result))
            _exit(2);
    }
    sim_world_free(&world);
    _exit(0);
}

static int start_job(struct state *state, uint32_t which, uint64_t seed)
{
    struct job *job = &state->jobs[which];

    (void)fflush(NULL);
    job->pid = fork();
    if (job->pid == 0)
        run_job(state, which, seed);
    return job->pid > 0 ? 0 : VOW_E_SYSTEM;
}

/* --- The parent --- */

static void add_failure(struct sim_sweep *sweep, const struct sim_result *result)
{
    uint32_t len = sweep->failures < SIM_FAILURES_MAX ? (uint32_t)sweep->failures : SIM_FAILURES_MAX, at = len;

    sweep->failures++;
    while (at > 0 && sweep->failed[at - 1].seed > result->seed)
        at--;
    if (at == SIM_FAILURES_MAX)
        return;
    if (len == SIM_FAILURES_MAX)
        len--;
    memmove(&sweep->failed[at + 1], &sweep->failed[at], (len - at) * sizeof(*result));
    sweep->failed[at] = *result;
}

static void add_totals(struct sim_totals *all, const struct sim_totals *one)
{
    all->sagas += one->sagas;
    all->completed += one->completed;
    all->compensated += one->compensated;
    all->events += one->events;
    all->frames += one->frames;
    all->transactions += one->transactions;
    all->committed += one->committed;
    all->aborted += one->aborted;
    all->unknown += one->unknown;
    all->faults += one->faults;
    all->virtual_us += one->virtual_us;
}

static void add_result(struct sim_sweep *sweep, const struct sim_result *result)
{
    sweep->seeds++;
    sweep->shorts += result->is_short;
    sweep->hash += sim_mix(result->seed, result->hash);
    add_totals(&sweep->totals, &result->totals);
    for (int i = 0; i < SIM_FAULTS; i++) {
        sweep->hits[i] += result->hits[i];
        sweep->planned[i] += result->planned >> i & 1;
    }
    for (int i = 0; i < SIM_MARKS; i++)
        sweep->marks[i] += result->marks[i];
    for (uint32_t i = 0; i < sim_edges_len(); i++)
        sweep->edges[i] += sim_edges_has(&result->edges, i);
    if (result->violations > 0)
        add_failure(sweep, result);
}

static void show_progress(struct state *state, double begun)
{
    const struct sim_sweep *sweep = state->sweep;
    const double now = now_seconds();

    if (!sweep->is_verbose || now - state->shown < 2)
        return;
    state->shown = now;
    const uint64_t all = sweep->last - sweep->first + 1;
    (void)fprintf(stderr, "\r%llu of %llu seeds, %.1f/s, %llu failed ", (unsigned long long)sweep->seeds,
                  (unsigned long long)all, (double)sweep->seeds / (now - begun), (unsigned long long)sweep->failures);
}

/* Reaps the job if it has ended, or when it ends. */
static void reap(struct state *state, uint32_t which, int options)
{
    struct job *job = &state->jobs[which];

    if (job->pid <= 0 || waitpid(job->pid, &job->status, options) != job->pid)
        return;
    job->pid = 0;
    if (job->status != 0)
        lower_last(state, atomic_load(&state->common->at[which]));
}

/* Takes all results until no child has the pipe any more. */
static void take_results(struct state *state, double begun)
{
    struct sim_sweep *sweep = state->sweep;
    struct sim_result result;
    ssize_t got;

    while ((got = read(state->pipe[0], &result, sizeof(result))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof(result))
            break;
        add_result(sweep, &result);
        /* The others must hear of a seed that ended its process: they may have far to go. */
        for (uint32_t i = 0; sweep->is_first && i < sweep->jobs; i++)
            reap(state, i, WNOHANG);
        show_progress(state, begun);
    }
}

static void add_death(struct sim_sweep *sweep, uint64_t seed, int status)
{
    struct sim_result result = {.seed = seed, .violations = 1};

    if (WIFSIGNALED(status))
        (void)snprintf(result.violation, sizeof(result.violation), "its process died of signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)snprintf(result.violation, sizeof(result.violation), "its process ended with %d", WEXITSTATUS(status));
    add_result(sweep, &result);
}

/* The next ones begin behind a seed that ended its process. False: all is done. */
static bool restart_jobs(struct state *state)
{
    struct sim_sweep *sweep = state->sweep;
    bool again[JOBS_MAX] = {false}, any = false;
    uint64_t next[JOBS_MAX];

    for (uint32_t i = 0; i < sweep->jobs; i++) {
        reap(state, i, 0);
        if (state->jobs[i].status == 0)
            continue;
        next[i] = atomic_load(&state->common->at[i]) + sweep->jobs;
        add_death(sweep, next[i] - sweep->jobs, state->jobs[i].status);
        state->jobs[i].status = 0;
        again[i] = next[i] <= atomic_load(&state->common->last);
        any = any || again[i];
    }
    if (!any || pipe(state->pipe) != 0)
        return false;
    for (uint32_t i = 0; i < sweep->jobs; i++) {
        if (again[i])
            (void)start_job(state, i, next[i]);
    }
    return true;
}

static int start(struct state *state)
{
    const struct sim_sweep *sweep = state->sweep;

    atomic_init(&state->common->last, sweep->last);
    if (pipe(state->pipe) != 0)
        return VOW_E_SYSTEM;
    for (uint32_t i = 0; i < sweep->jobs && sweep->first + i <= sweep->last; i++) {
        if (start_job(state, i, sweep->first + i) != 0)
            return VOW_E_SYSTEM;
    }
    return 0;
}

int sim_sweep_run(struct sim_sweep *sweep)
{
    static struct state state;
    const double begun = now_seconds();

    state = (struct state){.sweep = sweep, .shown = begun};
    if (sweep->jobs == 0 || sweep->jobs > JOBS_MAX)
        sweep->jobs = 1;
    if (sweep->run == NULL)
        sweep->run = sim_run_seed;
    state.common = mmap(NULL, sizeof(*state.common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (state.common == MAP_FAILED || start(&state) != 0)
        return VOW_E_SYSTEM;
    do {
        (void)close(state.pipe[1]);
        take_results(&state, begun);
        (void)close(state.pipe[0]);
    } while (restart_jobs(&state));
    (void)munmap(state.common, sizeof(*state.common));
    if (sweep->is_first && sweep->failures > 1)
        sweep->failures = 1;
    sweep->seconds = now_seconds() - begun;
    if (sweep->is_verbose)
        (void)fprintf(stderr, "\r\033[K");
    return 0;
}

bool sim_sweep_has_missed(const struct sim_sweep *sweep, enum sim_fault fault)
{
    return sweep->hits[fault] == 0 && sweep->planned[fault] >= PLANNED_LEAST;
}

static bool is_meant(enum sim_mark mark, enum sim_protocol protocol)
{
    if (sim_mark_is_of_events(mark))
        return protocol == SIM_PROTOCOL_EVENTS || protocol == SIM_PROTOCOL_ALL;
    if (sim_mark_is_of_sagas(mark))
        return protocol == SIM_PROTOCOL_SAGA || protocol == SIM_PROTOCOL_ALL;
    return protocol == SIM_PROTOCOL_2PC || protocol == SIM_PROTOCOL_ALL;
}

/* Of the worlds of a sweep about all, a third at least are about what the mark is about. */
bool sim_sweep_has_missed_mark(const struct sim_sweep *sweep, enum sim_mark mark)
{
    const uint64_t worlds = sweep->protocol == SIM_PROTOCOL_ALL ? sweep->seeds / 3 : sweep->seeds;

    return is_meant(mark, sweep->protocol) && sim_mark_within(mark) != 0 && worlds >= sim_mark_within(mark) &&
           sweep->marks[mark] == 0;
}
