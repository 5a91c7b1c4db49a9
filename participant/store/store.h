/*
 * Where a participant's branches live: what the driver asks of a store. sqlite.c is the real one; null.c keeps nothing
 * and is for measuring the coordinator alone.
 *
 * A store works in batches on one thread: all operations of a turn are one durable unit (group commit), each isolated
 * from the others' failures. The traps of SQLite that it must not fall into are listed in docs/faults.md.
 */
#ifndef VOW_PARTICIPANT_STORE_H
#define VOW_PARTICIPANT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "participant/core/branch.h"
#include "proto/error.h"
#include "proto/net/worker.h"

struct sqlite3;

/*
 * The work of a WORK operation, on the store's thread. db is NULL with a store that is none of SQLite. Returns 0; or
 * anything else: the operation is undone and refused with *cause and text. It may be run again, if the batch cannot be
 * written.
 */
typedef int vow_store_work_fn(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                              char text[VOW_TEXT_SIZE]);

/* What DESCRIBE tells of one branch: printable texts, cut; lists with their first entries and how many there are. */
#define VOW_STORE_TOLD_LOCKS 8u
#define VOW_STORE_TOLD_WAITERS 8u
#define VOW_STORE_TOLD_KEY_SIZE 128u
/* A lock in the trace: "item/3". */
#define VOW_STORE_LOCK_SIZE 65u
/* Nobody counts further: "10000 or more". */
#define VOW_STORE_TOLD_COUNT_MAX 10000u

struct vow_store_lock {
    char table[VOW_NAME_SIZE];
    char index[VOW_NAME_SIZE];         /* a unique index; "" = the primary key, or none */
    char key[VOW_STORE_TOLD_KEY_SIZE]; /* "id='alice'": names and values, as SQL has them; "" = the table as a whole */
    bool is_shared;                    /* the row was only read, or a foreign key refers to the table */
};

struct vow_store_waiter {
    struct vow_gtrid gtrid;
    uint64_t waited_ms;
};

struct vow_store_told {
    struct vow_gtrid gtrid; /* whose it is: given */
    uint32_t branch;        /* likewise */
    bool is_found;
    bool is_stalled;   /* decided work waits for room on the disk, or for whoever holds the file */
    uint64_t since_us; /* wall time of the PREPARE, which is on disk with it; 0 = the store does not know */
    uint32_t locks_len, waiters_len;
    uint64_t refused; /* operations that were refused because of its locks, since the start */
    struct vow_store_lock locks[VOW_STORE_TOLD_LOCKS];
    struct vow_store_waiter waiters[VOW_STORE_TOLD_WAITERS];
    char note[VOW_TEXT_SIZE]; /* what else an operator should know; "" = nothing */
};

/*
 * What a STEP is about: one step of a saga in one direction, done once under (gtrid, step, direction), the barrier of
 * docs/sagas.md 4.3. The submitter's, as the operation is; what the outcome stands on is in struct vow_store_op: result
 * DONE says that it is durable, REFUSED that nothing is recorded, with cause and text for what is not done.
 */
struct vow_store_step {
    uint32_t step;
    enum vow_step_direction direction;
    const char *handler;
    struct vow_slice payload;
    enum vow_step_kind kind; /* RETRIABLE: a refusal of it is not recorded; 0 = that is not known */
    /* For the handler of a COMPENSATION, from the store's own record: what the action answered. */
    uint32_t given_len;
    uint8_t given[VOW_STEP_ANSWER_MAX];
    /* Filled by the handler, or from the record of an earlier attempt: */
    uint32_t answer_len;
    uint8_t answer[VOW_STEP_ANSWER_MAX];
    /* Filled by the store: */
    enum vow_step_result outcome;
    /* The store's own, while it keeps the operation. */
    bool is_rejected; /* its handler has refused it, and ended the batch's transaction by that */
    bool is_unable;   /* it is refused, and another attempt would be, too */
    bool is_repeat;   /* it was done, or refused, before */
};

/* An event, as the outbox has it. What it points to is its owner's. */
struct vow_store_event {
    const char *topic, *key;
    struct vow_gtrid gtrid; /* of the transaction or the saga that it belongs to; none = none */
    uint32_t version;       /* of what is in the payload */
    uint32_t hops;
    const char *headers; /* "name=value\n" for each; "" = none */
    struct vow_slice payload;
    uint64_t key_seq;     /* within its key; 0 = none yet: it gets one when it becomes true */
    uint64_t wall_us;     /* when it became true; 0 = now */
    uint64_t deadline_us; /* when all that it leads to should be done; 0 = none */
};

/* A copy, in a list. */
struct vow_store_event_copy {
    struct vow_store_event_copy *next;
    struct vow_store_event event;
    char texts[];
};
/* NULL = no memory. */
struct vow_store_event_copy *vow_store_event_copy(const struct vow_store_event *event);
/* The whole list. */
void vow_store_events_free(struct vow_store_event_copy *first);

/* What OUTBOX_READ and OUTBOX_DONE are about: the submitter's. */
#define VOW_OUTBOX_WINDOW 64u
struct vow_store_outbox {
    uint32_t keys_len;
    struct {
        char key[VOW_KEY_SIZE]; /* READ: one of these is under way: no other is read. DONE: whose is kept elsewhere */
        uint64_t key_seq;       /* DONE */
    } keys[VOW_OUTBOX_WINDOW];
    uint32_t max;                        /* READ: so many at most, not 0 */
    char after[VOW_KEY_SIZE];            /* READ: begins behind this key, and comes around; "" = at the first */
    struct vow_store_event_copy *events; /* READ: what was found, to be freed by the submitter */
};

