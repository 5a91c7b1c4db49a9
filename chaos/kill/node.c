#include "chaos/kill/node.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/lines.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/probe.h"
#include "proto/assert.h"

/* The only one that changes the state. */
static void move(struct real_node *node, enum real_node_event event)
{
    const enum real_node_state to = real_node_edge(node->state, event);

    VOW_ASSERT(to != REAL_NODE_STATES);
    node->state = to;
}

static bool can(const struct real_node *node, enum real_node_event event)
{
    return real_node_edge(node->state, event) != REAL_NODE_STATES;
}

/* By its descriptor: never another process that got its number. */
static bool send_signal(struct real_node *node, enum real_node_event event, int number)
{
    if (!can(node, event) || pidfd_send_signal(node->child.pidfd, number, NULL, 0) != 0)
        return false;
    move(node, event);
    node->was_told = node->was_told || number == SIGTERM || number == SIGKILL;
    return true;
}

/* --- How a life ended --- */

/* Among NAME or NAME@N, with commas between them. */
static bool has_point(const char *points, const char *name)
{
    const size_t len = strlen(name);

    for (const char *at = points; at != NULL; at = strchr(at, ','), at += at != NULL)
        if (strncmp(at, name, len) == 0 && strcspn(at, "@,") == len)
            return true;
    return false;
}

/* "PID NAME"; false if it is not of this process. */
static bool read_note(const char *path, pid_t pid, char name[64])
{
    char note[128] = "", wanted[32];
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    const bool is_read = fgets(note, sizeof(note), file) != NULL;
    (void)fclose(file);
    const int len = snprintf(wanted, sizeof(wanted), "%ld ", (long)pid);
    if (!is_read || strncmp(note, wanted, (size_t)len) != 0 || strchr(note, '\n') == NULL)
        return false;
    (void)snprintf(name, 64, "%.*s", (int)strcspn(note + len, "\n"), note + len);
    return true;
}

/* Only a crash point leaves the note: a signal alone may be a failed assertion, or the kernel's for want of memory. */
static bool is_point(struct real_node *node, pid_t pid)
{
    char name[64] = "";

    if (node->point == NULL || node->note == NULL || !WIFSIGNALED(node->status) || !read_note(node->note, pid, name) ||
        !has_point(node->point, name))
        return false;
    memcpy(node->died_at, name, sizeof(name));
    return true;
}

uint32_t real_node_status(const struct real_node *node)
{
    return (uint32_t)(WIFSIGNALED(node->status) ? 128 + WTERMSIG(node->status) : WEXITSTATUS(node->status));
}

static void describe(struct real_node *node)
{
    const int status = node->status;

    if (node->is_overdue)
        (void)snprintf(node->why, sizeof(node->why), "did not end within its time after SIGTERM");
    else if (WIFSIGNALED(status))
        (void)snprintf(node->why, sizeof(node->why), "ended by signal %d (%s)%s", WTERMSIG(status),
                       strsignal(WTERMSIG(status)), node->was_told ? "" : " that the harness did not send");
    else
        (void)snprintf(node->why, sizeof(node->why), "ended with status %d%s", WEXITSTATUS(status),
                       node->was_told ? " when it was told to end" : "");
}

static enum real_ending judge(struct real_node *node, enum real_node_state state, pid_t pid)
{
    const int status = node->status;

