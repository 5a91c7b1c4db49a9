#include "chaos/sim/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chaos/sim/report.h"
#include "chaos/sim/shrink.h"
#include "chaos/sim/trial.h"
#include "chaos/written.h"

#define FOLDER "out/sim"
#define PATH_SIZE 256
/* What is told of a world that failed: so many lines of its beginning, and of its end. All are in its trace file. */
#define STORY_FIRST 20
#define STORY_LAST 40
#define LINE_SIZE 1024

static bool load(const char *path, struct sim_scenario *scenario)
{
    struct sim_scenario_error error;

    if (sim_scenario_load(scenario, path, &error))
        return true;
    if (error.line > 0)
        (void)fprintf(stderr, "vow-chaos sim: %s:%u: %s\n", path, error.line, error.text);
    else
        (void)fprintf(stderr, "vow-chaos sim: %s: %s\n", path, error.text);
    return false;
}

static int cannot_start(void)
{
    (void)fprintf(stderr, "vow-chaos sim: no process can be started: %m\n");
    return SIM_EXIT_USAGE;
}

/* --- Replay --- */

static void print_hash(const struct sim_scenario *scenario, const struct sim_trial *trial)
{
    if (strcmp(trial->invariant, "died") == 0)
        return;
    printf("hash %016" PRIx64, trial->result.hash);
    if (scenario->has_hash)
        printf("%s", scenario->hash == trial->result.hash ? ", as when it was saved"
                                                          : ": the code is not that which it was saved with");
    printf("\n");
}

int sim_replay(const char *path, bool with_trace)
{
    static struct sim_scenario scenario;
    static struct sim_trial trial;

    if (!load(path, &scenario))
        return SIM_EXIT_USAGE;
    if (scenario.failed[0] != '\0')
        printf("once failed: %s\n", scenario.failed);
    if (sim_trial_run(&scenario, with_trace ? stdout : NULL, &trial) != 0)
        return cannot_start();
    print_hash(&scenario, &trial);
    if (trial.has_failed)
        printf("VIOLATED %s\n", trial.text);
    else
        printf("held\n");
    return trial.has_failed ? SIM_EXIT_VIOLATED : SIM_EXIT_HELD;
}

/* --- Shrinking --- */

struct cut {
    struct sim_trial first; /* what must remain */
    struct sim_trial trial;
    bool is_broken; /* no process could be started */
};

static bool fails(void *ctx, const struct sim_scenario *scenario, struct sim_noise *noise)
{
    struct cut *cut = ctx;

    if (sim_trial_run(scenario, NULL, &cut->trial) != 0) {
        cut->is_broken = true;
        return false;
    }
    if (noise != NULL)
        *noise = cut->trial.noise;
    return cut->trial.has_failed && strcmp(cut->trial.what, cut->first.what) == 0;
}

static void print_size(const char *what, const struct sim_scenario *scenario)
{
    const struct sim_size size = sim_scenario_size(scenario);

    printf("%s: %u nodes, %u transactions, %u actions of the plan, %u switches", what, size.nodes, size.transactions,
           size.actions, size.classes);
    if (size.is_listed)
        printf(", %u frames and commits with a fault", size.noise);
    printf("\n");
}

/* The transaction that a violation names ("I07: t1.3: ..."), as lines of a trace name it; "" = none. */
static void find_transaction(const char *violation, char *name, size_t size)
{
    const char *at = strstr(violation, ": t");
    size_t len = 0;

    name[0] = '\0';
    if (at == NULL)
        return;
    at += 2;
    len = 1 + strspn(at + 1, "0123456789.");
    if (len > 3 && at[len] == ':' && len + 3 < size)
        (void)snprintf(name, size, " %.*s ", (int)len, at);
}

static bool is_of_story(const char *line, const char *transaction)
{
    static const char *const always[] = {" FAULT ", " CRASHED ", " STARTED ", " REFUSED ", " HEALED ", "plan "};

    /* What follows from a node that is down is no news. */
    if (strstr(line, " FAULT ") != NULL && (strstr(line, " REFUSED ") != NULL || strstr(line, " HALF_OPEN ") != NULL))
        return false;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (strstr(line, always[i]) != NULL && strncmp(line, "0.000", 5) != 0)
            return true;
    }
    /* Of a world that names none: all that is no set-up. */
    return transaction[0] != '\0' ? strstr(line, transaction) != NULL : strstr(line, " ACCOUNT ") == NULL;
}

/* The number of the sight that the violation was found at ("(sight 72)"); UINT64_MAX = to the end. */
static uint64_t find_sight(const char *violation)
{
    const char *at = strstr(violation, "(sight ");

    return at != NULL ? strtoull(at + strlen("(sight "), NULL, 10) : UINT64_MAX;
}

struct story {
    FILE *in;
    char transaction[48];
    uint64_t last; /* sight */
    char line[LINE_SIZE];
    uint64_t sights;
};

