/* The entry of one transaction and its branches: making, finding, timing, freeing. Its states are moved by
 * txn_move(). */
#ifndef VOW_COORDINATOR_TXN_H
#define VOW_COORDINATOR_TXN_H

#include "coordinator/core/core.h"

/* The entry of gtrid, or NULL: state NONE. */
struct txn *txn_find(const struct vow_coord *core, const struct vow_gtrid *gtrid);
/* True if there is room for one more with that many branches. */
bool txn_has_room(const struct vow_coord *core, uint32_t branches);
/* There is room, and the driver has some for the sender of the message under way. */
bool txn_may_begin(const struct vow_coord *core, uint32_t branches);
/* The next random number: Marsaglia's xorshift, enough to keep resends and retries apart. */
uint64_t txn_jitter(struct vow_coord *core);
/* An entry in state NONE, to be moved at once. The caller has made sure of the room. */
struct txn *txn_new(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client);
/* Frees an entry and its branches; it is in state NONE. */
void txn_free(struct vow_coord *core, struct txn *txn);
/* Lets the entry hold the forget watermark until it is freed: protocol 2.8. */
void txn_hold_watermark(struct vow_coord *core, struct txn *txn);
/* It holds it no more. */
void txn_release_watermark(struct vow_coord *core, struct txn *txn);
/* Asserts what holds in the entry's state. */
void txn_check(const struct vow_coord *core, const struct txn *txn);

/* Adds the next branch. The caller has made sure of the room. */
struct branch *txn_add_branch(struct vow_coord *core, struct txn *txn, uint32_t number, uint32_t peer);
struct branch *txn_find_branch(const struct vow_coord *core, const struct txn *txn, uint32_t number);
struct branch *txn_branch_of_peer(const struct vow_coord *core, const struct txn *txn, uint32_t peer);

/* The token of a record whose durability the transaction waits for, and back: NULL if that transaction is gone. */
uint64_t txn_token(const struct vow_coord *core, const struct txn *txn);
struct txn *txn_of_token(const struct vow_coord *core, uint64_t token);

void txn_arm(struct vow_coord *core, struct txn *txn, uint64_t deadline_ms);
/* The client's deadline: after so many ms, or not at all (0). One that is set stays. */
void txn_end_after(struct vow_coord *core, struct txn *txn, uint32_t timeout_ms);
/* The end of a wait of timeout_ms, or the deadline, if that is sooner. */
uint64_t txn_expiry(const struct vow_coord *core, const struct txn *txn, uint32_t timeout_ms);
void txn_disarm(struct vow_coord *core, struct txn *txn);
/* Arms after the current delay, a quarter more or less, so that resends do not come in step. */
void txn_arm_resend(struct vow_coord *core, struct txn *txn);
/* Doubles the delay up to T_ack's limit: protocol 2.4. */
void txn_back_off(struct vow_coord *core, struct txn *txn);

/* The list of open transactions whose client may still be lost. */
void txn_enter_active(struct vow_coord *core, struct txn *txn);
void txn_leave_active(struct vow_coord *core, struct txn *txn);

/* Everything below it has a durable END or never commits: protocol 2.8. */
struct vow_watermark coord_watermark(const struct vow_coord *core);

#endif
