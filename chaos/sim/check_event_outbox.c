/*
 * I25: a change and the event that tells of it are durable together, or neither is. Of each change on a participant's
 * disk the event waits in the outbox, or the coordinator keeps it; of each event in the outbox the change is there, and
 * its number is that of the change; the counter of a key stands at the newest change of its thing. What a branch has
 * promised to publish is neither there nor told before it commits, and goes with it. Nothing is published, or kept, of
 * which the change was not committed; and what was published no power cut takes back.
 */
#include <string.h>

#include "chaos/sim/check.h"
#include "chaos/sim/news.h"

#define I25(...) judge_fail(judge, sight, "I25", NULL, __VA_ARGS__)

/* ---- on a disk ---- */

static void check_told(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_told *told)
{
    const struct diary_event *event = sim_diary_find(&judge->diary, told->tag);

    if (!event->is_in_outbox && event->kept == 0)
        I25("change %llu of thing %u is there, and its event neither in the outbox nor kept by the coordinator",
            (unsigned long long)told->number, told->thing);
}

static void check_waiting(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_outbox *row)
{
    const struct diary_event *event = sim_diary_find(&judge->diary, row->tag);
    uint32_t thing;

    if (event == NULL || !event->is_told)
        I25("event %llu of %s is in the outbox, and its change is not there", (unsigned long long)row->key_seq,
            row->key);
    else if (!sim_thing_of(row->key, &thing) || thing != event->thing || strcmp(row->topic, event->topic) != 0)
        I25("the event of change %llu of thing %u is of %s, %s", (unsigned long long)event->number, event->thing,
            row->key, row->topic);
    else if (row->key_seq != event->number)
        I25("change %llu of thing %u is told with the number %llu", (unsigned long long)event->number, event->thing,
            (unsigned long long)row->key_seq);
}

static uint64_t newest_change(const struct sim_dump_store *store, uint32_t thing)
{
    uint64_t newest = 0;

    for (uint32_t i = 0; i < store->told_len; i++) {
        if (store->told[i].thing == thing && store->told[i].number > newest)
            newest = store->told[i].number;
    }
    return newest;
}

static void check_counter(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_counter *row)
{
    uint32_t thing;

    if (sim_thing_of(row->key, &thing) && row->last != newest_change(&sight->disk.dump->store, thing))
        I25("the counter of %s stands at %llu, and its newest change is %llu", row->key, (unsigned long long)row->last,
            (unsigned long long)newest_change(&sight->disk.dump->store, thing));
}

static bool is_prepared(const struct sim_dump_store *store, const struct sim_dump_promise *promise)
{
    for (uint32_t i = 0; i < store->branches_len; i++) {
        const struct sim_dump_branch *branch = &store->branches[i];

        if (vow_gtrid_equal(&branch->gtrid, &promise->gtrid) && branch->branch == promise->branch)
            return branch->state == SIM_BRANCH_PREPARED;
    }
    return false;
}

static void check_promise(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_promise *row)
{
    const struct diary_event *event = sim_diary_find(&judge->diary, row->tag);

    if (!is_prepared(&sight->disk.dump->store, row))
        judge_fail(judge, sight, "I25", &row->gtrid,
                   "what it has promised to publish is there, and no prepared branch");
    else if (event != NULL && (event->is_told || event->is_in_outbox))
        judge_fail(judge, sight, "I25", &row->gtrid, "its event is there before it commits");
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;

    for (uint32_t i = 0; i < store->told_len; i++)
        check_told(judge, sight, &store->told[i]);
    for (uint32_t i = 0; i < store->outbox_len; i++)
        check_waiting(judge, sight, &store->outbox[i]);
    for (uint32_t i = 0; i < store->counters_len; i++)
        check_counter(judge, sight, &store->counters[i]);
    for (uint32_t i = 0; i < store->promises_len; i++)
        check_promise(judge, sight, &store->promises[i]);
    for (const struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
        if (event->node == sight->node && event->became_true != 0 && event->left != 0 && !event->is_told)
            I25("change %llu of thing %u was published, and is not there", (unsigned long long)event->number,
                event->thing);
    }
}

/* ---- on its way ---- */

static void check_way(struct sim_judge *judge, const struct sim_sight *sight, const struct vow_msg_event *said)
{
    const struct diary_event *event = sim_diary_find(&judge->diary, sim_event_tag(said));
    const uint8_t source = sim_book_named(&judge->book, said->source);

    if (sim_diary_is_harmed(&judge->diary, source) || judge_is_node_excused(judge, source))
        return;
    if (event == NULL || event->became_true == 0)
        I25("event %llu of %s is on its way, and its change was not committed", (unsigned long long)said->key_seq,
            said->key);
    else if (event->number != said->key_seq)
        I25("change %llu of thing %u is published with the number %llu", (unsigned long long)event->number,
            event->thing, (unsigned long long)said->key_seq);
    else if (!sim_news_has_headers(event->tag, said->headers, said->headers_len))
        I25("change %llu of thing %u is published with other headers", (unsigned long long)event->number, event->thing);
}

void check_event_outbox(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!judge->diary.is_on)
        return;
    if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_PUBLISH)
        check_way(judge, sight, &sight->message.msg->publish.event);
    else if (sight->kind == SIM_SEEN_LOG_ASKED && sight->log.event != NULL)
        check_way(judge, sight, sight->log.event);
    else if (sight->kind == SIM_SEEN_DISK && !sight->disk.dump->is_journal && sight->disk.dump->is_readable &&
             sight->disk.dump->store.has_news && !sim_diary_is_harmed(&judge->diary, sight->node))
        check_disk(judge, sight);
}
