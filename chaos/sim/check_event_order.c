/*
 * I27, S7: of one key everything is in the order in which it became true. A coordinator keeps the numbers of a key from
 * 1, each once and none passed over (F204); but when it may have forgotten the key it takes what comes once more. It
 * delivers an event to a group for the first time when each earlier one of its key that the group asked for was
 * answered with DONE, is durably a dead letter, or was passed over by a seek; and no group does an event behind a later
 * one of its key, unless it was a dead letter that an operator has revived. Such a letter goes before each later one of
 * its key, in whatever order the operator has revived them.
 */
#include <string.h>

#include "chaos/sim/check.h"
#include "chaos/sim/news.h"

#define I27(...) judge_fail(judge, sight, "I27", NULL, __VA_ARGS__)

static bool is_left_out(const struct sim_judge *judge, uint8_t node)
{
    return sim_diary_is_harmed(&judge->diary, node) || judge_is_node_excused(judge, node);
}

static void check_kept(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_event *said = sight->log.event;
    const uint8_t source = sim_book_named(&judge->book, said->source);
    const struct diary_key *key;
    uint32_t thing;

    if (is_left_out(judge, source) || is_left_out(judge, sight->node) || !sim_thing_of(said->key, &thing))
        return;
    key = sim_diary_key(&judge->diary, source, said->db_uuid, thing);
    if (key != NULL && said->key_seq <= key->newest && sim_diary_may_forget(&judge->diary, key))
        return;
    if (said->key_seq != (key != NULL ? key->newest : 0) + 1)
        I27("event %llu of %s of %s is kept behind %llu", (unsigned long long)said->key_seq, said->key, said->source,
            (unsigned long long)(key != NULL ? key->newest : 0));
    else if (key != NULL && sight->log.lsn <= key->newest_lsn)
        I27("event %llu of %s of %s is kept before the one before it", (unsigned long long)said->key_seq, said->key,
            said->source);
}

static bool is_same_key(const struct diary_event *a, const struct diary_event *b)
{
    return a->node == b->node && a->thing == b->thing && memcmp(a->db_uuid, b->db_uuid, VOW_DB_UUID_BYTES) == 0;
}

/* What was kept once more comes behind what was kept before that, whatever its number. */
static bool is_earlier(const struct diary_event *a, const struct diary_event *b)
{
    return is_same_key(a, b) && a->number < b->number && a->lsn < b->lsn;
}

/* At most one is in flight: who is sent now is the first. */
static void check_letters(struct sim_judge *judge, const struct sim_sight *sight, const struct diary_event *event,
                          struct diary_group *group)
{
    for (struct diary_event *before = judge->diary.events; before != NULL; before = before->next) {
        if (is_earlier(before, event) && before->kept != 0 && sim_event_share(&judge->diary, before, group)->is_going)
            I27("event %llu of thing %u is delivered to %s before event %llu, which an operator has revived",
                (unsigned long long)event->number, event->thing, group->name, (unsigned long long)before->number);
    }
}

static void check_delivery(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_deliver *said = &sight->message.msg->deliver;
    struct diary_event *event = sim_diary_at(&judge->diary, sight->node, said->offset);
    struct diary_group *group = sim_diary_group(&judge->diary, sight->node, said->group);
    const struct diary_share *share;

    if (event == NULL || group == NULL || is_left_out(judge, event->node) || is_left_out(judge, sight->node))
        return;
    check_letters(judge, sight, event, group);
    share = sim_event_share(&judge->diary, event, group);
    if (share->sent != 0 || share->heard != 0 || sim_share_is_over(share))
        return;
    for (struct diary_event *before = judge->diary.events; before != NULL; before = before->next) {
        if (is_earlier(before, event) && sim_event_is_owed(before, group) &&
            !sim_share_is_over(sim_event_share(&judge->diary, before, group)))
            I27("event %llu of thing %u is delivered to %s, and event %llu is not done",
                (unsigned long long)event->number, event->thing, group->name, (unsigned long long)before->number);
    }
}

static void check_done(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_seen_event *seen = &sight->store.event;
    const uint8_t coord = judge->book.nodes[sight->node].coord;
    struct diary_event *event = sim_diary_at(&judge->diary, coord, seen->offset);
    struct diary_group *group = sim_diary_group(&judge->diary, coord, seen->group);
    const struct diary_share *share;

    if (event == NULL || group == NULL || !seen->has_run || seen->result != VOW_EVENT_DONE)
        return;
    if (is_left_out(judge, event->node) || is_left_out(judge, sight->node) || is_left_out(judge, coord))
        return;
    share = sim_event_share(&judge->diary, event, group);
    /* Given up, or passed over by a SEEK, from which another one came back; or left to a group that was made anew. */
    if (share->dead != 0 || share->dropped != 0 || event->lsn <= group->passed || event->kept < group->left)
        return;
    for (struct diary_event *later = judge->diary.events; later != NULL; later = later->next) {
        if (is_earlier(event, later) && sim_event_share(&judge->diary, later, group)->heard != 0)
            I27("%s does event %llu of thing %u, and has done event %llu", group->name,
                (unsigned long long)event->number, event->thing, (unsigned long long)later->number);
    }
}

void check_event_order(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!judge->diary.is_on)
        return;
    if (sight->kind == SIM_SEEN_LOG_DURABLE && sight->log.event != NULL)
        check_kept(judge, sight);
    else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_DELIVER)
        check_delivery(judge, sight);
    else if (sight->kind == SIM_SEEN_STORE_DONE && sight->store.op == VOW_STORE_EVENT &&
             sight->store.result == VOW_STORE_DONE)
        check_done(judge, sight);
}
