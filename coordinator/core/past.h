/* Questions about ids that cannot begin any more: answered from the ring, the journal, or a one-phase participant. */
#ifndef VOW_COORDINATOR_PAST_H
#define VOW_COORDINATOR_PAST_H

#include "coordinator/core/core.h"

/* in->gtrid is not in memory and not fresh. participant: who may hold a one-phase outcome; "" = not known. */
void coord_answer_past(struct vow_coord *core, struct input *in, const char *participant);

#endif
