/* What a fault does to one node. */
#include <errno.h>
#include <sys/wait.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/run.h"

static bool is_down(const struct real_member *member)
{
    return real_node_is(&member->node, REAL_NODE_DOWN);
}

/* Whether there was an edge for it. */
static int fits(bool done)
{
    return done ? 0 : REAL_UNFIT;
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

int real_act(struct real_run *run, const struct real_fault *fault, struct real_member *member)
{
    switch (fault->action) {
    case REAL_KILL:
        return fits(real_node_kill(&member->node));
    case REAL_PAUSE:
        return fits(real_node_pause(&member->node));
    case REAL_RESUME:
        return fits(real_node_resume(&member->node));
    case REAL_TERM:
        return fits(real_node_term(&member->node));
    case REAL_START:
        return start(run, member, fault->crash_at.text);
    case REAL_RESTART:
        return restart(run, member);
    case REAL_BACKUP:
        return backup(run, member);
    case REAL_RESTORE:
        return restore(run, member);
    case REAL_WIPE:
        return wipe(member);
    case REAL_CUT:
    case REAL_BLACK_HOLE:
    case REAL_DELAY:
    case REAL_SLOW:
    case REAL_FLAP:
    case REAL_REFUSE:
    case REAL_RESET:
    case REAL_TEAR:
    case REAL_MEND:
    case REAL_ACTIONS:
        break; /* of links */
    }
    return REAL_UNFIT;
}
