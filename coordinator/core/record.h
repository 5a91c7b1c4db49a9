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
    uint32_t epoch;           /* the epoch that wrote it */
    enum vow_cause cause;     /* ABORTED */
    char who[VOW_NAME_SIZE];  /* ABORTED, HAZARD, OPERATOR: the participant; else "" */
    char text[VOW_TEXT_SIZE]; /* ABORTED: the participant's words; KEY: the key; OPERATOR: see above; else "" */
    uint32_t branches_len;
    const struct vow_record_branch *branches; /* COMMIT: the yes-list, 1 to VOW_CALLS_MAX */
};

/* "COMMIT", "END", ...; "?" for a number that is no kind. */
const char *vow_record_name(enum vow_record_kind kind);
static inline bool vow_record_is_note(enum vow_record_kind kind)
{
    return kind > VOW_RECORD_NOTES;
}

#endif
