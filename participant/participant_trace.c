/* What a participant's trace tells of the process itself; of branches it is the store that tells (docs/trace.md). */
#include "participant/participant_internal.h"

#include <sys/resource.h>
#include <unistd.h>

#include "proto/net/clock.h"

#define COST_MS 1000u

int vow_participant_open_trace(struct vow_participant *participant, struct vow_error_detail *detail)
{
    const int error = vow_trace_open(vow_trace_path(), &participant->trace, detail);

    VOW_TRACE(participant->trace, "life", NULL, VOW_STR("node", participant->name), VOW_NUM("pid", getpid()),
              VOW_STR("role", "participant"));
    return error;
}

static int64_t used_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

/* At once: the store's thread may have nothing to write for long. */
void vow_participant_tell_parted(struct vow_participant *participant)
{
    VOW_TRACE_BARE(participant->trace, "parted", NULL);
    vow_trace_flush(participant->trace);
}

/* Messages are counted where they all go: by vowd. */
static void tell_cost(struct vow_participant *participant, const struct vow_store_stats *stats)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    VOW_TRACE(participant->trace, "cost", NULL, VOW_NUM("fsyncs", stats->syncs), VOW_NUM("msgs_in", 0),
              VOW_NUM("msgs_out", 0), VOW_NUM("bytes_in", 0), VOW_NUM("bytes_out", 0),
              VOW_NUM("cpu_us", used_us(&usage.ru_utime) + used_us(&usage.ru_stime)));
}

void vow_participant_flush_trace(struct vow_participant *participant, const struct vow_store_stats *stats)
{
    if (participant->trace == NULL)
        return;
    if (vow_clock_ms() >= participant->cost_at_ms) {
        tell_cost(participant, stats);
        participant->cost_at_ms = vow_clock_ms() + COST_MS;
    }
    vow_trace_flush(participant->trace);
}

void vow_participant_tell_last_cost(struct vow_participant *participant)
{
    struct vow_store_stats stats;

    if (participant->trace == NULL)
        return;
    participant->store_ops->stats(participant->store, &stats);
    tell_cost(participant, &stats);
}