    describe(node);
    if (is_point(node, pid))
        return REAL_ENDED_AT_POINT;
    if (node->ends_itself && (WIFEXITED(status) || state != REAL_NODE_DYING))
        return REAL_ENDED_ITSELF;
    if (state == REAL_NODE_DYING && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return node->is_overdue ? REAL_ENDED_BADLY : REAL_ENDED_BY_US;
    if (state == REAL_NODE_ENDING && real_node_status(node) == node->exit_status)
        return REAL_ENDED_BY_US;
    return REAL_ENDED_BADLY;
}

/* --- A life --- */

static void drop(struct real_node *node)
{
    real_probe_free(node->probe);
    node->probe = NULL; /* the last lines make nothing ready any more */
    real_timer_free(node->end_timer);
    if (node->exit_event != NULL)
        event_free(node->exit_event);
    real_lines_free(node->out);
    real_lines_free(node->err);
    node->end_timer = NULL;
    node->exit_event = NULL;
    node->out = node->err = NULL;
}

static void on_exit_seen(evutil_socket_t fd, short what, void *ctx)
{
    struct real_node *node = ctx;
    const enum real_node_state state = node->state;
    const pid_t pid = node->child.pid;

    (void)fd;
    (void)what;
    node->status = real_reap(&node->child);
    const enum real_ending ending = judge(node, state, pid);
    move(node, REAL_NODE_ON_EXIT);
    drop(node); /* with its last lines */
    node->watcher.ended(node->watcher.ctx, node, ending);
}

static void get_ready(void *ctx)
{
    struct real_node *node = ctx;

    if (!can(node, REAL_NODE_ON_GOT_READY))
        return; /* it ends: it was ready too late to count */
    move(node, REAL_NODE_ON_GOT_READY);
    real_probe_stop(node->probe);
    node->watcher.ready(node->watcher.ctx, node);
}

static void be_late(void *ctx)
{
    struct real_node *node = ctx;

    if (node->state == REAL_NODE_STARTING)
        node->watcher.late(node->watcher.ctx, node);
}

static void on_line(void *ctx, const char *line)
{
    struct real_node *node = ctx;

    node->watcher.line(node->watcher.ctx, node, line);
    if (node->probe != NULL)
        real_probe_line(node->probe, line);
}

static int spawn(struct real_node *node, const char *point)
{
    const char *variables[2 * REAL_NODE_VARIABLES_MAX + 7] = {
        "VOW_CRASH_AT", point, "VOW_CRASH_NOTE", point != NULL ? node->note : NULL, "VOW_CRASH_MET", node->met};
    size_t len = 6;

    for (const char *const *pair = node->variables; pair != NULL && *pair != NULL; pair += 2) {
        VOW_ASSERT(len + 3 <= sizeof(variables) / sizeof(variables[0]));
        variables[len++] = pair[0];
        variables[len++] = pair[1];
    }
    variables[len] = NULL;
    const struct real_command command = {.argv = node->argv,
                                         .directory = node->directory,
                                         .variables = variables,
                                         .enter = node->enter,
                                         .enter_ctx = node->enter_ctx};
    return real_spawn(&command, &node->child);
}

int real_node_start(struct real_node *node, const char *point)
{
    VOW_ASSERT(can(node, REAL_NODE_ON_SPAWN));
    struct real_probe *probe = real_probe_new(node->base, &node->ready, node->directory, get_ready, be_late, node);
    if (node->note != NULL)
        (void)unlink(node->note);
    const int error = spawn(node, point);
    if (error != 0) {
        real_probe_free(probe);
        return error;
    }
    move(node, REAL_NODE_ON_SPAWN);
    node->lives++;
    node->life_us = real_clock_us();
    node->point = point;
    node->was_told = node->is_overdue = false;
    node->why[0] = node->died_at[0] = '\0';
    node->out = real_lines_new(node->base, node->child.out, "out", node->log, node->zero_us, on_line, node);
    node->err = real_lines_new(node->base, node->child.err, "err", node->log, node->zero_us, on_line, node);
    node->exit_event = real_need(event_new(node->base, node->child.pidfd, EV_READ, on_exit_seen, node));
    (void)event_add(node->exit_event, NULL);
    node->probe = probe;
    return 0;
}

bool real_node_kill(struct real_node *node)
{
    return send_signal(node, REAL_NODE_ON_KILL, SIGKILL);
}

bool real_node_pause(struct real_node *node)
{
    if (!send_signal(node, REAL_NODE_ON_PAUSE, SIGSTOP))
        return false;
    real_probe_hold(node->probe);
    return true;
}

bool real_node_resume(struct real_node *node)
{
    if (!send_signal(node, REAL_NODE_ON_RESUME, SIGCONT))
        return false;
    real_probe_go_on(node->probe);
    return true;
}

static void on_end_late(void *ctx)
{
    struct real_node *node = ctx;

    node->is_overdue = real_node_kill(node);
}

bool real_node_term(struct real_node *node)
{
    if (!send_signal(node, REAL_NODE_ON_TERM, SIGTERM))
        return false;
    node->end_timer = real_timer_new(node->base, on_end_late, node);
    real_timer_set(node->end_timer, node->end_ms);
    return true;
}

void real_node_init(struct real_node *node)
{
    node->state = REAL_NODE_DOWN;
    node->child = (struct real_child){.pidfd = -1};
}

static void hear_nothing(void *ctx, struct real_node *node, const char *line)
{
    (void)ctx;
    (void)node;
    (void)line;
}

void real_node_deinit(struct real_node *node)
{
    if (node->state != REAL_NODE_DOWN) {
        node->watcher.line = hear_nothing;
        (void)pidfd_send_signal(node->child.pidfd, SIGKILL, NULL, 0);
        (void)real_reap(&node->child);
        node->state = REAL_NODE_DOWN;
    }
    drop(node);
}
