/*
 * I18: an outcome that was told is told for ever.
 *
 * After COMMITTED or ABORTED, no client hears the other one, or PENDING, of that transaction. UNKNOWN with an error (no
 * answer in time, EXPIRED below the floor) takes nothing back. One exception, of protocol 2.8: a commit that nobody
 * wrote anything in is remembered by a note that is not forced; if the coordinator restarts before it is durable, the
 * transaction is ABORTED by presumption, or because its only participant knows nothing of it, of which nobody can tell
 * the difference; asked again, the participant remembers that it has said so. So: no COMMIT record, no branch that
 * committed alone, all READ-ONLY; the note never was durable; another life of the coordinator than the one that sent
 * the answer, however late that came; that cause. Nothing else.
 */
#include "chaos/sim/check.h"

/* The only participant wrote nothing, and keeps no memo of that. Who only spoke of it has no part in it (F168). */
static bool is_read_only_alone(const struct book_txn *txn)
{
    bool is_read_only = false;

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->one_phase_read_only != 0)
            is_read_only = true;
        else if (share->enlisted != 0 || share->prepare_sent != 0 || share->one_phase_sent != 0)
            return false;
    }
    return is_read_only;
}

static bool is_cause_of_a_lost_note(const struct book_txn *txn, enum vow_cause cause)
{
    if (is_read_only_alone(txn))
        return cause == VOW_CAUSE_PARTICIPANT_LOST || cause == VOW_CAUSE_TOO_LATE;
    return cause == VOW_CAUSE_PRESUMED;
}

static bool is_lost_note(const struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    if (txn->told != VOW_COMMITTED || sight->told.outcome != VOW_ABORTED ||
        !is_cause_of_a_lost_note(txn, sight->told.cause))
        return false;
    if (sim_txn_is_committed(txn) || !sim_txn_is_read_only(txn) || txn->coord == SIM_NODE_NONE)
        return false;
    return txn->read_only_durable == 0 && judge->book.nodes[txn->coord].life != txn->committed_life;
}

void check_status(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = sight->kind == SIM_SEEN_TOLD ? judge_txn(judge, sight) : NULL;

    if (txn == NULL || txn->told == 0 || txn->told_at == sight->seq || judge_is_excused(judge, txn))
        return;
    if (sight->told.outcome == VOW_UNKNOWN || sight->told.outcome == txn->told)
        return;
    if (!is_lost_note(judge, sight, txn))
        judge_fail(judge, sight, "I18", &txn->gtrid, "told %s, and %s before",
                   vow_outcome_name((int)sight->told.outcome), vow_outcome_name((int)txn->told));
}
