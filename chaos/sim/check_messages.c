/*
 * I16, the other half: each message that is sent, in each situation, is one that the protocol has there (sends.def).
 * What a node may say follows from what it was told, has made durable and has said before, as the book has it; where
 * another invariant already says so of a message, its rule here is `free`.
 */
#include "chaos/sim/check.h"

struct situation {
    const struct sim_judge *judge;
    const struct sim_sight *sight;
    const struct book_node *node; /* the sender */
    const struct book_txn *txn;
    const struct book_share *share; /* of the participant at either end */
    const struct vow_msg *msg;
};

/* NULL: it may be sent. */
typedef const char *rule_fn(const struct situation *at);

static const char *rule_free(const struct situation *at)
{
    (void)at;
    return NULL;
}

/* ---- coordinators ---- */

/* Its core was told in this life that COMMIT is durable, or read it at its start. */
static bool knows_commit(const struct situation *at)
{
    if (at->txn->commit_told != 0 && at->txn->commit_told > at->node->started)
        return true;
    return at->txn->committed != 0 && at->txn->committed < at->node->started;
}

static bool has_ended_here(const struct situation *at)
{
    return at->txn->aborted != 0 || at->txn->read_only != 0 || knows_commit(at) || at->txn->one_phase_durable != 0;
}

static bool is_open(const struct situation *at)
{
    return at->txn->began != 0 && at->txn->began_life == at->node->life && !has_ended_here(at) &&
           at->txn->commit_log_asked == 0;
}

static bool was_anybody_asked(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->prepare_sent != 0 || share->one_phase_sent != 0)
            return true;
    }
    return false;
}

static const char *rule_outcome(const struct situation *at)
{
    if (at->msg->outcome.outcome == VOW_PENDING && knows_commit(at) && at->txn->ended == 0)
        return "PENDING, and it knows that COMMIT is durable";
    return NULL;
}

static const char *rule_enlisted(const struct situation *at)
{
    if (at->msg->enlisted.error != 0)
        return NULL;
    return !is_open(at) || was_anybody_asked(at->txn) ? "and its work is not open" : NULL;
}

static const char *rule_prepare(const struct situation *at)
{
    if (!is_open(at) || at->txn->commit_requested == 0)
        return "and no commit is under way";
    if (at->share->one_phase_sent != 0)
        return "and it was asked to commit alone";
    return at->share->prepare_sent != at->sight->seq ? "for the second time" : NULL;
}

static bool is_only_participant(const struct situation *at)
{
    for (const struct book_share *share = at->txn->shares; share != NULL; share = share->next) {
        if (share != at->share && (share->enlisted != 0 || share->prepare_sent != 0 || share->one_phase_sent != 0))
            return false;
    }
    return true;
}

static const char *rule_one_phase(const struct situation *at)
{
    if (!is_open(at) || at->txn->commit_requested == 0)
        return "and no commit is under way";
    if ((vow_gtrid_flags(&at->txn->gtrid) & VOW_GTRID_ONE_PHASE) == 0)
        return "of an id that does not allow it";
    if (!is_only_participant(at) || at->share->prepare_sent != 0)
        return "and it does not decide alone";
    return at->share->one_phase_sent != at->sight->seq ? "for the second time" : NULL;
}

static const char *rule_query(const struct situation *at)
{
    return (vow_gtrid_flags(&at->txn->gtrid) & VOW_GTRID_ONE_PHASE) == 0 ? "of an id that does not allow one phase"
                                                                         : NULL;
}

/* Who voted NO or READ-ONLY waits for nothing (mistake 17), and a stranger even less; but who asks is answered. */
static const char *rule_decision(const struct situation *at)
{
    const bool has_voted = at->share->vote_got != 0 && at->share->vote_life == at->node->life;

    if (at->share->asked_got != 0)
        return NULL;
    if (at->msg->decision.verdict == VOW_COMMIT)
        return at->share->is_on_yes_list ? NULL : "COMMIT, and it is not on the yes-list";
    if (has_voted && at->share->vote != VOW_VOTE_YES)
        return "ABORT, and its vote lets it go";
    return at->share->enlisted == 0 && at->share->prepare_sent == 0 ? "ABORT, and it has no branch" : NULL;
}

static const char *rule_wait(const struct situation *at)
{
    const enum vow_wait reason = at->msg->wait.reason;

    if (at->share->asked_got == 0)
        return "and it has not asked";
    if (reason == VOW_WAIT_UNDECIDED && (!is_open(at) && (has_ended_here(at) || at->txn->began_life != at->node->life)))
        return "UNDECIDED, and nothing is to be decided any more";
    if (reason == VOW_WAIT_EXPIRED && at->txn->committed != 0 && at->txn->ended == 0)
        return "EXPIRED, and its COMMIT is kept";
    if (reason == VOW_WAIT_EXPIRED && at->txn->damage_told != 0 && at->txn->forgot == 0)
        return "EXPIRED, and its damage stands";
    return reason == VOW_WAIT_NOT_MINE && at->txn->coord == at->sight->node && at->node->harm == 0
               ? "NOT_MINE, and the id is its own"
               : NULL;
}

/* ---- participants ---- */

static const char *rule_enlist(const struct situation *at)
{
    return at->share->on_disk != 0 ? "and its branch is past all work" : NULL;
}

