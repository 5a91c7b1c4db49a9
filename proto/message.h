/*
 * The messages as plain structs: what the cores read and write. vow.proto says how they travel; codec.h turns one into
 * the other. A message owns nothing: every pointer in it belongs to whoever filled it (the decoder's arena, a core, the
 * caller).
 *
 * Every message of the commit protocol carries a vow_msg_header: TCP order does not survive a reconnect, so a message
 * is bound to (gtrid, branch, incarnation, epoch, attempt) and a stale one is told by them.
 */
#ifndef VOW_PROTO_MESSAGE_H
#define VOW_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/cause.h"
#include "proto/gtrid.h"
#include "proto/message_event.h"
#include "proto/message_saga.h"
#include "proto/outcome.h"
#include "proto/slice.h"

/* The version of the wire. A change of meaning raises it; a new optional field does not. */
#define VOW_WIRE_VERSION 5

/* A name (participant, handler, client): 1 to 63 of a-z A-Z 0-9 . _ - */
#define VOW_NAME_MAX 63
#define VOW_NAME_SIZE (VOW_NAME_MAX + 1)
/* Free text (a reason, a refusal), printable, at most. */
#define VOW_TEXT_MAX 200
#define VOW_TEXT_SIZE (VOW_TEXT_MAX + 1)
/* Calls in one transaction, and ids in one grant, at most. */
#define VOW_CALLS_MAX 64
#define VOW_IDS_MAX 256
/* A client's name for one transaction, so that a request that is made again is not carried out again: 1 to 64 bytes of
 * printable text. */
#define VOW_KEY_MAX 64
#define VOW_KEY_SIZE (VOW_KEY_MAX + 1)

/* True for a NUL-terminated name of the form above. */
bool vow_name_is_valid(const char *name);
/* True for a NUL-terminated key of the form above. */
bool vow_key_is_valid(const char *key);

/* True for a NUL-terminated text, of any length, that is UTF-8 without control characters. */
bool vow_text_is_printable(const char *text);
/* The length in bytes of the printable character at a NUL-terminated text; 0 if what is there is none. */
size_t vow_text_printable_len(const char *text);
/* Copies a text from anywhere (a handler, SQLite) as one that may travel: what is not printable becomes '?', and what
 * is over VOW_TEXT_MAX is cut off between two characters. */
void vow_text_copy(char copy[VOW_TEXT_SIZE], const char *text);

enum vow_vote { VOW_VOTE_YES = 1, VOW_VOTE_READ_ONLY = 2, VOW_VOTE_NO = 3 };

/* A decision, as sent to a participant. */
enum vow_verdict { VOW_COMMIT = 1, VOW_ABORT = 2 };

enum vow_ack {
    VOW_ACK_DONE = 1,      /* committed, durable; or a durable tombstone says it was */
    VOW_ACK_NO_RECORD = 2, /* no tombstone and not below the watermark: never an acknowledgement (protocol 2.3) */
    /* The branch was ended by an operator or by T_heur before the decision came, durably (protocol 2.7): */
    VOW_ACK_HEURISTIC_OK = 3,       /* as decided: acknowledges it */
    VOW_ACK_HEURISTIC_MISMATCH = 4, /* the other way: the damage is done, and nothing is acknowledged */
};

/* What a participant knows of a transaction when another participant asks (protocol 2.6). Not having voted is no
 * reason to say ABORTED: only the coordinator may presume (mistake 7). */
enum vow_peer_answer {
    VOW_PEER_COMMITTED = 1,           /* heard so from the coordinator, or holds it committed */
    VOW_PEER_ABORTED = 2,             /* heard so, or voted NO, or never will vote YES from now on */
    VOW_PEER_UNCERTAIN = 3,           /* prepared as well */
    VOW_PEER_NO_INFO = 4,             /* voted READ-ONLY, or restarted, or has no record: says nothing of the outcome */
    VOW_PEER_HEURISTIC_COMMITTED = 5, /* what an operator made of that branch: no outcome */
    VOW_PEER_HEURISTIC_ABORTED = 6,
};

/* Why an inquiry has no verdict yet. Never an abort (protocol 2.2). */
enum vow_wait {
    VOW_WAIT_UNDECIDED = 1,
    VOW_WAIT_RECOVERING = 2, /* the log is being read, or has not proved yet that it has no record */
    VOW_WAIT_NOT_MINE = 3,
    VOW_WAIT_EXPIRED = 4, /* older than the history: it may have committed and been forgotten */
};

