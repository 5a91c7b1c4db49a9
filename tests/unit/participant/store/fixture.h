/*
 * A service's database file and the store over it, as the tests of this folder use them: the work of a branch is SQL
 * text, and other connections look at the file and reach into it. One per test process.
 */
#ifndef VOW_TESTS_STORE_FIXTURE_H
#define VOW_TESTS_STORE_FIXTURE_H

#include <criterion/criterion.h>

#include "participant/store/sqlite.h"

#define COORD 7
#define EPOCH 3

struct service {
    char dir[64], path[96];
    const struct vow_store_ops *ops;
    void *store;
    sqlite3 *db; /* the store's own connection */
    struct vow_sqlite_options options;
    struct vow_error_detail detail;
};
extern struct service service;

/* Instead of running the call's name as SQL, if set. */
extern vow_sqlite_call_fn *service_handler;

/* Makes an empty folder for the file; the end takes it away. For .init and .fini of suites. */
void service_init(void);
void service_init_in(const char *parent);
void service_fini(void);
/* Opens the store, runs the schema on it, enrols. */
void service_start(const char *schema);
int service_open(void);
void service_close(void);
/* Close and open: what is only in memory is gone. */
void service_restart(void);

/* One operation of a batch. */
struct work {
    struct vow_store_op op;
    struct vow_msg_call call;
};
struct work work_of(enum vow_store_op_kind kind, uint64_t seq, const char *sql);
/* Does them as one batch. Returns what run() returns; works_done is how many operations it gave back, which may be kept
 * ones of before. An operation that is kept must outlive the store, or be given back. */
int run_batch(struct work *works, size_t len);
extern size_t works_done;

/* One operation as a batch of its own, that must not fail. What a NO says is in refusal. */
extern struct vow_store_op refusal;
enum vow_store_result prepare(uint64_t seq, const char *sql);
enum vow_store_result one_phase(uint64_t seq, const char *sql);
/* An operation without calls. */
enum vow_store_result decide(enum vow_store_op_kind kind, uint64_t seq);
/* One operation of joined work. */
enum vow_store_result work(uint64_t seq, const char *sql);
/* COMMIT and ABORT that find their branch. */
void commit(uint64_t seq);
void abort_branch(uint64_t seq);

/* Another connection, with SQLite's defaults. Returns an SQLite code; "VOW_LOCKED" is told apart as LOCKED. */
#define LOCKED (-1)
int outside(const char *sql);
/* The first column of all rows that another connection sees, joined by ' '. Lives until the next call. */
const char *look(const char *sql);
/* The branches that recover() calls back for. */
int recovered_branches(void);

#define expect_seen(sql, wanted) cr_assert_str_eq(look(sql), wanted, "%s: %s", sql, look(sql))
#define expect_refused(result, wanted)                                                                                 \
    do {                                                                                                               \
        cr_assert_eq(result, VOW_STORE_REFUSED);                                                                       \
        cr_assert_eq(refusal.cause, wanted, "%s: %s", vow_cause_name((int)refusal.cause), refusal.text);               \
    } while (0)

#endif
