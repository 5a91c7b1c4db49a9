/*
 * I28: no event is lost. PUBLISHED says that an event is kept only when that is durable, and a participant deletes it
 * from its outbox only then (B58). A cursor says that everything up to it was done, or is a dead letter. An event that
 * a group has not done, or has buried, is on the coordinator's disk at each start, and so is the dead letter, until an
 * operator drops it, or it was done after all; nothing is retried or dropped without an order, and what was dropped is
 * not delivered again, over restarts neither, unless the group goes back. No group is removed without an order; then it
 * is owed nothing any more, and one that comes under its name is a new one, which has done what it had done.
 *
 * So, per group: what is kept is what is done, and what waits, and the dead letters.
 */
#include <string.h>

#include "chaos/sim/check.h"

#define I28(...) judge_fail(judge, sight, "I28", NULL, __VA_ARGS__)

/* ---- from the outbox to the journal ---- */

static bool is_kept(const struct sim_judge *judge, uint8_t node, const char *key, uint64_t key_seq)
{
    const struct diary_event *event = sim_diary_named(&judge->diary, node, key, key_seq);

    return event != NULL && event->kept != 0;
}

static void check_published(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_published *said = &sight->message.msg->published;

    if (said->error == 0 && !sim_diary_is_harmed(&judge->diary, sight->peer) &&
        !is_kept(judge, sight->peer, said->key, said->key_seq))
        I28("event %llu of %s is said to be kept, and that is not durable", (unsigned long long)said->key_seq,
            said->key);
}

static void check_deleted(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sim_diary_is_harmed(&judge->diary, sight->node))
        return;
    for (uint32_t i = 0; i < sight->store.rows_len; i++) {
        const struct sim_seen_row *row = &sight->store.rows[i];

        if (!is_kept(judge, sight->node, row->key, row->key_seq))
            I28("event %llu of %s goes from the outbox, and nobody keeps it", (unsigned long long)row->key_seq,
                row->key);
    }
}

/* ---- to the groups ---- */

/* Somebody has to have it yet. */
static bool is_missing(struct sim_judge *judge, struct diary_event *event, struct diary_group *group)
{
    return sim_event_is_owed(event, group) && !sim_share_is_over(sim_event_share(&judge->diary, event, group));
}

static void check_cursor(struct sim_judge *judge, const struct sim_sight *sight, struct diary_group *group,
                         uint64_t cursor)
{
    for (struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
        if (event->lsn <= cursor && !sim_diary_is_harmed(&judge->diary, event->node) && is_missing(judge, event, group))
            I28("the cursor of %s is behind event %llu of thing %u, which it has not done", group->name,
                (unsigned long long)event->number, event->thing);
    }
}

static void check_revived(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, record->relay.lsn);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, record->who);
    const struct diary_share *share;

    if (event == NULL || group == NULL)
        return;
    share = sim_event_share(&judge->diary, event, group);
    if (record->detail == VOW_REVIVAL_DROP && share->drop_ordered == 0)
        I28("a dead letter of %s is dropped, and nobody has ordered it", group->name);
    else if (record->detail == VOW_REVIVAL_RETRY && share->retry_ordered == 0)
        I28("a dead letter of %s is tried again, and nobody has ordered it", group->name);
    else if (record->detail == VOW_REVIVAL_DONE && share->answered == 0)
        I28("a dead letter of %s is said to be done, and its participant has not said so", group->name);
}

static void check_record(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, record->who);

    if (group != NULL && record->kind == VOW_RECORD_CURSOR)
        check_cursor(judge, sight, group, record->relay.lsn);
    else if (record->kind == VOW_RECORD_REVIVED)
        check_revived(judge, sight);
    else if (group != NULL && record->kind == VOW_RECORD_REMOVED && group->remove_ordered == 0)
        I28("%s is removed, and nobody has ordered it", group->name);
}

/* What an operator has given up comes again only if the group goes back. */
static void check_given_up(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_deliver *said = &sight->message.msg->deliver;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, said->offset);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, said->group);
    const struct diary_share *share;

    if (event == NULL || group == NULL)
        return;
    share = sim_event_share(&judge->diary, event, group);
    if (share->dropped != 0 && group->sought == 0)
        I28("event %llu of thing %u was dropped, and is delivered to %s", (unsigned long long)event->number,
            event->thing, group->name);
}

/* ---- on the coordinator's disk ---- */

static void check_share(struct sim_judge *judge, const struct sim_sight *sight, const struct diary_event *event,
                        const struct diary_share *share)
{
    const bool is_buried = share->dead != 0 && share->answered == 0 && share->dropped == 0 &&
                           share->drop_ordered == 0 && !share->group->is_gone;

    if (is_buried && !share->is_on_disk)
        I28("the dead letter of %s, event %llu of thing %u, is gone", share->group->name,
            (unsigned long long)event->number, event->thing);
    if (is_buried && !event->is_in_log)
        I28("event %llu of thing %u is cut off, and is a dead letter of %s", (unsigned long long)event->number,
            event->thing, share->group->name);
}

static uint64_t cursor_of(const struct sim_dump_journal *journal, const char *name)
{
    for (uint32_t i = 0; i < journal->groups_len; i++) {
        if (strcmp(journal->groups[i].name, name) == 0)
            return journal->groups[i].cursor;
    }
    return 0;
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    for (struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
        for (const struct diary_share *share = event->coord == sight->node ? event->shares : NULL; share != NULL;
             share = share->next)
            check_share(judge, sight, event, share);
    }
    for (struct diary_group *group = judge->diary.groups; group != NULL; group = group->next) {
        if (group->coord != sight->node)
            continue;
        check_cursor(judge, sight, group, cursor_of(&sight->disk.dump->journal, group->name));
        for (struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
            if (event->is_kept_sure && !event->is_in_log && !sim_diary_is_harmed(&judge->diary, event->node) &&
                is_missing(judge, event, group))
                I28("event %llu of thing %u is cut off, and %s has not done it", (unsigned long long)event->number,
                    event->thing, group->name);
        }
    }
}

void check_event_loss(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!judge->diary.is_on || sim_diary_is_harmed(&judge->diary, sight->node) ||
        judge_is_node_excused(judge, sight->node))
        return;
    if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_PUBLISHED)
        check_published(judge, sight);
    else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_DELIVER)
        check_given_up(judge, sight);
    else if (sight->kind == SIM_SEEN_STORE_ASKED && sight->store.op == VOW_STORE_OUTBOX_DONE)
        check_deleted(judge, sight);
    else if (sight->kind == SIM_SEEN_LOG_ASKED && vow_record_is_relay(sight->log.record->kind))
        check_record(judge, sight);
    else if (sight->kind == SIM_SEEN_DISK && sight->disk.dump->is_journal && sight->disk.dump->is_readable)
        check_disk(judge, sight);
}
