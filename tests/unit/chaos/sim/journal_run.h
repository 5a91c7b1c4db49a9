/* A fixed workload for the real journal on a virtual disk, and what must be true of a disk after it. */
#ifndef VOW_TESTS_SIM_JOURNAL_RUN_H
#define VOW_TESTS_SIM_JOURNAL_RUN_H

#include "disk_bed.h"
#include "kit.h"

#define RUN_SEQS_MAX 40

/* What the journal has said, by transaction. */
struct journal_run {
    unsigned asked;                  /* 1 to here were submitted */
    bool is_committed[RUN_SEQS_MAX]; /* the journal said WON */
    bool end_asked[RUN_SEQS_MAX];    /* so its events may have been cut off */
    bool is_stopped;                 /* an operation was UNKNOWN, or it could not be opened */
};

/* Runs it on a disk until its end, or until the journal stops. `length` transactions. */
void journal_run(struct journal_run *run, struct sim_disk *where, unsigned length);

/* What a check may find. */
enum journal_found {
    FOUND_ALL,     /* all that was acknowledged is there */
    FOUND_REFUSAL, /* it will not start, or has stopped: nothing is told */
    FOUND_LOSS,    /* something acknowledged reads as if it had never been */
};
/* Starts on the disk as after a crash. What is found is acknowledged from here on, too. found_text says what it was. */
enum journal_found journal_check(struct journal_run *run, struct sim_disk *where);
extern char found_text[256];

#endif
