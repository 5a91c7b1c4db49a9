/* What vowctl has printed: is it with whoever asked? */
#ifndef VOW_COORDINATOR_CTL_TOLD_H
#define VOW_COORDINATOR_CTL_TOLD_H

#include <stdbool.h>

/* Once, at the end. False: stdout took not all of it. Who read from a pipe, had enough and went, misses nothing. */
bool told_all(void);

#endif
