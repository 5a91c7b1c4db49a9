/*
 * One core of sagas, step by step: what a test feeds it, and what came out of that. The log is durable when the test
 * says so, and is what a restart recovers from.
 */
#ifndef VOW_TESTS_SAGA_BED_H
#define VOW_TESTS_SAGA_BED_H

#include "coordinator/core/saga/saga.h"

enum { BED_SENT_MAX = 8192, BED_LOG_MAX = 8192, BED_SAGAS_MAX = 64 };

struct bed {
    struct vow_sagas *core;
    struct vow_sagas_limits limits;
    uint64_t now_ms;
    int64_t wall_jump_ms; /* of the wall clock, by which a restart counts the age of its records */
    uint32_t deadline_ms; /* of the sagas that are asked for; 0 = none */
    uint32_t epoch;
    struct vow_msg_step sent[BED_SENT_MAX]; /* since the test last looked; texts are gone */
    size_t sent_len;
    struct vow_record log[BED_LOG_MAX];
    uint64_t tokens[BED_LOG_MAX];
    bool forced[BED_LOG_MAX];
    uint64_t logged_ms[BED_LOG_MAX];
    size_t log_len, log_durable;
    enum vow_saga_state told; /* the newest */
    enum vow_cause cause;
    uint32_t step;
    int error, ordered;
    uint64_t orders_answered; /* a bit for each tag */
    enum vow_sagas_lack lack;
    uint64_t session; /* that was replied to */
    uint32_t alarms, replies, lookups;
    const char *alarm; /* the newest */
    struct vow_msg_saga_request orders[BED_SAGAS_MAX];
    struct vow_msg_saga_step steps[BED_SAGAS_MAX][VOW_STEPS_MAX];
    uint32_t orders_len;
};

/* Started, recovered, with nothing in its log. */
void bed_init(struct bed *bed, const struct vow_sagas_limits *limits);
void bed_free(struct bed *bed);
/* A crash: what is not durable is gone, and so are all connections. */
void bed_restart(struct bed *bed);
/* ... and that participant is back before the sagas go on. */
void bed_restart_beside(struct bed *bed, const char *peer, uint64_t session);
void bed_feed(struct bed *bed, struct vow_sagas_event event);
/* All of the log, and what comes of it. */
void bed_log(struct bed *bed);
/* Time passes, and all timers until then fire. Their records become durable. */
void bed_pass(struct bed *bed, uint64_t ms);
void bed_up(struct bed *bed, const char *peer, uint64_t session);
void bed_down(struct bed *bed, uint64_t session);
/* Asks for a saga by session 1; its order is durable after that, if it was taken. number: from 1. */
void bed_request(struct bed *bed, uint32_t number, const struct vow_msg_saga_step *steps, uint32_t len);
struct vow_gtrid bed_id(uint32_t number);
void bed_order(struct bed *bed, uint32_t number, enum vow_saga_order order);
void bed_ask(struct bed *bed, uint32_t number, uint64_t session, bool follow);
void bed_cancel(struct bed *bed, uint32_t number);
/* Takes the oldest STEP that was sent; fails the test if there is none. */
struct vow_msg_step bed_take(struct bed *bed);
/* ... and answers it. Durable after that. */
void bed_answer(struct bed *bed, uint64_t session, const struct vow_msg_step *step, enum vow_step_result result);
void bed_find(const struct bed *bed, uint32_t number, struct vow_saga_view *view);

struct vow_msg_saga_step bed_step(enum vow_step_kind kind, uint32_t stage, const char *participant);

#endif
