/* Running a loop until something happens; nothing sleeps. */
#ifndef VOW_TEST_NET_LOOP_H
#define VOW_TEST_NET_LOOP_H

#include <event2/event.h>

/* Runs the loop until the condition holds; the suite's timeout ends a test whose condition never does. */
#define UNTIL(base, condition)                                                                                         \
    while (!(condition))                                                                                               \
    event_base_loop((base), EVLOOP_ONCE)

#define SUITE_TIMEOUT 30

#endif
