/*
 * How the cores come to their state out of the journal. Each open record is counted, so that there is room for it
 * beside new work, and then fed to the core that it is for; which one that is stands in the table of core/record.h, and
 * what it takes in a table by subject in recovery.c. A start of vowd and a replay (replay.h) go by them, so that they
 * cannot come to different states. A subject more is a line there.
 *
 * A core takes a record on trust, so all that it assumes is looked at here; what we cannot have written is damage.
 */
#ifndef VOW_COORDINATOR_FOLD_RECOVERY_H
#define VOW_COORDINATOR_FOLD_RECOVERY_H

#include "coordinator/core/coord.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/fold/saga_book.h"
#include "coordinator/journal/journal.h"

/* What is open needs room for this. */
struct vow_recovery_room {
    uint32_t txns, branches, participants; /* of transactions */
    uint32_t sagas, steps;
};

struct vow_recovery {
    /* The caller's, before the first record is fed: */
    struct saga_book *book; /* orders and answers go there */
    void *ctx;
    void (*txn)(void *ctx, const struct vow_coord_event *event);
    void (*saga)(void *ctx, const struct vow_sagas_event *event);
    uint64_t now_ms;  /* of the events */
    uint64_t wall_us; /* now: how old a record is. 0: what is open begins anew */
    struct vow_error_detail *detail;
    /* Filled by counting: */
    struct vow_recovery_room room;
    struct recovery_name *names;
    struct vow_arena *arena; /* for an order out of the journal */
    size_t arena_size;
};

/* For the open records in the order of the journal, in two passes: all of them are counted before the first is fed. For
 * vow_journal_engine.scan(), whose ctx is the recovery; KEY and SAGA_KEY records are fed only. Both return 0 or an
 * error, with its detail: VOW_E_DAMAGED, VOW_E_NO_MEMORY. */
int vow_recovery_count(void *recovery, const struct vow_journal_event *event);
int vow_recovery_feed(void *recovery, const struct vow_journal_event *event);
/* Right after an error, too, and on a zeroed one. */
void vow_recovery_deinit(struct vow_recovery *recovery);

#endif
