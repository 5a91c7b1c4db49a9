/*
 * Peers: protocol 2.6. A participant in doubt that its coordinator does not answer asks the others of the transaction;
 * whoever is asked says what it knows, and only that. "Not prepared" and "no record" are no aborts: whoever voted
 * READ_ONLY has none, nor has whoever committed and forgot, nor whoever restarted (mistakes 7 and 8). Only the
 * coordinator may presume.
 */
#include "participant/core/core.h"

/* --- the message --- */

static const struct vow_msg_header *header_of(const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_PEER_INQUIRY)
        return &msg->peer_inquiry.header;
    return msg->kind == VOW_MSG_PEER_ANSWER ? &msg->peer_answer.header : NULL;
}

/* I17: an abort that an older epoch told a peer is no more worth than that epoch's own word. */
static enum vow_branch_event abort_event(const struct vow_branches *core, uint32_t epoch)
{
    return epoch < core->keep.now.epoch ? VOW_BRANCH_EV_PEER_STALE_ABORTED : VOW_BRANCH_EV_PEER_ABORTED;
}

static enum vow_branch_event answer_event(const struct vow_branches *core, const struct vow_msg_peer_answer *answer)
{
    switch (answer->answer) {
    case VOW_PEER_COMMITTED: /* it was logged, so it is true whoever says it (protocol 2.9) */
        return VOW_BRANCH_EV_PEER_COMMITTED;
    case VOW_PEER_ABORTED:
        return abort_event(core, answer->header.epoch);
    case VOW_PEER_UNCERTAIN:
    case VOW_PEER_NO_INFO:
        return VOW_BRANCH_EV_PEER_UNSURE;
    case VOW_PEER_HEURISTIC_COMMITTED:
    case VOW_PEER_HEURISTIC_ABORTED:
        return VOW_BRANCH_EV_PEER_HEURISTIC;
    }
    return VOW_BRANCH_EV_PEER_UNSURE; /* none that is known: it says nothing */
}

static enum vow_branch_event inquiry_event(const struct vow_branches *core, const struct vow_msg_header *header)
{
    return header->incarnation == core->incarnation ? VOW_BRANCH_EV_PEER_ASKS : VOW_BRANCH_EV_PEER_ASKS_OLD;
}

static bool is_ours(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return core->keep.now.coord != 0 && vow_gtrid_coord(gtrid) == core->keep.now.coord;
}

static void tell(struct vow_branches *core, enum vow_peer_answer answer, uint32_t epoch)
{
    const struct branch_asker asker = {core->input->peer.session, core->header->branch, core->header->attempt};
    branch_answer_peer(core, &core->header->gtrid, asker, answer, epoch);
}

static void tell_nothing(struct vow_branches *core)
{
    tell(core, VOW_PEER_NO_INFO, core->keep.now.epoch);
}

/* What a peer says of epochs and watermarks is not taken over: it is no coordinator. */
void branch_on_peer(struct vow_branches *core, const struct vow_msg *msg)
{
    const struct vow_gtrid none = {{0}};
    const struct vow_msg_header *header = header_of(msg);
    if (header == NULL) {
        branch_violation(core, &none, "a message that no peer sends");
        return;
    }
    core->header = header;
    if (msg->kind == VOW_MSG_PEER_ANSWER) {
        branch_dispatch(core, &header->gtrid, BRANCH_UNNUMBERED, answer_event(core, &msg->peer_answer));
        return;
    }
    if (is_ours(core, &header->gtrid))
        branch_dispatch(core, &header->gtrid, BRANCH_UNNUMBERED, inquiry_event(core, header));
    else
        tell_nothing(core);
}

/* --- asked: nothing in memory --- */

/* Asks the store whether there is a tombstone, which says COMMITTED for certain; that there is none says nothing. */
static void recall(struct vow_branches *core)
{
    if (core->recalls == BRANCH_RECALLS_MAX) {
        tell_nothing(core);
        return;
    }
    core->recalls++;
    branch_store_recall(core, &core->header->gtrid,
                        (struct branch_asker){core->input->peer.session, core->header->branch, core->header->attempt});
}

void branch_recall_for_peer_done(struct vow_branches *core, const struct vow_branches_done *done)
{
    if (core->recalls == 0) {
        branch_violation(core, &done->gtrid, "the store answered what was not asked");
        return;
    }
    core->recalls--;
    branch_answer_peer(core, &done->gtrid, (struct branch_asker){done->session, done->branch, done->attempt},
                       done->result == VOW_STORE_DONE ? VOW_PEER_COMMITTED : VOW_PEER_NO_INFO, core->keep.now.epoch);
}

/*
 * A NO of this participant's is final in whatever epoch: nobody can have committed without its YES. So the answer
 * carries the asker's epoch, and is not fenced off. From now on no late PREPARE may be voted on otherwise, not even
 * when the ring has lost the NO.
 */
static void tell_no(struct vow_branches *core)
{
    const uint32_t asked = core->header->epoch, own = core->keep.now.epoch;
    branch_ended_tell(core, &core->header->gtrid);
    tell(core, VOW_PEER_ABORTED, asked > own ? asked : own);
}

