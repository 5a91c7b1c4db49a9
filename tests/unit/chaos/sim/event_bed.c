#include "event_bed.h"

#include "coordinator/core/record.h"

#define THING 1
#define KEY "t1"
#define TOPIC "order.placed"
#define GROUP "stock"

static const uint8_t uuid[VOW_DB_UUID_BYTES] = {1, 2, 3};

static uint64_t tag_of(uint64_t number)
{
    return 1000 + number;
}

static struct vow_msg_event make(uint64_t number, uint8_t payload[SIM_NEWS_BYTES])
{
    const struct sim_news news = {.tag = tag_of(number), .number = number};
    struct vow_msg_event event = {.topic = TOPIC, .key = KEY, .source = "p0", .key_seq = number, .version = 1};

    sim_news_encode(&news, payload);
    memcpy(event.db_uuid, uuid, sizeof(uuid));
    event.payload = (struct vow_slice){payload, SIM_NEWS_BYTES};
    return event;
}

/* ---- the coordinator's log ---- */

static void show_record(struct event_bed *events, enum sim_sight_kind kind, struct vow_record *record,
                        const struct vow_msg_event *event, const struct vow_msg_subscribe *subscribe)
{
    struct sim_sight sight = bed_sight(&events->bed, kind, C0);
    struct event_journal *journal = &events->journal;

    memset(&sight.gtrid, 0, sizeof(sight.gtrid));
    sight.log.record = record;
    sight.log.event = event;
    sight.log.subscribe = subscribe;
    sight.log.lsn = kind == SIM_SEEN_LOG_DURABLE ? ++events->bed.lsn : events->bed.lsn;
    if (kind == SIM_SEEN_LOG_DURABLE)
        journal->rows[journal->rows_len++] =
            (struct sim_dump_event){.lsn = events->bed.lsn, .kind = record->kind, .who = "", .is_chained = true};
    bed_show(&events->bed, &sight);
}

static void subscribe(struct event_bed *events, uint64_t cursor)
{
    static const char *const patterns[] = {"order.*"};
    const struct vow_msg_subscribe msg = {
        .group = GROUP, .patterns = patterns, .patterns_len = 1, .key_filter = "", .attempts_max = EVENT_ATTEMPTS_MAX};
    struct vow_record record = {.kind = VOW_RECORD_GROUP, .who = GROUP, .text = "p1", .relay = {.lsn = cursor}};

    show_record(events, SIM_SEEN_LOG_ASKED, &record, NULL, &msg);
    show_record(events, SIM_SEEN_LOG_DURABLE, &record, NULL, &msg);
    show_record(events, SIM_SEEN_LOG_DONE, &record, NULL, &msg);
    events->journal.group = (struct sim_dump_group){.name = GROUP, .participant = "p1", .cursor = cursor};
}

void event_begin(struct event_bed *events)
{
    memset(events, 0, sizeof(*events));
    bed_begin_events(&events->bed);
    subscribe(events, 0);
}

void event_end(struct event_bed *events)
{
    bed_end(&events->bed);
}

void event_log(struct event_bed *events, enum sim_sight_kind kind, uint64_t number)
{
    struct vow_record record = {.kind = VOW_RECORD_EVENT};
    uint8_t payload[SIM_NEWS_BYTES];
    const struct vow_msg_event event = make(number, payload);

    if (kind == SIM_SEEN_LOG_DURABLE) {
        events->lsns[number] = events->bed.lsn + 1;
        events->journal.newest = (struct sim_dump_newest){.key = KEY, .key_seq = number, .lsn = events->lsns[number]};
        memcpy(events->journal.newest.db_uuid, uuid, sizeof(uuid));
    }
    show_record(events, kind, &record, &event, NULL);
}

void event_logged(struct event_bed *events, enum vow_record_kind kind, uint64_t number, uint32_t detail)
{
    struct vow_record record = {.kind = kind, .who = GROUP, .detail = detail};

    record.relay.lsn = events->lsns[number];
    if (kind == VOW_RECORD_CURSOR)
        events->journal.group.cursor = record.relay.lsn;
    show_record(events, SIM_SEEN_LOG_ASKED, &record, NULL, NULL);
    show_record(events, SIM_SEEN_LOG_DURABLE, &record, NULL, NULL);
    show_record(events, SIM_SEEN_LOG_DONE, &record, NULL, NULL);
}

void event_bury(struct event_bed *events, uint64_t number, uint32_t attempts)
{
    struct vow_record record = {.kind = VOW_RECORD_DEAD, .who = GROUP};

    record.relay = (struct vow_record_relay){.lsn = events->lsns[number], .attempts = attempts};
    events->journal.dead[events->journal.dead_len++] =
        (struct sim_dump_dead){.group = GROUP, .lsn = record.relay.lsn, .attempts = attempts};
    show_record(events, SIM_SEEN_LOG_ASKED, &record, NULL, NULL);
    show_record(events, SIM_SEEN_LOG_DURABLE, &record, NULL, NULL);
    show_record(events, SIM_SEEN_LOG_DONE, &record, NULL, NULL);
}

