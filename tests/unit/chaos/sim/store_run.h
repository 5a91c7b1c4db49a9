/* A fixed workload for the real store on a virtual disk, and what must be true of a disk after it. */
#ifndef VOW_TESTS_SIM_STORE_RUN_H
#define VOW_TESTS_SIM_STORE_RUN_H

#include "disk_bed.h"
#include "participant/store/sqlite.h"

#define STORE_SEQS_MAX 64

/* What was asked of the store for a transaction, and what it has answered. Transaction n adds 1 to account n. */
struct store_fate {
    bool prepare_asked, prepared;
    bool commit_asked, committed;
    bool abort_asked;
    bool one_phase_asked, one_phase;
};

struct store_run {
    struct store_fate fates[STORE_SEQS_MAX];
    bool is_stopped;
    bool dies; /* to be said: with a store that stops its process dies, and nothing folds the WAL in */
};

/* Runs it on a disk until its end, or until the store stops or keeps an operation back. */
void shop_run(struct store_run *run, struct sim_disk *where, unsigned length);

enum store_found {
    STORE_HAS_ALL, /* what was answered holds */
    STORE_REFUSES, /* it will not open */
    STORE_LACKS,   /* a prepared branch is gone, and the store says so when it is to be committed */
    STORE_LIES,    /* it says that something is done, or that nothing was, and it is not so */
};
/* Opens the store as after a crash, and decides all that it finds prepared: committed, but where an abort was asked. */
enum store_found shop_check(struct store_run *run, struct sim_disk *where);
extern char store_text[256];

#endif
