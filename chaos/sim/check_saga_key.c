/*
 * I06: a key names one piece of work. No two sagas of a coordinator have begun under one key, whatever became of the
 * first, as long as its journal remembers that.
 */
#include <string.h>

#include "chaos/sim/check.h"

void check_saga_key(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct ledger_saga *saga;

    if (sight->kind != SIM_SEEN_LOG_DURABLE || sight->log.record->kind != VOW_RECORD_SAGA_BEGIN)
        return;
    saga = sim_ledger_find(&judge->ledger, &sight->log.record->gtrid);
    if (saga == NULL || saga->key[0] == '\0' || judge_is_node_excused(judge, saga->coord))
        return;
    for (const struct ledger_saga *other = judge->ledger.sagas; other != NULL; other = other->next) {
        if (other != saga && other->begun != 0 && other->coord == saga->coord && strcmp(other->key, saga->key) == 0)
            judge_fail(judge, sight, "I06", &saga->gtrid, "it begins, and under the same key (%s) another one has",
                       saga->key);
    }
}
