/*
 * What I15 keeps: each row of the workloads as the commits that were seen make it, and who depends on whom.
 *
 * An edge from A to B: B wrote a row after A (ww), B read what A wrote (wr), or B wrote over what A read and held (rw).
 * Edges of transactions that did not commit do not count.
 */
#ifndef VOW_CHAOS_SIM_ISOLATION_H
#define VOW_CHAOS_SIM_ISOLATION_H

#include "chaos/sim/check.h"

struct isolation_reader {
    struct book_txn *txn;
    struct isolation_reader *next;
};

struct isolation_row {
    struct isolation_row *next;
    enum sim_table table;
    uint8_t node;
    uint64_t key;
    bool is_unsure; /* a crash hid the order of two writes */
    bool is_there;
    int64_t value;
    int64_t *list;
    uint32_t list_len, list_room;
    struct book_txn *writer;          /* of this version; NULL: nobody */
    struct isolation_reader *readers; /* who hold what they read of it */
};

struct isolation_edge {
    struct book_txn *to;
    const struct isolation_row *row;
    struct isolation_edge *next;
};

#define ISOLATION_BUCKETS 256u

struct sim_isolation {
    struct isolation_row *rows[ISOLATION_BUCKETS];
    struct isolation_edge **edges; /* by the index of the transaction they come from */
    uint32_t edges_room;
};

struct isolation_row *isolation_row(struct sim_judge *judge, uint8_t node, enum sim_table table, uint64_t key);
void isolation_add_edge(struct sim_judge *judge, struct book_txn *from, struct book_txn *to,
                        const struct isolation_row *row);
/* Looks for a circle among committed transactions, and reports one. */
void isolation_find_circle(struct sim_judge *judge, const struct sim_sight *sight);

#endif
