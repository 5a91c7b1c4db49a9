/*
 * Streams of sights made by hand, for the tests of the checkers: coordinator c0 is node 0, participants p0 and p1 are
 * nodes 1 and 2, client k0 is node 3. Each function shows what a correct product would do at that step, so that a test
 * leaves one step out, or adds one.
 */
#ifndef TESTS_CHECK_BED_H
#define TESTS_CHECK_BED_H

#include <criterion/criterion.h>
#include <string.h>

#include "chaos/sim/check.h"

enum { C0, P0, P1, K0 };

/* What c0 gives a vote. */
#define BED_VOTE_MS 50u
/* And the dead letters that it has room for, where there are events. */
#define BED_DEAD_MAX 2u

struct bed {
    struct sim_watch watch;
    struct sim_judge judge;
    struct vow_gtrid txn;
    uint64_t at_us, frame, lsn;
    uint32_t life[4];
};

/* All up and linked; account 1 of p0 and of p1 holds 100. */
void bed_begin(struct bed *bed);
void bed_begin_events(struct bed *bed);
void bed_end(struct bed *bed);

struct sim_sight bed_sight(struct bed *bed, enum sim_sight_kind kind, uint8_t node);
void bed_show(struct bed *bed, struct sim_sight *sight);
void bed_plain(struct bed *bed, enum sim_sight_kind kind, uint8_t node);
/* SENT and RECEIVED, or one of them. The number of the frame. */
uint64_t bed_send(struct bed *bed, uint8_t from, uint8_t to, const struct vow_msg *msg);
uint64_t bed_sent(struct bed *bed, uint8_t from, uint8_t to, const struct vow_msg *msg);
void bed_received(struct bed *bed, uint8_t to, uint8_t from, const struct vow_msg *msg, uint64_t frame);
struct vow_msg_header bed_header(const struct bed *bed);
struct vow_msg bed_decision(const struct bed *bed, enum vow_verdict verdict);
struct vow_msg bed_outcome(const struct bed *bed, enum vow_outcome outcome, enum vow_cause cause);
struct vow_msg bed_vote_msg(const struct bed *bed, enum vow_vote vote);
struct vow_msg bed_ack(const struct bed *bed);
struct vow_msg bed_prepare_msg(const struct bed *bed);
void bed_log(struct bed *bed, enum sim_sight_kind kind, enum vow_record_kind record, enum vow_cause cause);
void bed_logged(struct bed *bed, enum vow_record_kind record);
void bed_store(struct bed *bed, enum sim_sight_kind kind, uint8_t node, enum vow_store_op_kind op,
               enum vow_store_result result);
void bed_told(struct bed *bed, enum vow_outcome outcome, enum vow_cause cause);
void bed_worked(struct bed *bed, uint8_t node, struct sim_change change);
void bed_fault(struct bed *bed, enum sim_fault fault, uint8_t node);
void bed_disk(struct bed *bed, uint8_t node, const struct sim_dump *dump);
void bed_sample(struct bed *bed, uint8_t node, enum sim_sample what, uint64_t value, uint64_t limit);
void bed_restart(struct bed *bed, uint8_t node, const struct sim_dump *found);

/* --- The steps of a commit --- */

void bed_request(struct bed *bed);
/* PREPARE arrives, the store works and prepares. */
void bed_prepare(struct bed *bed, uint8_t node);
void bed_vote(struct bed *bed, uint8_t node, enum vow_vote vote);
void bed_decide(struct bed *bed);
void bed_answer(struct bed *bed);
/* COMMIT is told, applied, acknowledged. */
void bed_commit_at(struct bed *bed, uint8_t node);
void bed_abort_at(struct bed *bed, uint8_t node);
/* Up to both votes; all of it. */
void bed_to_votes(struct bed *bed);
void bed_whole(struct bed *bed);
void bed_heal_and_end(struct bed *bed);

/* --- What is expected --- */

void bed_holds(const struct bed *bed);
void bed_violates(const struct bed *bed, const char *invariant, const char *words);

#endif
