/* What a fault does to one node. */
#include <errno.h>
#include <sys/wait.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/run.h"

static bool is_down(const struct real_member *member)
{
    return real_node_is(&member->node, REAL_NODE_DOWN);
}

static void backup_path(const struct real_run *run, const struct real_member *member, char path[REAL_FILE_SIZE])
{
    (void)snprintf(path, REAL_FILE_SIZE, "%s/backups/%s", run->out, member->plan->name.text);
}

/* All its files as of one moment: it stands still meanwhile, as under a snapshot of the file system. */
static int backup(struct real_run *run, struct real_member *member)
{
    char path[REAL_FILE_SIZE];
    siginfo_t about;
    const bool stands_still = real_node_pause(&member->node);

    if (!stands_still && !is_down(member) && !real_node_is(&member->node, REAL_NODE_PAUSED))
        return REAL_UNFIT;
    if (stands_still)
        (void)waitid(P_PID, (id_t)member->node.child.pid, &about, WSTOPPED | WEXITED | WNOWAIT);
    backup_path(run, member, path);
    const int error = real_directory_copy(member->directory, path);
    if (stands_still)
        (void)real_node_resume(&member->node);
    return error;
}

static int restore(struct real_run *run, struct real_member *member)
{
    char path[REAL_FILE_SIZE];

    if (!is_down(member))
        return REAL_UNFIT;
    backup_path(run, member, path);
    return real_directory_is_free(path) == 0 ? ENOENT : real_directory_copy(path, member->directory);
}

static int wipe(const struct real_member *member)
{
    return is_down(member) ? real_directory_empty(member->directory) : REAL_UNFIT;
}

/* What it did before, its data do not know. */
static int replace(struct real_run *run, const struct real_fault *fault, struct real_member *member)
{
    const int error = fault->action == REAL_RESTORE ? restore(run, member) : wipe(member);

    if (error == 0)
        real_judge_replaced(run, member->node.name);
    return error;
}

/* One that is about to end is started when its end has been seen: how long that takes is not the scenario's. */
static int start(struct real_run *run, struct real_member *member, const char *point)
{
    const bool ends = real_node_is(&member->node, REAL_NODE_DYING) || real_node_is(&member->node, REAL_NODE_ENDING);

    if (ends && !member->starts_again) {
        member->starts_again = true;
        member->next_point = point;
        return 0;
    }
    if (!is_down(member))
        return REAL_UNFIT;
    return real_member_start(run, member, point);
}

static int restart(struct real_run *run, struct real_member *member)
{
    return real_node_term(&member->node) ? start(run, member, NULL) : REAL_UNFIT;
}

/* By a signal: NULL = not so. */
static bool (*signal_of(enum real_action action))(struct real_node *node)
{
    static const struct {
        enum real_action action;
        bool (*send)(struct real_node *node);
    } signals[] = {{REAL_KILL, real_node_kill},
                   {REAL_PAUSE, real_node_pause},
                   {REAL_RESUME, real_node_resume},
                   {REAL_TERM, real_node_term}};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (signals[i].action == action)
            return signals[i].send;
    return NULL;
}

int real_act(struct real_run *run, const struct real_fault *fault, struct real_member *member)
{
    bool (*const send)(struct real_node * node) = signal_of(fault->action);

    if (real_action_is_inside(fault->action))
        return real_inside_act(member, fault);
    if (send != NULL)
        return send(&member->node) ? 0 : REAL_UNFIT;
    if (fault->action == REAL_START)
        return start(run, member, fault->crash_at.text);
    if (fault->action == REAL_RESTART)
        return restart(run, member);
    if (fault->action == REAL_BACKUP)
        return backup(run, member);
    return fault->action == REAL_RESTORE || fault->action == REAL_WIPE ? replace(run, fault, member) : REAL_UNFIT;
}
