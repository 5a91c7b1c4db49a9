/*
 * What the records of events add up to after some event of the journal: the newest number of each key, the groups with
 * what they have done, the dead letters. It is what the journal keeps beside its chain (journal/sqlite_relay.c), only
 * of any event and not of the last alone, and it is given in the same form.
 *
 * Which events some group had not done is known only at the end, and a group that goes back wants old ones again. Most
 * are done long ago, so none is kept on the first way through the records: those that are needed are taken on a second
 * one, from where they begin.
 */
#ifndef VOW_COORDINATOR_FOLD_RELAY_SUM_H
#define VOW_COORDINATOR_FOLD_RELAY_SUM_H

#include <uthash.h>

#include "coordinator/journal/journal.h"

struct vow_arena;

struct sum_key {
    struct vow_journal_key newest; /* first: db_uuid and key are what it is found by */
    char source[VOW_NAME_SIZE];    /* who published the newest */
    UT_hash_handle hh;
};

struct sum_group {
    char name[VOW_NAME_SIZE], participant[VOW_NAME_SIZE];
    uint64_t cursor;
    uint8_t *body; /* its SUBSCRIBE */
    size_t body_len;
    uint8_t *beyond; /* what it has done beyond the cursor */
    size_t beyond_len;
    UT_hash_handle hh;
};

struct sum_dead {
    char group[VOW_NAME_SIZE];
    uint64_t lsn; /* of the event */
    enum vow_cause cause;
    uint32_t attempts;
    char text[VOW_TEXT_SIZE];
    bool is_retried, is_dropped;
    struct sum_dead *before, *after; /* by LSN and group */
};

struct relay_sum {
    struct sum_key *keys;     /* uthash by db_uuid and key */
    struct sum_group *groups; /* uthash by name */
    struct sum_dead *dead;
    struct vow_journal_event *events; /* that are needed; of the second way */
    uint32_t events_len, events_room;
    uint64_t last_lsn; /* the caller's: of the event after which it is so */
    bool is_cut;       /* the caller's: of the records up to the cut those are left that matter */
    struct vow_arena *arena;
};

/* The next record of events. Returns 0, VOW_E_NO_MEMORY, or VOW_E_DAMAGED for one that does not fit those before it. */
int relay_sum_take(struct relay_sum *sum, const struct vow_journal_event *event);
/* All were taken. True if events are needed: those after *after, for relay_sum_take_needed(). */
bool relay_sum_needs(const struct relay_sum *sum, uint64_t *after);
/* Any event of the log, in its order: copied if it is needed. Returns 0 or VOW_E_NO_MEMORY. */
int relay_sum_take_needed(struct relay_sum *sum, const struct vow_journal_event *event);
/* It is given as a journal's engine gives what it has: relay(), and stats() with last_lsn; the engine is the sum. */
extern const struct vow_journal_engine relay_sum_engine;
/* All were taken: the keys are walked by when they were published under last. */
void relay_sum_sort(struct relay_sum *sum);
void relay_sum_deinit(struct relay_sum *sum);

#endif
