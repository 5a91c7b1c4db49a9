/* What a disk adds to the diary, and what it takes back. */
#include <string.h>

#include "chaos/sim/diary_private.h"
#include "chaos/sim/news.h"

static void read_store(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    struct diary_event *event;

    for (event = diary->events; event != NULL; event = event->next) {
        if (event->node == sight->node)
            event->is_told = event->is_in_outbox = event->is_in_archive = false;
    }
    for (uint32_t i = 0; i < store->told_len; i++) {
        diary_change(diary, sight->node, &store->told[i], sight->seq);
        sim_diary_find(diary, store->told[i].tag)->is_told = true;
    }
    for (uint32_t i = 0; i < store->outbox_len; i++) {
        if ((event = sim_diary_find(diary, store->outbox[i].tag)) != NULL)
            event->is_in_outbox = true;
    }
    for (uint32_t i = 0; i < store->archive_len; i++) {
        if ((event = sim_diary_find(diary, store->archive[i].tag)) != NULL)
            event->is_in_archive = true;
    }
    for (uint32_t i = 0; i < store->heard_len; i++) {
        struct diary_share *share =
            diary_share_at(diary, diary->book->nodes[sight->node].coord, store->heard[i].group, store->heard[i].offset);

        if (share != NULL)
            diary_first(&share->heard, sight->seq);
    }
}

/* At most one event of a key is on its way, so the newest number of a key says which was kept after all. */
static void read_newest(struct sim_diary *diary, const struct sim_dump_newest *newest, const struct sim_sight *sight)
{
    uint32_t thing;

    if (!sim_thing_of(newest->key, &thing))
        return;
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        /* A disk that had forgotten it gives the same name to another one. */
        if (sim_diary_is_harmed(diary, event->node))
            continue;
        if (event->coord == sight->node && (event->kept == 0 || event->lsn != newest->lsn) && event->left != 0 &&
            event->thing == thing && event->number == newest->key_seq &&
            memcmp(event->db_uuid, newest->db_uuid, VOW_DB_UUID_BYTES) == 0)
            diary_raise_key(diary, diary_keep(diary, event, newest->lsn, sight->seq), newest->key_seq);
    }
}

static void read_dead(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct sim_dump_journal *journal = &sight->disk.dump->journal;

    for (uint32_t i = 0; i < journal->dead_len; i++) {
        struct diary_share *share = diary_share_at(diary, sight->node, journal->dead[i].group, journal->dead[i].lsn);

        if (share == NULL)
            continue;
        diary_first(&share->dead, sight->seq);
        if (journal->dead[i].is_retried)
            diary_first(&share->revived, sight->seq);
        share->is_on_disk = share->is_letter = true;
        share->is_going = journal->dead[i].is_retried;
    }
    diary->dead_len[sight->node] = journal->dead_len;
}

static uint64_t last_lsn(const struct sim_sight *sight)
{
    const struct sim_dump_journal *journal = &sight->disk.dump->journal;

    return journal->events_len > 0 ? journal->events[journal->events_len - 1].lsn : 0;
}

/* A SEEK whose record was refused for a sync that failed may be found all the same (F105). */
static void read_group(struct diary_group *group, uint64_t cursor, const struct sim_sight *sight)
{
    diary_first(&group->known, sight->seq);
    group->is_gone = false; /* that was in the page cache alone */
    group->is_on_disk = true;
    if (cursor == group->tried && cursor <= group->seek && cursor > group->passed && cursor <= last_lsn(sight))
        group->passed = cursor;
}

static void read_journal(struct sim_diary *diary, const struct sim_sight *sight)
{
    const struct sim_dump_journal *journal = &sight->disk.dump->journal;
    struct diary_event *event;

    for (event = diary->events; event != NULL; event = event->next) {
        if (event->coord != sight->node)
            continue;
        event->is_in_log = false;
        for (struct diary_share *share = event->shares; share != NULL; share = share->next)
            share->is_on_disk = share->is_letter = share->is_going = false;
    }
    for (uint32_t i = 0; i < journal->newest_len; i++)
        read_newest(diary, &journal->newest[i], sight);
    for (uint32_t i = 0; i < journal->events_len; i++) {
        if (journal->events[i].kind == VOW_RECORD_EVENT &&
            (event = sim_diary_at(diary, sight->node, journal->events[i].lsn)) != NULL)
            event->is_in_log = true;
    }
    for (struct diary_group *group = diary->groups; group != NULL; group = group->next)
        group->is_on_disk &= group->coord != sight->node;
    for (uint32_t i = 0; i < journal->groups_len; i++) {
        struct diary_group *group = sim_diary_group(diary, sight->node, journal->groups[i].name);

        if (group != NULL)
            read_group(group, journal->groups[i].cursor, sight);
    }
    /* What was on its way when it crashed. */
    for (struct diary_group *group = diary->groups; group != NULL; group = group->next) {
        if (group->coord == sight->node && !group->is_on_disk && group->remove_ordered != 0 && group->known != 0 &&
            !group->is_gone)
            diary_leave(diary, group, sight->seq);
    }
    read_dead(diary, sight);
}

void sim_diary_read(struct sim_diary *diary, const struct sim_sight *sight)
{
    if (!diary->is_on || sight->node >= diary->book->nodes_len)
        return;
    if (sight->disk.dump->is_journal)
        read_journal(diary, sight);
    else if (sight->disk.dump->store.has_news)
        read_store(diary, sight);
}

/* Of a local transaction the newest may go with a power cut, before anybody was told. */
static void take_change_back(struct diary_event *event)
{
    if (event->became_true != 0 && !event->is_told && event->left == 0 && event->kept == 0)
        event->became_true = 0;
}

/* A start that came to nothing has promised nothing: the record was in the page cache alone. */
static void take_record_back(struct sim_diary *diary, struct diary_event *event)
{
    struct diary_key *key;

    if (event->kept == 0 || event->is_kept_sure || event->is_in_log)
        return;
    event->kept = 0;
    key = sim_diary_key(diary, event->node, event->db_uuid, event->thing);
    if (key != NULL && key->newest_lsn == event->lsn) {
        key->newest = event->newest_before;
        key->newest_lsn = event->newest_lsn_before;
    }
}

void sim_diary_settle(struct sim_diary *diary, const struct sim_sight *sight)
{
    if (!diary->is_on)
        return;
    for (struct diary_event *event = diary->events; event != NULL; event = event->next) {
        if (!sight->disk.dump->is_journal && sight->disk.dump->store.has_news && event->node == sight->node)
            take_change_back(event);
        if (sight->disk.dump->is_journal && event->coord == sight->node)
            take_record_back(diary, event);
    }
}