/* What a participant's memo says of a one-phase commit. */
enum vow_one_phase { VOW_ONE_PHASE_COMMITTED = 1, VOW_ONE_PHASE_ABORTED = 2, VOW_ONE_PHASE_NO_RECORD = 3 };

enum vow_role { VOW_ROLE_CLIENT = 1, VOW_ROLE_PARTICIPANT = 2, VOW_ROLE_ADMIN = 3, VOW_ROLE_COORDINATOR = 4 };

enum vow_admin_command {
    VOW_ADMIN_STATUS = 1,  /* one row: identity, counters, limits */
    VOW_ADMIN_LIST = 2,    /* rows: transactions in memory; filter "", "in-doubt", "stuck" or "all" */
    VOW_ADMIN_SHOW = 3,    /* one row: one transaction */
    VOW_ADMIN_HISTORY = 4, /* rows: the journal's events of one transaction, oldest first */
    VOW_ADMIN_PEERS = 5,   /* rows: participants, connected or not */
    /* These change something, name who asks and why, and are kept in the history: */
    VOW_ADMIN_COMMIT = 6, /* one participant's prepared branch, heuristically; `participant` says whose */
    VOW_ADMIN_ABORT = 7,  /* the same; without a participant: a transaction that is not decided, as a client would */
    VOW_ADMIN_FORGET = 8, /* damage that is recorded has been seen to; or a participant never comes back */
    /* Sagas: */
    VOW_ADMIN_SAGA_LIST = 9,  /* rows: sagas that have not ended; filter "", "stuck" or "all" */
    VOW_ADMIN_SAGA_SHOW = 10, /* one row: one of them; rows: the events of one that has ended */
    /* Changes, as above: */
    VOW_ADMIN_SAGA_RETRY = 11, /* what is stuck */
    VOW_ADMIN_SAGA_CLOSE = 12, /* a stuck saga, as it is */
    /* Events. `participant` is the group, and `filter` the offset of a dead letter: */
    VOW_ADMIN_TOPICS = 13,   /* rows: topics and groups */
    VOW_ADMIN_DLQ_LIST = 14, /* rows: dead letters, of the group or of all */
    VOW_ADMIN_DLQ_SHOW = 15, /* one row: one of them, with what it said */
    /* Changes, as above: */
    VOW_ADMIN_DLQ_RETRY = 16,    /* deliver it again */
    VOW_ADMIN_DLQ_DROP = 17,     /* it has been seen to in another way */
    VOW_ADMIN_GROUP_REMOVE = 19, /* a group of consumers, with what it has not done, and its dead letters */
    VOW_ADMIN_GROUP_SEEK = 20,   /* where a group goes on: `filter` is "oldest", "newest", or the offset that is next */
    /* Rows: what had not ended after some event, which is in `filter`, an LSN or a time; of a gtrid: that one then, and
     * its events up to there. */
    VOW_ADMIN_REPLAY = 18,
};

/* A participant of a transaction, as the others are told of it. */
struct vow_msg_peer {
    const char *name;
    const char *address;  /* where it answers its peers; "" = nowhere */
    uint64_t incarnation; /* as enlisted */
};

/* A unit of shipped work. */
struct vow_msg_call {
    const char *participant;
    const char *handler;
    struct vow_slice payload;
};

struct vow_msg_header {
    struct vow_gtrid gtrid;
    uint32_t branch;      /* index of the branch within the transaction: an id must name the branch */
    uint64_t incarnation; /* the participant's boot counter that the sender believes in; 0 = none named */
    uint32_t epoch;       /* the coordinator's epoch */
    uint32_t attempt;     /* counts resends of this message, from 0 */
};

