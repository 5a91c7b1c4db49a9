/*
 * The judge of a world: looks on (seen.h), keeps the book (book.h) and evaluates every invariant of check.def after
 * each sight that may break it. It stops at the first violation: what comes after it is not judged.
 */
#ifndef VOW_CHAOS_SIM_CHECK_H
#define VOW_CHAOS_SIM_CHECK_H

#include "chaos/sim/book.h"
#include "chaos/sim/diary.h"
#include "chaos/sim/ledger.h"

struct sim_violation {
    const char *invariant; /* "I01"; NULL = none */
    struct vow_gtrid gtrid;
    uint8_t node;
    book_moment at;
    uint64_t at_us;
    char text[240];
};

struct sim_isolation;

struct sim_judge {
    struct sim_memory memory;
    struct sim_book book;
    struct sim_violation violation;
    /* Nodes whose disks forgot what they had confirmed in a way that nobody can find out: bit by node. What they took
     * part in is not judged. */
    uint32_t excused;
    /* Coordinators, this life: their disk as found must be refused, because of the text. */
    const char *must_refuse[SIM_NODES_MAX];
    struct sim_isolation *isolation;
    struct sim_ledger ledger;
    struct sim_diary diary;
    int64_t purses;     /* what is in those whose last disk was seen */
    uint64_t evaluated; /* sights that were judged */
};

/* Zeroed or of an earlier world. Before the first sight of each world. */
void sim_judge_begin(struct sim_judge *judge);
/* A sim_see_fn. */
void sim_judge_see(void *judge, const struct sim_sight *sight);
void sim_judge_free(struct sim_judge *judge);

/* For documents and tests. */
struct sim_check_row {
    const char *number, *name, *when, *text;
};
extern const struct sim_check_row sim_check_rows[];
extern const unsigned sim_check_rows_len;

/* --- for the checkers --- */

/* clang-format off */
#define CHECK(number, name, when, text) void check_##name(struct sim_judge *judge, const struct sim_sight *sight);
#include "chaos/sim/check.def"
#undef CHECK
/* clang-format on */

/* The second half of I16, called by the first. */
void check_messages(struct sim_judge *judge, const struct sim_sight *sight);

/* Reports a violation, unless there is one. gtrid: NULL = none. */
void judge_fail(struct sim_judge *judge, const struct sim_sight *sight, const char *invariant,
                const struct vow_gtrid *gtrid, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The transaction is not to be judged: a node of it is excused. */
bool judge_is_excused(const struct sim_judge *judge, const struct book_txn *txn);
/* This node is: what others say and do is judged all the same. */
bool judge_is_node_excused(const struct sim_judge *judge, uint8_t node);
/* The transaction that a sight is about; NULL. */
struct book_txn *judge_txn(const struct sim_judge *judge, const struct sim_sight *sight);
const char *judge_name(const struct sim_judge *judge, uint8_t node);
/* Something of the transaction became durable, or was found on a disk: evaluate `one` for it, or for all. */
typedef void judge_txn_fn(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn);
void judge_each_durable(struct sim_judge *judge, const struct sim_sight *sight, judge_txn_fn *one);
/* All its nodes are healed. */
bool judge_is_healed(const struct sim_judge *judge, const struct book_txn *txn);
/*
 * The participant was told EXPIRED: nobody knows any more what was decided (F045), and it may stay. The alarm of the
 * coordinator is one for the transaction, and names one of them.
 */
bool judge_is_too_late(const struct book_txn *txn, const struct book_share *share);

#endif
