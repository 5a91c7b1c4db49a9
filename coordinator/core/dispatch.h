/*
 * From an event to the handler that coord.def names. One event takes one edge of one transaction, or hits one CELL that
 * says why nothing happens.
 */
#ifndef VOW_COORDINATOR_DISPATCH_H
#define VOW_COORDINATOR_DISPATCH_H

#include "coordinator/core/core.h"

/* The handlers: on_*.c. */
/* clang-format off */
#define EDGE(from, event, guard, handler, to, rule) void handler(struct vow_coord *core, struct input *in);
#include "coordinator/core/coord.def"
/* clang-format on */

/* Builds the matrix from the edges; at init. */
void coord_fill_handlers(struct vow_coord *core);
/* Lets in->event happen to in->txn, which may be gone afterwards. */
void coord_dispatch(struct vow_coord *core, struct input *in);
/* The only writer of a transaction's state: asserts that the edge exists, counts it, traces it. At most once per
 * event. */
void txn_move(struct vow_coord *core, struct txn *txn, enum txn_state to);

/* A message of a client or a participant, from the wire to the event that it is. */
void coord_take_message(struct vow_coord *core, const struct vow_coord_event *event);
/* A transaction whose timer ran out: the event that it is. */
void coord_take_timer(struct vow_coord *core);
void coord_take_forget(struct vow_coord *core, const struct vow_coord_forget *forget);
void coord_take_log_done(struct vow_coord *core, uint64_t token);
void coord_take_recovered(struct vow_coord *core, const struct vow_record *record, uint64_t age_ms);
/* Asks those participants of it at once that are connected and owe an answer. */
void coord_wake_present(struct vow_coord *core, struct txn *txn);
void coord_take_peer_up(struct vow_coord *core, uint64_t session, const struct vow_coord_peer *peer);
void coord_take_peer_full(struct vow_coord *core, uint64_t session, bool is_full);
void coord_take_session_down(struct vow_coord *core, uint64_t session);

#endif
