/* JSON rows for vowctl. One row is one object; keys are part of the tools' contract and do not change meaning. */
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coordinator/server/advice.h"
#include "coordinator/server/rows.h"
#include "proto/codec.h"
#include "proto/net/clock.h"
#include "proto/quote.h"

char *row_finish(json_t *row)
{
    char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(row);
    return text;
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec;
}

static json_t *aborted_by_cause(const struct vow_coord_counts *counts)
{
    json_t *causes = json_object();
    for (int cause = 0; cause < (int)(sizeof(counts->by_cause) / sizeof(counts->by_cause[0])); cause++)
        if (counts->by_cause[cause] > 0)
            json_object_set_new(causes, vow_cause_name(cause), json_u64(counts->by_cause[cause]));
    return causes;
}

static json_t *journal_row(struct vow_server *server)
{
    struct vow_journal_stats stats;
    vow_journal_stats(server->journal, &stats);
    json_t *row =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "commits", json_u64(stats.commits), "syncs",
                  json_u64(stats.syncs), "records", json_u64(stats.records), "forced_records",
                  json_u64(stats.forced_records), "notes", json_u64(stats.notes), "last_lsn", json_u64(stats.last_lsn),
                  "snapshot_lsn", json_u64(stats.snapshot_lsn), "cut_lsn", json_u64(stats.cut_lsn), "pruned",
                  json_u64(stats.pruned), "floor_epoch", json_u64(stats.floor.epoch), "floor_seq",
                  json_u64(stats.floor.seq), "proved", (int)stats.is_proved);
    json_object_set_new(row, "waiting", json_u64(server->health.waiting));
    json_object_set_new(row, "waiting_most", json_u64(server->health.waiting_most));
    json_object_set_new(row, "stalled_ms", json_u64(health_stalled_ms(server)));
    json_object_set_new(row, "stalled", json_boolean(health_is_stalled(server)));
    return row;
}

static json_t *limits_row(struct vow_server *server)
{
    struct limit_use use[LIMITS];
    json_t *row = json_object();
    admission_use(server, use);
    for (int i = 0; i < LIMITS; i++)
        json_object_set_new(row, use[i].name,
                            json_pack("{s:o,s:o,s:o,s:o}", "limit", json_u64(use[i].limit), "now", json_u64(use[i].now),
                                      "most", json_u64(use[i].most), "refused", json_u64(use[i].refused)));
    return row;
}

/* What a doctor wants to know of the process and its machine. */
static void add_machine(json_t *row, struct vow_server *server)
{
    char http[VOW_ADDRESS_SIZE] = "off";
    int64_t jumped_us = (int64_t)(vow_clock_wall_us() - vow_clock_us() - server->clocks_apart_us);
    if (server->http_address.host[0] != '\0')
        vow_address_print(&server->http_address, http);
    json_object_set_new(row, "limits", limits_row(server));
    json_object_set_new(row, "pid", json_integer(getpid()));
    json_object_set_new(row, "software", json_string("vowd " VOW_SOFTWARE_VERSION));
    json_object_set_new(row, "wire", json_integer(VOW_WIRE_VERSION));
    json_object_set_new(row, "sqlite", json_string(sqlite3_libversion()));
    json_object_set_new(row, "http", json_string(http));
    json_object_set_new(row, "wall_us", json_u64(vow_clock_wall_us()));
    json_object_set_new(row, "clock_jumped_ms", json_integer(jumped_us / 1000));
}

static json_t *sagas_row(const struct vow_server *server)
{
    struct vow_sagas_counts counts;
    vow_sagas_counts(server->sagas.core, &counts);
    json_t *row = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "open", json_u64(counts.open), "stuck",
                            json_u64(counts.stuck), "steps", json_u64(counts.steps), "begun", json_u64(counts.begun),
                            "completed", json_u64(counts.completed), "compensated", json_u64(counts.compensated),
                            "closed", json_u64(counts.closed), "sent", json_u64(counts.sent), "retries",
                            json_u64(counts.retries), "held", json_u64(counts.held));
    json_object_set_new(row, "late", json_u64(counts.late));
    json_object_set_new(row, "protocol_errors", json_u64(counts.protocol_errors));
    json_object_set_new(row, "busy", json_u64(counts.busy));
    json_object_set_new(row, "breakers_open", json_u64(counts.breakers_open));
    json_object_set_new(row, "breaks", json_u64(counts.breaks));
    json_object_set_new(row, "undelivered", json_u64(counts.unsent));
    json_object_set_new(row, "bytes", json_u64(server->sagas.book.bytes));
    json_object_set_new(row, "recovered_at_start", json_u64(server->room.sagas));
    return row;
}

static json_t *events_row(const struct vow_server *server)
{
    struct broker_counts broker;
    server->broker->ops->counts(server->broker, &broker);
    const struct vow_relay_counts counts = broker.of;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "waiting", json_u64(counts.events), "bytes",
                     json_u64(broker.bytes), "groups", json_u64(counts.groups), "paused", json_u64(counts.paused),
                     "dead", json_u64(counts.dead), "published", json_u64(counts.published), "done",
                     json_u64(counts.done), "retries", json_u64(counts.retries), "busy", json_u64(counts.busy),
                     "protocol_errors", json_u64(counts.protocol_errors), "overdue", json_u64(counts.overdue),
                     "deadlines_missed", json_u64(counts.missed));
}

