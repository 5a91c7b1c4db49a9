#include "chaos/kill/run.h"

#include <errno.h>
#include <event2/event.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/directory.h"
#include "chaos/kill/memory.h"
#include "chaos/written.h"

#define OUT_MAX 800     /* so that the files below it have room in a REAL_FILE_SIZE */
#define MARGIN_MS 30000 /* beside a time that a node keeps itself */

static void phase(struct real_run *run, const char *text)
{
    real_record_say(&run->record, REAL_MOMENT_PHASE, NULL, "%s", text);
}

/* --- Starting the nodes --- */

static bool is_up(const struct real_member *member)
{
    return real_node_is(&member->node, REAL_NODE_SERVING);
}

/* Every node that was started has got ready, or has not. */
static bool all_known(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        const struct real_member *member = &run->members[i];
        const bool is_down = real_node_is(&member->node, REAL_NODE_DOWN) && !member->comes_back;
        if (member->node.lives > 0 && !is_up(member) && !is_down && !member->was_late)
            return false;
    }
    return true;
}

static bool start_nodes(struct real_run *run)
{
    phase(run, "the nodes start");
    for (size_t i = 0; i < run->scenario->nodes_len && !run->is_interrupted; i++) {
        struct real_member *member = &run->members[i];
        if (!real_storm_start(run, member))
            (void)real_member_start(run, member, member->plan->crash_at.text);
        (void)real_wait(run, all_known, member->plan->ready_ms + MARGIN_MS);
        if (is_up(member))
            continue;
        real_record_say(&run->record, REAL_MOMENT_INVALID, member->node.name,
                        "did not get ready at its first start; see %s/logs/%s.log", run->out, member->node.name);
        return false;
    }
    return !run->is_interrupted;
}

/* --- The load, and the faults meanwhile --- */

static bool loads_have_ended(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        if (!real_node_is(&run->loads[i].node, REAL_NODE_DOWN))
            return false;
    return true;
}

static bool is_enough(struct real_run *run)
{
    return loads_have_ended(run) || real_storm_is_over(run);
}

static uint64_t longest_load_ms(const struct real_scenario *scenario)
{
    uint64_t longest_ms = 0;

    for (size_t i = 0; i < scenario->loads_len; i++)
        longest_ms = scenario->loads[i].end_ms > longest_ms ? scenario->loads[i].end_ms : longest_ms;
    return longest_ms;
}

static void judge_load(struct real_run *run, const struct real_node *node)
{
    if (!real_node_is(node, REAL_NODE_DOWN))
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, node->name, "did not end within its time");
    else if (real_node_status(node) != node->exit_status)
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, node->name, "%s, not %u; see %s/logs/%s.log", node->why,
                        node->exit_status, run->out, node->name);
}

static void run_load(struct real_run *run)
{
    phase(run, "the load works");
    real_deeds_begin(run);
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        (void)real_member_start(run, &run->loads[i], NULL);
    real_storm_begin(run);
    (void)real_wait(run, is_enough, run->scenario->within_ms);
    if (run->storm != NULL) {
        real_storm_end(run);
        (void)real_wait(run, loads_have_ended, longest_load_ms(run->scenario) + MARGIN_MS);
    }
    real_deeds_end(run);
    for (size_t i = 0; i < run->scenario->loads_len; i++) {
        if (!run->is_interrupted && !run->loads[i].is_unstartable)
            judge_load(run, &run->loads[i].node);
        (void)real_node_kill(&run->loads[i].node);
    }
    (void)real_wait(run, loads_have_ended, MARGIN_MS);
    real_work_judge(run);
}

/* --- After it --- */

static bool none_ends(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (real_node_is(&run->members[i].node, REAL_NODE_ENDING) ||
            real_node_is(&run->members[i].node, REAL_NODE_DYING) || run->members[i].starts_again)
            return false;
    return true;
}

uint64_t real_ends_within_ms(const struct real_scenario *scenario)
{
    uint64_t longest_ms = 0;

    for (size_t i = 0; i < scenario->nodes_len; i++)
        longest_ms = scenario->nodes[i].end_ms > longest_ms ? scenario->nodes[i].end_ms : longest_ms;
    return longest_ms + MARGIN_MS;
}

static bool none_is_awaited(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (run->members[i].is_awaited && !real_node_is(&run->members[i].node, REAL_NODE_DOWN))
            return false;
    return true;
}

