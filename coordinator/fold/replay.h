/*
 * A state of the past: the cores as a start would make them if the journal ended at some event, out of the events up to
 * there (fold.h). What has an end in the journal has its outcome there, and is not in the state.
 *
 * It is the state that was durable then. Not in it, for no record says so: transactions that were not decided yet, who
 * had acknowledged a decision, who only read, and attempts of a step or of a delivery that was under way; what a group
 * had done beyond its last CURSOR. Nobody is connected in it, and its time stands still: no timer of it runs out.
 */
#ifndef VOW_COORDINATOR_FOLD_REPLAY_H
#define VOW_COORDINATOR_FOLD_REPLAY_H

#include "coordinator/fold/fold.h"
#include "coordinator/fold/recovery.h"
#include "coordinator/fold/relay_recovery.h"

struct vow_replay {
    struct vow_fold fold;
    /* After vow_replay_make(): */
    uint64_t lsn;             /* of the event after which it was so */
    struct vow_coord *txns;   /* views: vow_coord_next(), vow_coord_find() */
    struct vow_sagas *sagas;  /* vow_sagas_next(), vow_sagas_find() */
    struct saga_book book;    /* their orders */
    struct vow_relay *relay;  /* vow_relay_next_group(), vow_relay_next_dead(); NULL = not known */
    struct relay_book events; /* that some group had not done, or that were dead */
    void *txns_memory, *sagas_memory, *relay_memory;
    bool is_again;
    /* The reader's, before vow_replay_make(): as the journal has said. */
    bool events_cut;
    uint64_t cut_lsn;
};

/* watched: whose events are kept, too; none: nobody's. */
void vow_replay_init(struct vow_replay *replay, const struct vow_gtrid *watched);
/* The next event, for vow_journal_sqlite_replay(). Returns 0, VOW_E_NO_MEMORY, VOW_E_DAMAGED. */
int vow_replay_take(void *replay, const struct vow_journal_event *event);
/* All events up to the wanted one were taken. True if those after *after must be taken once more. */
bool vow_replay_again(void *replay, uint64_t *after);
/* All events up to `lsn` were taken, also once more: makes the cores, once. Returns 0 or, with detail, _DAMAGED or
 * _NO_MEMORY. */
int vow_replay_make(struct vow_replay *replay, uint64_t lsn, struct vow_error_detail *detail);
/* Right in any state after init. */
void vow_replay_deinit(struct vow_replay *replay);

#endif