/* clang-format off */
/* MESSAGE(kind, member, wire number): the wire number is the field of Envelope in vow.proto. */
#define VOW_MESSAGES(MESSAGE)                                                     \
    MESSAGE(HELLO, hello, 1)            /* first frame, from who connects      */ \
    MESSAGE(WELCOME, welcome, 2)        /* first frame, from who accepts       */ \
    MESSAGE(REJECT, reject, 3)          /* last frame before closing           */ \
    MESSAGE(PING, ping, 4)                                                        \
    MESSAGE(PONG, pong, 5)                                                        \
    MESSAGE(IDS_REQUEST, ids_request, 10)   /* client: give me ids             */ \
    MESSAGE(IDS, ids, 11)                                                         \
    MESSAGE(BEGIN, begin, 12)               /* client: open, work will join    */ \
    MESSAGE(COMMIT_REQUEST, commit_request, 13)                                   \
    MESSAGE(ROLLBACK_REQUEST, rollback_request, 14)                               \
    MESSAGE(STATUS_REQUEST, status_request, 15)                                   \
    MESSAGE(OUTCOME, outcome, 16)           /* answers 12 to 15                */ \
    MESSAGE(ENLIST, enlist, 20)             /* participant: I work for it      */ \
    MESSAGE(ENLISTED, enlisted, 21)                                               \
    MESSAGE(PREPARE, prepare, 22)                                                 \
    MESSAGE(VOTE, vote, 23)                                                       \
    MESSAGE(DECISION, decision, 24)                                               \
    MESSAGE(ACK, ack, 25)                                                         \
    MESSAGE(COMMIT_ONE_PHASE, commit_one_phase, 26)                               \
    MESSAGE(ONE_PHASE_DONE, one_phase_done, 27)                                   \
    MESSAGE(ONE_PHASE_QUERY, one_phase_query, 28)                                 \
    MESSAGE(FORGET, forget, 29)                                                   \
    MESSAGE(INQUIRY, inquiry, 30)                                                 \
    MESSAGE(WAIT, wait, 31)                                                       \
    MESSAGE(PEER_INQUIRY, peer_inquiry, 32) /* participant to participant      */ \
    MESSAGE(PEER_ANSWER, peer_answer, 33)                                         \
    MESSAGE(RESOLVE, resolve, 34)           /* operator: end this branch now   */ \
    MESSAGE(RESOLVED, resolved, 35)                                               \
    MESSAGE(HEURISTIC_REPORT, heuristic_report, 36) /* until FORGET            */ \
    MESSAGE(ADMIN_REQUEST, admin_request, 40)                                     \
    MESSAGE(ADMIN_REPLY, admin_reply, 41)                                         \
    MESSAGE(SAGA_REQUEST, saga_request, 50) /* client: see this saga through   */ \
    MESSAGE(SAGA_QUERY, saga_query, 51)                                           \
    MESSAGE(SAGA_CANCEL, saga_cancel, 52)                                         \
    MESSAGE(SAGA_STATE, saga_state, 53)     /* answers 50 to 52                */ \
    MESSAGE(STEP, step, 54)                 /* participant: do, or undo, this  */ \
    MESSAGE(STEP_DONE, step_done, 55)                                             \
    MESSAGE(PUBLISH, publish, 60)           /* participant: keep this event    */ \
    MESSAGE(PUBLISHED, published, 61)                                             \
    MESSAGE(SUBSCRIBE, subscribe, 62)                                             \
    MESSAGE(SUBSCRIBED, subscribed, 63)     /* answers 62 and 66               */ \
    MESSAGE(DELIVER, deliver, 64)           /* consumer: do this once          */ \
    MESSAGE(DELIVERED, delivered, 65)                                             \
    MESSAGE(SEEK, seek, 66)

enum vow_msg_kind {
#define MESSAGE(kind, member, number) VOW_MSG_##kind = number,
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
};
/* clang-format on */

struct vow_msg_hello {
    uint32_t version_min, version_max;
    enum vow_role role;
    const char *name;
    uint64_t incarnation;               /* participants */
    uint8_t db_uuid[VOW_DB_UUID_BYTES]; /* participants; zero for the null store */
    uint64_t coord;                     /* the coordinator that this node knows; 0 = none yet */
    uint32_t epoch;                     /* the highest epoch of it seen; 0 = none yet */
    const char *software;
    const char *address; /* participants: where their peers reach them; "" = nowhere */
};

struct vow_msg_welcome {
    uint32_t version;
    uint64_t coord;
    uint32_t epoch;
    const char *name;
    struct vow_watermark watermark;
    uint32_t heartbeat_ms;
    uint32_t frame_max;
};

struct vow_msg_reject {
    int error; /* enum vow_error */
    const char *text;
};

struct vow_msg_ping {
    uint64_t nonce;
};

