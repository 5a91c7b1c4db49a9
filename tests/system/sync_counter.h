/* A VFS that counts xSync, for SQLite files opened through it. One counter for the process. */
#ifndef VOW_TESTS_SYNC_COUNTER_H
#define VOW_TESTS_SYNC_COUNTER_H

#include <stdint.h>

/* Registers it the first time. Returns its name. */
const char *sync_counter_vfs(void);
uint64_t sync_counter(void);

#endif
