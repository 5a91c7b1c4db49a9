/* Questions about ids that cannot begin any more: answered from the ring, the journal, or a one-phase participant. */
#ifndef VOW_COORDINATOR_PAST_H
#define VOW_COORDINATOR_PAST_H

#include "coordinator/core/core.h"

/* in->gtrid is not in memory and not fresh. participant: who may hold a one-phase outcome; "" = not known. */
void coord_answer_past(struct vow_coord *core, struct input *in, const char *participant);
/* False: the journal has as many questions as there may be; it is asked when they come again. */
bool coord_can_look_up(const struct vow_coord *core);
/* Asks the journal for in->session about in->gtrid; with a reporter, whether what he did is seen to. Whoever asks for a
 * decision adds that to the question. */
struct vow_coord_question *coord_look_up(struct vow_coord *core, const struct input *in, const char *reporter);
/* on_inquiry.c: the same answer as a decision, to a participant that is prepared. */
void coord_answer_inquiry(struct vow_coord *core, struct input *in);
/* What the journal found, or did not, as an answer to lookup->session. */
void coord_reply_looked_up(struct vow_coord *core, const struct vow_coord_lookup *lookup);

#endif