struct vow_msg_ids_request {
    uint32_t count;
};

/* Ids (coord, epoch, first_seq + i, rand[i]). Not used within the coordinator's transaction timeout, they are void. */
struct vow_msg_ids {
    uint32_t epoch;
    uint64_t first_seq;
    uint32_t count;
    const uint64_t *rand;
};

struct vow_msg_gtrid {
    struct vow_gtrid gtrid;
};

struct vow_msg_begin {
    struct vow_gtrid gtrid;
    uint32_t timeout_ms; /* then it is void; 0 = the coordinator's own timeout, which bounds this one, too */
    const char *key;     /* "" = none */
};

/* Joined work: what a client was told of one participant. */
struct vow_msg_work {
    const char *participant;
    uint32_t ops; /* operations done */
};

struct vow_msg_commit_request {
    struct vow_gtrid gtrid;
    uint32_t calls_len;
    const struct vow_msg_call *calls; /* shipped work; one branch per participant, calls kept in order */
    uint32_t work_len;                /* at most VOW_CALLS_MAX */
    const struct vow_msg_work *work;  /* joined work; every participant with any */
    uint32_t timeout_ms;              /* then it is void, unless it is decided; 0 = no end of the client's */
    const char *key;                  /* "" = none */
};

struct vow_msg_status_request {
    struct vow_gtrid gtrid;
    const char *participant; /* who to ask if the id is a one-phase id and nothing is known here; "" = not known */
};

struct vow_msg_outcome {
    struct vow_gtrid gtrid;
    enum vow_outcome outcome;
    enum vow_cause cause;    /* for VOW_ABORTED */
    int error;               /* for VOW_UNKNOWN: why, e.g. VOW_E_BUSY (not begun, id still good) or VOW_E_IN_DOUBT */
    const char *participant; /* who caused it; "" = nobody */
    const char *text;        /* the participant's words; may be "" */
    uint32_t retry_after_ms; /* for VOW_E_BUSY: not earlier than that; 0 = the receiver's own back-off */
    struct vow_gtrid named;  /* the transaction that the request's key names, and that this tells of; none = gtrid */
};

struct vow_msg_enlist {
    struct vow_msg_header header;
};

struct vow_msg_enlisted {
    struct vow_msg_header header;
    int error;        /* 0 = enlisted */
    uint32_t left_ms; /* of the transaction's time; 0 = no end is known */
};

/* Also the body of COMMIT_ONE_PHASE. */
struct vow_msg_prepare {
    struct vow_msg_header header;
    struct vow_watermark watermark;
    uint32_t ops; /* operations the client counted for this branch (joined work); 0 for shipped work */
    uint32_t peers_len;
    const struct vow_msg_peer *peers; /* all participants of the transaction, this one too */
    uint32_t calls_len;
    const struct vow_msg_call *calls; /* this branch's shipped work; .participant is this participant */
    uint64_t ordinal;                 /* by which a participant knows a copy (vow_ordinal_make()); 0 = not known */
};

/*
 * Each transaction that a coordinator asks participants to work for has the next ordinal, counted from 1 in each epoch.
 * No work is asked for twice, so what comes with an ordinal that was there is a copy. The upper bits are drawn by each
 * life: a coordinator whose journal was put back may have an epoch, and count in it, for a second time.
 */
#define VOW_ORDINAL_COUNT_BITS 48

static inline uint64_t vow_ordinal_make(uint64_t life, uint64_t count)
{
    return life << VOW_ORDINAL_COUNT_BITS | count;
}

static inline uint64_t vow_ordinal_life(uint64_t ordinal)
{
    return ordinal >> VOW_ORDINAL_COUNT_BITS;
}

struct vow_msg_vote {
    struct vow_msg_header header;
    enum vow_vote vote;
    enum vow_cause cause; /* for NO */
    const char *text;     /* for NO */
};

struct vow_msg_decision {
    struct vow_msg_header header;
    struct vow_watermark watermark;
    enum vow_verdict verdict;
};

struct vow_msg_ack {
    struct vow_msg_header header;
    enum vow_ack ack;
};

struct vow_msg_one_phase_done {
    struct vow_msg_header header;
    enum vow_one_phase result;
    enum vow_cause cause;
    const char *text;
};

struct vow_msg_branch {
    struct vow_msg_header header;
};

