/* What clients ask for while the id may still begin, or its transaction is in memory. */
#include "coordinator/core/damage.h"
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/keys.h"
#include "coordinator/core/outcome.h"
#include "coordinator/core/past.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/prepare.h"
#include "coordinator/core/txn.h"
#include "proto/error.h"

static bool is_fresh(const struct vow_coord *core, const struct input *in)
{
    return coord_ids_class(&core->ids, in->gtrid) == COORD_ID_FRESH;
}

static struct txn *begin(struct vow_coord *core, const struct input *in)
{
    struct txn *txn = txn_new(core, in->gtrid, in->session);

    coord_ids_use(&core->ids, in->gtrid);
    txn_hold_watermark(core, txn);
    core->counts.begun++;
    return txn;
}

void coord_on_begin(struct vow_coord *core, struct input *in)
{
    struct txn *txn;

    if (!is_fresh(core, in)) {
        coord_answer_past(core, in, "");
        return;
    }
    if (core->draining || !txn_may_begin(core, 0) || !coord_has_key_room(core, in->msg->begin.key)) {
        coord_reply_error(core, in->session, in->gtrid, core->draining ? VOW_E_SHUTTING_DOWN : VOW_E_BUSY);
        return;
    }
    txn = begin(core, in);
    coord_bind_key(core, txn, in->msg->begin.key);
    txn_move(core, txn, TXN_ACTIVE);
    txn_end_after(core, txn, in->msg->begin.timeout_ms);
    txn->expires_ms = txn_expiry(core, txn, core->limits.txn_timeout_ms);
    txn_arm(core, txn, txn->expires_ms);
    coord_reply_outcome(core, in->session, in->gtrid, VOW_PENDING);
}

void coord_on_retry_begin(struct vow_coord *core, struct input *in)
{
    in->txn->client = in->session;
    in->txn->client_lost = false;
    txn_arm(core, in->txn, in->txn->expires_ms);
    coord_reply_outcome(core, in->session, in->gtrid, VOW_PENDING);
}

static void abort_new(struct vow_coord *core, const struct input *in, const struct coord_blame *blame)
{
    coord_ids_use(&core->ids, in->gtrid);
    core->counts.begun++;
    coord_conclude_aborted(core, in->gtrid, in->session, blame);
}

/* All that the request's calls need is found before anything is sent or remembered. Returns false if it was
 * answered. */
static bool admit(struct vow_coord *core, const struct input *in, const struct coord_plan *plan)
{
    struct coord_blame blame = {VOW_CAUSE_PARTICIPANT_UNAVAILABLE, plan->unavailable_peer, plan->unavailable, ""};

    if (plan->unavailable == NULL && txn_may_begin(core, plan->new_branches) &&
        coord_has_key_room(core, in->msg->commit_request.key))
        return true;
    if (plan->unavailable == NULL) {
        coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
        return false;
    }
    abort_new(core, in, &blame);
    return false;
}

/* Work that a client was told of and that nobody here has: its participant never enlisted, or the transaction began
 * anew (protocol 2.3, lost work). NULL if there is none. */
static const char *find_lost_work(const struct vow_coord *core, const struct txn *txn,
                                  const struct vow_msg_commit_request *request)
{
    for (uint32_t i = 0; i < request->work_len; i++) {
        const struct vow_msg_work *work = &request->work[i];
        uint32_t peer = coord_peer_find(core, work->participant);

        if (work->ops != 0 && (txn == NULL || peer == COORD_NIL || txn_branch_of_peer(core, txn, peer) == NULL))
            return work->participant;
    }
    return NULL;
}

static struct coord_blame blame_lost_work(const char *who)
{
    return (struct coord_blame){.cause = VOW_CAUSE_LOST_WORK, .peer = COORD_NIL, .name = who, .text = ""};
}

static void commit_new(struct vow_coord *core, struct input *in)
{
    const struct vow_msg_commit_request *request = &in->msg->commit_request;
    const char *lost = find_lost_work(core, NULL, request);
    struct coord_plan plan;
    struct coord_blame blame;
    struct txn *txn;

    if (lost != NULL) {
        blame = blame_lost_work(lost);
        abort_new(core, in, &blame);
        return;
    }
    /* Nobody was asked to do anything; a count of no operations names nobody either. */
    if (request->calls_len == 0) {
        coord_ids_use(&core->ids, in->gtrid);
        core->counts.begun++;
        coord_conclude_read_only(core, in->gtrid, in->session);
        return;
    }
    plan = coord_plan_calls(core, NULL, request);
    if (!admit(core, in, &plan))
        return;
    txn = begin(core, in);
    coord_bind_key(core, txn, request->key);
    txn_end_after(core, txn, request->timeout_ms);
    txn_prepare(core, txn, request);
}

static const char *only_participant(const struct vow_msg_commit_request *request)
{
    /* The flag is set by clients whose calls all go to one participant. */
    return request->calls_len > 0 ? request->calls[0].participant : "";
}

void coord_on_new_commit(struct vow_coord *core, struct input *in)
{
    const struct vow_msg_commit_request *request = &in->msg->commit_request;

    if (!is_fresh(core, in)) {
        coord_answer_past(core, in, only_participant(request));
    } else if (core->draining) {
        coord_reply_error(core, in->session, in->gtrid, VOW_E_SHUTTING_DOWN);
    } else if (core->shedding) {
        coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
    } else if (request->calls_len > VOW_CALLS_MAX) {
        coord_reply_error(core, in->session, in->gtrid, VOW_E_TOO_LARGE);
    } else {
        commit_new(core, in);
    }
}