void event_order(struct event_bed *events, enum vow_admin_command command, uint64_t number)
{
    struct sim_sight sight = bed_sight(&events->bed, SIM_SEEN_OPERATED, C0);

    sight.operated.dead = command;
    sight.operated.group = GROUP;
    sight.operated.offset = events->lsns[number];
    bed_show(&events->bed, &sight);
}

void event_move(struct event_bed *events, uint64_t after, uint64_t cursor)
{
    struct sim_sight sight = bed_sight(&events->bed, SIM_SEEN_OPERATED, C0);

    sight.operated.dead = VOW_ADMIN_GROUP_SEEK;
    sight.operated.group = GROUP;
    sight.operated.offset = after;
    bed_show(&events->bed, &sight);
    subscribe(events, cursor);
}

/* ---- from the change to the journal ---- */

void event_change(struct event_bed *events, uint64_t number)
{
    struct sim_sight sight = bed_sight(&events->bed, SIM_SEEN_BECAME_TRUE, P0);
    struct event_disk *disk = &events->disks[0];

    memset(&sight.gtrid, 0, sizeof(sight.gtrid));
    sight.news.tag = tag_of(number);
    sight.news.thing = THING;
    sight.news.number = number;
    sight.news.topic = TOPIC;
    disk->told[disk->told_len++] =
        (struct sim_dump_told){.tag = tag_of(number), .thing = THING, .number = number, .topic = TOPIC};
    disk->outbox[disk->outbox_len++] =
        (struct sim_dump_outbox){.key = KEY, .topic = TOPIC, .key_seq = number, .tag = tag_of(number)};
    disk->counter = (struct sim_dump_counter){.key = KEY, .last = number};
    bed_show(&events->bed, &sight);
}

void event_publish(struct event_bed *events, uint64_t number)
{
    uint8_t payload[SIM_NEWS_BYTES];
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISH, .publish = {.event = make(number, payload)}};

    bed_send(&events->bed, P0, C0, &msg);
}

void event_keep(struct event_bed *events, uint64_t number)
{
    event_log(events, SIM_SEEN_LOG_ASKED, number);
    event_log(events, SIM_SEEN_LOG_DURABLE, number);
    event_log(events, SIM_SEEN_LOG_DONE, number);
}

void event_published(struct event_bed *events, uint64_t number)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_PUBLISHED,
        .published = {.key = KEY, .key_seq = number, .offset = events->lsns[number], .text = ""}};

    bed_send(&events->bed, C0, P0, &msg);
}

void event_delete(struct event_bed *events, uint64_t number)
{
    const struct sim_seen_row row = {.key = KEY, .key_seq = number};
    struct event_disk *disk = &events->disks[0];

    for (int i = 0; i < 2; i++) {
        struct sim_sight sight = bed_sight(&events->bed, i == 0 ? SIM_SEEN_STORE_ASKED : SIM_SEEN_STORE_DONE, P0);

        memset(&sight.gtrid, 0, sizeof(sight.gtrid));
        sight.store.op = VOW_STORE_OUTBOX_DONE;
        sight.store.result = VOW_STORE_DONE;
        sight.store.rows = &row;
        sight.store.rows_len = 1;
        bed_show(&events->bed, &sight);
    }
    for (uint32_t i = 0, kept = 0; i < EVENT_ROWS_MAX && kept < disk->outbox_len; i++) {
        if (disk->outbox[i].key_seq != number)
            disk->outbox[kept++] = disk->outbox[i];
        else
            disk->outbox_len--;
    }
}

void event_archive(struct event_bed *events, uint64_t number)
{
    struct event_disk *disk = &events->disks[0];

    disk->archive[disk->archive_len++] =
        (struct sim_dump_outbox){.key = KEY, .topic = TOPIC, .key_seq = number, .tag = tag_of(number)};
}

void event_send(struct event_bed *events, uint64_t number)
{
    event_change(events, number);
    event_publish(events, number);
    event_keep(events, number);
    event_published(events, number);
    event_delete(events, number);
}

/* ---- from the journal to the group ---- */

void event_deliver(struct event_bed *events, uint64_t number, uint32_t attempt)
{
    uint8_t payload[SIM_NEWS_BYTES];
    const struct vow_msg msg = {
        .kind = VOW_MSG_DELIVER,
        .deliver = {
            .group = GROUP, .offset = events->lsns[number], .attempt = attempt, .event = make(number, payload)}};

    bed_send(&events->bed, C0, P1, &msg);
}