/* Who goes on after a fault of which it must end has told somebody that all is well. */
static void judge_awaited(struct real_run *run)
{
    (void)real_wait(run, none_is_awaited, real_ends_within_ms(run->scenario) - MARGIN_MS);
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        struct real_member *member = &run->members[i];
        if (member->is_awaited && !run->is_interrupted)
            real_record_say(&run->record, REAL_MOMENT_VIOLATED, member->node.name,
                            "did not end by itself with status %u, of a fault inside of it", member->awaited);
        member->is_awaited = false;
    }
}

/* Faults have an end (I05): what is paused goes on, what is down comes back. */
static void heal(struct real_run *run)
{
    uint64_t longest_ms = 0;

    phase(run, "what is down comes back");
    judge_awaited(run);
    real_links_mend(run);
    real_inside_mend(run);
    (void)real_wait(run, none_ends, real_ends_within_ms(run->scenario));
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        struct real_member *member = &run->members[i];
        (void)real_node_resume(&member->node);
        if (real_node_is(&member->node, REAL_NODE_DOWN))
            (void)real_member_start(run, member, NULL);
        longest_ms = member->plan->ready_ms > longest_ms ? member->plan->ready_ms : longest_ms;
    }
    (void)real_wait(run, all_known, longest_ms + MARGIN_MS);
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (!is_up(&run->members[i]) && !run->members[i].is_unstartable && !run->is_interrupted)
            real_record_say(&run->record, REAL_MOMENT_VIOLATED, run->members[i].node.name, "does not serve any more");
}

static bool all_down(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (!real_node_is(&run->members[i].node, REAL_NODE_DOWN))
            return false;
    return true;
}

/* Or back: who meets its crash point on the way is started again (watch.c), and told to end once more. */
static bool has_come_to_an_end(struct real_run *run)
{
    const struct real_member *member = run->ending;

    return real_node_is(&member->node, REAL_NODE_DOWN) ||
           (member->node.lives > run->ending_lives && (is_up(member) || member->was_late));
}

static void end_node(struct real_run *run, struct real_member *member)
{
    const struct real_node_plan *plan = member->plan;

    run->ending = member;
    do {
        run->ending_lives = member->node.lives;
        if (!real_node_term(&member->node))
            (void)real_node_kill(&member->node);
        (void)real_wait(run, has_come_to_an_end, plan->end_ms + plan->ready_ms + MARGIN_MS);
    } while (member->node.lives > run->ending_lives && !run->is_interrupted);
}

/* In their order: a coordinator that is first ends well only once every participant has acknowledged. */
static void end_nodes(struct real_run *run)
{
    phase(run, "the nodes end");
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        end_node(run, &run->members[i]);
    if (!all_down(run) && !run->is_interrupted)
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, NULL, "a node did not end");
}

static void check_strays(struct real_run *run)
{
    const unsigned strays = real_reap_strays(&run->strangers);

    if (strays > 0 && !run->is_interrupted)
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, NULL, "%u processes were left behind by the nodes", strays);
}

static bool set_up(struct real_run *run)
{
    if (run->scenario->setup_len > 0)
        phase(run, "the setup");
    return real_setup(run);
}

static void settle(struct real_run *run)
{
    phase(run, "it settles");
    real_checks_serving(run);
}

static void check_rest(struct real_run *run)
{
    phase(run, "the checks");
    real_judge_end(run);
    real_checks_ended(run);
}

/* Whoever interrupts it learns nothing more: what is left then, and whom it takes along, is no violation. */
static void go(struct real_run *run)
{
    static void (*const steps[])(struct real_run * run) = {run_load, heal, settle, end_nodes, check_rest};

    run->has_begun = set_up(run) && start_nodes(run);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && run->has_begun && !run->is_interrupted; i++)
        steps[i](run);
    if (run->is_interrupted && !run->judge.is_condemned)
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "interrupted");
}

/* --- Before and after all --- */

static int fail(const char *what, int error)
{
    (void)fprintf(stderr, "vow-chaos: %s: %s\n", what, strerror(error));
    return -1;
}