/* A participant that joined and is gone, or came back without the work (mistake 19); or NULL. */
static const struct branch *find_unfit(const struct vow_coord *core, const struct txn *txn, enum vow_cause *cause)
{
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (branch_peer(core, b)->session == 0) {
            *cause = VOW_CAUSE_PARTICIPANT_UNAVAILABLE;
            return b;
        }
        if (!coord_peer_is_same_life(core, b)) {
            *cause = VOW_CAUSE_STALE_INCARNATION;
            return b;
        }
    }
    return NULL;
}

static void commit_active(struct vow_coord *core, struct input *in, const struct coord_plan *plan)
{
    struct txn *txn = in->txn;
    enum vow_cause cause = VOW_CAUSE_NONE;
    const struct branch *unfit = find_unfit(core, txn, &cause);
    const char *lost = find_lost_work(core, txn, &in->msg->commit_request);
    struct coord_blame blame = {VOW_CAUSE_PARTICIPANT_UNAVAILABLE, plan->unavailable_peer, plan->unavailable, ""};

    txn->client = in->session;
    txn_end_after(core, txn, in->msg->commit_request.timeout_ms);
    if (lost != NULL)
        blame = blame_lost_work(lost);
    if (unfit != NULL)
        blame = coord_blame_branch(cause, unfit, "");
    if (lost != NULL || unfit != NULL || plan->unavailable != NULL) {
        txn_abort(core, txn, &blame);
    } else if (txn->branches_len + plan->new_branches == 0) {
        coord_keep_key(core, txn);
        txn_move(core, txn, TXN_NONE);
        coord_conclude_read_only(core, in->gtrid, in->session);
    } else {
        txn_prepare(core, txn, &in->msg->commit_request);
    }
}

void coord_on_commit(struct vow_coord *core, struct input *in)
{
    const struct vow_msg_commit_request *request = &in->msg->commit_request;
    struct coord_plan plan = {0, NULL, COORD_NIL};

    if (request->calls_len <= VOW_CALLS_MAX)
        plan = coord_plan_calls(core, in->txn, request);
    if (request->calls_len > VOW_CALLS_MAX || in->txn->branches_len + plan.new_branches > VOW_CALLS_MAX)
        coord_reply_error(core, in->session, in->gtrid, VOW_E_TOO_LARGE);
    else if (coord_branches_allowed(core) < plan.new_branches)
        coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
    else
        commit_active(core, in, &plan);
}

/* The newest connection is the one that is still there (F062). If another client asked before, under the same key, it
 * is there, too: it is told to ask. */
void coord_on_retry(struct vow_coord *core, struct input *in)
{
    if (in->txn->client != in->session)
        coord_reply_outcome(core, in->txn->client, in->gtrid, VOW_PENDING);
    in->txn->client = in->session;
}

void coord_on_rollback(struct vow_coord *core, struct input *in)
{
    struct coord_blame blame = coord_blame_nobody(in->by_operator ? VOW_CAUSE_OPERATOR : VOW_CAUSE_CLIENT_ROLLBACK);

    txn_abort(core, in->txn, &blame);
    /* Whoever asked to commit on another connection hears the same (F065). */
    if (in->session != in->txn->client) {
        coord_reply(
            core, in->session,
            &(struct vow_msg_outcome){
                .gtrid = *in->gtrid, .outcome = VOW_ABORTED, .cause = blame.cause, .participant = "", .text = ""});
    }
}

/* The id was asked about before it was used: it can never be used now, so the answer is final. */
void coord_on_void(struct vow_coord *core, struct input *in)
{
    bool rollback = in->event == TXN_ON_ROLLBACK_REQUEST;
    struct vow_record *note;
    enum vow_cause cause = rollback ? VOW_CAUSE_CLIENT_ROLLBACK : VOW_CAUSE_PRESUMED;

    if (!is_fresh(core, in)) {
        coord_answer_past(core, in, rollback ? "" : in->msg->status_request.participant);
        return;
    }
    coord_ids_use(&core->ids, in->gtrid);
    coord_ended_add(core, in->gtrid, VOW_ABORTED, cause, COORD_NIL);
    coord_reply_ended(core, in->session, coord_ended_find(core, in->gtrid));
    if (core->limits.notes) {
        note = coord_log(core, VOW_RECORD_ABORTED, in->gtrid, 0, false);
        note->cause = cause;
    }
}

static bool is_decided(enum txn_state state)
{
    return state == TXN_COMMITTING || state == TXN_ENDING || state == TXN_FORGETTING || state == TXN_DAMAGING ||
           state == TXN_HEUR || state == TXN_FORGIVING || state == TXN_ABANDONED;
}

void coord_on_ask(struct vow_coord *core, struct input *in)
{
    enum txn_state state = (enum txn_state)in->txn->state;
    struct vow_msg_outcome answer = {.gtrid = *in->gtrid, .outcome = VOW_PENDING, .participant = "", .text = ""};

    if (is_decided(state)) {
        answer.outcome = in->txn->is_reported ? (enum vow_outcome)in->txn->outcome : VOW_COMMITTED;
        answer.cause = (enum vow_cause)in->txn->cause;
    }
    answer.error = txn_told_damage(in->txn);
    coord_reply(core, in->session, &answer);
}

void coord_on_client_lost(struct vow_coord *core, struct input *in)
{
    struct coord_blame blame = coord_blame_nobody(VOW_CAUSE_CLIENT_LOST);

    txn_abort(core, in->txn, &blame);
}
