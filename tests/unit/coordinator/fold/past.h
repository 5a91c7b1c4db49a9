/*
 * A coordinator's life on a real journal: its three cores, participants that vote, refuse, are away, have lost their
 * data and are ended by hand, operators, restarts. One seed decides it. Each record is a commit of its own, and after
 * each of them it is written down what a start would make of the journal, by the engine's own scan.
 */
#ifndef VOW_TESTS_PAST_H
#define VOW_TESTS_PAST_H

#include "coordinator/core/saga/saga.h"
#include "coordinator/fold/replay.h"
#include "fixture.h"
#include "kit.h"
#include "past_relay.h"

#define PAST_EVENTS 6000

struct past_mark {
    uint64_t state; /* of a start */
    uint64_t relay; /* what it knows of events, */
    uint64_t keys;  /* and of their keys; of a replay after a cut, of what its rows say */
    uint64_t wall_us;
};

struct past {
    struct bed bed;
    struct fixture txns;
    struct vow_sagas *sagas;
    void *sagas_memory;
    struct past_relay relay;
    uint64_t random, saga_seq;
    struct past_op *ops; /* on their way to the journal, in order */
    size_t ops_len;
    struct past_mail *mails;
    size_t mails_len;
    uint64_t sessions[4];                    /* of the participants; 0 = away */
    struct past_mark marks[PAST_EVENTS + 1]; /* by LSN */
    uint64_t last_lsn;
    struct vow_journal_key published[PAST_EVENTS + 1]; /* of the EVENT at that LSN; lsn 0 = it is none */
    uint32_t kinds[32];                                /* records, by kind */
    uint32_t compared;                                 /* live states that were compared */
    uint32_t cuts;                                     /* that retention has made meanwhile */
    uint64_t cut_lsn;                                  /* of the last of them */
    uint64_t retain_ms;                                /* past_retain() */
    bool is_bad; /* participants come and go, steps fail again and again, and no operator sees to it for long */
};

/* Lives until the journal has so many events, or more by a few. Between them, the cores' own durable state is compared
 * with that of a replay now and then. */
void past_live(struct past *past, uint64_t seed, uint64_t events);
/* How long what has ended stays from now on, also after restarts. */
void past_retain(struct past *past, uint64_t age_ms);
/* Nothing is on its way to the journal any more, and the live state is compared once more. */
void past_end(struct past *past);
void past_free(struct past *past);

/* A state as one number. */
uint64_t past_digest(const struct vow_coord *txns, const struct vow_sagas *sagas);
/* The newest events of keys after a cut, up to an event, as a number like the mark's of a replay. */
uint64_t past_keys_since(const struct past *past, uint64_t cut, uint64_t lsn);
/* What a replay makes of one event, of the running journal or, if the bed is closed, of the stopped one. *relay: 0 =
 * it does not know. Returns 0 or the error, with its detail. */
int past_replay(const struct past *past, uint64_t lsn, struct past_mark *mark, struct vow_error_detail *detail);

/* For past_relay.c: */

enum past_core { PAST_TXN, PAST_SAGA, PAST_RELAY };

uint32_t past_below(struct past *past, uint32_t limit);
bool past_chance(struct past *past, uint32_t of_100);
void past_mix(uint64_t *digest, const void *bytes, size_t len);
void past_mix_number(uint64_t *digest, uint64_t number);
struct past_op *past_op_new(struct past *past, const struct vow_record *record, uint64_t token, enum past_core core);
void past_op_body(struct past_op *op, const uint8_t *body, size_t len);
void past_op_key(struct past_op *op, const struct vow_msg_event *event);

#endif
