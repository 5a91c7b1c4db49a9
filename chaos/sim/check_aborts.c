/*
 * I04: every abort has a reason, and without one there is none.
 *
 * Whenever a coordinator tells a client ABORTED or notes it, the cause is one of the closed list and not NONE, and for
 * the first time that it says so of a transaction the cause has a ground that was seen: a request of the client, a
 * connection that went, a vote that is missing or NO, a restart. Never when all who were asked have voted in this life
 * of the coordinator and none said NO: then it must commit. So, without a fault, all YES commits.
 */
#include "chaos/sim/check.h"
#include "proto/cause.h"

static const struct book_node *coordinator(const struct sim_judge *judge, const struct book_txn *txn)
{
    return txn->coord != SIM_NODE_NONE ? &judge->book.nodes[txn->coord] : NULL;
}

/* Votes that were received before this moment, in this life. */
struct tally {
    unsigned asked, yes, no, missing;
};

static struct tally count(const struct book_txn *txn, const struct book_node *node)
{
    struct tally tally = {0};

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        bool has_voted = share->vote_got != 0 && share->vote_life == node->life;

        if (share->prepare_sent == 0)
            continue;
        tally.asked++;
        if (!has_voted)
            tally.missing++;
        else if (share->vote == VOW_VOTE_NO)
            tally.no++;
        else
            tally.yes++;
    }
    return tally;
}

static bool has_no_for(const struct book_txn *txn, enum vow_cause cause)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if ((share->no_causes >> cause & 1) != 0)
            return true;
    }
    return false;
}

/* Somebody was asked to work for it. */
static bool was_begun(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->enlisted != 0 || share->prepare_sent != 0 || share->one_phase_sent != 0)
            return true;
    }
    return false;
}

/* The only participant has said so, or knows nothing of it. */
static bool was_refused_alone(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->one_phase_got != 0 && share->one_phase_result != VOW_ONE_PHASE_COMMITTED)
            return true;
    }
    return false;
}

/* A participant that joined has begun another life since, and lost what it did before. */
static bool was_restarted(const struct sim_judge *judge, const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->enlisted != 0 && judge->book.nodes[share->node].life > share->enlist_life)
            return true;
    }
    return false;
}

/* The client counts work of a participant that never enlisted. */
static bool has_lost_work(const struct book_txn *txn)
{
    uint32_t enlisted = 0;

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next)
        enlisted |= share->enlisted != 0 ? sim_bit(share->node) : 0;
    return (txn->work & ~enlisted) != 0;
}

/* Somebody whom it needs has no connection to the coordinator. */
static bool is_missed(const struct sim_judge *judge, const struct book_txn *txn)
{
    uint32_t needed = txn->calls;

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next)
        needed |= share->enlisted != 0 ? sim_bit(share->node) : 0;
    return (needed & ~judge->book.linked[txn->coord]) != 0;
}

/* The connection to one that was asked and has not voted was lost since. */
static bool was_lost(const struct book_txn *txn, const struct book_node *node)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        const bool has_voted = share->vote_got != 0 && share->vote_life == node->life;

        if (share->prepare_sent != 0 && !has_voted && share->unlinked > share->prepare_sent)
            return true;
    }
    return false;
}

/* Timers count in whole milliseconds. */
static bool is_up(const struct sim_judge *judge, uint64_t at_us)
{
    return judge->book.now_us + 1000 >= at_us;
}

/* Work is open until somebody is asked to vote on it, or to commit it. */
static bool was_asked(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->prepare_sent != 0 || share->one_phase_sent != 0)
            return true;
    }
    return false;
}

/* True if there is what the cause says. A cause that a participant gave needs a NO of it. */
static bool is_grounded(const struct sim_judge *judge, const struct book_txn *txn, const struct book_node *node,
                        const struct tally *tally, enum vow_cause cause)
{
    if (cause != VOW_CAUSE_NONE && (was_refused_alone(txn) || has_no_for(txn, cause)))
        return true;
    switch ((int)cause) {
    case VOW_CAUSE_NONE:
        return false;
    case VOW_CAUSE_OPERATOR:
        return txn->abort_ordered != 0;
    case VOW_CAUSE_CLIENT_ROLLBACK:
        return txn->rollback_requested != 0;
    case VOW_CAUSE_CLIENT_LOST:
        return txn->client_lost > txn->began && !was_asked(txn);
    case VOW_CAUSE_TXN_TIMEOUT:
        return txn->ends_us != 0 && is_up(judge, txn->ends_us);
    case VOW_CAUSE_VOTE_TIMEOUT:
        return tally->missing > 0 && is_up(judge, txn->asked_us + UINT64_C(1000) * node->vote_ms);
    case VOW_CAUSE_PARTICIPANT_UNAVAILABLE:
        return !was_asked(txn) && is_missed(judge, txn);
    case VOW_CAUSE_PARTICIPANT_LOST:
        return was_lost(txn, node);
    case VOW_CAUSE_COORDINATOR_RESTART:
    case VOW_CAUSE_PRESUMED:
        /* An id of an older life, or one that was not used in time, begins nothing: it is void. */
        return txn->began_life != node->life || !was_begun(txn);
    case VOW_CAUSE_STALE_INCARNATION:
        return was_restarted(judge, txn);
    case VOW_CAUSE_LOST_WORK:
        return !was_asked(txn) && has_lost_work(txn);
    default:
        return false;
    }
}

static void check_first(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                        enum vow_cause cause)
{
    const struct book_node *node = coordinator(judge, txn);
    struct tally tally;

    if (node == NULL || judge_is_excused(judge, txn))
        return;
    tally = count(txn, node);
    if (txn->began_life == node->life && tally.asked > 0 && tally.yes == tally.asked && txn->commit_requested != 0)
        judge_fail(judge, sight, "I04", &txn->gtrid, "aborted (%s) when all %u votes were in and none was NO",
                   vow_cause_name((int)cause), tally.asked);
    else if (!is_grounded(judge, txn, node, &tally, cause))
        judge_fail(judge, sight, "I04", &txn->gtrid, "aborted with cause %s, for which there is no ground",
                   vow_cause_name((int)cause));
}

static void check_cause(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                        enum vow_cause cause)
{
    if (!vow_cause_is_valid((int)cause) || cause == VOW_CAUSE_NONE)
        judge_fail(judge, sight, "I04", &txn->gtrid, "aborted with cause %d, which is not of the closed list",
                   (int)cause);
    else if (txn->cause_told == sight->seq)
        check_first(judge, sight, txn, cause);
}

void check_aborts(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = NULL;
    enum vow_cause cause = VOW_CAUSE_NONE;

    if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_OUTCOME &&
        sight->message.msg->outcome.outcome == VOW_ABORTED) {
        txn = judge_txn(judge, sight);
        cause = sight->message.msg->outcome.cause;
    } else if (sight->kind == SIM_SEEN_LOG_ASKED && sight->log.record->kind == VOW_RECORD_ABORTED) {
        txn = judge_txn(judge, sight);
        cause = sight->log.record->cause;
    }
    if (txn != NULL)
        check_cause(judge, sight, txn, cause);
}
