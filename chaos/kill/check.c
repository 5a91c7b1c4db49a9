/* What must hold: nothing is in doubt, and every command of the scenario says so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/directory.h"
#include "chaos/kill/doubt.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"

#define LOOK_MS 100

static bool never(struct real_run *run)
{
    (void)run;
    return false;
}

static void tell(struct real_run *run, const char *name, bool holds, const char *why)
{
    real_record_say(&run->record, REAL_MOMENT_CHECK, NULL, "%s: %s%s%s", name, holds ? "holds" : "does not hold",
                    why[0] != '\0' ? ": " : "", why);
    if (!holds)
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, NULL, "%s%s%s", name, why[0] != '\0' ? ": " : "", why);
    (void)json_array_append_new(run->checks, json_pack("{s:s, s:b, s:s}", "name", name, "held", holds, "why", why));
}

/* --- Nothing in doubt --- */

static bool is_settled(struct real_run *run, char why[160])
{
    struct real_doubt doubt = {0};
    char path[REAL_FILE_SIZE];

    why[0] = '\0';
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        const struct real_words *databases = &run->scenario->nodes[i].databases;
        for (size_t j = 0; j < databases->len; j++) {
            (void)snprintf(path, sizeof(path), "%s/%s", run->members[i].directory, databases->of[j].text);
            if (real_doubt_count(path, &doubt, why) != 0)
                return false;
        }
    }
    if (doubt.branches != 0 || doubt.locks != 0)
        (void)snprintf(why, 160, "%lld prepared branches, %lld locks", (long long)doubt.branches,
                       (long long)doubt.locks);
    return why[0] == '\0';
}

static bool has_databases(const struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (run->scenario->nodes[i].databases.len > 0)
            return true;
    return false;
}

static void check_doubt(struct real_run *run, const char *name, uint64_t within_ms)
{
    const uint64_t until_us = real_clock_us() + within_ms * 1000;
    char why[160];

    if (!has_databases(run))
        return;
    while (!is_settled(run, why) && real_clock_us() < until_us && !run->is_interrupted)
        (void)real_wait(run, never, LOOK_MS);
    tell(run, name, why[0] == '\0', why);
}

/* --- Commands --- */

static void on_ready(void *ctx, struct real_node *node)
{
    (void)ctx;
    (void)node;
}

static void on_line(void *ctx, struct real_node *node, const char *line)
{
    (void)ctx;
    (void)node;
    (void)line;
}

static void on_ended(void *ctx, struct real_node *node, enum real_ending ending)
{
    struct real_run *run = ctx;

    (void)ending;
    run->check_held = real_node_status(node) == node->exit_status;
}

static bool has_ended(struct real_run *run)
{
    return real_node_is(&run->check.node, REAL_NODE_DOWN);
}

/* Its time is over: it does not hold, and ends. */
static void end_check(struct real_run *run)
{
    struct real_node *node = &run->check.node;

    (void)real_node_kill(node);
    (void)real_wait(run, has_ended, 10000);
    (void)snprintf(node->why, sizeof(node->why), "did not end within its time");
    run->check_held = false;
}

static void run_once(struct real_run *run, uint64_t until_us)
{
    const uint64_t now_us = real_clock_us();
    const int error = real_node_start(&run->check.node, NULL);

    run->check_held = false;
    if (error != 0)
        (void)snprintf(run->check.node.why, sizeof(run->check.node.why), "could not be started: %s", strerror(error));
    else if (!real_wait(run, has_ended, until_us > now_us ? (until_us - now_us) / 1000 : 0))
        end_check(run);
}

static int prepare(struct real_run *run, const struct real_check *check, struct real_node_plan *plan, char name[24])
{
    struct real_member *member = &run->check;

    (void)snprintf(name, 24, "check-%zu", (size_t)(check - run->scenario->checks) + 1);
    *plan = (struct real_node_plan){.name.text = name, .place = check->place, .command = check->command};
    plan->exit_status = check->exit_status;
    if (real_member_prepare(run, member, plan) != 0 || real_member_write_out(run, member) != 0)
        return -1;
    member->node.ends_itself = true;
    member->node.index = REAL_NOBODY;
    member->node.ready.within_ms = check->within_ms;
    member->node.watcher = (struct real_watcher){on_ready, on_ready, on_ended, on_line, run};
    return 0;
}

static void run_check(struct real_run *run, const struct real_check *check)
{
    const uint64_t until_us = real_clock_us() + check->within_ms * 1000;
    struct real_node_plan *plan = real_need(calloc(1, sizeof(*plan)));
    char name[24];

    if (prepare(run, check, plan, name) == 0) {
        run_once(run, until_us);
        while (check->is_serving && !run->check_held && real_clock_us() < until_us && !run->is_interrupted) {
            (void)real_wait(run, never, LOOK_MS);
            run_once(run, until_us);
        }
        tell(run, check->name.text, run->check_held, run->check_held ? "" : run->check.node.why);
    } else {
        tell(run, check->name.text, false, "could not be started");
    }
    real_member_close(&run->check);
    free(plan);
}

static void run_checks(struct real_run *run, bool is_serving)
{
    for (size_t i = 0; i < run->scenario->checks_len && !run->is_interrupted; i++)
        if (run->scenario->checks[i].is_serving == is_serving)
            run_check(run, &run->scenario->checks[i]);
}

void real_checks_serving(struct real_run *run)
{
    check_doubt(run, "nothing is in doubt any more", run->scenario->settle_ms);
    run_checks(run, true);
}

void real_checks_ended(struct real_run *run)
{
    check_doubt(run, "nothing was left in doubt", 0);
    run_checks(run, false);
}
