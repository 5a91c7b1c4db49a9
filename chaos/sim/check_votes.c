/*
 * I03: COMMIT only when everybody can.
 *
 * When a COMMIT record is asked for, and again when it is durable or found: each participant that was enlisted or sent
 * PREPARE has, earlier, a durable YES or a READ-ONLY of its store; each YES is on the yes-list and nobody else is
 * (mistake 13, B14). A commit without a record: all were READ-ONLY. A branch commits at its store only after the record
 * is durable.
 */
#include "chaos/sim/check.h"

static void check_member(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                         const struct book_share *share)
{
    const char *name = judge_name(judge, share->node);

    if (share->yes == 0 && share->read_only == 0)
        judge_fail(judge, sight, "I03", &txn->gtrid, "COMMIT is logged, and %s has neither a durable YES nor READ-ONLY",
                   name);
    else if (share->yes != 0 && share->read_only == 0 && !share->is_on_yes_list)
        judge_fail(judge, sight, "I03", &txn->gtrid, "%s voted YES and is not on the yes-list", name);
    else if (share->yes == 0 && share->is_on_yes_list)
        judge_fail(judge, sight, "I03", &txn->gtrid, "%s is on the yes-list and never was prepared", name);
}

static void check_record(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    if (judge_is_excused(judge, txn))
        return;
    if (txn->yes_list == 0)
        judge_fail(judge, sight, "I03", &txn->gtrid, "COMMIT without a yes-list");
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->enlisted != 0 || share->prepare_sent != 0 || share->is_on_yes_list)
            check_member(judge, sight, txn, share);
    }
}

static void check_branch(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct book_share *share = sim_txn_share(txn, sight->node);

    if (share == NULL || share->committed != sight->seq || sight->store.op != VOW_STORE_COMMIT)
        return;
    if (txn->committed == 0 && !judge_is_excused(judge, txn))
        judge_fail(judge, sight, "I03", &txn->gtrid, "%s has committed, and no COMMIT is durable",
                   judge_name(judge, sight->node));
}

void check_votes(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn;

    if (sight->kind == SIM_SEEN_LOG_ASKED || sight->kind == SIM_SEEN_LOG_DURABLE) {
        txn = sight->log.record->kind == VOW_RECORD_COMMIT ? judge_txn(judge, sight) : NULL;
        if (txn != NULL)
            check_record(judge, sight, txn);
    } else if (sight->kind == SIM_SEEN_STORE_DONE) {
        txn = judge_txn(judge, sight);
        if (txn != NULL)
            check_branch(judge, sight, txn);
    } else if (sight->kind == SIM_SEEN_SENT) {
        txn = judge_txn(judge, sight);
        if (txn != NULL && txn->read_only == sight->seq && txn->one_phase_durable == 0)
            for (const struct book_share *share = txn->shares; share != NULL; share = share->next)
                if (share->prepare_sent != 0 && share->read_only == 0 && !judge_is_excused(judge, txn))
                    judge_fail(judge, sight, "I03", &txn->gtrid, "committed without a record, and %s is not READ-ONLY",
                               judge_name(judge, share->node));
    }
}