char *row_status(struct vow_server *server)
{
    struct vow_coord_counts counts;
    vow_coord_counts(server->core, &counts);
    json_t *row = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:b,s:b}", "name", server->identity.name, "coordinator",
                            json_u64(server->identity.coord), "epoch", json_u64(server->identity.epoch), "data",
                            json_text(server->place), "uptime_ms", json_u64(vow_clock_ms() - server->started_ms),
                            "recovered_at_start", json_u64(server->room.txns), "recovering", (int)counts.recovering,
                            "draining", (int)counts.draining);
    json_object_set_new(row, "transactions",
                        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "open", json_u64(counts.open), "in_doubt",
                                  json_u64(counts.in_doubt), "begun", json_u64(counts.begun), "committed",
                                  json_u64(counts.committed), "aborted", json_u64(counts.aborted), "read_only",
                                  json_u64(counts.read_only), "one_phase", json_u64(counts.one_phase)));
    json_object_set_new(row, "aborted_by_cause", aborted_by_cause(&counts));
    json_object_set_new(row, "anomalies",
                        json_pack("{s:o,s:o,s:o}", "protocol_errors", json_u64(counts.protocol_errors), "ignored",
                                  json_u64(counts.ignored), "hazards", json_u64(counts.hazards)));
    json_object_set_new(
        row, "damage",
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "open", json_u64(counts.damaged), "given_up",
                  json_u64(counts.abandoned), "contradictions", json_u64(counts.contradictions), "rollback",
                  json_u64(counts.damages[VOW_DAMAGE_ROLLBACK]), "mixed", json_u64(counts.damages[VOW_DAMAGE_MIXED]),
                  "hazard", json_u64(counts.damages[VOW_DAMAGE_HAZARD]), "forgotten", json_u64(counts.forgotten)));
    json_object_set_new(row, "sagas", sagas_row(server));
    json_object_set_new(row, "events", events_row(server));
    json_object_set_new(row, "journal", journal_row(server));
    add_machine(row, server);
    json_object_set_new(row, "messages",
                        json_pack("{s:o,s:o,s:o,s:o,s:o}", "received", json_u64(server->traffic.received), "sent",
                                  json_u64(server->traffic.sent), "protocol_received",
                                  json_u64(server->traffic.counted_received), "protocol_sent",
                                  json_u64(server->traffic.counted_sent), "turns", json_u64(server->traffic.turns)));
    json_object_set_new(
        row, "space",
        json_pack("{s:o,s:b}", "left_bytes", json_u64(server->space_bytes), "shedding", (int)server->is_shedding));
    json_object_set_new(row, "stuck", json_u64(server->stuck));
    json_object_set_new(row, "connections", json_u64(HASH_COUNT(server->sessions)));
    json_object_set_new(row, "cpu_us", json_u64(cpu_us()));
    return row_finish(row);
}

/* Not since the start: then it is in the journal alone. */
uint64_t seen_ms_ago(const struct vow_server *server, const char *name)
{
    const struct known *known = known_find(server, name);
    return vow_clock_ms() - (known != NULL ? known->seen_ms : server->started_ms);
}

static json_t *branch_object(const struct vow_server *server, const struct vow_coord_branch_view *branch)
{
    json_t *row = json_pack("{s:s,s:i,s:b,s:s,s:b,s:b}", "participant", branch->participant, "branch",
                            (int)branch->branch, "connected", (int)branch->connected, "vote", vote_name(branch),
                            "acknowledged", (int)branch->acknowledged, "no_record", (int)branch->no_record);
    if (row != NULL)
        json_object_set_new(row, "contradicts", json_boolean(branch->contradicts));
    const struct known *known = known_find(server, branch->participant);
    if (row != NULL && !branch->connected)
        json_object_set_new(row, "seen_ms", json_u64(seen_ms_ago(server, branch->participant)));
    if (row != NULL && known != NULL && known->address[0] != '\0')
        json_object_set_new(row, "address", json_text(known->address));
    return row;
}

json_t *txn_object(const struct vow_server *server, const struct vow_coord_txn_view *view)
{
    char safe[ADVICE_SIZE];
    uint64_t now_ms = vow_clock_ms();
    json_t *branches = json_array();
    for (uint32_t i = 0; i < view->branches_len && i < VOW_CALLS_MAX; i++)
        json_array_append_new(branches, branch_object(server, &view->branches[i]));
    advise(view, safe);
    return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:s}", "id", json_gtrid(&view->gtrid), "state", view->state,
                     "damage", damage_name(view->damage), "age_ms",
                     json_u64(now_ms - view->begun_ms + view->earlier_ms), "in_state_ms",
                     json_u64(now_ms - view->state_since_ms), "attempts", json_u64(view->attempts), "branches",
                     branches, "safe", safe);
}

char *row_txn(const struct vow_server *server, const struct vow_coord_txn_view *view)
{
    return row_finish(txn_object(server, view));
}

char *row_peer(const struct vow_server *server, const char *name, bool connected, uint64_t incarnation)
{
    json_t *row =
        json_pack("{s:s,s:b,s:o}", "name", name, "connected", (int)connected, "incarnation", json_u64(incarnation));
    const struct known *known = known_find(server, name);
    json_object_set_new(row, "seen_ms", json_u64(connected ? 0 : seen_ms_ago(server, name)));
    json_object_set_new(row, "software", json_text(known != NULL ? known->software : ""));
    json_object_set_new(row, "address", json_text(known != NULL ? known->address : ""));
    return row_finish(row);
}

/* What the event says. */
static void add_published(json_t *row, struct vow_slice body)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg msg;
    const char *why;
    if (arena != NULL && vow_msg_decode(arena, body.data, body.len, &msg, &why) == 0 && msg.kind == VOW_MSG_PUBLISH)
        event_describe(row, &msg.publish.event);
    vow_arena_free(arena);
}

char *row_event(const struct vow_journal_event *event)
{
    json_t *row = event_object(event);
    if (row != NULL && event->record.kind == VOW_RECORD_EVENT)
        add_published(row, event->record.body);
    return row_finish(row);
}
