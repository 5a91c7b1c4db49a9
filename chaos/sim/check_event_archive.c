/*
 * I28, of the archive that an outbox may have: an event is there once, and not before its participant has heard that it
 * is kept. What has gone from the outbox is there: the newest so many, and of each key none is missing behind one that
 * is there. But a full disk has no room for an archive, and then the row goes all the same (F055).
 */
#include <string.h>

#include "chaos/sim/check.h"
#include "chaos/sim/news.h"

#define I28(...) judge_fail(judge, sight, "I28", NULL, __VA_ARGS__)

static void check_row(struct sim_judge *judge, const struct sim_sight *sight, uint32_t number)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    const struct sim_dump_outbox *row = &store->archive[number];
    const struct diary_event *event = sim_diary_find(&judge->diary, row->tag);
    uint32_t thing;

    if (event == NULL || event->acknowledged == 0 || event->is_in_outbox)
        I28("event %llu of %s is in the archive, and it was not acknowledged", (unsigned long long)row->key_seq,
            row->key);
    else if (!sim_thing_of(row->key, &thing) || thing != event->thing || row->key_seq != event->number ||
             strcmp(row->topic, event->topic) != 0)
        I28("event %llu of thing %u is in the archive as another one", (unsigned long long)event->number, event->thing);
    for (uint32_t i = 0; i < number; i++) {
        if (store->archive[i].tag == row->tag)
            I28("event %llu of %s is twice in the archive", (unsigned long long)row->key_seq, row->key);
    }
}

/* An earlier one of its key is there. */
static bool is_passed_over(const struct sim_judge *judge, const struct sim_dump_store *store,
                           const struct diary_event *event)
{
    for (uint32_t i = 0; i < store->archive_len; i++) {
        const struct diary_event *other = sim_diary_find(&judge->diary, store->archive[i].tag);

        if (other != NULL && other->thing == event->thing && other->number < event->number)
            return true;
    }
    return false;
}

static void check_missing(struct sim_judge *judge, const struct sim_sight *sight, uint32_t archive_max)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;

    for (const struct diary_event *event = judge->diary.events; event != NULL; event = event->next) {
        if (event->node != sight->node || !event->is_told || event->is_in_outbox || event->is_in_archive)
            continue;
        if (store->archive_len < archive_max || is_passed_over(judge, store, event))
            I28("event %llu of thing %u has gone from the outbox, and is not in the archive",
                (unsigned long long)event->number, event->thing);
    }
}

void check_event_archive(struct sim_judge *judge, const struct sim_sight *sight)
{
    uint32_t archive_max;

    if (!judge->diary.is_on || sight->kind != SIM_SEEN_DISK || sight->disk.dump->is_journal ||
        !sight->disk.dump->is_readable || !sight->disk.dump->store.has_news ||
        sim_diary_is_harmed(&judge->diary, sight->node) || judge_is_node_excused(judge, sight->node))
        return;
    archive_max = judge->diary.archive_max[sight->node];
    if (sight->disk.dump->store.archive_len > archive_max)
        I28("%u events are in the archive, and there is room for %u", sight->disk.dump->store.archive_len, archive_max);
    for (uint32_t i = 0; i < sight->disk.dump->store.archive_len; i++)
        check_row(judge, sight, i);
    if (archive_max != 0 && !judge->diary.was_full[sight->node])
        check_missing(judge, sight, archive_max);
}
