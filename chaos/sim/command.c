#include "chaos/sim/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/sim/model_trace.h"
#include "chaos/sim/replay.h"
#include "chaos/sim/report.h"
#include "chaos/sim/small/command.h"

static const char help[] =
    "vow-chaos sim: worlds of coordinators, participants and clients in one process, each from one seed\n"
    "\n"
    "  --seeds A..B     the worlds of these seeds; A alone is one (1..100)\n"
    "  --protocol 2pc|saga|events|all  what is simulated: transactions, sagas, events, or mixtures (2pc)\n"
    "  --trace          print the options, the plan and a line for each thing that happens; of one seed\n"
    "  --model-traces DIR  write what each transaction did to DIR, for tests/model/check-traces\n"
    "  --json           print the result as JSON\n"
    "  --jobs N         processes; as many as there are processors\n"
    "  --first          stop at the first seed that fails\n"
    "  --replay FILE    run a saved scenario; with --trace, told line by line\n"
    "  --shrink SEED|FILE  cut a failing world down, tell what is left, and save it in out/sim\n"
    "  --runs N         of --shrink: the most worlds that it may run (2000)\n"
    "  --exhaustive N[,C,P[,T]]\n"
    "                   instead of seeds: every order of messages, timeouts and crashes of one transaction with N\n"
    "                   participants; C crashes of the coordinator, P of each participant, T of all together (0,0)\n"
    "  --work WORD      of --exhaustive: shipped, joined or one-phase (shipped)\n"
    "  --breaks N       of --exhaustive: connections that break while both ends live, of each participant (0)\n"
    "  --states N       of --exhaustive: give up beyond (0: never)\n"
    "  --walks A..B     of --exhaustive: instead of all, a walk by chance for each of these seeds\n"
    "  --keep WORD      of --exhaustive, to compare: names keeps states apart that differ in the names of "
    "participants\n"
    "                   alone, all keeps all states of nodes apart, too; order what lies behind; flags what no rule\n"
    "                   reads any more; crashes what matters for them, when none is left\n"
    "  --help\n"
    "\n"
    "A seed gives the same world each time, with every compiler: the hash of its trace is the same.\n"
    "\n"
    "Exit status: 0 held · 1 an invariant was violated · 2 usage · 3 invalid: a planned fault was never hit\n";

struct request {
    uint64_t first, last;
    enum sim_protocol protocol;
    uint32_t jobs;
    const char *model_traces; /* a folder, or NULL */
    const char *replay;       /* a file, or NULL */
    const char *shrink;       /* a seed or a file, or NULL */
    uint32_t runs_max;
    bool trace, json, done, is_first;
    bool is_exhaustive;
    struct small_config small;
};

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "vow-chaos sim: %s %s; see vow-chaos sim --help\n", what, value);
    return SIM_EXIT_USAGE;
}

static bool read_number(const char *text, const char **end, uint64_t *number)
{
    char *after;

    if (*text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &after, 10);
    *end = after;
    return true;
}

static bool read_seeds(const char *text, uint64_t *first, uint64_t *last)
{
    const char *end;

    if (!read_number(text, &end, first))
        return false;
    *last = *first;
    if (*end == '\0')
        return true;
    return strncmp(end, "..", 2) == 0 && read_number(end + 2, &end, last) && *end == '\0' && *last >= *first &&
           *last < UINT64_MAX / 2;
}

static bool read_jobs(const char *text, struct request *request)
{
    const char *end;
    uint64_t jobs;

    if (!read_number(text, &end, &jobs) || *end != '\0' || jobs == 0 || jobs > 64)
        return false;
    request->jobs = (uint32_t)jobs;
    return true;
}

static bool read_runs(const char *text, struct request *request)
{
    const char *end;
    uint64_t runs;

    if (!read_number(text, &end, &runs) || *end != '\0' || runs == 0 || runs > 1000000)
        return false;
    request->runs_max = (uint32_t)runs;
    return true;
}

static int read_flag(int flag, const char *value, struct request *request)
{
    switch (flag) {
    case 's':
        return read_seeds(value, &request->first, &request->last)
                   ? 0
                   : usage("--seeds wants A..B, B no less than A, found", value);
    case 'p':
        return sim_protocol_read(value, &request->protocol)
                   ? 0
                   : usage("--protocol knows 2pc, saga, events and all, found", value);
    case 'j':
        return read_jobs(value, request) ? 0 : usage("--jobs wants 1 to 64, found", value);
    case 'm':
        request->model_traces = value;
        return 0;
    case 'e':
        request->is_exhaustive = true;
        return sim_small_read(value, &request->small) ? 0 : usage("--exhaustive wants N[,C,P[,T]], found", value);
    case 'w':
        return sim_small_read_work(value, &request->small) ? 0 : usage("--work knows no", value);
    case 'b':
        return sim_small_read_breaks(value, &request->small) ? 0 : usage("--breaks wants 0 to 3, found", value);
    case 'K':
        return sim_small_read_keep(value, &request->small) ? 0 : usage("--keep knows no", value);
    case 'S':
        return read_number(value, &value, &request->small.states_max) ? 0
                                                                      : usage("--states wants a number, not", value);
    case 'W':
        return read_seeds(value, &request->small.walk_first, &request->small.walk_last) && request->small.walk_first > 0
                   ? 0
                   : usage("--walks wants A..B, A at least 1 and B no less, found", value);
    case 'R':
        request->replay = value;
        return 0;
    case 'k':
        request->shrink = value;
        return 0;
    case 'r':
        return read_runs(value, request) ? 0 : usage("--runs wants 1 to 1000000, found", value);
    case 't':
        request->trace = true;
        return 0;
    case 'J':
        request->json = true;
        return 0;
    case 'f':
        request->is_first = true;
        return 0;
    case 'h':
        request->done = true;
        (void)fputs(help, stdout);
        return 0;
    case ':':
        return usage("a value is wanted by", value);
    default:
        return usage("there is no flag", value);
    }
}

