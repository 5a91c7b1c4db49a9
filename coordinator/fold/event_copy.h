/* An event of the journal that outlives the call it came with. */
#ifndef VOW_COORDINATOR_FOLD_EVENT_COPY_H
#define VOW_COORDINATOR_FOLD_EVENT_COPY_H

#include "coordinator/journal/journal.h"

/* Its branches and its body are its own then, for vow_journal_events_free(). Returns 0 or VOW_E_NO_MEMORY. */
int event_copy(const struct vow_journal_event *from, struct vow_journal_event *to);

#endif
