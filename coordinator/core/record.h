/*
 * What the coordinator writes to its journal, as plain structs. The core makes records, the journal keeps them,
 * recovery reads them back. Kinds above VOW_RECORD_NOTES are notes for the history: the protocol never needs them, they
 * are never forced, and losing one changes no outcome.
 */
#ifndef VOW_COORDINATOR_RECORD_H
#define VOW_COORDINATOR_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

enum vow_record_kind {
    VOW_RECORD_EPOCH = 1,  /* a coordinator took the log over; forced; gtrid is none */
    VOW_RECORD_COMMIT = 2, /* the decision, with the yes-list; forced (protocol 2.2) */
    VOW_RECORD_END = 3,    /* every member of the yes-list acknowledged; not forced (2.8) */
    VOW_RECORD_HAZARD = 4, /* a participant lacks what it must commit; forced; the transaction stays open (2.7) */
    /* Damage, all of it forced, and the transaction stays open until END (protocol 2.7): */
    VOW_RECORD_HEURISTIC = 5, /* a participant was ended by hand, against the decision: detail says how */
    VOW_RECORD_DAMAGE = 6,    /* all have answered: detail says what the transaction is */
    VOW_RECORD_FORGET = 7,    /* an operator has seen to it, or has given a participant up */
    /* Sagas (sagas 4.2), all forced but END and KEY, and the saga stays open until END: */
    VOW_RECORD_SAGA_BEGIN = 8, /* the order is in .body; nothing was sent before it */
    /* What became of a step is in .step, with the cause and the words; .body: its answer. Fate NONE: an attempt has
     * failed, and the next one is not before detail ms after this; not forced. A later record of the step says all
     * that this one says, and retention cuts it off then, though its saga is open. */
    VOW_RECORD_SAGA_STEP = 9,
    VOW_RECORD_SAGA_TURN = 10,  /* turned round by the cause; detail: the last stage that was begun */
    VOW_RECORD_SAGA_RETRY = 11, /* an operator wanted what was stuck tried again */
    /* What a client was told, or is: detail is an enum vow_saga_state, and what it did not tell yet follows from the
     * steps. Forced only if CLOSED. */
    VOW_RECORD_SAGA_END = 12,
    /* The client's key of the saga, in .text; the one before its BEGIN. Not forced, for it is durable if that is. It
     * says nothing of how the saga stands, and goes with its END. */
    VOW_RECORD_SAGA_KEY = 13,
    VOW_RECORD_NOTES = 16,
    VOW_RECORD_ABORTED = 17,   /* with cause and who caused it */
    VOW_RECORD_READ_ONLY = 18, /* committed, nobody wrote anything */
    VOW_RECORD_ONE_PHASE = 19, /* the participant committed in one phase */
    /* The client's key of the transaction, in .text. It is the one before its COMMIT, and so it is durable if that is:
     * the log is always a prefix of what was written to it. */
    VOW_RECORD_KEY = 20,
    /* What an operator asked for by hand, who it was and why, and what came of it: in .text, the participant in .who.
     * Forced before it is done; it says nothing of the outcome. */
    VOW_RECORD_OPERATOR = 21,
    /* Events (sagas 4.5). What they add up to is kept beside them, so each may be cut when it is old; an EVENT, not
     * before each group has done it. No notes: */
    VOW_RECORD_EVENT = 24, /* .body: the PUBLISH, as it travels; forced, for PUBLISHED waits for it (B58) */
    /* .who: a group; .text: whose; .relay: where it goes on; .body: its SUBSCRIBE; detail: enum vow_group_place;
     * forced */
    VOW_RECORD_GROUP = 25,
    VOW_RECORD_CURSOR = 26,  /* .who: a group; .relay: what it has done; .body: and beyond (beyond.h); not forced */
    VOW_RECORD_DEAD = 27,    /* .who: a group; .relay: an event that it could not do; cause, .text: why; forced */
    VOW_RECORD_REVIVED = 28, /* .who, .relay: a dead letter; detail: enum vow_revival; forced, but if it is done */
    VOW_RECORD_REMOVED = 29, /* .who: a group that is gone with its dead letters; .relay: what it had done; forced */
};

