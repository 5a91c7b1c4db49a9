/* The lines that a process writes: into its log, with the time of each, and to whoever waits for one. */
#ifndef VOW_CHAOS_KILL_LINES_H
#define VOW_CHAOS_KILL_LINES_H

#include <stdint.h>
#include <stdio.h>

#define REAL_LINE_SIZE 4096

struct event_base;
struct real_lines;

/* A line without its end. */
typedef void real_line_fn(void *ctx, const char *line);

/* Owns fd from now on. Each line goes to `log` as "[seconds] word: line"; a longer one than REAL_LINE_SIZE is cut in
 * two. `zero_us` is the moment from which the seconds count. */
struct real_lines *real_lines_new(struct event_base *base, int fd, const char *word, FILE *log, uint64_t zero_us,
                                  real_line_fn *fn, void *ctx);
/* Reads what is there by now, and ends. */
void real_lines_free(struct real_lines *lines);

#endif
