/*
 * What Vow remembers beside a resource (<vow/resource.h>): a small SQLite file with the participant's identity, a row
 * for each branch that was committed (the tombstone), and a row for each one-phase commit that was decided (the memo).
 * One connection, which holds the file for itself alone; one thread at a time.
 */
#ifndef VOW_PARTICIPANT_STORE_STATE_FILE_H
#define VOW_PARTICIPANT_STORE_STATE_FILE_H

#include <stdbool.h>

#include "participant/store/store.h"

struct state_file;

enum state_row {
    STATE_ROW_NONE,
    STATE_ROW_COMMITTED, /* a tombstone: the resource's own record is not needed any more */
    STATE_ROW_DECIDED,   /* a memo; the resource may still have to commit */
    STATE_ROW_MEMO,      /* a memo; the resource has committed */
};

/*
 * Opens the file (made if missing), checks and sets what durability needs, counts up the incarnation durably.
 * VOW_E_DATABASE, VOW_E_PRAGMA, VOW_E_NEWER, VOW_E_DAMAGED, VOW_E_LOCKED (another has it open), VOW_E_NO_MEMORY;
 * *detail says what was found.
 */
int state_file_open(const char *path, struct state_file **out, struct vow_store_identity *identity,
                    struct vow_error_detail *detail);
/* NULL is allowed. */
void state_file_close(struct state_file *file);

/* What follows returns 0 or an error: VOW_E_BUSY = nothing happened and another try may go through (no space, somebody
 * reads); VOW_E_IO, VOW_E_DATABASE = it is not known what is durable. *detail says more. */

/* Between begin and commit; durable at commit's end if `forced`, with a later one that is forced if not. An error of
 * either, or of a change between them, leaves no transaction open and nothing done. */
int state_file_begin(struct state_file *file, bool forced, struct vow_error_detail *detail);
int state_file_commit(struct state_file *file, struct vow_error_detail *detail);

/* STATE_ROW_NONE removes the row. */
int state_file_set(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, enum state_row row,
                   struct vow_error_detail *detail);
/* Keeps coordinator, epoch and watermark, and removes tombstones below it. */
int state_file_set_watermark(struct state_file *file, uint64_t coord, uint32_t epoch, struct vow_watermark watermark,
                             struct vow_error_detail *detail);

/* At any time: with an open transaction, as it would be. */
int state_file_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, enum state_row *row,
                   struct vow_error_detail *detail);
/* Of any branch of the transaction. */
int state_file_has_tombstone(struct state_file *file, const struct vow_gtrid *gtrid, bool *has,
                             struct vow_error_detail *detail);
/* ---- state_heuristic.c: branches that were ended without a decision ---- */

/* Within a transaction. One that is there stays. */
int state_heuristic_add(struct state_file *file, const struct vow_branches_recovered *heuristic,
                        struct vow_error_detail *detail);
int state_heuristic_remove(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                           struct vow_error_detail *detail);
/* As decided: removes it; else keeps the decision with it. */
int state_heuristic_settle(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                           enum vow_verdict decided, struct vow_error_detail *detail);
/* At any time; 0 = there is none. */
int state_heuristic_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                        enum vow_verdict *verdict, struct vow_error_detail *detail);
/* The decision that it was settled against; 0 if there is none yet, or no such heuristic. */
int state_heuristic_decided(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                            enum vow_verdict *decided, struct vow_error_detail *detail);
int state_heuristic_each(struct state_file *file, vow_store_recovered_fn *each, void *ctx,
                         struct vow_error_detail *detail);

/* ---- state_peers.c: whom a prepared branch can ask ---- */

/* Within a transaction; NULL removes them. */
int state_peers_set(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, const char *peers,
                    struct vow_error_detail *detail);
/* The caller's to free(); NULL if there are none, or they cannot be read. */
char *state_peers_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch);

/* For state_heuristic.c and state_peers.c: the connection, and errors of its use; `rc` is an SQLite code. */
struct sqlite3 *state_file_db(struct state_file *file);
int state_file_give_up(struct state_file *file, int rc, const char *doing, struct vow_error_detail *detail);
int state_file_damaged(const struct state_file *file, const char *why, struct vow_error_detail *detail);

typedef int state_file_each_fn(void *ctx, const struct vow_gtrid *gtrid, uint32_t branch);
/* Every one-phase commit that the resource may not have carried out. Ends with what `each` returns if that is not 0. */
int state_file_each_decided(struct state_file *file, state_file_each_fn *each, void *ctx,
                            struct vow_error_detail *detail);

#endif
