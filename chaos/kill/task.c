/* Commands that are run to their end: of the setup, and of checks. */
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/run.h"

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
    run->task_held = real_node_status(node) == node->exit_status;
}

static bool has_ended(struct real_run *run)
{
    return real_node_is(&run->task.node, REAL_NODE_DOWN);
}

/* Its time is over: it does not hold, and ends. */
static void end(struct real_run *run)
{
    struct real_node *node = &run->task.node;

    (void)real_node_kill(node);
    (void)real_wait(run, has_ended, 10000);
    (void)snprintf(node->why, sizeof(node->why), "did not end within its time");
    run->task_held = false;
}

bool real_task_run(struct real_run *run, uint64_t until_us)
{
    const uint64_t now_us = real_clock_us();

    run->task_held = false;
    run->task_error = real_node_start(&run->task.node, NULL);
    if (run->task_error != 0)
        (void)snprintf(run->task.node.why, sizeof(run->task.node.why), "could not be started: %s",
                       strerror(run->task_error));
    else if (!real_wait(run, has_ended, until_us > now_us ? (until_us - now_us) / 1000 : 0))
        end(run);
    return run->task_held;
}

int real_task_open(struct real_run *run, const struct real_check *task, const char *name)
{
    struct real_member *member = &run->task;
    struct real_node_plan *plan = &run->task_plan;

    (void)snprintf(run->task_name, sizeof(run->task_name), "%s", name);
    *plan = (struct real_node_plan){.name.text = run->task_name, .place = task->place, .command = task->command};
    plan->exit_status = task->exit_status;
    if (real_member_prepare(run, member, plan) != 0 || real_member_write_out(run, member) != 0) {
        real_member_close(member);
        return -1;
    }
    member->node.ends_itself = true;
    member->node.index = REAL_NOBODY;
    member->node.ready.within_ms = task->within_ms;
    member->node.watcher = (struct real_watcher){on_ready, on_ready, on_ended, on_line, run};
    return 0;
}

/* --- The setup --- */

static bool set_up(struct real_run *run, const struct real_check *command, const char *name)
{
    if (real_task_open(run, command, name) != 0) {
        real_record_say(&run->record, REAL_MOMENT_INVALID, name, "could not be started");
        return false;
    }
    const bool is_done = real_task_run(run, real_clock_us() + command->within_ms * 1000);
    const char *why = run->task.node.why;
    if (is_done)
        real_record_say(&run->record, REAL_MOMENT_ENDED, name, "%s (line %u)", why, command->place.line);
    else
        real_record_say(&run->record, REAL_MOMENT_INVALID, name, "%s, not %u (line %u); see %s/logs/%s.log", why,
                        command->exit_status, command->place.line, run->out, name);
    real_member_close(&run->task);
    return is_done;
}

/* A run whose setup has failed has proved nothing. */
bool real_setup(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->setup_len; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "setup-%zu", i + 1);
        if (run->is_interrupted || !set_up(run, &run->scenario->setup[i], name))
            return false;
    }
    return true;
}
