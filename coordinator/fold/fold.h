/*
 * What is open after some event of the journal: the fold of its records up to there, in their order. A record that
 * opens something is kept until the END of its subject comes; what is left is what a start would be fed if the log
 * ended there (recovery.h). What a record does stands in the table of core/record.h, what that comes to in a table by
 * role in fold.c. A role more is a line there.
 *
 * Events have no end: what their records add up to is kept instead (relay_sum.h). Of those that are cut off retention
 * keeps what the state at the cut follows from (journal/sqlite_past.c), but for the keys of events.
 */
#ifndef VOW_COORDINATOR_FOLD_FOLD_H
#define VOW_COORDINATOR_FOLD_FOLD_H

#include "coordinator/fold/relay_sum.h"
#include "coordinator/journal/journal.h"

struct vow_fold {
    struct vow_gtrid watched;  /* all events of this one are kept, too; none: of nobody */
    uint64_t lsn, wall_us;     /* of the last event that was taken */
    uint32_t epoch;            /* it was written in */
    bool is_cut;               /* the first event of the log is not there: which keys there were is not known */
    bool is_broken;            /* some records of events do not fit those before them */
    struct relay_sum relay;    /* what was known of events */
    struct fold_subject *open; /* uthash by id and subject */
    struct vow_journal_event *events;
    uint32_t events_len; /* of the watched one, oldest first */
};

void vow_fold_init(struct vow_fold *fold, const struct vow_gtrid *watched);
/* The next event of the journal; it is copied. Returns 0, VOW_E_NO_MEMORY, or VOW_E_DAMAGED for what is no kind. */
int vow_fold_take(struct vow_fold *fold, const struct vow_journal_event *event);
/* Calls `each` for what is open, in the order of the journal. Returns 0, VOW_E_NO_MEMORY, or what `each` returned. */
int vow_fold_scan(const struct vow_fold *fold, vow_journal_scan_fn *each, void *ctx);
/* When the first of the open records of this one was written; 0: nothing of it is open. */
uint64_t vow_fold_since_us(const struct vow_fold *fold, const struct vow_gtrid *gtrid, enum vow_record_subject subject);
void vow_fold_deinit(struct vow_fold *fold);

#endif