struct vow_msg_wait {
    struct vow_msg_header header;
    enum vow_wait reason;
};

/* header.incarnation is the asked participant's, as it was enlisted. */
struct vow_msg_peer_answer {
    struct vow_msg_header
        header; /* the question's, in the epoch that the answer rests on, from the life that answers */
    enum vow_peer_answer answer;
};

/*
 * End a prepared branch without its decision (protocol 2.7). A participant has one branch of a transaction, so the
 * header's branch is not looked at; RESOLVED brings its attempt back, which tells the sender what was answered.
 */
struct vow_msg_resolve {
    struct vow_msg_header header;
    enum vow_verdict verdict;
    const char *who, *why;
};

struct vow_msg_resolved {
    struct vow_msg_header header;
    int error;                /* 0 = the verdict asked for is in force, durably */
    enum vow_verdict verdict; /* in force now; 0 = none */
    const char *text;         /* with an error: what is true instead */
};

/* A branch was ended heuristically, and not as the transaction was decided. */
struct vow_msg_heuristic_report {
    struct vow_msg_header header;
    enum vow_verdict verdict; /* the branch's */
    const char *who, *why;
    uint64_t wall_us; /* when, by the participant's clock */
};

struct vow_msg_admin_request {
    enum vow_admin_command command;
    struct vow_gtrid gtrid; /* none if the command has no subject */
    const char *filter;
    uint32_t limit;          /* rows, at most; 0 = the server's default */
    const char *participant; /* whose branch; "" = the transaction itself */
    const char *who, *why;   /* of commands that change something */
    uint64_t tag;            /* comes back with each row */
};

/* One row of JSON a message; the last one has last = true and may have no row. */
struct vow_msg_admin_reply {
    int error;
    const char *json;
    bool last;
    uint64_t tag; /* of the request */
};

struct vow_msg {
    enum vow_msg_kind kind;
    union {
        struct vow_msg_hello hello;
        struct vow_msg_welcome welcome;
        struct vow_msg_reject reject;
        struct vow_msg_ping ping, pong;
        struct vow_msg_ids_request ids_request;
        struct vow_msg_ids ids;
        struct vow_msg_begin begin;
        struct vow_msg_gtrid rollback_request;
        struct vow_msg_commit_request commit_request;
        struct vow_msg_status_request status_request;
        struct vow_msg_outcome outcome;
        struct vow_msg_enlist enlist;
        struct vow_msg_enlisted enlisted;
        struct vow_msg_prepare prepare, commit_one_phase;
        struct vow_msg_vote vote;
        struct vow_msg_decision decision;
        struct vow_msg_ack ack;
        struct vow_msg_one_phase_done one_phase_done;
        struct vow_msg_branch one_phase_query, forget, inquiry, peer_inquiry;
        struct vow_msg_wait wait;
        struct vow_msg_peer_answer peer_answer;
        struct vow_msg_resolve resolve;
        struct vow_msg_resolved resolved;
        struct vow_msg_heuristic_report heuristic_report;
        struct vow_msg_admin_request admin_request;
        struct vow_msg_admin_reply admin_reply;
        struct vow_msg_saga_request saga_request;
        struct vow_msg_saga_query saga_query;
        struct vow_msg_gtrid saga_cancel;
        struct vow_msg_saga_state saga_state;
        struct vow_msg_step step;
        struct vow_msg_step_done step_done;
        struct vow_msg_publish publish;
        struct vow_msg_published published;
        struct vow_msg_subscribe subscribe;
        struct vow_msg_subscribed subscribed;
        struct vow_msg_deliver deliver;
        struct vow_msg_delivered delivered;
        struct vow_msg_seek seek;
    };
};

/* "PREPARE", "VOTE", ...; "?" for a number that is no kind. */
const char *vow_msg_name(enum vow_msg_kind kind);
/* True for the messages of the commit protocol proper, which the paper's row counts (protocol 1.1). */
bool vow_msg_is_counted(enum vow_msg_kind kind);
/* One readable line, as the golden traces have it: "PREPARE b0 calls=1", "VOTE b0 YES", "DECISION b1 COMMIT". Returns
 * what snprintf() would; always a NUL. Values that vary from run to run (rand, uuid) are left out. */
int vow_msg_print(const struct vow_msg *msg, char *text, size_t text_size);

#endif
