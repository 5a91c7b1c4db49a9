/* Saying what went wrong. One line for a person: what was found, where, and what to do about it. */
#ifndef VOW_JOURNAL_FAIL_H
#define VOW_JOURNAL_FAIL_H

#include "proto/error.h"

/* Fills *detail and returns `error`, so that a check reads as one statement. Text that is too long is cut. */
__attribute__((format(printf, 3, 4))) int journal_fail(struct vow_error_detail *detail, int error, const char *format,
                                                       ...);

#endif
