/*
 * The history of a load as Elle and Jepsen read it: transactions of reads and writes, with when each began and ended,
 * in EDN. What a client has asked for comes from the load's history, what was read and written from those of the
 * services.
 *
 *   txns.c      an order is a transaction; what has undone it is one more
 *   versions.c  what a version of a row is: in a list, those that it was made of
 *   order.c     in the order of time, each with a process of its own
 *   edn.c       as text
 */
#ifndef VOW_CHAOS_EXPORT_EXPORT_H
#define VOW_CHAOS_EXPORT_EXPORT_H

#include <stdio.h>

#include "chaos/measure/record.h"

/* What Elle is to take the rows for. */
enum export_model {
    EXPORT_LIST_APPEND, /* a row is the list of all versions that its value was made of; a write appends its own */
    EXPORT_RW_REGISTER, /* a row is its version; a write sets it */
};

enum export_end {
    EXPORT_OK = 1, /* it has happened */
    EXPORT_FAIL,   /* it has not, or it was undone: whoever has read of it has read what never was */
    EXPORT_INFO,   /* nobody knows */
};

/* A transaction: what it has read and written, in its order. */
struct export_txn {
    uint64_t begin_us, end_us; /* end_us of one that nobody knows the end of is the end of the history */
    enum export_end end;
    uint32_t id;
    const struct measure_record **accesses;
    size_t accesses_len, accesses_size;
};

struct export_txns {
    struct export_txn *of; /* by begin_us */
    size_t len, size;
    uint64_t end_us; /* nothing is later */
};

/* Whoever has read or written nothing is left out. The run is settled. */
struct export_txns export_txns_of(const struct measure_run *run);
void export_txns_free(struct export_txns *txns);

/* What the rows were made of. */
struct export_versions;
struct export_versions *export_versions_of(const struct measure_run *run);
void export_versions_free(struct export_versions *versions);
/* The versions that this one was made of, the oldest first, and itself: into *list, which grows, and their number. -1:
 * nobody has written one of them. */
int64_t export_versions_list(const struct export_versions *versions, uint32_t key, int64_t version, int64_t **list,
                             size_t *size);

/* An op of the history: a transaction begins, or ends. */
struct export_op {
    const struct export_txn *txn;
    bool is_invoke;
    uint32_t process; /* has one transaction at a time; and no other after one that nobody knows the end of */
    uint64_t t_us;
};
struct export_op *export_order(const struct export_txns *txns, size_t *len);

/* Writes it all. Returns 0, or -1 with why: a version that was read, and that nobody has written. */
int export_edn(const struct measure_run *run, enum export_model model, FILE *out, char *why, size_t why_size);

/* vow-chaos export. */
int export_command(int argc, char **argv);

#endif
