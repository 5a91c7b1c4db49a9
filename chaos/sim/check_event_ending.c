/*
 * I26: at least once. Nothing is delivered but what is durably kept, as it is, to the participant whose group it is,
 * and which asks for that topic, key and headers; and after the bound, where participant and coordinator are healed:
 * each change that became true has its event kept, and each event is done by each group that asked for it, or is a dead
 * letter. A group that is paused, because there is no room for more dead letters, still owes what waits.
 */
#include "chaos/sim/check.h"
#include "chaos/sim/news.h"

#define I26(...) judge_fail(judge, sight, "I26", NULL, __VA_ARGS__)

static bool is_healed(const struct sim_judge *judge, uint8_t node)
{
    return node < judge->book.nodes_len && (judge->book.healed_nodes & sim_bit(node)) != 0 &&
           !sim_diary_is_harmed(&judge->diary, node) && !judge_is_node_excused(judge, node);
}

static void check_delivery(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_deliver *said = &sight->message.msg->deliver;
    const struct diary_event *event = sim_diary_at(&judge->diary, sight->node, said->offset);
    const struct diary_group *group = sim_diary_group(&judge->diary, sight->node, said->group);
    const uint8_t source = sim_book_named(&judge->book, said->event.source);

    if (sim_diary_is_harmed(&judge->diary, sight->node) || sim_diary_is_harmed(&judge->diary, source))
        return;
    if (event == NULL || event->kept == 0)
        I26("offset %llu is delivered to %s, and no durable event is there", (unsigned long long)said->offset,
            said->group);
    else if (event->tag != sim_event_tag(&said->event) || event->number != said->event.key_seq ||
             !sim_news_has_headers(event->tag, said->event.headers, said->event.headers_len))
        I26("event %llu of thing %u is delivered to %s as another one", (unsigned long long)event->number, event->thing,
            said->group);
    else if (group == NULL || group->known == 0 || group->node != sight->peer)
        I26("%s is delivered to somebody who has not subscribed", said->group);
    else if (!sim_event_is_asked_for(event, group))
        I26("event %llu of thing %u is delivered to %s, which does not ask for it", (unsigned long long)event->number,
            event->thing, said->group);
}

static void check_groups(struct sim_judge *judge, const struct sim_sight *sight, struct diary_event *event)
{
    for (struct diary_group *group = judge->diary.groups; group != NULL; group = group->next) {
        const struct diary_share *share;

        if (!is_healed(judge, group->node) || group->is_paused || !sim_event_is_owed(event, group))
            continue;
        share = sim_event_share(&judge->diary, event, group);
        if (share->heard == 0 && share->dead == 0)
            I26("event %llu of thing %u has not reached %s, and nothing is in its way",
                (unsigned long long)event->number, event->thing, group->name);
    }
}

/* What a group that nobody can help has not done, or dead letters, may take up all room: PUBLISH is busy (F205). */
static bool is_blocked(const struct sim_judge *judge, uint8_t coord)
{
    for (const struct diary_group *group = judge->diary.groups; group != NULL; group = group->next) {
        if (group->coord == coord && (group->is_paused || !is_healed(judge, group->node)))
            return true;
    }
    return false;
}

void check_event_ending(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!judge->diary.is_on)
        return;
    if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_DELIVER)
        check_delivery(judge, sight);
    for (struct diary_event *event = sight->kind == SIM_SEEN_ENDED ? judge->diary.events : NULL; event != NULL;
         event = event->next) {
        if (!is_healed(judge, event->coord))
            continue;
        if (is_healed(judge, event->node) && event->became_true != 0 && event->kept == 0 &&
            !is_blocked(judge, event->coord))
            I26("event %llu of thing %u is not kept, and nothing is in its way", (unsigned long long)event->number,
                event->thing);
        if (event->kept != 0)
            check_groups(judge, sight, event);
    }
}
