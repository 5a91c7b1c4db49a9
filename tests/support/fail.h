/*
 * Calls that fail on demand (faults F142 and F146): the nth allocation, or the nth system call, of all that runs in the
 * test's process. The test program has its own malloc(), open(), socket() and so on, which every library that it is
 * linked to ends in, so that one switch reaches SQLite, libevent and libc, too.
 *
 * A sweep fails the first call, then the second, and so on, until nothing is left to fail. Most of a test's time goes
 * into its thousands of runs, so a sweep takes a sample of them, unless VOW_FAIL_ALL is set, as the nightly tests do.
 */
#ifndef VOW_TESTS_SUPPORT_FAIL_H
#define VOW_TESTS_SUPPORT_FAIL_H

#include <stdbool.h>

enum fail_kind { FAIL_MEMORY = 1, FAIL_SYSTEM };
/* ONCE: the calls after the nth go well again. FOR_GOOD: they fail as well, which clean-up must not mind. */
enum fail_mode { FAIL_ONCE = 1, FAIL_FOR_GOOD };

/* Counts from 1, from now on, on all threads. */
void fail_arm(enum fail_kind kind, enum fail_mode mode, unsigned nth);
/* Ends it. Returns how many calls there were; those before nth went well. */
unsigned fail_disarm(void);
/* The name of the first call that failed since fail_arm(); "" = none. */
const char *fail_name(void);

struct fail_case {
    /* Undisturbed, before each run: what run() needs. NULL = nothing. */
    void (*before)(void *ctx);
    /* Disturbed: does what is tested. Returns 0 or the error. */
    int (*run)(void *ctx);
    /*
     * Undisturbed, after each run: proves that what run() was about is done if error is 0, and else can be done now;
     * and gives back everything.
     */
    void (*after)(void *ctx, int error);
    const int *errors; /* that run() may return; ends with 0 */
    const char *why;   /* where the last error's text is; NULL = nowhere */
    bool is_once_only; /* run() would wait for better times */
    unsigned runs_max; /* in a sample, about; for what takes long. 0 = no limit */
};

/* Both modes, if the case allows. Fails the test at an error that is not allowed, a lost descriptor, lost memory (with
 * a leak checker). */
void fail_sweep(enum fail_kind kind, const struct fail_case *subject, void *ctx);

/* Where a directory for the files of a sweep is best made: in memory, if the machine has such a file system, for a
 * sweep syncs thousands of times. */
const char *fail_parent(void);
/* Removes a directory and all in it. */
void fail_remove(const char *path);
/* Open descriptors of this process. */
unsigned fail_descriptors(void);

#endif
