/* Between the files of the failing calls. */
#ifndef VOW_TESTS_SUPPORT_FAIL_PRIVATE_H
#define VOW_TESTS_SUPPORT_FAIL_PRIVATE_H

#include <stdint.h>

#include "fail.h"

/* What the test program defines in the place of a library's own. */
#define FAIL_INTERPOSED __attribute__((visibility("default")))

/* Is this the call that is to fail? Counts it. */
bool fail_now(enum fail_kind kind, const char *name);
bool fail_is_armed(void);
/* On a new thread: from here on its calls may fail. */
void fail_thread_begins(void);
/* Memory that never fails. */
void *fail_real_malloc(unsigned long size);
/* From now on the place in the program that each of the first `max` calls comes from is put into an array. 0 ends it.
 */
void fail_note_places(uint64_t *places, unsigned max);

#endif
