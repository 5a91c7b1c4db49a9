/*
 * The snapshot: what of the log is folded up, so that a start need not read it and retention may cut it.
 *
 * Two points of the log, both only rise:
 *
 *     1 ........ cut ................ taken ............ the last event
 *       cut off      kept, folded in        read at start
 *
 * Up to `cut` the events are gone, but for those of transactions that have no END up to there (`kept`). Up to `taken`
 * the table `open` lists the records that have no END at all, so a start reads that list and the events after `taken`.
 * The events between are proved in the background, and until then nothing is concluded from their absence.
 *
 * Each set of rows is held as its number and the sum of its rows' digests: a row can be taken in or out without
 * reading the others, and one that is lost, changed or too many shows. It is written in the same commit as what it
 * speaks of, so the file never has one without the other (faults F012, B42).
 */
#ifndef VOW_JOURNAL_SNAPSHOT_H
#define VOW_JOURNAL_SNAPSHOT_H

#include "coordinator/journal/chain.h"

/* A set of rows. */
struct journal_rows {
    uint64_t count;
    struct journal_hash sum; /* of their digests, modulo 2^128 */
};

struct journal_snapshot {
    struct journal_head cut;
    struct journal_rows kept; /* rows at or below `cut` that are still there */
    struct journal_head taken;
    struct journal_rows open;        /* records at or below `taken` that the table `open` lists */
    struct journal_hash epoch_event; /* the last EPOCH at or below `taken`, for the identity's seal */
    struct vow_watermark floor;      /* all events of an id below it may be cut: EXPIRED, if there are none */
    struct vow_watermark high;       /* every id of an event at or below `taken` is below it */
    uint64_t pruned;                 /* events cut since the log was made */
    bool is_whole;                   /* of the records of events all are kept which the state at `cut` follows from */
};

#define JOURNAL_SNAPSHOT_BYTES 148

void journal_snapshot_encode(const struct journal_snapshot *snapshot, uint8_t bytes[JOURNAL_SNAPSHOT_BYTES]);
/* False if the bytes cannot be a snapshot: a cut behind `taken`, for example. */
bool journal_snapshot_decode(const uint8_t *bytes, size_t len, struct journal_snapshot *snapshot);

void journal_rows_add(struct journal_rows *rows, const struct journal_hash *digest);
void journal_rows_remove(struct journal_rows *rows, const struct journal_hash *digest);
bool journal_rows_equal(const struct journal_rows *a, const struct journal_rows *b);

/* A cut by a program that kept none of them is never whole again. */
static inline bool journal_snapshot_is_whole(const struct journal_snapshot *snapshot)
{
    return snapshot->is_whole || snapshot->cut.lsn == 0;
}

/* Raises *mark above the id, if it is one. */
void journal_mark_raise(struct vow_watermark *mark, const struct vow_gtrid *gtrid);

#endif