/* Absolute, for every node has a directory of its own to start from. */
static int make_out(struct real_run *run, const char *wanted)
{
    char path[REAL_PATH_SIZE], logs[REAL_FILE_SIZE], real[PATH_MAX];
    const unsigned long long stamp = (unsigned long long)real_clock_us();

    if (wanted != NULL && strlen(wanted) > OUT_MAX)
        return fail("--out", ENAMETOOLONG); /* cut, it would be another folder */
    if (wanted != NULL)
        (void)snprintf(path, sizeof(path), "%s", wanted);
    else
        (void)snprintf(path, sizeof(path), "out/run-%s-%d-%llu", run->scenario->name, (int)getpid(), stamp % 1000000);
    int error = real_directory_is_free(path);
    if (error == ENOTEMPTY)
        return (void)fprintf(stderr, "vow-chaos: %s: is not empty; --out wants a new or empty folder\n", path), -1;
    if (error != 0)
        return fail(path, error);
    if ((error = real_directory_make(path)) != 0)
        return fail(path, error);
    if (realpath(path, real) == NULL || strlen(real) > OUT_MAX)
        return fail(path, ENAMETOOLONG);
    (void)snprintf(run->out, sizeof(run->out), "%.1000s", real);
    (void)snprintf(logs, sizeof(logs), "%s/logs", run->out);
    error = real_directory_make(logs);
    return error == 0 ? 0 : fail(logs, error);
}

static int find_here(struct real_run *run, const char *scenario)
{
    char path[PATH_MAX];

    if (realpath(scenario, path) == NULL || strlen(path) > 1000)
        return fail(scenario, ENAMETOOLONG);
    (void)snprintf(run->here, sizeof(run->here), "%.1000s", dirname(path));
    return 0;
}

static int write_vars(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->vars_len; i++) {
        const struct real_variable *var = &run->scenario->vars[i];
        run->vars[i] = var->is_set ? real_need(strdup(var->value.text)) : real_write_out(run, NULL, &var->value);
        if (run->vars[i] == NULL)
            return -1;
        run->vars_len = i + 1;
    }
    return 0;
}

/* The archive has the scenario as it was read. */
static int keep_scenario(const struct real_run *run)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/scenario.yaml", run->out);
    const int error = written_text(path, run->scenario->bytes);
    return error == 0 ? 0 : fail(path, error);
}

static int open_record(struct real_run *run, bool is_hidden)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/timeline.jsonl", run->out);
    const int error = real_record_open(&run->record, path, !is_hidden, run->zero_us);
    return error == 0 ? 0 : fail(path, error);
}

static int prepare_members(struct real_run *run)
{
    const struct real_scenario *scenario = run->scenario;

    for (size_t i = 0; i < scenario->nodes_len; i++)
        if (real_member_prepare(run, &run->members[i], &scenario->nodes[i]) != 0)
            return -1;
    for (size_t i = 0; i < scenario->loads_len; i++)
        if (real_member_prepare(run, &run->loads[i], &scenario->loads[i]) != 0)
            return -1;
    if (real_links_open(run) != 0)
        return -1;
    for (size_t i = 0; i < scenario->nodes_len; i++) {
        run->members[i].node.index = (uint32_t)i;
        if (real_member_write_out(run, &run->members[i]) != 0)
            return -1;
    }
    for (size_t i = 0; i < scenario->loads_len; i++) {
        run->loads[i].node.index = REAL_LOAD + (uint32_t)i;
        run->loads[i].node.ends_itself = true;
        if (real_member_write_out(run, &run->loads[i]) != 0)
            return -1;
    }
    real_storm_open(run);
    return 0;
}

/* Whoever has to mend a word of the scenario shall find the folder of the archive as it was; and what comes before the
 * nodes, or after them, shall not fail for want of a program that could have been looked for. */
static int check_programs(const struct real_run *run)
{
    const struct real_scenario *scenario = run->scenario;
    int result = 0;

    for (size_t i = 0; i < scenario->nodes_len && result == 0; i++)
        result = real_program_check(run, &scenario->nodes[i].command.of[0], scenario->nodes[i].has_points);
    for (size_t i = 0; i < scenario->loads_len && result == 0; i++)
        result = real_program_check(run, &scenario->loads[i].command.of[0], scenario->loads[i].has_points);
    for (size_t i = 0; i < scenario->setup_len && result == 0; i++)
        result = real_program_check(run, &scenario->setup[i].command.of[0], false);
    for (size_t i = 0; i < scenario->checks_len && result == 0; i++)
        result = real_program_check(run, &scenario->checks[i].command.of[0], false);
    return result;
}

/* Before anything is written: who may not do that is to find nothing left. */
static int open_network(struct real_run *run)
{
    char why[NETNS_WHY_SIZE];

    if (!run->scenario->has_namespaces || netns_open(run->base, run->seed_number, &run->netns, why) == 0)
        return 0;
    (void)fprintf(stderr, "vow-chaos: network namespaces cannot be had: %s\n", why);
    return -1;
}

