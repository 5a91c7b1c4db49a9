/* The monotonic clock. Cores never call this: time comes to them in events. */
#ifndef VOW_NET_CLOCK_H
#define VOW_NET_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds, monotonic (CLOCK_MONOTONIC); for timers. Never jumps (fault F130). */
uint64_t vow_clock_ms(void);
uint64_t vow_clock_us(void);
/* Microseconds since 1970, for people to read in the history; decides nothing. */
uint64_t vow_clock_wall_us(void);
/* Milliseconds as libevent's timers want them. */
struct timeval vow_clock_delay(uint64_t ms);

/* Fills `out` with bytes from the kernel's generator. Returns 0 or VOW_E_SYSTEM. */
int vow_random_bytes(void *out, unsigned long len);

#endif
