/*
 * I29: attempts and dead letters are bounded. No attempt is beyond what its group has asked for, or the default of 10,
 * and each follows one that was sent (F029).
 * A dead letter has had that many, or its consumer has said that it is unable: no event is given up before. There are
 * never more dead letters than the coordinator has room for, in what is durable and on its disk: a group that has one
 * more is paused (F207), and I28 says that nothing of it is lost.
 */
#include "chaos/sim/check.h"

#define DEFAULT_ATTEMPTS_MAX 10u
#define I29(...) judge_fail(judge, sight, "I29", NULL, __VA_ARGS__)

static uint32_t attempts_max(const struct diary_group *group)
{
    return group->attempts_max != 0 ? group->attempts_max : DEFAULT_ATTEMPTS_MAX;
}

static void check_attempt(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_deliver *said = &sight->message.msg->deliver;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, said->offset);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, said->group);

    if (group != NULL && said->attempt > attempts_max(group))
        I29("offset %llu is delivered to %s for the %uth time", (unsigned long long)said->offset, said->group,
            said->attempt);
    if (group != NULL && event != NULL && said->attempt > sim_event_share(&judge->diary, event, group)->attempt + 1)
        I29("attempt %u of offset %llu is sent to %s, and the one before was not", said->attempt,
            (unsigned long long)said->offset, said->group);
}

static void check_burial(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, record->relay.lsn);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, record->who);

    if (event == NULL || group == NULL)
        return;
    if (record->relay.attempts < attempts_max(group) && sim_event_share(&judge->diary, event, group)->unable == 0)
        I29("%s gives up event %llu of thing %u after %u attempts", group->name, (unsigned long long)event->number,
            event->thing, record->relay.attempts);
}

/* It was one before, and an operator wanted it tried again. */
static bool is_letter(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, record->relay.lsn);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, record->who);

    return event == NULL || group == NULL || sim_event_share(&judge->diary, event, group)->is_letter;
}

void check_event_bounds(struct sim_judge *judge, const struct sim_sight *sight)
{
    const uint32_t room = sight->node < SIM_NODES_MAX ? judge->diary.dead_max[sight->node] : 0;
    const bool is_burial = (sight->kind == SIM_SEEN_LOG_ASKED || sight->kind == SIM_SEEN_LOG_DURABLE) &&
                           sight->log.record->kind == VOW_RECORD_DEAD;

    if (!judge->diary.is_on || sim_diary_is_harmed(&judge->diary, sight->node))
        return;
    if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_DELIVER)
        check_attempt(judge, sight);
    if (is_burial && sight->kind == SIM_SEEN_LOG_ASKED)
        check_burial(judge, sight);
    if (is_burial && sight->kind == SIM_SEEN_LOG_DURABLE && judge->diary.dead_len[sight->node] >= room &&
        !is_letter(judge, sight))
        I29("a dead letter more than the %u that there is room for", room);
    if (sight->kind == SIM_SEEN_DISK && sight->disk.dump->is_journal && sight->disk.dump->journal.dead_len > room)
        I29("%u dead letters are there, and there is room for %u", sight->disk.dump->journal.dead_len, room);
}
