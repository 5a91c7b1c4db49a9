/*
 * Events out of the journal, into their core: all that is kept of them, at a start, and older ones, for a group that
 * goes back. The core takes it on trust, so all that it assumes is looked at here; what we cannot have written is
 * damage. What the events say goes to the book.
 */
#ifndef VOW_COORDINATOR_FOLD_RELAY_RECOVERY_H
#define VOW_COORDINATOR_FOLD_RELAY_RECOVERY_H

#include "coordinator/core/relay/relay.h"
#include "coordinator/fold/relay_book.h"
#include "coordinator/journal/journal.h"
#include "proto/codec.h"

struct relay_recovery {
    struct relay_book *book;
    struct vow_arena *arena; /* for decoding */
    uint64_t now_ms, wall_us;
    /* Gives the core its event, and carries out what it wants. */
    void (*step)(void *ctx, const struct vow_relay_event *event);
    void *ctx;
    struct vow_error_detail *detail; /* of a start: what is wrong */
    struct vow_relay *core;          /* when there is one */
    uint32_t events, groups, dead;   /* that were counted */
};

/* The deadline of an event, as the core's clock counts; what has passed is due now. 0 = it has none. */
uint64_t relay_due_ms(const struct vow_msg_event *event, uint64_t now_ms, uint64_t wall_us);

/* How much there is, so that there is room for it beside new work. Both return 0 or an error. */
int relay_recovery_count(struct relay_recovery *recovery, const struct vow_journal_engine *ops, void *engine);
void relay_recovery_widen(const struct relay_recovery *recovery, struct vow_relay_limits *limits);
/* Then all of it; the limits are those of the core. */
int relay_recovery_feed(struct relay_recovery *recovery, const struct vow_relay_limits *limits,
                        const struct vow_journal_engine *ops, void *engine);

/*
 * What VOW_JOURNAL_EVENTS has found, for a LOAD of the core's: what of it is wanted, as far as there is room, and that
 * this was the page. bytes_max: of the book; 0 = any. Returns 0, also if it did not fit; or VOW_E_DAMAGED, and the core
 * has not been told that it is done.
 */
int relay_recovery_load(struct relay_recovery *recovery, uint64_t bytes_max, const struct vow_journal_op *op);

#endif
