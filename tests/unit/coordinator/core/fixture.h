/*
 * A core with short ways to feed it, for the tests of this folder. Every function that feeds an event leaves the
 * effects of that step in f->effects.
 */
#ifndef VOW_TEST_FIXTURE_H
#define VOW_TEST_FIXTURE_H

#include "coordinator/core/coord.h"

#define FIXTURE_COORD 77

struct fixture {
    struct vow_coord *core;
    struct vow_coord_limits limits;
    uint32_t epoch;
    uint64_t now_ms;
    uint64_t last_session;
    struct vow_watermark since; /* of the data files that come */
    struct vow_coord_effects effects;
};

/* Small tables, the timers of protocol 2.4, notes on. */
struct vow_coord_limits fixture_limits(void);
/* A core in recovery. */
void fixture_init(struct fixture *f, const struct vow_coord_limits *limits, uint32_t epoch);
/* A core that serves: fixture_init() with fixture_limits(), epoch 1, recovery done. */
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);

void fixture_step(struct fixture *f, const struct vow_coord_event *event);
void fixture_send(struct fixture *f, uint64_t session, const struct vow_msg *msg);
/* Returns the session. Incarnation 1 unless said otherwise; the data file is told by one byte. */
uint64_t fixture_peer_up(struct fixture *f, const char *name);
uint64_t fixture_peer_back(struct fixture *f, const char *name, uint64_t incarnation, uint8_t file);
/* A HEURISTIC_REPORT of a participant, and an operator's order to forget, of anybody ("") or one participant. */
void fixture_report(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_verdict verdict);
void fixture_forget(struct fixture *f, const struct vow_gtrid *id, const char *participant);
void fixture_down(struct fixture *f, uint64_t session);
/* Much waits for the participant; it can take more again. */
void fixture_full(struct fixture *f, uint64_t session, bool is_full);
void fixture_recovery_done(struct fixture *f);
void fixture_shed(struct fixture *f, bool shed);
void fixture_drain(struct fixture *f);
/* Other limits, as vowd would: the core moves if it has no room for them. */
void fixture_set_limits(struct fixture *f, const struct vow_coord_limits *limits);
void fixture_log_done(struct fixture *f, uint64_t token);
void fixture_looked_up(struct fixture *f, const struct vow_coord_lookup *lookup);
void fixture_recovered(struct fixture *f, const struct vow_record *record);
/* Time passes, then TIMER. */
void fixture_after(struct fixture *f, uint64_t ms);

struct vow_gtrid fixture_id(struct fixture *f, uint8_t flags);
/* COMMIT_REQUEST with one call for each name. */
void fixture_commit(struct fixture *f, uint64_t client, const struct vow_gtrid *id, const char *const *names,
                    uint32_t names_len);
/* BEGIN, ROLLBACK_REQUEST. */
/* The same with all that a request can have. */
void fixture_commit_request(struct fixture *f, uint64_t client, struct vow_msg_commit_request request,
                            const char *const *names, uint32_t names_len);
void fixture_begin(struct fixture *f, uint64_t client, struct vow_msg_begin begin);
void fixture_request(struct fixture *f, uint64_t client, enum vow_msg_kind kind, const struct vow_gtrid *id);
void fixture_status(struct fixture *f, uint64_t client, const struct vow_gtrid *id, const char *participant);
struct vow_msg_header fixture_header(const struct fixture *f, const struct vow_gtrid *id, uint32_t branch,
                                     uint64_t incarnation);
void fixture_vote(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_vote vote);
void fixture_ack(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_ack ack);
void fixture_one_phase_done(struct fixture *f, uint64_t session, const struct vow_msg_header *header,
                            enum vow_one_phase result);
/* ENLIST, INQUIRY. */
void fixture_branch(struct fixture *f, uint64_t session, enum vow_msg_kind kind, const struct vow_msg_header *header);

/* The nth effect (from 0) of that kind in f->effects, or NULL. */
const struct vow_coord_effect *fixture_effect(const struct fixture *f, enum vow_coord_effect_kind kind, size_t nth);
/* The first message of that kind sent or replied, or NULL. */
const struct vow_msg *fixture_message(const struct fixture *f, enum vow_msg_kind kind);
/* The outcome replied, or NULL. */
const struct vow_msg_outcome *fixture_outcome(const struct fixture *f);
/* The record logged, or NULL. */
const struct vow_record *fixture_record(const struct fixture *f, enum vow_record_kind kind);
/* The token of the last LOG effect; 0 if there is none. */
uint64_t fixture_token(const struct fixture *f);
/* Name of the transaction's state: "NONE" if it has no entry. */
const char *fixture_state(const struct fixture *f, const struct vow_gtrid *id);
struct vow_coord_counts fixture_counts(const struct fixture *f);

#endif