static int prepare(struct real_run *run, const struct real_run_options *options)
{
    run->seed_number = options->has_seed ? options->seed : run->scenario->seed;
    run->storm = options->storm;
    run->is_quiet = options->is_quiet;
    (void)snprintf(run->seed, sizeof(run->seed), "%u", run->seed_number);
    run->zero_us = real_clock_us();
    run->checks = real_need(json_array());
    if (open_network(run) != 0 || real_find_folders(run) != 0 || find_here(run, options->scenario) != 0 ||
        check_programs(run) != 0 || make_out(run, options->out) != 0)
        return -1;
    if (keep_scenario(run) != 0 || open_record(run, options->is_json || options->is_quiet) != 0 || write_vars(run) != 0)
        return -1;
    return real_judge_open(run) != 0 ? -1 : prepare_members(run);
}

static void on_signal(evutil_socket_t number, short what, void *ctx)
{
    struct real_run *run = ctx;

    (void)number;
    (void)what;
    run->is_interrupted = true;
}

static void check_log(struct real_run *run, const struct real_member *member)
{
    if (member->node.log != NULL && ferror(member->node.log) != 0)
        real_record_say(&run->record, REAL_MOMENT_INVALID, member->node.name, "its log could not be written in full");
}

/* What an archive has lost, of a disk that was full for a while, may have been what shows that something was wrong. */
static void check_archive(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        check_log(run, &run->members[i]);
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        check_log(run, &run->loads[i]);
}

static void close_all(struct real_run *run)
{
    real_storm_close(run);
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        real_member_close(&run->members[i]);
    for (size_t i = 0; i < run->scenario->loads_len; i++)
        real_member_close(&run->loads[i]);
    real_links_close(run);
}

/* Who was started to outlive its terminal (nohup) ignores that signal, and goes on doing so. */
static struct event *heed(struct real_run *run, int number)
{
    struct sigaction now;

    if (sigaction(number, NULL, &now) == 0 && number == SIGHUP && now.sa_handler == SIG_IGN)
        return NULL;
    struct event *event = real_need(evsignal_new(run->base, number, on_signal, run));
    (void)event_add(event, NULL);
    return event;
}

/* Nobody who reads our lines and has had enough ends the run, nor does a limit of files: what could not be written is
 * told in the verdict. */
static void ignore_what_a_write_meets(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

static int run_prepared(struct real_run *run, bool is_json)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    enum { SIGNALS = sizeof(numbers) / sizeof(numbers[0]) };
    struct event *signals[SIGNALS];

    ignore_what_a_write_meets();
    for (size_t i = 0; i < SIGNALS; i++)
        signals[i] = heed(run, numbers[i]);
    go(run);
    check_archive(run);
    close_all(run);
    check_strays(run);
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i] != NULL)
            event_free(signals[i]);
    return real_verdict(run, is_json);
}

static int run_scenario(struct real_run *run, const struct real_run_options *options)
{
    int status = REAL_BAD;

    const int error = real_guard_open(&run->guard);
    if (error != 0)
        (void)fail("a guard for what nodes start", error);
    else if (real_adopt_strays(&run->strangers) != 0)
        (void)fprintf(stderr, "vow-chaos: has too many children that are not its own\n");
    else if (prepare(run, options) == 0)
        status = run_prepared(run, options->is_json);
    close_all(run);
    netns_close(run->netns);
    real_guard_close(&run->guard);
    real_judge_close(run);
    if (run->record.file != NULL)
        real_record_close(&run->record);
    for (size_t i = 0; i < run->vars_len; i++)
        free(run->vars[i]);
    json_decref(run->checks);
    return status;
}

static int load(const struct real_run_options *options, struct real_scenario **scenario, struct real_error *error)
{
    if (real_scenario_load(options->scenario, &options->sets, scenario, error) != 0)
        return -1;
    if (options->network == NULL || real_scenario_set_network(*scenario, options->network, error) == 0)
        return 0;
    real_scenario_free(*scenario);
    return -1;
}

int real_run(const struct real_run_options *options)
{
    struct real_run *run = real_need(calloc(1, sizeof(*run)));
    struct real_scenario *scenario;
    struct real_error error;
    int status = REAL_BAD;

    if (load(options, &scenario, &error) == 0) {
        real_storm_prepare(options->storm, scenario);
        run->scenario = scenario;
        run->base = real_need(event_base_new());
        status = run_scenario(run, options);
        event_base_free(run->base);
        real_scenario_free(scenario);
    } else {
        real_scenario_tell("vow-chaos run", &error);
    }
    free(run);
    return status;
}
