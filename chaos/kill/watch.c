/* What happens to nodes and to loads, as the timeline tells it and as faults wait for it. */
#include "chaos/kill/run.h"

static struct real_member *member_of(struct real_run *run, const struct real_node *node)
{
    return node->index >= REAL_LOAD ? &run->loads[node->index - REAL_LOAD] : &run->members[node->index];
}

static void on_ready(void *ctx, struct real_node *node)
{
    struct real_run *run = ctx;
    const bool is_again = node->lives > 1;

    if (node->index >= REAL_LOAD)
        return;
    real_record_say(&run->record, REAL_MOMENT_READY, node->name, "life %u serves", node->lives);
    if (is_again)
        real_deeds_event(run, REAL_READY, node->index, NULL);
}

/* At the first start the run has proved nothing yet; later on, a node that does not come back is what must not be. */
static void on_late(void *ctx, struct real_node *node)
{
    struct real_run *run = ctx;

    member_of(run, node)->was_late = true;
    real_record_say(&run->record, REAL_MOMENT_LATE, node->name, "life %u is not ready within its time", node->lives);
    if (node->lives > 1 && !run->is_interrupted)
        real_record_say(&run->record, REAL_MOMENT_VIOLATED, node->name, "did not get ready again within its time");
}

/* A node that dies before all have served is a scenario that cannot run, and says nothing of what it is to show. */
static void tell_end(struct real_run *run, struct real_node *node, enum real_ending ending)
{
    switch (ending) {
    case REAL_ENDED_BY_US:
    case REAL_ENDED_ITSELF:
        real_record_say(&run->record, REAL_MOMENT_ENDED, node->name, "life %u %s", node->lives, node->why);
        break;
    case REAL_ENDED_AT_POINT:
        run->points_met++;
        real_record_say(&run->record, REAL_MOMENT_CRASHED, node->name, "life %u died at its crash point%s%s",
                        node->lives, run->storm != NULL ? " " : "", run->storm != NULL ? node->died_at : "");
        break;
    case REAL_ENDED_BADLY:
        real_record_say(&run->record, REAL_MOMENT_DIED, node->name, "life %u %s", node->lives, node->why);
        real_record_say(&run->record,
                        run->has_begun && !run->is_interrupted ? REAL_MOMENT_VIOLATED : REAL_MOMENT_INVALID, node->name,
                        "%s", node->why);
        break;
    }
}

/* A start that waited for this end. And once the load has ended, whoever comes to its crash point so late is brought
 * back like all others: the verdict is of what is left when all faults are over. */
static void start_again(struct real_run *run, struct real_member *member, enum real_ending ending)
{
    const bool is_late_crash = ending == REAL_ENDED_AT_POINT && run->has_begun && !run->is_loading;

    if (run->is_interrupted || (!member->starts_again && !is_late_crash))
        return;
    (void)real_member_start(run, member, member->starts_again ? member->next_point : NULL);
    member->starts_again = false;
}

/* It ended of a fault inside of it, as it is to. */
static bool is_awaited(struct real_member *member, enum real_ending ending)
{
    const bool is = ending == REAL_ENDED_BADLY && member->is_awaited && !member->node.was_told &&
                    real_node_status(&member->node) == member->awaited;

    member->is_awaited = member->is_awaited && !is;
    return is;
}

static void on_ended(void *ctx, struct real_node *node, enum real_ending ending)
{
    struct real_run *run = ctx;
    struct real_member *member = member_of(run, node);

    tell_end(run, node, is_awaited(member, ending) ? REAL_ENDED_ITSELF : ending);
    if (node->index >= REAL_LOAD)
        return;
    real_storm_ended(run, member, ending); /* before a next life: that one has not died anywhere yet */
    start_again(run, member, ending);
    real_deeds_event(run, REAL_DIED, node->index, NULL);
}

static void on_line(void *ctx, struct real_node *node, const char *line)
{
    if (node->index >= REAL_LOAD)
        real_work_line(member_of(ctx, node), line);
    real_deeds_event(ctx, REAL_SAYS, node->index, line);
}

struct real_watcher real_watch(struct real_run *run)
{
    return (struct real_watcher){.ready = on_ready, .late = on_late, .ended = on_ended, .line = on_line, .ctx = run};
}
