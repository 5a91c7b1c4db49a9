/*
 * I20: bounded. At each SAMPLE with a limit: the value is within it. Sampled is what the code under test counts against
 * a limit of its own. Queues of frames are not: in a world they are the network's, and vowd's are in proto/net.
 */
#include "chaos/sim/check.h"

void check_bounds(struct sim_judge *judge, const struct sim_sight *sight)
{
    static const char *const names[SIM_SAMPLES] = {
        [SIM_SAMPLE_OPEN] = "transactions open",      [SIM_SAMPLE_IN_DOUBT] = "branches in doubt",
        [SIM_SAMPLE_BRANCHES] = "branches open",      [SIM_SAMPLE_PEERS] = "participants known",
        [SIM_SAMPLE_OUTBOX] = "events in its outbox", [SIM_SAMPLE_EVENTS] = "events in memory",
        [SIM_SAMPLE_DEAD] = "dead letters",           [SIM_SAMPLE_SAGAS] = "sagas open",
        [SIM_SAMPLE_STEPS] = "steps of open sagas",
    };
    const char *name;

    if (sight->kind != SIM_SEEN_SAMPLE || sight->sample.limit == 0 || sight->sample.value <= sight->sample.limit)
        return;
    name = (unsigned)sight->sample.what < SIM_SAMPLES ? names[sight->sample.what] : NULL;
    judge_fail(judge, sight, "I20", NULL, "%s: %llu %s, and the limit is %llu", judge_name(judge, sight->node),
               (unsigned long long)sight->sample.value, name != NULL ? name : "of something",
               (unsigned long long)sight->sample.limit);
}
