/* Building effects. Each function appends to the effects of the step under way. */
#ifndef VOW_COORDINATOR_EMIT_H
#define VOW_COORDINATOR_EMIT_H

#include "coordinator/core/core.h"

/* A zeroed effect. */
struct vow_coord_effect *coord_emit(struct vow_coord *core, enum vow_coord_effect_kind kind, uint64_t session);
void coord_alarm(struct vow_coord *core, const struct vow_gtrid *gtrid, const char *what, const char *who);

/* To a client; session 0: to nobody. */
void coord_reply(struct vow_coord *core, uint64_t session, const struct vow_msg_outcome *outcome);
void coord_reply_error(struct vow_coord *core, uint64_t session, const struct vow_gtrid *gtrid, int error);
void coord_reply_outcome(struct vow_coord *core, uint64_t session, const struct vow_gtrid *gtrid,
                         enum vow_outcome outcome);

/* The header of a message to a branch. */
struct vow_msg_header coord_header(const struct vow_coord *core, const struct txn *txn, const struct branch *branch);
/* To the branch's participant; it is connected. The kind's member is the caller's to fill. */
struct vow_msg *coord_send(struct vow_coord *core, const struct branch *branch, enum vow_msg_kind kind);
/* True if the participant is connected, so that the decision was sent. */
/* COMMIT to a member of the yes-list; if much waits for it already, it is due instead (F029). */
void coord_tell_commit(struct vow_coord *core, const struct txn *txn, struct branch *branch);
bool coord_send_decision(struct vow_coord *core, const struct txn *txn, const struct branch *branch,
                         enum vow_verdict verdict);
/* To whoever sent in->header. */
void coord_answer_verdict(struct vow_coord *core, const struct input *in, enum vow_verdict verdict);
void coord_answer_wait(struct vow_coord *core, const struct input *in, enum vow_wait reason);
void coord_answer_enlisted(struct vow_coord *core, const struct input *in, uint32_t branch, int error);

/* A record to append; token 0: nothing waits for it. More fields of the record are the caller's to fill. */
struct vow_record *coord_log(struct vow_coord *core, enum vow_record_kind kind, const struct vow_gtrid *gtrid,
                             uint64_t token, bool forced);
/* Copies as much of text as fits. */
void coord_copy_text(char *to, size_t size, const char *text);

#endif
