/* Times and sizes as an operator writes them, in flags and in the configuration file. */
#ifndef VOW_COORDINATOR_UNITS_H
#define VOW_COORDINATOR_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "90s", "10m", "12h", "7d": a whole number and its unit; "off" is 0. The highest is 3650d. False, and *ms untouched,
 * for anything else. */
bool vow_parse_duration(const char *text, uint64_t *ms);
/* "512K", "64M", "10G", "1T": powers of 1024; "off" is 0. The highest is 1024T. */
bool vow_parse_size(const char *text, uint64_t *bytes);

/* The same back, in the largest unit that gives a whole number; "off" for 0. */
void vow_print_duration(uint64_t ms, char *out, size_t size);
void vow_print_size(uint64_t bytes, char *out, size_t size);

#endif
