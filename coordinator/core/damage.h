/* What a transaction is when not all have done what was decided: protocol 2.7. */
#ifndef VOW_COORDINATOR_DAMAGE_H
#define VOW_COORDINATOR_DAMAGE_H

#include "coordinator/core/core.h"

/* By its branches as they are known now: who has not answered is unknown. */
enum vow_damage txn_judge_damage(const struct vow_coord *core, const struct txn *txn);
/* True if somebody has not acknowledged, and is not known to contradict either. */
bool txn_has_unknown(const struct vow_coord *core, const struct txn *txn);
/* Records, once, that a branch contradicts the decision. `words` is who did it and why. */
void txn_note_mismatch(struct vow_coord *core, const struct txn *txn, struct branch *branch, enum vow_verdict verdict,
                       const char *words);
/* Judges the damage and has it recorded; the transaction is moved to DAMAGING. */
void txn_record_damage(struct vow_coord *core, struct txn *txn);
/* Has it recorded that an operator has seen to it; moved to FORGIVING. */
void txn_record_forget(struct vow_coord *core, struct txn *txn, const char *who, const char *why);
/* After an acknowledgement or another answer: END, or damage, or nothing yet. */
void txn_settle(struct vow_coord *core, struct txn *txn);
/* FORGET to a branch whose damage was seen to, if its participant is there. */
void txn_tell_forget(struct vow_coord *core, const struct txn *txn, const struct branch *branch);

/* The error that tells of its damage; 0 while there is none, or none is recorded. */
int txn_told_damage(const struct txn *txn);

#endif