/* Why a group goes on where it does. */
enum vow_group_place {
    VOW_GROUP_STAYS = 0, /* it is new, or asks for something else */
    VOW_GROUP_MOVED = 1, /* it was sent there: what was dropped, and lies behind that, comes again like all else */
};

/* What became of a dead letter. */
enum vow_revival {
    VOW_REVIVAL_RETRY = 1, /* an operator wants it delivered again; it is dead until it is done */
    VOW_REVIVAL_DROP = 2,  /* an operator has seen to it */
    VOW_REVIVAL_DONE = 3,  /* the consumer has done it after all */
};
struct vow_record_relay {
    uint64_t lsn; /* of an event; GROUP, CURSOR: all up to it is done, or dead */
    uint32_t attempts;
};

/* What a transaction is that is not atomic. */
enum vow_damage {
    VOW_DAMAGE_NONE = 0,
    VOW_DAMAGE_ROLLBACK = 1, /* decided to commit, and nobody has */
    VOW_DAMAGE_MIXED = 2,    /* some have done as decided, and some have not */
    VOW_DAMAGE_HAZARD = 3,   /* what became of a branch cannot be known, and nothing else is certain */
};
/* The error that tells a client of it; 0 for none. */
int vow_damage_error(enum vow_damage damage);

/* What became of a step. */
enum vow_saga_fate {
    VOW_FATE_NONE = 0,
    VOW_FATE_DONE = 1,     /* its action */
    VOW_FATE_REJECTED = 2, /* nothing of it happened, nor ever will */
    VOW_FATE_UNKNOWN = 3,  /* given up: its action may have happened, or may yet */
    VOW_FATE_UNDONE = 4,   /* its compensation */
    VOW_FATE_STUCK = 5,    /* it must be done, and is not */
};
struct vow_record_step {
    uint32_t number;
    uint32_t attempts;
    uint8_t direction; /* enum vow_step_direction */
    uint8_t fate;      /* enum vow_saga_fate */
};

/* A member of the yes-list: whom to tell, and the data file that holds the prepared work. */
struct vow_record_branch {
    char name[VOW_NAME_SIZE];
    uint32_t branch;
    uint64_t incarnation;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
};

struct vow_record {
    enum vow_record_kind kind;
    struct vow_gtrid gtrid;
    uint32_t epoch;       /* the epoch that wrote it */
    enum vow_cause cause; /* ABORTED; HEURISTIC against an abort: why that was */
    /* HEURISTIC: enum vow_verdict, the branch's. DAMAGE: enum vow_damage; and so KEY, but only as keys() reads it. */
    uint32_t detail;
    char who[VOW_NAME_SIZE]; /* ABORTED, HAZARD, HEURISTIC, OPERATOR: the participant; else "" */
    /* ABORTED: the participant's words; KEY, SAGA_KEY: the key; OPERATOR: see above; HEURISTIC, FORGET: who and why;
     * else "" */
    char text[VOW_TEXT_SIZE];
    struct vow_record_step step;   /* SAGA_STEP */
    struct vow_record_relay relay; /* GROUP, CURSOR, DEAD, REVIVED, REMOVED */
    /* SAGA_BEGIN: the order, as it travels; SAGA_STEP: the answer of what was done; EVENT, GROUP: see above */
    struct vow_slice body;
    uint32_t branches_len;
    /* COMMIT: the yes-list, 1 to VOW_CALLS_MAX. HEURISTIC against an abort: the participant */
    const struct vow_record_branch *branches;
};

/* "COMMIT", "END", ...; "?" for a number that is no kind. */
const char *vow_record_name(enum vow_record_kind kind);

