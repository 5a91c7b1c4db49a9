/* What an order has come to, from how far it came and what was answered: done, refused, or nobody knows. */
#ifndef VOW_COORDINATOR_CTL_ORDERED_H
#define VOW_COORDINATOR_CTL_ORDERED_H

#include "coordinator/ctl/ask.h"

enum ordered {
    ORDERED_DONE = 0,
    ORDERED_NOT_GIVEN, /* it has not left: nothing was done */
    ORDERED_LATER,     /* refused, nothing was done; the same order may go through later */
    ORDERED_REFUSED,   /* refused, nothing was done */
    ORDERED_UNKNOWN,   /* it may have been done, or may be yet */
};

enum ordered ordered(enum ask_end end, int error);

/* In words that may be printed as they are; not of what was done. */
const char *ordered_words(enum ordered what);

#endif
