/*
 * The messages of a small world. What was sent once may arrive at any later moment, again and again or never: loss,
 * duplication and reordering for free, as in docs/model.md. So all that a state says of the network is the set of
 * messages that were ever sent, and a state with more of them can do all that one with fewer can.
 *
 * Messages are numbered by what they say, without the attempt, which nobody but the sender of an ENLIST reads, and as
 * if all branches had number 0: to itself a participant is the only one.
 */
#ifndef VOW_CHAOS_SIM_SMALL_MAIL_H
#define VOW_CHAOS_SIM_SMALL_MAIL_H

#include "chaos/sim/small/room.h"
#include "chaos/sim/small/small.h"
#include "proto/message.h"

/* Different messages of one world. The search ends with an error beyond that. */
#define SMALL_MESSAGES_MAX 256
#define SMALL_SET_WORDS (SMALL_MESSAGES_MAX / 64)

/* One participant's: both ways. */
struct small_set {
    uint64_t words[SMALL_SET_WORDS];
};

/* Who takes part, as PREPARE says it. */
struct small_list {
    struct vow_msg_peer peers[SMALL_PARTICIPANTS_MAX];
    uint32_t len;
};

#define SMALL_LISTS_MAX 64

struct small_mail {
    struct small_list lists[SMALL_LISTS_MAX];
    uint32_t lists_len;
    struct vow_msg messages[SMALL_MESSAGES_MAX];
    uint8_t
        from[SMALL_MESSAGES_MAX]; /* who sent it: 0 the coordinator, or whoever speaks to it; else 1 + participant */
    uint32_t messages_len;
    struct small_set *sets;
    uint32_t sets_len;
    size_t sets_room;
    struct small_map set_of, with; /* by digest; by (set, message) */
};

void small_mail_init(struct small_mail *mail);
void small_mail_deinit(struct small_mail *mail);
/* The number of a message of the commit protocol. */
uint32_t small_mail_number(struct small_mail *mail, const struct vow_msg *msg);
/* The number of that message between participants, sent by this one. */
uint32_t small_mail_of(struct small_mail *mail, uint32_t number, uint32_t peer);
/* A copy of message `number` for the branch. */
struct vow_msg small_mail_copy(const struct small_mail *mail, uint32_t number, uint32_t branch);
/* True for what participants send to the coordinator. */
bool small_mail_is_to_coord(const struct small_mail *mail, uint32_t number);
uint32_t small_mail_set(struct small_mail *mail, const struct small_set *set);
/* Set 0 is empty. */
uint32_t small_mail_with(struct small_mail *mail, uint32_t set, uint32_t message);
/* Only those of the set that are in one of the two. */
uint32_t small_mail_without(struct small_mail *mail, uint32_t set, const struct small_set *one,
                            const struct small_set *other);
bool small_mail_covers(const struct small_mail *mail, uint32_t larger, uint32_t smaller);

#endif