/*
 * Below the watermark nothing else is said: that every commit there has a durable END, and so no asker left, holds only
 * until somebody restores a backup, or an operator forgets a transaction.
 */
void branch_peer_asks_unknown(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, &entry->gtrid);
    const bool is_no = ended != NULL && ended->proof == BRANCH_PROOF_VOTED_NO;
    if (ended != NULL && ended->end == VOW_BRANCH_END_COMMITTED)
        tell(core, VOW_PEER_COMMITTED, core->keep.now.epoch);
    else if (ended != NULL && ended->proof == BRANCH_PROOF_DECIDED)
        tell(core, VOW_PEER_ABORTED, ended->epoch);
    else if (is_no && core->event == VOW_BRANCH_EV_PEER_ASKS)
        tell_no(core);
    else
        recall(core);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* --- asked: at work --- */

static void stay(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

void branch_peer_hears_nothing(struct vow_branches *core, struct vow_branch_entry *entry)
{
    tell_nothing(core);
    stay(core, entry);
}

void branch_peer_hears_uncertain(struct vow_branches *core, struct vow_branch_entry *entry)
{
    tell(core, VOW_PEER_UNCERTAIN, core->keep.now.epoch);
    stay(core, entry);
}

void branch_peer_hears_committed(struct vow_branches *core, struct vow_branch_entry *entry)
{
    tell(core, VOW_PEER_COMMITTED, core->keep.now.epoch);
    stay(core, entry);
}

/* Decided: the abort is of the epoch that decided it. */
void branch_peer_hears_aborted(struct vow_branches *core, struct vow_branch_entry *entry)
{
    tell(core, VOW_PEER_ABORTED, entry->epoch);
    stay(core, entry);
}

/* It was told to end (no cause), or has ended alone and votes NO, if it was this life that was enlisted. */
void branch_peer_asks_dropped(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->cause == VOW_CAUSE_NONE)
        tell(core, VOW_PEER_ABORTED, entry->epoch);
    else if (core->event == VOW_BRANCH_EV_PEER_ASKS)
        tell_no(core);
    else
        tell_nothing(core);
    stay(core, entry);
}

/* The coordinator's COMMIT is what it recalls for: the decision is known. */
void branch_peer_asks_recalling(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->op == VOW_STORE_COMMIT)
        tell(core, VOW_PEER_COMMITTED, core->keep.now.epoch);
    else
        tell_nothing(core);
    stay(core, entry);
}

/*
 * Work has joined, so the coordinator had not closed its list then: this participant has not voted in this life. It
 * will vote NO: remembered before it is said, and lost only with this life, whose PREPARE the next one refuses.
 */
static void abort_first(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_drop(core, entry, VOW_CAUSE_PEER_IN_DOUBT);
    tell_no(core);
}

void branch_peer_asks_active(struct vow_branches *core, struct vow_branch_entry *entry)
{
    abort_first(core, entry);
}

void branch_peer_asks_working(struct vow_branches *core, struct vow_branch_entry *entry)
{
    abort_first(core, entry);
}

/* --- answered --- */

/* The way of a DECISION from here on, but for the ACK: that is the coordinator's alone, when it comes to ask. */
void branch_peer_committed(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.ended_by_peers++;
    entry->adopted = true;
    branch_end_doubt(core, entry);
    branch_store(core, entry, VOW_STORE_COMMIT);
    branch_move(core, entry, VOW_BRANCH_COMMITTING);
}

void branch_peer_aborted(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.ended_by_peers++;
    entry->epoch = core->header->epoch;
    branch_end_doubt(core, entry);
    branch_store(core, entry, VOW_STORE_ABORT);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}

/* Once for each branch: it is asked again and again. */
void branch_peer_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (!entry->heard_heuristic)
        branch_alarm(core, &entry->gtrid, "in doubt, and an operator has ended the transaction at a peer alone");
    entry->heard_heuristic = true;
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

static bool is_decided(const struct vow_branch_ended *ended)
{
    return ended->proof == BRANCH_PROOF_DECIDED;
}

/* Two peers that say different things have broken the transaction; nobody may take that for an answer too many. */
static void check_late(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_branch_end wrong,
                       const char *what)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, &entry->gtrid);
    if (ended != NULL && ended->end == wrong && (wrong == VOW_BRANCH_END_COMMITTED || is_decided(ended)))
        branch_violation(core, &entry->gtrid, what);
    else
        core->counts.ignored++;
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_peer_committed_late(struct vow_branches *core, struct vow_branch_entry *entry)
{
    check_late(core, entry, VOW_BRANCH_END_ABORTED, "a peer has committed what is aborted");
}

void branch_peer_aborted_late(struct vow_branches *core, struct vow_branch_entry *entry)
{
    check_late(core, entry, VOW_BRANCH_END_COMMITTED, "a peer has aborted what is committed");
}

/* --- asked: ended heuristically --- */

/* What an operator made of this branch is no outcome. */
void branch_peer_asks_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    tell(core, entry->heuristic == VOW_COMMIT ? VOW_PEER_HEURISTIC_COMMITTED : VOW_PEER_HEURISTIC_ABORTED,
         core->keep.now.epoch);
    stay(core, entry);
}
