/* The third core of a past (past.h): publishers, two groups of consumers that do, put off and refuse events, go back,
 * and are away, and an operator for what is dead. */
#ifndef VOW_TESTS_PAST_RELAY_H
#define VOW_TESTS_PAST_RELAY_H

#include "coordinator/fold/relay_recovery.h"
#include "coordinator/fold/relay_sum.h"
#include "proto/message.h"

struct past;

enum { RELAY_KEYS = 6, RELAY_GROUPS = 2, RELAY_MAILS = 256 };

struct past_relay {
    struct vow_relay *core;
    void *memory;
    struct relay_book book;
    uint64_t acknowledged[RELAY_KEYS]; /* the number of the newest event that PUBLISHED told of */
    uint64_t sessions[RELAY_GROUPS], session;
    struct past_delivery {
        uint64_t session, offset;
        uint32_t attempt, group;
    } mails[RELAY_MAILS];
    uint32_t mails_len;
    bool is_kept, has_load;
    struct vow_journal_op load; /* the question */
    struct vow_arena *arena;
    struct vow_relay_limits limits;
};

void past_relay_start(struct past *past);
void past_relay_stop(struct past *past);
void past_relay_turn(struct past *past);
/* Time has passed. */
void past_relay_timer(struct past *past);
void past_relay_logged(struct past *past, uint64_t token, uint64_t lsn);
/* What a start would know of events, as one number; what a replay does. */
uint64_t past_relay_of_start(struct past *past, uint64_t *keys);
uint64_t past_relay_of_sum(struct relay_sum *sum, struct vow_relay *core, uint64_t *keys);
/* All is on the disk: the live groups are where a replay has them. */
void past_relay_compare(struct past *past, struct vow_relay *then);

#endif
