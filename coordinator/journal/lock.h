/* The lock of a data directory: one coordinator at a time (fault F020). The kernel drops it when the process dies. */
#ifndef VOW_JOURNAL_LOCK_H
#define VOW_JOURNAL_LOCK_H

#include "proto/error.h"

#define JOURNAL_LOCK_FILE "lock"

/*
 * Takes the lock and writes this process's id into the file, for the message that the next one gets. Waits a few
 * seconds for those who only look. Returns its descriptor, VOW_E_LOCKED, or VOW_E_IO: also if locks do not work there,
 * as on some network file systems (fault F123). The file stays when the lock is let go: a name that is removed and made
 * again could be locked twice.
 */
int journal_lock_take(const char *directory, int directory_fd, struct vow_error_detail *detail);
/* The same for somebody who only looks, beside others who do: makes and writes nothing. VOW_E_NOT_FOUND: there is no
 * lock file, so nobody has it. */
int journal_lock_try(const char *directory, int directory_fd, struct vow_error_detail *detail);
/* Lets it go. A negative descriptor is allowed. */
void journal_lock_drop(int fd);

#endif
