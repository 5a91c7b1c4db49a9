/* What was done to the processes of a run, out of its timeline.jsonl. */
#ifndef VOW_CHAOS_MEASURE_TIMELINE_H
#define VOW_CHAOS_MEASURE_TIMELINE_H

#include <stdio.h>

#include "chaos/measure/read.h"

/*
 * Adds the faults that came while the load worked: deaths, which end when that node serves again; nodes that were
 * paused and links that were cut or worse, until that is undone. What is left then ends when the harness heals all.
 * Times of a timeline are counted from `zero_us`. Returns 0, or -1 and `why`, which has the file and the line.
 */
int measure_read_timeline(struct measure_run *run, uint64_t zero_us, FILE *file, const char *name,
                          char why[MEASURE_ERROR_SIZE]);

#endif
