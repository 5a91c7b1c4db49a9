/* The timeline: each fault at its time, and whether it really happened. */
#include <string.h>
#include <sys/wait.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/directory.h"
#include "chaos/kill/run.h"

/* --- What is done to one node --- */

static bool is_down(const struct real_member *member)
{
    return real_node_is(&member->node, REAL_NODE_DOWN);
}

static void backup_path(const struct real_run *run, const struct real_member *member, char path[REAL_FILE_SIZE])
{
    (void)snprintf(path, REAL_FILE_SIZE, "%s/backups/%s", run->out, member->plan->name.text);
}

/* All its files as of one moment: it stands still meanwhile, as under a snapshot of the file system. */
static bool backup(struct real_run *run, struct real_member *member)
{
    char path[REAL_FILE_SIZE];
    siginfo_t about;
    const bool stands_still = real_node_pause(&member->node);

    if (!stands_still && !is_down(member) && !real_node_is(&member->node, REAL_NODE_PAUSED))
        return false;
    if (stands_still)
        (void)waitid(P_PID, (id_t)member->node.child.pid, &about, WSTOPPED | WEXITED | WNOWAIT);
    backup_path(run, member, path);
    const int error = real_directory_copy(member->directory, path);
    if (stands_still)
        (void)real_node_resume(&member->node);
    return error == 0;
}

static bool restore(struct real_run *run, struct real_member *member)
{
    char path[REAL_FILE_SIZE];

    backup_path(run, member, path);
    return is_down(member) && real_directory_is_free(path) != 0 && real_directory_copy(path, member->directory) == 0;
}

/* One that is about to end is started when its end has been seen: how long that takes is not the scenario's. */
static bool start(struct real_run *run, struct real_member *member, const char *point)
{
    const bool ends = real_node_is(&member->node, REAL_NODE_DYING) || real_node_is(&member->node, REAL_NODE_ENDING);

    if (ends && !member->starts_again) {
        member->starts_again = true;
        member->next_point = point;
        return true;
    }
    if (!is_down(member))
        return false;
    real_member_start(run, member, point);
    return !is_down(member);
}

static bool restart(struct real_run *run, struct real_member *member)
{
    return real_node_term(&member->node) && start(run, member, NULL);
}

static bool act(struct real_run *run, const struct real_fault *fault, struct real_member *member)
{
    switch (fault->action) {
    case REAL_KILL:
        return real_node_kill(&member->node);
    case REAL_PAUSE:
        return real_node_pause(&member->node);
    case REAL_RESUME:
        return real_node_resume(&member->node);
    case REAL_TERM:
        return real_node_term(&member->node);
    case REAL_START:
        return start(run, member, fault->crash_at.text);
    case REAL_RESTART:
        return restart(run, member);
    case REAL_BACKUP:
        return backup(run, member);
    case REAL_RESTORE:
        return restore(run, member);
    case REAL_WIPE:
        return is_down(member) && real_directory_empty(member->directory) == 0;
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
    return false;
}

/* --- One fault --- */

static void arm(struct real_deed *deed)
{
    deed->is_armed = true;
    real_timer_set(deed->timer, deed->fault->delay_ms);
}

static void do_to_node(struct real_deed *deed, uint32_t index)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    struct real_member *member = &run->members[index];
    const enum real_node_state state = member->node.state;

    if (act(run, fault, member)) {
        real_record_say(&run->record, REAL_MOMENT_FAULT, member->node.name, "%s (line %u)",
                        real_action_key(fault->action), fault->place.line);
        return;
    }
    deed->is_hit = false;
    real_record_say(&run->record, REAL_MOMENT_MISSED, member->node.name, "%s (line %u) finds it %s",
                    real_action_key(fault->action), fault->place.line, real_node_state_text(state));
}

/* Whether it hits is not known before something comes along the link. */
static void do_to_link(struct real_deed *deed, size_t target)
{
    struct real_run *run = deed->run;
    const struct real_fault *fault = deed->fault;
    const uint32_t index = fault->targets[target];

    deed->hits_before[target] = real_link_hits(run, fault, index);
    real_record_say(&run->record, REAL_MOMENT_FAULT, run->links[index].plan->name.text, "%s (line %u)",
                    real_action_key(fault->action), fault->place.line);
    real_link_act(run, fault, index);
}

static void carry_out(struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    deed->is_done = deed->is_hit = true;
    deed->done_us = real_clock_us() - deed->run->zero_us;
    for (size_t i = 0; i < fault->targets_len; i++) {
        if (real_action_is_of_links(fault->action))
            do_to_link(deed, i);
        else
            do_to_node(deed, fault->targets[i]);
    }
}

static void on_timer(void *ctx)
{
    struct real_deed *deed = ctx;
    struct real_run *run = deed->run;
    const size_t next = (size_t)(deed - run->deeds) + 1;

    if (!run->is_loading || deed->is_done)
        return;
    carry_out(deed);
    if (next < run->scenario->faults_len && run->deeds[next].fault->trigger == REAL_THEN)
        arm(&run->deeds[next]);
}

/* --- The timeline --- */

void real_deeds_begin(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        *deed = (struct real_deed){.fault = &run->scenario->faults[i], .run = run};
        deed->timer = real_timer_new(run->base, on_timer, deed);
        if (deed->fault->trigger == REAL_AT)
            arm(deed);
    }
    run->is_loading = true;
}

void real_deeds_event(struct real_run *run, enum real_trigger trigger, uint32_t member, const char *line)
{
    for (size_t i = 0; run->is_loading && i < run->scenario->faults_len; i++) {
        struct real_deed *deed = &run->deeds[i];
        const struct real_fault *fault = deed->fault;
        if (deed->is_armed || fault->trigger != trigger || fault->of_node != member)
            continue;
        if (line != NULL && strstr(line, fault->text.text) == NULL)
            continue;
        if (++deed->events == fault->times)
            arm(deed);
    }
}

static void count_links(struct real_run *run, struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    if (!deed->is_done || !real_action_is_of_links(fault->action) || !real_action_is_harm(fault->action))
        return;
    for (size_t i = 0; i < fault->targets_len; i++)
        if (real_link_hits(run, fault, fault->targets[i]) == deed->hits_before[i])
            deed->is_hit = false;
}

static const char *why_missed(const struct real_deed *deed)
{
    if (!deed->is_done)
        return "did not happen before the load ended";
    return real_action_is_of_links(deed->fault->action) ? "met nothing on its link" : "found its node in another state";
}

/* What was planned and has not hit makes the run worth less than it says (I31). What only helps may come too late. */
static void judge(struct real_run *run, const struct real_deed *deed)
{
    const struct real_fault *fault = deed->fault;

    if (deed->is_hit || (!deed->is_done && !real_action_is_harm(fault->action)))
        return;
    real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "line %u: %s %s", fault->place.line,
                    real_action_key(fault->action), why_missed(deed));
}

void real_deeds_end(struct real_run *run)
{
    run->is_loading = false;
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        count_links(run, &run->deeds[i]);
        judge(run, &run->deeds[i]);
        real_timer_free(run->deeds[i].timer);
        run->deeds[i].timer = NULL;
    }
    if (run->points_met < run->points_armed)
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL,
                        "%u of %u crash points were not met; is it a build that has them (preset dev)?",
                        run->points_armed - run->points_met, run->points_armed);
}
