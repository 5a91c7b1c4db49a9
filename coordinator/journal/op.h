/* Walking a list of operations. */
#ifndef VOW_JOURNAL_OP_H
#define VOW_JOURNAL_OP_H

#include "coordinator/journal/journal.h"

/* The job is the first member of the operation, so one list serves worker and journal. */
static inline struct vow_journal_op *journal_op_next(const struct vow_journal_op *op)
{
    return (struct vow_journal_op *)op->job.next;
}

/* It adds an event. */
static inline bool journal_op_is_record(const struct vow_journal_op *op)
{
    return op->kind == VOW_JOURNAL_APPEND || op->kind == VOW_JOURNAL_DECIDE || op->kind == VOW_JOURNAL_END;
}

static inline bool journal_op_is_write(const struct vow_journal_op *op)
{
    return journal_op_is_record(op) || op->kind == VOW_JOURNAL_LIFE;
}

/* The protocol waits for a decision and for forced records; everything else may ride along. */
static inline bool journal_op_is_forced(const struct vow_journal_op *op)
{
    return op->kind == VOW_JOURNAL_DECIDE || (journal_op_is_write(op) && op->forced);
}

#endif
