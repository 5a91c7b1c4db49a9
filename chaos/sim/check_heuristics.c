/*
 * I19: no silent heuristic. At the end, of each branch that an operator ended against what the coordinator decided: its
 * own node and the coordinator have each raised an alarm about it, if both were in the core and so could talk.
 */
#include "chaos/sim/check.h"

static bool is_against(const struct book_txn *txn, const struct book_share *share)
{
    if (txn->committed != 0)
        return share->heuristic_verdict == VOW_ABORT;
    return txn->aborted != 0 && share->heuristic_verdict == VOW_COMMIT;
}

static void check_one(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                      const struct book_share *share)
{
    if (share->heuristic == 0 || !is_against(txn, share))
        return;
    if (share->node_alarm == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s was ended against the decision, and raised no alarm",
                   judge_name(judge, share->node));
    if (share->coord_alarm == 0 && txn->hazard == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s was ended against the decision, and its coordinator is silent",
                   judge_name(judge, share->node));
}

void check_heuristics(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind != SIM_SEEN_ENDED || judge->book.healed == 0)
        return;
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (!judge_is_core(judge, txn) || judge_is_excused(judge, txn))
            continue;
        for (const struct book_share *share = txn->shares; share != NULL; share = share->next)
            check_one(judge, sight, txn, share);
    }
}
