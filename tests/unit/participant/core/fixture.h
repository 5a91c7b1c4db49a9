/* A core in its own memory, and short ways to feed it. Shared by the tests of this folder. */
#ifndef VOW_TESTS_PARTICIPANT_FIXTURE_H
#define VOW_TESTS_PARTICIPANT_FIXTURE_H

#include "participant/core/branch.h"

/* The coordinator and its epoch in all tests, and another coordinator. */
#define COORD 1
#define FOREIGN 9
#define EPOCH 3
#define INCARNATION 7

struct fixture {
    struct vow_branches *core;
    uint64_t now_ms;
    struct vow_branches_effects effects; /* of the last step */
};

struct vow_branches_identity fixture_identity(void);
struct vow_branches_limits fixture_limits(void);
void fixture_start(struct fixture *f, const struct vow_branches_limits *limits,
                   const struct vow_branches_identity *identity);
void fixture_stop(struct fixture *f);

struct vow_gtrid gtrid_of(uint64_t seq);
/* A message of branch 0 from this epoch's coordinator to this incarnation. A DECISION is COMMIT. */
struct vow_msg message_of(enum vow_msg_kind kind, struct vow_gtrid gtrid);
struct vow_msg abort_of(struct vow_gtrid gtrid);
/* The header within a message that has one. */
struct vow_msg_header *header_in(struct vow_msg *msg);

void feed_message(struct fixture *f, const struct vow_msg *msg);
/* A message of a peer, on that connection. */
void feed_peer(struct fixture *f, uint64_t session, const struct vow_msg *msg);
void feed_store(struct fixture *f, enum vow_store_op_kind op, struct vow_gtrid gtrid, enum vow_store_result result);
void feed_timer(struct fixture *f, uint64_t now_ms);
void feed_coord_up(struct fixture *f, uint64_t coord, uint32_t epoch, struct vow_watermark watermark);
void feed_coord_down(struct fixture *f);
void feed_join(struct fixture *f, struct vow_gtrid gtrid);
void feed_recovered(struct fixture *f, struct vow_gtrid gtrid);
/* Ended heuristically; decided: 0 = no decision is known. */
void feed_heuristic(struct fixture *f, struct vow_gtrid gtrid, enum vow_verdict heuristic, enum vow_verdict decided);
/* An operator asks: through the coordinator (tag 0) or this participant itself. */
void feed_resolve(struct fixture *f, struct vow_gtrid gtrid, enum vow_verdict verdict, uint64_t tag);

struct vow_branches_counts counts_of(const struct fixture *f);
/* How many effects of a kind the last step had, and the first of them (NULL if none). */
size_t count_effects(const struct fixture *f, enum vow_branches_effect_kind kind);
const struct vow_branches_effect *first_effect(const struct fixture *f, enum vow_branches_effect_kind kind);

#endif
