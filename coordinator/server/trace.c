/*
 * What vowd tells in the trace (docs/trace.md): transactions as their core moves them, and once a second what the
 * process has cost so far. A decision is told when it is durable. Sagas are in trace_saga.c.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "coordinator/core/core.h"
#include "coordinator/server/internal.h"
#include "proto/codec.h"
#include "proto/net/clock.h"
#include "proto/net/trace.h"

int trace_open(struct vow_server *server, const char *path, struct vow_error_detail *detail)
{
    return vow_trace_open(path, &server->trace, detail);
}

void trace_life(struct vow_server *server)
{
    VOW_TRACE(server->trace, "life", NULL, VOW_STR("node", server->identity.name), VOW_NUM("pid", getpid()),
              VOW_STR("role", "coordinator"));
}

/* Those that are durable: the broker counts one that is on its way, too. */
static uint32_t count_letters(struct broker *broker)
{
    struct vow_relay_group_view group;
    uint32_t at = 0, letters = 0;
    while (broker->ops->next_group(broker, &at, &group))
        letters += group.dead;
    return letters;
}

void trace_letters(struct vow_server *server)
{
    if (server->trace != NULL)
        VOW_TRACE(server->trace, "letters", NULL, VOW_NUM("letters", count_letters(server->broker)));
}

void trace_ready(struct vow_server *server)
{
    VOW_TRACE_BARE(server->trace, "ready", NULL);
    trace_letters(server);
    vow_trace_flush(server->trace);
}

void trace_close(struct vow_server *server)
{
    if (server->trace != NULL && server->core != NULL)
        trace_cost(server);
    vow_trace_close(server->trace);
    server->trace = NULL;
}

void trace_parted(struct vow_server *server, const char *participant)
{
    VOW_TRACE(server->trace, "parted", NULL, VOW_STR("with", participant));
}

/* An event is durable here; `wall_us` is when its publisher wrote it down, by the wall clock: a machine has one. */
void trace_event(struct vow_server *server, const struct vow_gtrid *gtrid, uint64_t wall_us)
{
    const uint64_t now_us = server->trace != NULL ? vow_clock_wall_us() : 0;

    VOW_TRACE(server->trace, "event", vow_gtrid_is_none(gtrid) ? NULL : gtrid,
              VOW_NUM("lag_us", now_us > wall_us ? now_us - wall_us : 0));
}

void trace_letter(struct vow_server *server, const char *group, uint64_t offset, const char *says)
{
    if (server->trace != NULL)
        VOW_TRACE(server->trace, "letters", NULL, VOW_NUM("letters", count_letters(server->broker)),
                  VOW_STR("group", group), VOW_NUM("offset", (int64_t)offset), VOW_STR("says", says));
}

/* ---- transactions ---- */

static void tell_decided(struct vow_server *server, const struct vow_gtrid *gtrid, const char *outcome)
{
    VOW_TRACE(server->trace, "decided", gtrid, VOW_STR("outcome", outcome));
}

/* One that a client has brought: an entry that only answers a question, or a report, is none. */
static bool is_begun(uint8_t state)
{
    return state == TXN_ACTIVE || state == TXN_PREPARING || state == TXN_DELEGATED;
}

/* It is forgotten, and was not decided before: an abort, which has no record, or nobody had anything to commit. In one
 * phase nobody may know what became of it. */
static void tell_undecided_end(struct vow_server *server, const struct vow_coord_effect *effect)
{
    const uint8_t from = effect->trace.from, event = effect->trace.event;
    if (from == TXN_PREPARING && event == TXN_ON_VOTE_READ_ONLY)
        tell_decided(server, &effect->trace.gtrid, "commit");
    else if (from != TXN_DELEGATED || event == TXN_ON_ONE_PHASE_ABORTED)
        tell_decided(server, &effect->trace.gtrid, "abort");
}

void trace_txn(struct vow_server *server, const struct vow_coord_effect *effect)
{
    const uint8_t from = effect->trace.from, to = effect->trace.to;
    const struct vow_gtrid *gtrid = &effect->trace.gtrid;
    if (server->trace == NULL || from == to)
        return;
    if (from == TXN_NONE && is_begun(to))
        VOW_TRACE_BARE(server->trace, "begin", gtrid);
    if (from == TXN_NONE && to == TXN_COMMITTING)
        VOW_TRACE(server->trace, "decided", gtrid, VOW_STR("outcome", "commit"), VOW_NUM("found", 1));
    if ((from == TXN_DECIDING && to == TXN_COMMITTING) || (from == TXN_DELEGATED && to == TXN_FORGETTING))
        tell_decided(server, gtrid, "commit");
    if (to == TXN_NONE && is_begun(from))
        tell_undecided_end(server, effect);
    if (to == TXN_NONE && (is_begun(from) || from == TXN_ENDING || from == TXN_FORGETTING))
        VOW_TRACE_BARE(server->trace, "ended", gtrid);
}

/* ---- cost ---- */

void trace_received(struct vow_server *server, const struct vow_msg *msg)
{
    if (server->trace != NULL)
        server->traffic.bytes_received += vow_msg_encoded_size(msg);
}

void trace_sent(struct vow_server *server, const struct vow_msg *msg)
{
    if (server->trace != NULL)
        server->traffic.bytes_sent += vow_msg_encoded_size(msg);
}

static int64_t used_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

void trace_cost(struct vow_server *server)
{
    struct vow_journal_stats journal = {.syncs = 0};
    struct rusage usage;
    if (server->trace == NULL || getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    if (server->journal != NULL)
        vow_journal_stats(server->journal, &journal);
    VOW_TRACE(server->trace, "cost", NULL, VOW_NUM("fsyncs", journal.syncs),
              VOW_NUM("msgs_in", server->traffic.received), VOW_NUM("msgs_out", server->traffic.sent),
              VOW_NUM("bytes_in", server->traffic.bytes_received), VOW_NUM("bytes_out", server->traffic.bytes_sent),
              VOW_NUM("cpu_us", used_us(&usage.ru_utime) + used_us(&usage.ru_stime)));
}
