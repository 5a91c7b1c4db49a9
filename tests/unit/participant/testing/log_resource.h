/* A small resource that is right: tables in memory, over a log that is replayed. And every way of getting it wrong. */
#ifndef VOW_TESTS_TESTING_LOG_RESOURCE_H
#define VOW_TESTS_TESTING_LOG_RESOURCE_H

#include <vow/testing.h>

enum bug {
    BUG_NONE,
    BUG_PREPARE_NOT_SYNCED,  /* YES before the record is on the disk (mistake 2) */
    BUG_PREPARE_NOT_WRITTEN, /* YES from memory alone */
    BUG_COMMIT_NOT_SYNCED,   /* DONE before it is durable (mistake 3) */
    BUG_NAME_NOT_SYNCED,     /* the log's directory is not (B10) */
    BUG_RECOVER_NOT_SYNCED,  /* what is found in the log is listed without a sync */
    BUG_RECOVER_MISSES_ONE,
    BUG_RECOVER_HIDES_COMMITTED,
    BUG_RECOVER_DROPS_LOCKS, /* mistake 14 */
    BUG_RECOVER_LISTS_TWICE,
    BUG_COMMIT_ADDS_AGAIN,    /* a second commit has a second effect */
    BUG_COMMIT_KEEPS_NOTHING, /* no record "committed": a second commit is UNKNOWN */
    BUG_UNKNOWN_IS_DONE,      /* B21, B24 */
    BUG_VISIBLE_EARLY,        /* at prepare */
    BUG_NO_LOCKS,
    BUG_ABORT_KEEPS_LOCK,
    BUG_ABORT_COMMITS,
    BUG_FORGET_DOES_NOTHING,
    BUG_READ_ONLY_IS_KEPT,
    BUG_REFUSES_LATE, /* YES to what must be refused */
    BUG_ANSWERS_TWICE,
    BUG_NEVER_ANSWERS,
    BUG_RETURNS_ZERO,
    BUG_HANGS,
    BUGS,
};

struct log_options {
    enum bug bug;
    int answers_by_threads;
};

/* The options of the test for it; ctx is a struct log_options. */
struct vow_test_resource_options log_resource_test(struct log_options *options);

#endif