/* What an EVENT is about. The submitter's, as the operation is; REFUSED says that nothing is recorded. */
struct vow_store_delivery {
    const char *group;
    uint64_t offset;
    uint64_t done_to; /* the group owes nothing up to there, as the coordinator has said last; 0 = it has not said */
    uint32_t attempt;
    uint8_t source[VOW_DB_UUID_BYTES]; /* whose outbox it comes from */
    const char *source_name;
    struct vow_store_event event;
    /* Filled by the store: */
    enum vow_event_result outcome;
    bool is_repeat; /* DONE: by an earlier delivery, */
    bool is_old;    /* ... of which no more than the offset is known */
    /* Filled by whoever runs the handler, or the store: refused, and another attempt would be, too. */
    bool is_unable;
};

/* One operation. The submitter owns it before submit and after done. */
struct vow_store_op {
    struct vow_job job; /* first */
    enum vow_store_op_kind kind;
    struct vow_gtrid gtrid;
    uint32_t branch;
    uint32_t epoch;
    struct vow_watermark watermark;
    uint64_t
        coord; /* WATERMARK: the coordinator's id, kept with the epoch; EVENT: who delivers; 0 = that is not said */
    uint32_t calls_len;
    struct vow_msg_call *calls; /* the op's own copy */
    char *peers;                /* PREPARE: a peer_list, or NULL; kept with the branch, and the submitter's to free */
    uint64_t session;           /* RECALL: the core's */
    uint32_t attempt;           /* RECALL: likewise */
    const char *who, *why;      /* HEURISTIC_*: the op's own copies */
    enum vow_verdict verdict;   /* SETTLE: the decision */
    vow_store_work_fn *work;    /* WORK */
    void *work_ctx;
    struct vow_store_told *told; /* DESCRIBE: the submitter's, filled by the store */
    uint32_t told_len;
    void *asker;                         /* DESCRIBE: the submitter's own */
    struct vow_store_step *step;         /* STEP */
    struct vow_store_outbox *outbox;     /* OUTBOX_* */
    struct vow_store_delivery *delivery; /* EVENT */
    /* Filled by the store: */
    enum vow_store_result result;
    enum vow_cause cause;
    char text[VOW_TEXT_SIZE];
    uint64_t wall_us; /* HEURISTIC_*: when it was recorded */
    /* The store's own, while it keeps the operation. */
    bool waits;
    struct vow_gtrid waits_for;
    char waits_key[VOW_STORE_LOCK_SIZE]; /* its lock that was met, for the trace; "" = unnamed */
    uint64_t waits_until_ms;             /* for all that it may wait for; 0 = it has not waited yet */
    uint64_t dies_ms;                    /* for this one */
    bool has_reserved;                   /* room for its COMMIT, in this attempt */
    bool is_wait_told;                   /* the trace has it that it waits for this one */
};

/* What a store remembers of itself. */
struct vow_store_identity {
    uint64_t incarnation; /* counted up durably by open */
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t coord;
    uint32_t epoch;
    struct vow_watermark watermark;
};

struct vow_store_stats {
    uint64_t commits; /* durable units */
    uint64_t syncs;   /* of them, those that somebody waits for: synced on their own */
    uint64_t ops;
    uint64_t prepares, applies;
    uint64_t outbox_len; /* events that wait to be sent, those of prepared branches with them; now */
};

/* Texts live for the call. */
typedef int vow_store_recovered_fn(void *ctx, const struct vow_branches_recovered *recovered);

struct vow_store_ops {
    const char *name;
    void (*identity)(void *store, struct vow_store_identity *identity);
    /* Calls back for each branch on disk that is prepared, or was ended heuristically and is not forgotten. The locks
     * of the prepared ones are held when it returns. */
    int (*recover)(void *store, vow_store_recovered_fn *each, void *ctx, struct vow_error_detail *detail);
    /*
     * On the store's thread: does the whole list as one durable unit. On return *jobs lists the operations that are
     * done, with their results; decisions come before new work. One that has to wait (for another branch's lock, for an
     * answer that comes later) is left out: the store keeps it and lists it in a later run, which may be given an empty
     * list (vow_worker_nudge(), or the tick). Returns 0; or VOW_E_DATABASE, VOW_E_IO when it is not known what is
     * durable: then no result may be used and the process must stop.
     */
    int (*run)(void *store, struct vow_job **jobs, struct vow_error_detail *detail);
    /* After the last run, before close: the operations that are still kept, undone. NULL is allowed: it keeps none. */
    struct vow_job *(*give_back)(void *store);
    /* wake(ctx) may be called, on any thread, when kept operations can go on: a run should follow. NULL = no more, and
     * no such call is under way on return. NULL is allowed: the store's kept operations go on by themselves. */
    void (*wake_with)(void *store, void (*wake)(void *ctx), void *ctx);
    void (*stats)(void *store, struct vow_store_stats *stats);
    void (*close)(void *store);
};

/* Keeps nothing; every prepare is answered DONE. */
int vow_store_null_open(const struct vow_store_ops **ops, void **store);

#endif
