#include "coordinator/core/outcome.h"

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/txn.h"

struct coord_blame coord_blame_nobody(enum vow_cause cause)
{
    return (struct coord_blame){.cause = cause, .peer = COORD_NIL, .name = "", .text = ""};
}

struct coord_blame coord_blame_branch(enum vow_cause cause, const struct branch *branch, const char *text)
{
    return (struct coord_blame){.cause = cause, .peer = branch->peer, .name = "", .text = text != NULL ? text : ""};
}

static const char *blamed(const struct vow_coord *core, const struct coord_blame *blame)
{
    return blame->peer != COORD_NIL ? core->peers[blame->peer].name : blame->name;
}

/* Not forced, and nothing waits for it: the protocol never needs a note. */
static void note_aborted(struct vow_coord *core, const struct vow_gtrid *gtrid, const struct coord_blame *blame)
{
    struct vow_record *record;

    if (!core->limits.notes)
        return;
    record = coord_log(core, VOW_RECORD_ABORTED, gtrid, 0, false);
    record->cause = blame->cause;
    coord_copy_text(record->who, sizeof(record->who), blamed(core, blame));
    coord_copy_text(record->text, sizeof(record->text), blame->text);
}

void coord_conclude_aborted(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client,
                            const struct coord_blame *blame)
{
    core->counts.aborted++;
    core->counts
        .by_cause[(unsigned)blame->cause % (sizeof(core->counts.by_cause) / sizeof(core->counts.by_cause[0]))]++;
    coord_ended_add(core, gtrid, VOW_ABORTED, blame->cause, blame->peer);
    coord_reply(core, client,
                &(struct vow_msg_outcome){.gtrid = *gtrid,
                                          .outcome = VOW_ABORTED,
                                          .cause = blame->cause,
                                          .participant = blamed(core, blame),
                                          .text = blame->text});
    note_aborted(core, gtrid, blame);
}

void coord_conclude_read_only(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client)
{
    core->counts.committed++;
    core->counts.read_only++;
    coord_ended_add(core, gtrid, VOW_COMMITTED, VOW_CAUSE_NONE, COORD_NIL);
    coord_reply_outcome(core, client, gtrid, VOW_COMMITTED);
    if (core->limits.notes)
        coord_log(core, VOW_RECORD_READ_ONLY, gtrid, 0, false);
}

/* Who voted NO or READ_ONLY has let go and hears no more (mistake 17); who was never contacted knows nothing. */
static bool is_abort_due(const struct branch *branch)
{
    return branch->contacted && (branch->vote == 0 || branch->vote == VOW_VOTE_YES);
}

void txn_abort(struct vow_coord *core, struct txn *txn, const struct coord_blame *blame)
{
    /* The votes are dropped first: nothing can commit it from here on. */
    txn_move(core, txn, TXN_NONE);
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (is_abort_due(b))
            coord_send_decision(core, txn, b, VOW_ABORT);
    }
    coord_conclude_aborted(core, &txn->gtrid, txn->client, blame);
}

void coord_reply_ended(struct vow_coord *core, uint64_t session, const struct ended *ended)
{
    coord_reply(core, session,
                &(struct vow_msg_outcome){.gtrid = ended->gtrid,
                                          .outcome = (enum vow_outcome)ended->outcome,
                                          .cause = (enum vow_cause)ended->cause,
                                          .error = ended->error,
                                          .participant = ended->who != COORD_NIL ? core->peers[ended->who].name : "",
                                          .text = ""});
}
