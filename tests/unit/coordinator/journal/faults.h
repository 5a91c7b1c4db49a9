/*
 * A disk that fails on demand. The test program has its own fsync(), fdatasync() and pwrite(), which SQLite and the
 * witness both end in, so one switch reaches every forced write there is. And a wall clock that can be set.
 */
#ifndef VOW_TEST_JOURNAL_FAULTS_H
#define VOW_TEST_JOURNAL_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_NONE, FAULT_SYNC, FAULT_WRITE, FAULT_READ };

/* The nth call of this kind from now on (from 1) fails with `error`; the ones after it go well again, as on a real
 * disk. */
void fault_arm(enum fault_kind kind, unsigned nth, int error);
/* Moves the wall clock of this process on by so much, or back. */
void clock_shift(int64_t ms);
/* From now on it moves by that alone, from a time that is the same in each run. */
void clock_freeze(void);
/* From now on reads and writes take 100 bytes at most, and every other one is interrupted. */
void fault_interrupt(bool on);
/* What fstatfs() says of every file system from now on; 0 = the truth. */
void fault_filesystem(unsigned long type);
/* Ends it; true if the call was reached. */
bool fault_disarm(void);

#endif