static int read_flags(int argc, char **argv, struct request *request)
{
    static const struct option flags[] = {{"seeds", required_argument, NULL, 's'},
                                          {"protocol", required_argument, NULL, 'p'},
                                          {"jobs", required_argument, NULL, 'j'},
                                          {"exhaustive", required_argument, NULL, 'e'},
                                          {"work", required_argument, NULL, 'w'},
                                          {"breaks", required_argument, NULL, 'b'},
                                          {"states", required_argument, NULL, 'S'},
                                          {"walks", required_argument, NULL, 'W'},
                                          {"model-traces", required_argument, NULL, 'm'},
                                          {"replay", required_argument, NULL, 'R'},
                                          {"shrink", required_argument, NULL, 'k'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"trace", no_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'J'},
                                          {"first", no_argument, NULL, 'f'},
                                          {"keep", required_argument, NULL, 'K'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int flag, error = 0;

    while (error == 0 && !request->done && (flag = getopt_long(argc, argv, ":", flags, NULL)) != -1)
        error = read_flag(flag, flag == '?' || flag == ':' ? argv[optind - 1] : optarg, request);
    if (error == 0 && !request->done && optind < argc)
        error = usage("what is meant by", argv[optind]);
    if (error == 0 && request->trace && request->replay == NULL && request->first != request->last)
        error = usage("--trace is of one seed:", "--seeds A");
    return error;
}

static int trace(const struct request *request)
{
    static struct sim_world world;
    static struct sim_result result;

    sim_run_seed(&world, request->first, stdout, &result);
    sim_world_free(&world);
    if (result.violations > 0)
        printf("VIOLATED %s\n", result.violation);
    printf("hash %016llx\n", (unsigned long long)result.hash);
    return result.violations > 0 ? SIM_EXIT_VIOLATED : SIM_EXIT_HELD;
}

/* In one process: they are few. */
static int write_model_traces(const struct request *request)
{
    static struct sim_world world;
    static struct sim_result result;
    static struct sim_model_trace model;
    uint32_t written = 0, left_out = 0, violated = 0;

    if (mkdir(request->model_traces, 0777) != 0 && errno != EEXIST)
        return usage("cannot make the folder", request->model_traces);
    for (uint64_t seed = request->first; seed <= request->last; seed++) {
        sim_model_trace_begin(&model);
        sim_run_seed_seen(&world, seed, sim_model_trace_see, &model, &result);
        violated += result.violations > 0;
        if (sim_model_trace_write(&model, request->model_traces, seed, &written, &left_out) != 0)
            return usage("cannot write to the folder", request->model_traces);
    }
    sim_world_free(&world);
    printf("%u transactions written, %u left out: the model does not speak of them\n", written, left_out);
    return violated > 0 ? SIM_EXIT_VIOLATED : SIM_EXIT_HELD;
}

static int shrink(const struct request *request)
{
    const char *end;
    uint64_t seed;

    if (read_number(request->shrink, &end, &seed) && *end == '\0')
        return sim_shrink_seed(seed, request->protocol, request->runs_max);
    return sim_shrink_file(request->shrink, request->runs_max);
}

static int command(int argc, char **argv)
{
    static struct sim_sweep sweep;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct request request = {
        .first = 1, .last = 100, .jobs = cores > 0 && cores <= 64 ? (uint32_t)cores : 1, .runs_max = 2000};
    int error = read_flags(argc, argv, &request);

    if (error != 0 || request.done)
        return error;
    if (request.is_exhaustive)
        return sim_small_command(&request.small, request.json);
    sim_run_prepare();
    sim_run_protocol(request.protocol);
    if (request.replay != NULL)
        return sim_replay(request.replay, request.trace);
    if (request.shrink != NULL)
        return shrink(&request);
    if (request.trace)
        return trace(&request);
    if (request.model_traces != NULL)
        return write_model_traces(&request);
    sweep = (struct sim_sweep){.protocol = request.protocol,
                               .first = request.first,
                               .last = request.last,
                               .jobs = request.jobs,
                               .is_first = request.is_first,
                               .is_verbose = isatty(STDERR_FILENO) == 1};
    if (sim_sweep_run(&sweep) != 0) {
        (void)fprintf(stderr, "vow-chaos sim: no process can be started: %m\n");
        return SIM_EXIT_USAGE;
    }
    if (request.json)
        sim_report_json(&sweep, stdout);
    else
        sim_report_print(&sweep, stdout);
    return (int)sim_report_exit(&sweep);
}

/* Whoever reads there, and does not get it, has been shown nothing. */
int sim_command(int argc, char **argv)
{
    const int status = command(argc, argv);

    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    (void)fprintf(stderr, "vow-chaos sim: stdout cannot be written\n");
    return status == SIM_EXIT_HELD ? SIM_EXIT_USAGE : status;
}
