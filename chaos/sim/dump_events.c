/* What there is of events on the disk of a node (dump.h). */
#include <string.h>

#include "chaos/sim/dump_private.h"
#include "chaos/sim/news.h"

static const char *read_text(struct dump_reading *reader, sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    const size_t len = text != NULL ? strlen(text) : 0;
    char *copy = dump_take(reader->dump, len + 1);

    if (len > 0)
        memcpy(copy, text, len + 1);
    return copy;
}

static void read_uuid(sqlite3_stmt *row, int column, uint8_t uuid[VOW_DB_UUID_BYTES])
{
    const void *bytes = sqlite3_column_blob(row, column);

    if (bytes != NULL && sqlite3_column_bytes(row, column) == VOW_DB_UUID_BYTES)
        memcpy(uuid, bytes, VOW_DB_UUID_BYTES);
}

static uint64_t read_tag(sqlite3_stmt *row, int column)
{
    const void *bytes = sqlite3_column_blob(row, column);
    struct sim_news news = {.tag = 0};

    if (bytes != NULL)
        (void)sim_news_decode(bytes, (size_t)sqlite3_column_bytes(row, column), &news);
    return news.tag;
}

static uint64_t read_u64(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

/* ---- a coordinator ---- */

static void read_newest(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_newest *newest = item;

    read_uuid(row, 0, newest->db_uuid);
    newest->key = read_text(reader, row, 1);
    newest->key_seq = read_u64(row, 2);
    newest->lsn = read_u64(row, 3);
}

static void read_group(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_group *group = item;

    group->name = read_text(reader, row, 0);
    group->participant = read_text(reader, row, 1);
    group->cursor = read_u64(row, 2);
}

static void read_dead(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_dead *dead = item;

    dead->lsn = read_u64(row, 0);
    dead->group = read_text(reader, row, 1);
    dead->attempts = (uint32_t)read_u64(row, 2);
    dead->is_retried = read_u64(row, 3) != 0;
}

void dump_read_relay(struct dump_reading *reader)
{
    struct sim_dump_journal *journal = &reader->dump->journal;

    journal->newest = dump_read_all(reader, "SELECT db_uuid, key, key_seq, lsn FROM relay_key ORDER BY db_uuid, key",
                                    sizeof(struct sim_dump_newest), read_newest, &journal->newest_len);
    journal->groups = dump_read_all(reader, "SELECT name, participant, cursor FROM relay_group ORDER BY name",
                                    sizeof(struct sim_dump_group), read_group, &journal->groups_len);
    journal->dead = dump_read_all(reader,
                                  "SELECT lsn, name, attempts, retried FROM relay_dead"
                                  " WHERE retried <> 2 ORDER BY lsn, name",
                                  sizeof(struct sim_dump_dead), read_dead, &journal->dead_len);
}

/* ---- a participant ---- */

static void read_told(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_told *told = item;

    told->tag = read_u64(row, 0);
    told->thing = (uint32_t)read_u64(row, 1);
    told->number = read_u64(row, 2);
    told->topic = read_text(reader, row, 3);
}

static void read_heard(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_heard *heard = item;

    heard->group = read_text(reader, row, 0);
    read_uuid(row, 1, heard->db_uuid);
    heard->key = read_text(reader, row, 2);
    heard->key_seq = read_u64(row, 3);
    heard->tag = read_u64(row, 4);
    heard->offset = read_u64(row, 5);
}

static void read_outbox(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_outbox *outbox = item;

    outbox->key = read_text(reader, row, 0);
    outbox->key_seq = read_u64(row, 1);
    outbox->topic = read_text(reader, row, 2);
    outbox->tag = read_tag(row, 3);
}

static void read_counter(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_counter *counter = item;

    counter->key = read_text(reader, row, 0);
    counter->last = read_u64(row, 1);
}

static void read_promise(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_promise *promise = item;

    dump_copy_gtrid(row, 0, &promise->gtrid);
    promise->branch = (uint32_t)read_u64(row, 1);
    promise->key = read_text(reader, row, 2);
    promise->tag = read_tag(row, 3);
}

static void read_inbox(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_inbox *inbox = item;

    inbox->group = read_text(reader, row, 0);
    read_uuid(row, 1, inbox->db_uuid);
    inbox->key = read_text(reader, row, 2);
    inbox->key_seq = read_u64(row, 3);
    inbox->offset = read_u64(row, 4);
}

static void read_known(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_known *known = item;

    known->group = read_text(reader, row, 0);
    known->first = read_u64(row, 1) * 8 * sizeof(known->bits);
    if (sqlite3_column_bytes(row, 2) == (int)sizeof(known->bits))
        memcpy(known->bits, sqlite3_column_blob(row, 2), sizeof(known->bits));
}

static void read_floor(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_floor *floor = item;

    floor->group = read_text(reader, row, 0);
    floor->floor = read_u64(row, 1);
}

static void read_rows(struct dump_reading *reader, struct sim_dump_store *store)
{
    store->told = dump_read_all(reader, "SELECT tag, thing, number, topic FROM told ORDER BY thing, number",
                                sizeof(struct sim_dump_told), read_told, &store->told_len);
    store->heard = dump_read_all(reader, "SELECT grp, source, key, key_seq, tag, event_offset FROM heard ORDER BY id",
                                 sizeof(struct sim_dump_heard), read_heard, &store->heard_len);
}

void dump_read_news(struct dump_reading *reader)
{
    struct sim_dump_store *store = &reader->dump->store;

    store->has_news = sim_reader_statement(reader->from, "SELECT id FROM heard") != NULL;
    if (!store->has_news)
        return;
    read_rows(reader, store);
    store->outbox = dump_read_all(reader, "SELECT agg_key, agg_seq, topic, payload FROM vow_outbox ORDER BY seq",
                                  sizeof(struct sim_dump_outbox), read_outbox, &store->outbox_len);
    store->counters = dump_read_all(reader, "SELECT agg_key, last FROM vow_outbox_key ORDER BY agg_key",
                                    sizeof(struct sim_dump_counter), read_counter, &store->counters_len);
    store->promises =
        dump_read_all(reader, "SELECT gtrid, branch, agg_key, payload FROM vow_branch_event ORDER BY gtrid, branch, n",
                      sizeof(struct sim_dump_promise), read_promise, &store->promises_len);
    store->inbox = dump_read_all(
        reader,
        "SELECT grp, source, agg_key, agg_seq, event_offset FROM vow_inbox ORDER BY grp, source, agg_key, agg_seq",
        sizeof(struct sim_dump_inbox), read_inbox, &store->inbox_len);
    store->known = dump_read_all(reader, "SELECT grp, block, bits FROM vow_inbox_known ORDER BY grp, block",
                                 sizeof(struct sim_dump_known), read_known, &store->known_len);
    store->floors = dump_read_all(reader, "SELECT grp, floor FROM vow_inbox_floor ORDER BY grp",
                                  sizeof(struct sim_dump_floor), read_floor, &store->floors_len);
    /* If one is wanted. */
    if (sim_reader_statement(reader->from, "SELECT n FROM vow_outbox_archive") != NULL)
        store->archive =
            dump_read_all(reader, "SELECT agg_key, agg_seq, topic, payload FROM vow_outbox_archive ORDER BY n",
                          sizeof(struct sim_dump_outbox), read_outbox, &store->archive_len);
}
