/* Prepared participants that ask for the decision, in words or by voting late. Only a coordinator may presume (2.6). */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/txn.h"

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

/*
 * No entry, the id is ours, recovery is done: the presumption (protocol 2.2). The ring knows better where it remembers
 * a decision to commit; where nothing was written, or only in one phase, nobody who votes now is one of its voters. An
 * id that could still begin is void from here on, or the answer would not be true for ever.
 */
void coord_on_presumed(struct vow_coord *core, struct input *in)
{
    const struct ended *ended = coord_ended_find(core, in->gtrid);
    bool committed = ended != NULL && ended->logged;
    enum coord_id_class class = coord_ids_class(&core->ids, in->gtrid);

    /* Our epoch and not our id: another life of this log gave it out, before a backup took us back to the same
     * epoch. */
    if (class == COORD_ID_FORGED) {
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "an id of this epoch that this coordinator never granted (F170)", "");
        coord_answer_wait(core, in, VOW_WAIT_NOT_MINE);
        return;
    }
    if (ended == NULL && class == COORD_ID_FRESH) {
        coord_ids_use(&core->ids, in->gtrid);
        coord_ended_add(core, in->gtrid, VOW_ABORTED, VOW_CAUSE_PRESUMED, COORD_NIL);
    }
    coord_answer_verdict(core, in, committed ? VOW_COMMIT : VOW_ABORT);
}
