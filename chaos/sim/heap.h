/*
 * The memory that SQLite works with in the program: free lists by size, in place of malloc(), which took a sixth of a
 * world's time. Debian's SQLite has no lookaside, so that each node of each expression that it parses is a call.
 *
 * One thread. Nothing is given back to the system: what a world has freed serves the next ones.
 */
#ifndef VOW_CHAOS_SIM_HEAP_H
#define VOW_CHAOS_SIM_HEAP_H

/* Before the first call of SQLite. Does nothing under AddressSanitizer, which must see each piece by itself. */
void sim_heap_install(void);

#endif
