/* What the files of the resource store share. */
#ifndef VOW_PARTICIPANT_STORE_RESOURCE_STORE_H
#define VOW_PARTICIPANT_STORE_RESOURCE_STORE_H

#include "participant/store/answers.h"
#include "participant/store/resource.h"
#include "participant/store/state_file.h"

enum item_state {
    ITEM_QUEUED,   /* is to ask: waits for room, or for another item of its branch */
    ITEM_ASKED,    /* the resource will answer */
    ITEM_PAUSED,   /* is to ask again at due_ms */
    ITEM_DECIDING, /* one phase: prepared; the decision is to be written down */
    ITEM_NOTING,   /* a heuristic: it is to be written down, then the resource is asked */
    ITEM_MARKED,   /* committed; `row` is to be written down, then the resource may forget */
};

/* A branch that something has to be done about. */
struct item {
    struct item *next;
    struct vow_store_op *op; /* that waits for it; NULL = none: found at open, or answered already */
    struct vow_gtrid gtrid;
    uint32_t branch;
    bool is_one_phase;
    bool drops_memo; /* FORGET came before the resource had committed: the mark is a tombstone */
    bool is_undone;  /* one phase: the decision could not be written down, so it is aborted and refused */
    char word[VOW_BRANCH_WORD_SIZE];
    enum item_state state;
    enum ask ask;
    uint32_t tries;
    uint64_t due_ms;   /* PAUSED */
    uint64_t asked_ms; /* ASKED: since when */
    bool is_late;      /* ASKED: that has been logged */
    enum state_row row;
};

/* A list with its end at hand. */
struct jobs {
    struct vow_job *first;
    struct vow_job **end;
};

struct resource_store {
    struct vow_resource resource;
    struct state_file *file;
    struct answers *answers;
    struct vow_store_identity identity;
    struct vow_store_stats stats;
    uint32_t close_wait_ms;            /* for answers that are missing then */
    uint32_t works_out, decisions_out; /* unanswered: each at most resource.answers_max */

    struct jobs works, decisions; /* operations that wait for room: PREPARE and ONE_PHASE; COMMIT, ABORT and MEMO */
    struct jobs lazy;             /* FORGET and WATERMARK, until something is written anyway */
    struct jobs settles;          /* SETTLE, until it is written */
    struct jobs done;             /* of the run under way */
    struct item *active;          /* in every state but MARKED */
    struct item *marks;
    uint32_t marks_len;
    uint64_t marks_since_ms, rows_due_ms; /* the oldest mark; when to try again after a write that was refused */
    struct peers_row *peers;              /* to be written or removed */
    bool has_peers;                       /* there may be rows of them in the file */
    bool moved;                           /* the run under way should look once more */
    bool failed;                          /* for ever; `trouble` says why */
    struct vow_error_detail trouble;
};

/* ---- resource_item.c ---- */

/* The branch's word, and back; false if it is no word of Vow's. */
void word_make(const struct vow_gtrid *gtrid, uint32_t branch, bool is_one_phase, char word[VOW_BRANCH_WORD_SIZE]);
bool word_read(const char *word, struct vow_gtrid *gtrid, uint32_t *branch, bool *is_one_phase);

void jobs_init(struct jobs *jobs);
void jobs_add(struct jobs *jobs, struct vow_job *job);
struct vow_job *jobs_take(struct jobs *jobs);

/* Queued, at the end of the active ones. NULL if there is no memory. */
struct item *item_new(struct resource_store *store, const struct vow_gtrid *gtrid, uint32_t branch, bool is_one_phase,
                      enum ask ask);
/* Takes it out of the active ones. */
void item_remove(struct resource_store *store, struct item *item);
/* From active to marked. */
void item_mark(struct resource_store *store, struct item *item, enum state_row row, uint64_t now_ms);
struct item *item_find(struct item *first, const struct vow_gtrid *gtrid, uint32_t branch);
/* Frees a list. */
void items_free(struct item *first);

/* The store cannot go on. The first trouble stands. */
void store_break(struct resource_store *store, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- resource_run.c ---- */

/* An operation has come to its end. */
void store_end_op(struct resource_store *store, struct vow_store_op *op, enum vow_store_result result);
void store_refuse_op(struct resource_store *store, struct vow_store_op *op, enum vow_cause cause, const char *why);
/* The store's run(). */
int resource_run(void *store, struct vow_job **jobs, struct vow_error_detail *detail);

/* ---- resource_heuristic.c ---- */

/* Begins a heuristic; false if there is no memory. */
bool heuristic_begin(struct resource_store *store, struct vow_store_op *op, enum state_row row);
/* Within the transaction that writes everything down. */
int heuristics_write(struct resource_store *store, struct vow_error_detail *detail);
/* That is durable, or it cannot be written now. */
void heuristics_written(struct resource_store *store);
void heuristics_put_off(struct resource_store *store);
bool heuristics_are_due(const struct resource_store *store);

/* ---- resource_describe.c ---- */

/* DESCRIBE: of locks and waiters only the resource knows. */
void resource_describe(const struct resource_store *store, struct vow_store_op *op);

/* ---- resource_peers.c ---- */

/* Whom a branch that is prepared can ask: kept from its PREPARE to its end, and written down lazily. */
void resource_keep_peers(struct resource_store *store, const struct vow_store_op *op);
void resource_drop_peers(struct resource_store *store, const struct item *item);
/* Within a transaction; then they are forgotten here, also if there was no room: nothing depends on them. */
int resource_write_peers(struct resource_store *store, struct vow_error_detail *detail);
void resource_forget_peers(struct resource_store *store);

/* Fills a RECALL's result. */
void resource_recall(struct resource_store *store, struct vow_store_op *op);

/* ---- resource_rows.c ---- */

/* Writes down what must be or is due: decisions, marks, FORGET and WATERMARK; `all` = whatever there is. */
void rows_write(struct resource_store *store, uint64_t now_ms, bool all);

/* ---- resource_recover.c ---- */

/* The store's recover(). */
int resource_recover(void *store, vow_store_recovered_fn *each, void *ctx, struct vow_error_detail *detail);

#endif