static const char *rule_vote(const struct situation *at)
{
    const bool is_vow = at->share->on_disk == SIM_BRANCH_PREPARED && at->share->told_yes != 0 &&
                        at->share->ending_asked < at->share->told_yes && at->share->heuristic == 0;

    return at->msg->vote.vote == VOW_VOTE_NO && is_vow ? "NO, and it has vowed YES" : NULL;
}

/* Of a branch that is not its own it has no record, and says so (F168). */
static bool is_its_own(const struct situation *at)
{
    return sim_msg_header(at->msg)->branch == at->share->branch;
}

static const char *rule_ack(const struct situation *at)
{
    switch ((int)at->msg->ack.ack) {
    case VOW_ACK_NO_RECORD:
        return at->share->on_disk != 0 && is_its_own(at) ? "NO_RECORD, and its store has one" : NULL;
    case VOW_ACK_HEURISTIC_OK:
    case VOW_ACK_HEURISTIC_MISMATCH:
        return at->share->heuristic == 0 ? "a heuristic end, and nobody ended it" : NULL;
    default:
        return NULL;
    }
}

static const char *rule_inquiry(const struct situation *at)
{
    return at->share->on_disk != SIM_BRANCH_PREPARED && at->share->heuristic == 0 ? "and it is not in doubt" : NULL;
}

/* A question waits for its connection, and may be asked after the decision came. */
static const char *rule_peer_inquiry(const struct situation *at)
{
    return at->share->yes == 0 && at->share->on_disk != SIM_BRANCH_PREPARED ? "and it was never in doubt" : NULL;
}

/* Having no record is no knowledge: whoever says ABORTED will never vote YES, and knows that (2.6). */
static bool may_say_aborted(const struct situation *at)
{
    const bool is_vow = at->share->on_disk == SIM_BRANCH_PREPARED;

    /* What was decided against a heuristic is kept with its record (2.7). */
    if (at->share->abort_heard_life == at->node->life || at->share->record_says == VOW_ABORT)
        return true;
    if (is_vow)
        return false;
    return at->share->no_life == at->node->life || at->share->drop_life == at->node->life;
}

/* It is prepared, or its store is just doing that, or ending it by hand: what the disk holds by now it was not told. */
static bool is_uncertain(const struct situation *at)
{
    const struct book_share *share = at->share;
    const bool is_under_way = share->asked_life == at->node->life &&
                              (share->asked_op == VOW_STORE_PREPARE || share->asked_op == VOW_STORE_HEURISTIC_COMMIT ||
                               share->asked_op == VOW_STORE_HEURISTIC_ABORT);

    return share->on_disk == SIM_BRANCH_PREPARED || is_under_way;
}

static const char *rule_peer_answer(const struct situation *at)
{
    switch ((int)at->msg->peer_answer.answer) {
    case VOW_PEER_COMMITTED:
        return at->share->commit_heard == 0 && at->share->committed == 0 ? "COMMITTED, which it cannot know" : NULL;
    case VOW_PEER_ABORTED:
        return !may_say_aborted(at) ? "ABORTED, which it cannot know" : NULL;
    case VOW_PEER_UNCERTAIN:
        return !is_uncertain(at) ? "UNCERTAIN, and it is not in doubt" : NULL;
    case VOW_PEER_HEURISTIC_COMMITTED:
    case VOW_PEER_HEURISTIC_ABORTED:
        return at->share->heuristic == 0 ? "a heuristic end, and nobody ended it" : NULL;
    default:
        return NULL;
    }
}

static const char *rule_heuristic(const struct situation *at)
{
    return at->share->heuristic == 0 ? "and nobody ended its branch" : NULL;
}

/* ---- the table ---- */

struct row {
    enum sim_role role;
    enum vow_msg_kind kind;
    rule_fn *rule;
};

/* clang-format off */
static const struct row rows[] = {
#define SEND(role, kind, rule, text) {SIM_##role, VOW_MSG_##kind, rule_##rule},
#include "chaos/sim/sends.def"
#undef SEND
};
/* clang-format on */

static const struct row *row_of(enum sim_role role, enum vow_msg_kind kind)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].role == role && rows[i].kind == kind)
            return &rows[i];
    }
    return NULL;
}

void check_messages(struct sim_judge *judge, const struct sim_sight *sight)
{
    struct situation at = {.judge = judge, .sight = sight};
    const struct row *row;
    const char *why;

    if (sight->kind != SIM_SEEN_SENT || sight->node >= judge->book.nodes_len)
        return;
    at.node = &judge->book.nodes[sight->node];
    at.msg = sight->message.msg;
    row = row_of(at.node->role == SIM_SAGA_CLIENT ? SIM_CLIENT : at.node->role, at.msg->kind);
    if (row == NULL) {
        judge_fail(judge, sight, "I16", NULL, "%s sends %s, which is not its to send", at.node->name,
                   vow_msg_name(at.msg->kind));
        return;
    }
    at.txn = row->rule != rule_free ? judge_txn(judge, sight) : NULL;
    if (at.txn == NULL || judge_is_excused(judge, at.txn))
        return;
    at.share = sim_txn_share(at.txn, at.node->role == SIM_PARTICIPANT ? sight->node : sight->peer);
    if (at.share == NULL && sim_msg_header(at.msg) != NULL)
        return;
    why = row->rule(&at);
    if (why != NULL)
        judge_fail(judge, sight, "I16", &at.txn->gtrid, "%s sends %s to %s %s", at.node->name,
                   vow_msg_name(at.msg->kind), judge_name(judge, sight->peer), why);
}
