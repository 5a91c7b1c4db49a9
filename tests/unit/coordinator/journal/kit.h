/* A bed for the journal's tests: an engine in a directory of its own, and operations to feed it. */
#ifndef VOW_TEST_JOURNAL_KIT_H
#define VOW_TEST_JOURNAL_KIT_H

#include "coordinator/journal/journal.h"

struct bed {
    char directory[64];
    const char *vfs; /* NULL: files of the operating system */
    const struct vow_journal_engine *ops;
    void *engine; /* NULL: closed */
    uint32_t event_keys_max;
    struct vow_journal_identity identity;
    struct vow_error_detail detail;
};

/* A directory for temporary files, removed again with all that is in it. */
void bed_make(struct bed *bed);
/* The same under another one. */
void bed_make_in(struct bed *bed, const char *parent);
void bed_remove(struct bed *bed);

/* Opens as the coordinator "alpha". Returns what open returned. */
int bed_open(struct bed *bed);
/* Opens and takes over; both must go well. */
void bed_start(struct bed *bed);
void bed_close(struct bed *bed);
/* Closes and starts again. */
void bed_restart(struct bed *bed);
/* Ended transactions stay for `age_ms`. */
void bed_retain(struct bed *bed, uint64_t age_ms);
/* bed_make, bed_start, and `count` transactions committed one by one; still open. */
void bed_make_filled(struct bed *bed, unsigned count);

/* The id of the seq-th transaction: the same in every epoch, so that a test finds it again after a restart. */
struct vow_gtrid bed_gtrid(uint64_t seq);

/* Each fills *op; the branches of a decision are static. */
void op_decide(struct vow_journal_op *op, const struct bed *bed, uint64_t seq);
/* A decision with as many branches as there can be: over 2 KiB, for filling the WAL. */
void op_decide_long(struct vow_journal_op *op, const struct bed *bed, uint64_t seq);
void op_end(struct vow_journal_op *op, const struct bed *bed, uint64_t seq);
void op_append(struct vow_journal_op *op, const struct bed *bed, enum vow_record_kind kind, uint64_t seq);
void op_get(struct vow_journal_op *op, uint64_t seq);
/* Links an array to the list that engine and journal take; returns its first. */
struct vow_journal_op *op_link(struct vow_journal_op *ops, unsigned count);

/* The same yes-list, member for member. */
void expect_same_branches(const struct vow_record *a, const struct vow_record *b);

/* One operation as a batch of its own. */
enum vow_journal_result bed_decide(struct bed *bed, uint64_t seq);
enum vow_journal_result bed_end(struct bed *bed, uint64_t seq);
enum vow_journal_result bed_append(struct bed *bed, enum vow_record_kind kind, uint64_t seq);
/* Returns op.error. */
int bed_get(struct bed *bed, uint64_t seq, struct vow_journal_op *op);
struct vow_journal_stats bed_stats(const struct bed *bed);
/* Lets the engine do what nobody waits for, until nothing is left to do. */
void bed_rest(struct bed *bed);
/* How many open records the scan shows. */
int bed_count_open(struct bed *bed);

/* --- Files --- */

void file_path(const struct bed *bed, const char *file, char path[128]);
/* All of a file, malloc()ed; NULL if it is not there. */
unsigned char *file_read(const struct bed *bed, const char *file, size_t *len);
void file_write(const struct bed *bed, const char *file, const void *bytes, size_t len);
void file_truncate(const struct bed *bed, const char *file, size_t len);
void file_remove(const struct bed *bed, const char *file);
/* Turns all bits of the byte at `offset`. */
void file_flip(const struct bed *bed, const char *file, size_t offset);
/* Where `bytes` are in the file for the nth time (from 1), or -1. */
long file_find(const struct bed *bed, const char *file, const void *bytes, size_t len, unsigned nth);
void file_copy(const struct bed *from, const struct bed *to, const char *file);
/* A bed of its own with a copy of every file as it is now on disk: what a crash at this moment would leave. */
void bed_copy(const struct bed *from, struct bed *to);
void bed_copy_in(const struct bed *from, struct bed *to, const char *parent);
/* Runs SQL on the closed database, past the journal. */
void bed_sql(const struct bed *bed, const char *sql);

/* Opening must be refused with this error and these words, leave all files but the lock as they were, and hold no
 * lock. */
void bed_expect_refused(struct bed *bed, int error, const char *words);

#endif
