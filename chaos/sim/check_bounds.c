/* I20: bounded. At each SAMPLE with a limit: the value is within it. */
#include "chaos/sim/check.h"

void check_bounds(struct sim_judge *judge, const struct sim_sight *sight)
{
    static const char *const names[SIM_SAMPLES] = {
        [SIM_SAMPLE_OPEN] = "transactions open",
        [SIM_SAMPLE_IN_DOUBT] = "branches in doubt",
        [SIM_SAMPLE_QUEUE] = "what waits to be sent to one peer",
        [SIM_SAMPLE_JOBS] = "operations under way",
        [SIM_SAMPLE_WAL_BYTES] = "bytes of WAL",
        [SIM_SAMPLE_DISK_BYTES] = "bytes on disk",
        [SIM_SAMPLE_BRANCHES] = "branches open",
        [SIM_SAMPLE_PEERS] = "participants known",
        [SIM_SAMPLE_RESENDS] = "resends of one message",
        [SIM_SAMPLE_OUTBOX] = "events in its outbox",
        [SIM_SAMPLE_EVENTS] = "events in memory",
        [SIM_SAMPLE_DEAD] = "dead letters",
    };
    const char *name;

    if (sight->kind != SIM_SEEN_SAMPLE || sight->sample.limit == 0 || sight->sample.value <= sight->sample.limit)
        return;
    name = (unsigned)sight->sample.what < SIM_SAMPLES ? names[sight->sample.what] : NULL;
    judge_fail(judge, sight, "I20", NULL, "%s: %llu %s, and the limit is %llu", judge_name(judge, sight->node),
               (unsigned long long)sight->sample.value, name != NULL ? name : "of something",
               (unsigned long long)sight->sample.limit);
}
