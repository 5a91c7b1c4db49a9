/* Memory that there must be: a harness without it has nothing to say, and its processes die with it (spawn.c). */
#ifndef VOW_CHAOS_KILL_MEMORY_H
#define VOW_CHAOS_KILL_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

static inline void *real_need(void *memory)
{
    if (memory != NULL)
        return memory;
    (void)fputs("vow-chaos: out of memory\n", stderr);
    exit(3);
}

#endif
