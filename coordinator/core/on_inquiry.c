/* Prepared participants that ask for the decision, in words or by voting late. Only a coordinator may presume (2.6). */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/past.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

void coord_on_undecided(struct vow_coord *core, struct input *in)
{
    /* Never an abort while it may still commit (mistake 6). */
    coord_answer_wait(core, in, VOW_WAIT_UNDECIDED);
}

void coord_on_tell(struct vow_coord *core, struct input *in)
{
    if (in->branch->vote != VOW_VOTE_YES) {
        core->counts.ignored++;
        return;
    }
    /* It hears it when it can take more, if not now. */
    in->branch->due = branch_peer(core, in->branch)->is_full;
    if (!in->branch->due)
        coord_answer_verdict(core, in, VOW_COMMIT);
}

/* An alarm for each, once: participants ask again and again. */
static void raise_expired(struct vow_coord *core, const struct input *in)
{
    uint32_t peer = coord_peer_of_session(core, in->session);

    for (uint32_t i = 0; i < COORD_EXPIRED_MAX; i++) {
        if (vow_gtrid_equal(&core->expired[i], in->gtrid))
            return;
    }
    core->expired[core->expired_next] = *in->gtrid;
    core->expired_next = (core->expired_next + 1) % COORD_EXPIRED_MAX;
    coord_alarm(core, in->gtrid,
                "a branch is prepared that is older than the history: its end is the operator's (F045)",
                core->peers[peer].name);
}

/* Somebody was committed by hand against its abort, which stays known with that (2.7), however old it is. */
static bool is_reported_aborted(struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    const struct txn *txn = txn_find(core, gtrid);

    return txn != NULL && txn->is_reported && txn->outcome == VOW_ABORTED;
}

/*
 * The journal has spoken to a prepared participant. Only its proved silence is an abort (I10). A COMMIT is told to
 * whoever is prepared, also if END says that all have acknowledged: its data file lost that (F045, F113). The yes-list
 * need not be looked at: all that were asked to prepare had voted, so who is not on it is not prepared. A note of a
 * commit binds nobody: nothing was written, or in one phase.
 */
void coord_answer_inquiry(struct vow_coord *core, struct input *in)
{
    const struct vow_coord_lookup *lookup = in->lookup;

    if (coord_peer_of_session(core, in->session) == COORD_NIL) {
        core->counts.ignored++; /* its connection is gone: it asks again on the next one */
    } else if (lookup->found) {
        coord_answer_verdict(core, in, lookup->decided ? VOW_COMMIT : VOW_ABORT);
    } else if (is_reported_aborted(core, in->gtrid)) {
        coord_answer_verdict(core, in, VOW_ABORT);
    } else if (lookup->below_floor) {
        raise_expired(core, in);
        coord_answer_wait(core, in, VOW_WAIT_EXPIRED);
    } else if (lookup->unproved) {
        coord_answer_wait(core, in, VOW_WAIT_RECOVERING);
    } else {
        coord_answer_verdict(core, in, VOW_ABORT);
    }
}

/* Over the limit it waits its turn, as it does while the log is being read. */
static void ask_journal(struct vow_coord *core, const struct input *in)
{
    struct vow_coord_question *question;

    if (!coord_can_look_up(core)) {
        coord_answer_wait(core, in, VOW_WAIT_RECOVERING);
        return;
    }
    question = coord_look_up(core, in, "");
    question->is_inquiry = true;
    question->header = *in->header;
}

/*
 * No entry, the id is ours, recovery is done: the presumption (protocol 2.2). The ring knows better where it remembers
 * a decision to commit; where nothing was written, or only in one phase, nobody who votes now is one of its voters. An
 * id that could still begin is void from here on, or the answer would not be true for ever. One that may have been used
 * and that the ring does not remember may have committed and ended: of that only the journal knows.
 */
void coord_on_presumed(struct vow_coord *core, struct input *in)
{
    const struct ended *ended = coord_ended_find(core, in->gtrid);

    if (ended != NULL) {
        coord_answer_verdict(core, in, ended->logged ? VOW_COMMIT : VOW_ABORT);
        return;
    }
    switch (coord_ids_class(&core->ids, in->gtrid)) {
    case COORD_ID_FORGED:
        /* Our epoch and not our id: another life of this log gave it out, before a backup took us back to the same
         * epoch. */
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "an id of this epoch that this coordinator never granted (F170)", "");
        coord_answer_wait(core, in, VOW_WAIT_NOT_MINE);
        break;
    case COORD_ID_FRESH:
        coord_ids_use(&core->ids, in->gtrid);
        coord_ended_add(core, in->gtrid, VOW_ABORTED, VOW_CAUSE_PRESUMED, COORD_NIL);
        coord_answer_verdict(core, in, VOW_ABORT);
        break;
    case COORD_ID_USED:
    case COORD_ID_OLDER:
        ask_journal(core, in);
        break;
    case COORD_ID_FOREIGN:
        VOW_UNREACHABLE("another coordinator's id was turned away");
    }
}
