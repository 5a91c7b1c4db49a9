/*
 * What the journal says when a core asks what became of an id. Only "there is no record" is no record: a read that
 * failed says nothing, and must never let anybody presume an abort (protocol 2.2).
 */
#ifndef VOW_COORDINATOR_FOLD_LOOKUP_H
#define VOW_COORDINATOR_FOLD_LOOKUP_H

#include "coordinator/core/coord.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/fold/saga_book.h"
#include "coordinator/journal/journal.h"

/* A GET or a GET_SAGA that is done: has the journal answered? If not, the process stops. */
bool vow_lookup_is_answered(const struct vow_journal_op *op);
/* A GET that is answered, as an event for the core of transactions. The caller adds the question, and the time. */
struct vow_coord_event vow_lookup_event(const struct vow_journal_op *op, const struct saga_book *open_sagas);
/* A GET_SAGA that is answered, as an event for the core of sagas. The caller adds the time. */
struct vow_sagas_event vow_lookup_saga_event(const struct vow_journal_op *op);

#endif