/* The next line that is told. */
static bool next_line(struct story *story)
{
    while (fgets(story->line, sizeof(story->line), story->in) != NULL) {
        story->sights += story->line[0] >= '0' && story->line[0] <= '9';
        if (story->sights <= story->last && is_of_story(story->line, story->transaction))
            return true;
    }
    return false;
}

/* Two passes: how many lines there are, and then the first and the last of them. */
static void tell(const char *path, const char *violation)
{
    struct story story = {.in = fopen(path, "re"), .last = find_sight(violation)};
    uint32_t all = 0;

    if (story.in == NULL)
        return;
    find_transaction(violation, story.transaction, sizeof(story.transaction));
    while (next_line(&story))
        all++;
    rewind(story.in);
    story.sights = 0;
    for (uint32_t at = 0; next_line(&story); at++) {
        if (at < STORY_FIRST || at + STORY_LAST >= all)
            (void)fputs(story.line, stdout);
        else if (at == STORY_FIRST)
            printf("... %u lines are left out here\n", all - STORY_FIRST - STORY_LAST);
    }
    (void)fclose(story.in);
}

/* Returns 0 or an errno. */
static int save(const struct sim_scenario *scenario, const char *path)
{
    FILE *out = fopen(path, "we");

    if (out == NULL)
        return errno;
    sim_scenario_print(scenario, out);
    return written_close(out);
}

static bool make_folder(void)
{
    return (mkdir("out", 0777) == 0 || errno == EEXIST) && (mkdir(FOLDER, 0777) == 0 || errno == EEXIST);
}

static int cannot_write(const char *path, int error)
{
    (void)fprintf(stderr, "vow-chaos sim: %s cannot be written: %s\n", path, strerror(error));
    return SIM_EXIT_USAGE;
}

/* The last run: with its trace, and the hash that a replay must have. A trace that is cut is still something. */
static int finish(struct sim_scenario *scenario, const char *name, struct cut *cut)
{
    char path[PATH_SIZE], trace[PATH_SIZE];
    FILE *lines;
    int error, cut_by;

    (void)snprintf(path, sizeof(path), FOLDER "/%s.scenario", name);
    (void)snprintf(trace, sizeof(trace), FOLDER "/%s.trace", name);
    lines = make_folder() ? fopen(trace, "we") : NULL;
    if (lines == NULL)
        return cannot_write(trace, errno);
    error = sim_trial_run(scenario, lines, &cut->trial);
    cut_by = written_close(lines);
    if (error != 0)
        return cannot_start();
    (void)snprintf(scenario->failed, sizeof(scenario->failed), "%s", cut->trial.invariant);
    scenario->hash = cut->trial.result.hash;
    scenario->has_hash = scenario->hash != 0; /* one that died has none */
    tell(trace, cut->trial.text);
    printf("VIOLATED %s\n", cut->trial.text);
    if ((error = save(scenario, path)) != 0)
        return cannot_write(path, error);
    if (cut_by != 0 || cut->trial.is_trace_cut)
        (void)cannot_write(trace, cut_by != 0 ? cut_by : EIO);
    printf("saved %s, all lines %s\n  replay: vow-chaos sim --replay %s --trace\n", path, trace, path);
    return SIM_EXIT_VIOLATED;
}

int sim_shrink_scenario(const struct sim_scenario *scenario, const char *name, uint32_t runs_max)
{
    static struct sim_shrink shrink;
    static struct cut cut;

    shrink = (struct sim_shrink){.scenario = *scenario, .fails = fails, .ctx = &cut, .runs_max = runs_max};
    cut.is_broken = sim_trial_run(scenario, NULL, &cut.first) != 0;
    if (!cut.is_broken && !cut.first.has_failed) {
        printf("held: there is nothing to shrink\n");
        return SIM_EXIT_HELD;
    }
    if (!cut.is_broken) {
        printf("it fails: %s\n", cut.first.text);
        print_size("from", scenario);
        sim_shrink_run(&shrink);
    }
    if (cut.is_broken)
        return cannot_start();
    print_size("to", &shrink.scenario);
    printf("%u runs%s\n", shrink.runs, shrink.is_spent ? ", which were all that it may make: more may go" : "");
    return finish(&shrink.scenario, name, &cut);
}

int sim_shrink_seed(uint64_t seed, enum sim_protocol protocol, uint32_t runs_max)
{
    static struct sim_scenario scenario;
    char name[48];

    sim_scenario_of_world(&scenario, seed, protocol);
    (void)snprintf(name, sizeof(name), "seed-%" PRIu64, seed);
    return sim_shrink_scenario(&scenario, name, runs_max);
}

int sim_shrink_file(const char *path, uint32_t runs_max)
{
    static struct sim_scenario scenario;
    char name[48];

    if (!load(path, &scenario))
        return SIM_EXIT_USAGE;
    (void)snprintf(name, sizeof(name), "seed-%" PRIu64 "-again", scenario.options.seed);
    return sim_shrink_scenario(&scenario, name, runs_max);
}
