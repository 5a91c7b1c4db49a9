/*
 * I24 for events: a group does each event once, and the inbox that says so is in one transaction with the effect. Of
 * each (group, data file, key, number) the handler runs to one durable end; on each disk there is one row of the
 * effect, with a row of the inbox beside, or its offset among those whose rows have gone, or the inbox has forgotten
 * events up to there and says so; what was durably
 * done is there after each start. DONE is sent only of that, and only of what the inbox knows without a run; and only
 * of what was done, or was a dead letter at some time, is said that it comes too late.
 */
#include <string.h>

#include "chaos/sim/check.h"

#define I24(...) judge_fail(judge, sight, "I24", NULL, __VA_ARGS__)

static struct diary_share *share_of(struct sim_judge *judge, uint8_t node, const char *name, uint64_t offset)
{
    const uint8_t coord = judge->book.nodes[node].coord;
    struct diary_event *event = sim_diary_at(&judge->diary, coord, offset);
    struct diary_group *group = sim_diary_group(&judge->diary, coord, name);

    if (sim_diary_is_harmed(&judge->diary, node) || sim_diary_is_harmed(&judge->diary, coord) ||
        judge_is_node_excused(judge, node))
        return NULL;
    /* Another event of the same name, from a disk that had forgotten the first. */
    if (event != NULL && sim_diary_is_harmed(&judge->diary, event->node))
        return NULL;
    return event != NULL && group != NULL && group->node == node ? sim_event_share(&judge->diary, event, group) : NULL;
}

static void check_done(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_seen_event *seen = &sight->store.event;
    const struct diary_share *share = share_of(judge, sight->node, seen->group, seen->offset);
    bool is_heard;

    if (share == NULL || sight->store.result != VOW_STORE_DONE || seen->result != VOW_EVENT_DONE)
        return;
    is_heard = sim_event_is_heard(
        &judge->diary, sim_diary_at(&judge->diary, judge->book.nodes[sight->node].coord, seen->offset), share->group);
    if (seen->has_run && is_heard)
        I24("%s does event %llu of %s again", seen->group, (unsigned long long)seen->key_seq, seen->key);
    if (!seen->has_run && !is_heard)
        I24("%s says of event %llu of %s that it is done, and it was not", seen->group,
            (unsigned long long)seen->key_seq, seen->key);
}

/* What the inbox has forgotten it had to know once. Where it knows few offsets a dead letter may be retried when that
 * is long over, and so may come what an earlier group of the name had not done. */
static void check_refused(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_seen_event *seen = &sight->store.event;
    const struct diary_share *share = share_of(judge, sight->node, seen->group, seen->offset);
    const struct diary_event *event = sim_diary_at(&judge->diary, judge->book.nodes[sight->node].coord, seen->offset);

    if (share == NULL || sight->store.result != VOW_STORE_REFUSED || sight->store.cause != VOW_CAUSE_TOO_LATE)
        return;
    if (sim_diary_forgets(&judge->diary, sight->node) && (share->dead != 0 || event->kept < share->group->left))
        return;
    if (share->heard == 0 && sim_event_is_owed(event, share->group))
        I24("%s refuses event %llu of %s as one that is too old, and has never done it", seen->group,
            (unsigned long long)seen->key_seq, seen->key);
}

static void check_word(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg_delivered *said = &sight->message.msg->delivered;
    const struct diary_share *share = share_of(judge, sight->node, said->group, said->offset);

    if (share != NULL && said->result == VOW_EVENT_DONE && share->heard == 0)
        I24("DONE is sent of offset %llu to %s, and that is not durable", (unsigned long long)said->offset,
            said->group);
}

/* ---- disks ---- */

static bool is_same(const struct sim_dump_heard *a, const struct sim_dump_heard *b)
{
    return a->key_seq == b->key_seq && strcmp(a->group, b->group) == 0 && strcmp(a->key, b->key) == 0 &&
           memcmp(a->db_uuid, b->db_uuid, VOW_DB_UUID_BYTES) == 0;
}

static bool is_known(const struct sim_dump_store *store, const struct sim_dump_heard *heard)
{
    for (uint32_t i = 0; i < store->known_len; i++) {
        const struct sim_dump_known *known = &store->known[i];
        const uint64_t at = heard->offset - known->first;

        if (strcmp(known->group, heard->group) == 0 && heard->offset >= known->first && at < 8 * sizeof(known->bits))
            return (known->bits[at / 8] >> at % 8 & 1) != 0;
    }
    return false;
}

static bool has_record(const struct sim_dump_store *store, const struct sim_dump_heard *heard)
{
    for (uint32_t i = 0; i < store->inbox_len; i++) {
        const struct sim_dump_inbox *row = &store->inbox[i];

        if (row->key_seq == heard->key_seq && strcmp(row->group, heard->group) == 0 &&
            strcmp(row->key, heard->key) == 0 && memcmp(row->db_uuid, heard->db_uuid, VOW_DB_UUID_BYTES) == 0)
            return true;
    }
    for (uint32_t i = 0; i < store->floors_len; i++) {
        if (strcmp(store->floors[i].group, heard->group) == 0 && store->floors[i].floor >= heard->offset)
            return true;
    }
    return is_known(store, heard);
}

static void check_heard(struct sim_judge *judge, const struct sim_sight *sight, uint32_t number)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    const struct sim_dump_heard *heard = &store->heard[number];

    for (uint32_t i = 0; i < number; i++) {
        if (is_same(&store->heard[i], heard))
            I24("%s has done event %llu of %s twice", heard->group, (unsigned long long)heard->key_seq, heard->key);
    }
    if (!has_record(store, heard))
        I24("%s has done event %llu of %s, and the inbox does not know it", heard->group,
            (unsigned long long)heard->key_seq, heard->key);
}

/* Kept at several offsets, it was done at one of them. */
static bool is_heard(const struct sim_dump_store *store, const struct diary_share *share, uint64_t tag)
{
    for (uint32_t i = 0; i < store->heard_len; i++) {
        if (store->heard[i].tag == tag && strcmp(store->heard[i].group, share->group->name) == 0)
            return true;
    }
    return false;
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;

    for (uint32_t i = 0; i < store->heard_len; i++)
        check_heard(judge, sight, i);
    for (struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
        for (const struct diary_share *share = event->shares; share != NULL; share = share->next) {
            if (sim_diary_is_harmed(&judge->diary, event->node))
                continue;
            if (share->group->node == sight->node && share->is_heard_sure && !is_heard(store, share, event->tag))
                I24("%s had durably done event %llu of thing %u, and it is not there", share->group->name,
                    (unsigned long long)event->number, event->thing);
        }
    }
}

void check_event_once(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!judge->diary.is_on)
        return;
    if (sight->kind == SIM_SEEN_STORE_DONE && sight->store.op == VOW_STORE_EVENT) {
        check_done(judge, sight);
        check_refused(judge, sight);
    } else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_DELIVERED)
        check_word(judge, sight);
    else if (sight->kind == SIM_SEEN_DISK && !sight->disk.dump->is_journal && sight->disk.dump->is_readable &&
             sight->disk.dump->store.has_news && !sim_diary_is_harmed(&judge->diary, sight->node) &&
             !sim_diary_is_harmed(&judge->diary, judge->book.nodes[sight->node].coord))
        check_disk(judge, sight);
}
