/* Questions about ids that cannot begin any more: answered from the ring, the journal, or a one-phase participant. */
#ifndef VOW_COORDINATOR_PAST_H
#define VOW_COORDINATOR_PAST_H

#include "coordinator/core/core.h"

/* in->gtrid is not in memory and not fresh. participant: who may hold a one-phase outcome; "" = not known. */
void coord_answer_past(struct vow_coord *core, struct input *in, const char *participant);
/* What the journal found, or did not, as an answer to lookup->session. */
void coord_reply_looked_up(struct vow_coord *core, const struct vow_coord_lookup *lookup);

#endif