/* What a record is about: of the same id there may be one of each. */
enum vow_record_subject {
    VOW_SUBJECT_LOG = 1, /* of no id, or the outcome of one says nothing of it */
    VOW_SUBJECT_TXN,
    VOW_SUBJECT_SAGA,
    VOW_SUBJECT_RELAY, /* of all events, whatever its id */
};
/* What a record does to its subject. */
enum vow_record_role {
    VOW_ROLE_OPENS = 1, /* stays until the subject's END, whatever its age; a start feeds it to the core */
    VOW_ROLE_ENDS,      /* ends what the subject has open before it */
    VOW_ROLE_NAMES,     /* stays as long as what is open does, and its start is its own */
    VOW_ROLE_SAYS,      /* for people, and for who asks about what has ended */
    VOW_ROLE_ADDS,      /* to what is kept beside the log, which a start is fed */
};
struct vow_record_rule {
    const char *name;
    enum vow_record_subject subject;
    enum vow_record_role role;
};

/*
 * The one table of what a record means to those who read the log: what retention keeps, what a start feeds to which
 * core, and what a replay has open at some point. A new kind is a line here.
 *     RECORD(name, number, subject, role)
 */
#define VOW_RECORDS(RECORD)                                                                                            \
    RECORD(EPOCH, 1, LOG, SAYS)                                                                                        \
    RECORD(COMMIT, 2, TXN, OPENS)                                                                                      \
    RECORD(END, 3, TXN, ENDS)                                                                                          \
    RECORD(HAZARD, 4, TXN, OPENS)                                                                                      \
    RECORD(HEURISTIC, 5, TXN, OPENS)                                                                                   \
    RECORD(DAMAGE, 6, TXN, OPENS)                                                                                      \
    RECORD(FORGET, 7, TXN, OPENS)                                                                                      \
    RECORD(SAGA_BEGIN, 8, SAGA, OPENS)                                                                                 \
    RECORD(SAGA_STEP, 9, SAGA, OPENS)                                                                                  \
    RECORD(SAGA_TURN, 10, SAGA, OPENS)                                                                                 \
    RECORD(SAGA_RETRY, 11, SAGA, OPENS)                                                                                \
    RECORD(SAGA_END, 12, SAGA, ENDS)                                                                                   \
    RECORD(SAGA_KEY, 13, SAGA, NAMES)                                                                                  \
    RECORD(ABORTED, 17, TXN, SAYS)                                                                                     \
    RECORD(READ_ONLY, 18, TXN, SAYS)                                                                                   \
    RECORD(ONE_PHASE, 19, TXN, SAYS)                                                                                   \
    RECORD(KEY, 20, TXN, NAMES)                                                                                        \
    RECORD(OPERATOR, 21, LOG, SAYS)                                                                                    \
    RECORD(EVENT, 24, RELAY, ADDS)                                                                                     \
    RECORD(GROUP, 25, RELAY, ADDS)                                                                                     \
    RECORD(CURSOR, 26, RELAY, ADDS)                                                                                    \
    RECORD(DEAD, 27, RELAY, ADDS)                                                                                      \
    RECORD(REVIVED, 28, RELAY, ADDS)                                                                                   \
    RECORD(REMOVED, 29, RELAY, ADDS)

/* NULL for a number that is no kind. */
const struct vow_record_rule *vow_record_rule(uint32_t kind);
/* The kind that ends a subject; 0 if it has no end. */
enum vow_record_kind vow_record_end_of(enum vow_record_subject subject);

static inline bool vow_record_is_saga(enum vow_record_kind kind)
{
    return kind >= VOW_RECORD_SAGA_BEGIN && kind <= VOW_RECORD_SAGA_KEY;
}
static inline bool vow_record_is_relay(enum vow_record_kind kind)
{
    return kind >= VOW_RECORD_EVENT && kind <= VOW_RECORD_REMOVED;
}
static inline bool vow_record_is_note(enum vow_record_kind kind)
{
    return kind > VOW_RECORD_NOTES && !vow_record_is_relay(kind);
}

#endif
