#include "coordinator/core/past.h"

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/outcome.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"
#include "proto/error.h"

static bool is_one_phase(const struct vow_gtrid *gtrid)
{
    return (vow_gtrid_flags(gtrid) & VOW_GTRID_ONE_PHASE) != 0;
}

/*
 * Keeps the question, if the journal's silence will not answer it: the participant of a one-phase id can. Without a
 * connection or room for an entry the client is told that the outcome is in doubt, and asks again.
 */
static void keep_question(struct vow_coord *core, struct input *in, const char *participant)
{
    uint32_t peer = is_one_phase(in->gtrid) ? coord_peer_find(core, participant) : COORD_NIL;
    struct txn *txn;

    if (peer == COORD_NIL || core->peers[peer].session == 0 || !txn_has_room(core, 1))
        return;
    txn = txn_new(core, in->gtrid, in->session);
    txn->question = true;
    txn_add_branch(core, txn, 0, peer);
    txn_move(core, txn, TXN_LOOKING_UP);
}

bool coord_can_look_up(const struct vow_coord *core)
{
    return core->lookups < core->limits.txns_max;
}

struct vow_coord_question *coord_look_up(struct vow_coord *core, const struct input *in, const char *reporter)
{
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_LOOKUP, in->session);

    core->lookups++;
    effect->lookup.reporter = reporter;
    effect->lookup.question.gtrid = *in->gtrid;
    return &effect->lookup.question;
}

static void look_up(struct vow_coord *core, struct input *in, const char *participant)
{
    if (!coord_can_look_up(core)) {
        coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
        return;
    }
    keep_question(core, in, participant);
    (void)coord_look_up(core, in, "");
}

void coord_answer_past(struct vow_coord *core, struct input *in, const char *participant)
{
    const struct ended *ended = coord_ended_find(core, in->gtrid);

    if (ended != NULL) {
        coord_reply_ended(core, in->session, ended);
        return;
    }
    switch (coord_ids_class(&core->ids, in->gtrid)) {
    case COORD_ID_USED:
    case COORD_ID_OLDER:
        look_up(core, in, participant);
        break;
    case COORD_ID_FORGED:
        core->counts.protocol_errors++;
        coord_reply_error(core, in->session, in->gtrid, VOW_E_NOT_FOUND);
        break;
    case COORD_ID_FOREIGN:
        coord_reply_error(core, in->session, in->gtrid, VOW_E_NOT_MINE);
        break;
    case COORD_ID_FRESH:
        VOW_UNREACHABLE("a fresh id has no past");
    }
}

/* What the journal found, or did not, as an answer. An id of the past never begins, so silence is an abort for ever;
 * but not below the floor, where the record may have been cut off, nor before the silence is proved, nor for a
 * one-phase id, whose outcome may lie with its participant (F015). */
void coord_reply_looked_up(struct vow_coord *core, const struct vow_coord_lookup *lookup)
{
    const struct vow_gtrid *gtrid = &lookup->question.gtrid;
    struct vow_msg_outcome answer = {.gtrid = *gtrid, .outcome = VOW_UNKNOWN, .participant = "", .text = ""};

    if (lookup->found) {
        answer.outcome = lookup->outcome;
        answer.cause = lookup->cause;
        answer.error = vow_damage_error(lookup->damage);
    } else if (lookup->is_saga) {
        answer.error = VOW_E_STATE;
        answer.text = "it is a saga: ask for the state of a saga";
    } else if (lookup->below_floor) {
        answer.error = VOW_E_EXPIRED;
    } else if (lookup->unproved || is_one_phase(gtrid)) {
        answer.error = VOW_E_IN_DOUBT;
    } else {
        answer.outcome = VOW_ABORTED;
        answer.cause = VOW_CAUSE_PRESUMED;
        answer.error = vow_damage_error(lookup->damage);
    }
    coord_reply(core, lookup->session, &answer);
}

void coord_on_looked_up(struct vow_coord *core, struct input *in)
{
    if (in->lookup->question.is_inquiry)
        coord_answer_inquiry(core, in);
    else
        coord_reply_looked_up(core, in->lookup);
}

void coord_on_journal_answer(struct vow_coord *core, struct input *in)
{
    struct vow_coord_lookup lookup = *in->lookup;
    struct txn *txn = in->txn;

    if (!lookup.found && !lookup.below_floor && !lookup.unproved) {
        txn_move(core, txn, TXN_DELEGATED);
        txn_arm(core, txn, core->now_ms);
        if (lookup.session != txn->client)
            coord_reply_outcome(core, lookup.session, in->gtrid, VOW_PENDING);
        return;
    }
    txn_move(core, txn, TXN_NONE);
    coord_reply_looked_up(core, &lookup);
    if (lookup.session != txn->client) {
        lookup.session = txn->client;
        coord_reply_looked_up(core, &lookup);
    }
}

void coord_on_looked_up_again(struct vow_coord *core, struct input *in)
{
    if (in->session != in->txn->client)
        coord_reply_outcome(core, in->session, in->gtrid, VOW_PENDING);
}