static void stored(struct event_bed *events, uint64_t number, enum vow_cause cause, bool has_run)
{
    struct sim_sight sight = bed_sight(&events->bed, SIM_SEEN_STORE_DONE, P1);

    memset(&sight.gtrid, 0, sizeof(sight.gtrid));
    sight.store.op = VOW_STORE_EVENT;
    sight.store.result = cause == VOW_CAUSE_NONE ? VOW_STORE_DONE : VOW_STORE_REFUSED;
    sight.store.cause = cause;
    sight.store.event = (struct sim_seen_event){.group = GROUP,
                                                .topic = TOPIC,
                                                .key = KEY,
                                                .key_seq = number,
                                                .tag = tag_of(number),
                                                .offset = events->lsns[number],
                                                .result = cause == VOW_CAUSE_NONE ? VOW_EVENT_DONE : VOW_EVENT_UNABLE,
                                                .is_repeat = cause == VOW_CAUSE_NONE && !has_run,
                                                .has_run = has_run};
    memcpy(sight.store.event.db_uuid, uuid, sizeof(uuid));
    bed_show(&events->bed, &sight);
}

void event_run(struct event_bed *events, uint64_t number)
{
    struct event_disk *disk = &events->disks[1];
    struct sim_dump_heard heard = {
        .group = GROUP, .key = KEY, .key_seq = number, .tag = tag_of(number), .offset = events->lsns[number]};
    struct sim_dump_inbox inbox = {.group = GROUP, .key = KEY, .key_seq = number, .offset = events->lsns[number]};

    memcpy(heard.db_uuid, uuid, sizeof(uuid));
    memcpy(inbox.db_uuid, uuid, sizeof(uuid));
    disk->heard[disk->heard_len++] = heard;
    disk->inbox[disk->inbox_len++] = inbox;
    stored(events, number, VOW_CAUSE_NONE, true);
}

void event_repeat(struct event_bed *events, uint64_t number)
{
    stored(events, number, VOW_CAUSE_NONE, false);
}

void event_refuse_as_old(struct event_bed *events, uint64_t number)
{
    stored(events, number, VOW_CAUSE_TOO_LATE, false);
}

void event_answer(struct event_bed *events, uint64_t number, uint32_t attempt, enum vow_event_result result)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_DELIVERED,
        .delivered = {
            .group = GROUP, .offset = events->lsns[number], .attempt = attempt, .result = result, .text = ""}};

    bed_send(&events->bed, P1, C0, &msg);
}

void event_do(struct event_bed *events, uint64_t number)
{
    event_deliver(events, number, 1);
    event_run(events, number);
    event_answer(events, number, 1, VOW_EVENT_DONE);
}

void event_fail(struct event_bed *events, uint64_t number)
{
    for (uint32_t i = 1; i <= EVENT_ATTEMPTS_MAX; i++) {
        event_deliver(events, number, i);
        event_answer(events, number, i, VOW_EVENT_NOT_YET);
    }
    event_bury(events, number, EVENT_ATTEMPTS_MAX);
}

/* ---- disks ---- */

static const struct sim_dump *dump_store(struct event_disk *disk)
{
    disk->row = (struct sim_dump_row){.table = SIM_BANK, .key = 1, .value = 100};
    disk->dump = (struct sim_dump){.is_there = true,
                                   .is_readable = true,
                                   .store = {.rows = &disk->row,
                                             .rows_len = 1,
                                             .branches = disk->branches,
                                             .branches_len = disk->branches_len,
                                             .has_news = true,
                                             .told = disk->told,
                                             .told_len = disk->told_len,
                                             .outbox = disk->outbox,
                                             .outbox_len = disk->outbox_len,
                                             .archive = disk->archive,
                                             .archive_len = disk->archive_len,
                                             .heard = disk->heard,
                                             .heard_len = disk->heard_len,
                                             .inbox = disk->inbox,
                                             .inbox_len = disk->inbox_len,
                                             .counters = &disk->counter,
                                             .counters_len = disk->counter.key != NULL,
                                             .floors = &disk->floor,
                                             .floors_len = disk->floor.group != NULL,
                                             .promises = disk->promises,
                                             .promises_len = disk->promises_len}};
    return &disk->dump;
}

static const struct sim_dump *dump_journal(struct event_journal *journal)
{
    journal->dump = (struct sim_dump){.is_there = true,
                                      .is_readable = true,
                                      .is_journal = true,
                                      .journal = {.events = journal->rows,
                                                  .events_len = journal->rows_len,
                                                  .newest = &journal->newest,
                                                  .newest_len = journal->newest.key != NULL,
                                                  .groups = &journal->group,
                                                  .groups_len = 1,
                                                  .dead = journal->dead,
                                                  .dead_len = journal->dead_len}};
    return &journal->dump;
}

static const struct sim_dump *dump(struct event_bed *events, uint8_t node)
{
    return node == C0 ? dump_journal(&events->journal) : dump_store(&events->disks[node - P0]);
}

void event_show_disk(struct event_bed *events, uint8_t node)
{
    bed_disk(&events->bed, node, dump(events, node));
}

void event_restart(struct event_bed *events, uint8_t node)
{
    bed_restart(&events->bed, node, dump(events, node));
}

void event_heal_and_end(struct event_bed *events)
{
    bed_heal_and_end(&events->bed);
    for (int i = C0; i <= P1; i++)
        event_show_disk(events, (uint8_t)i);
}
