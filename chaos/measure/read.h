/*
 * Reading what a run has written. Strict: a line that is not as it must be is an error with its file and number, for
 * what is measured of half a trace is not true. A line that a death has cut short is none: the last one of a file, if
 * it has no end, or the one before the next life.
 */
#ifndef VOW_CHAOS_MEASURE_READ_H
#define VOW_CHAOS_MEASURE_READ_H

#include <stdio.h>

#include "chaos/measure/record.h"

#define MEASURE_ERROR_SIZE 512

/* One line, without its end. Returns 0; or, with `why`, -1, or 1 if it is no JSON, as one that was cut short. */
int measure_parse_record(struct measure_run *run, uint32_t node, const char *line, char why[MEASURE_ERROR_SIZE]);
int measure_parse_op(struct measure_run *run, const char *line, char why[MEASURE_ERROR_SIZE]);

/* The same, of one line alone: its texts are in `names`, its node is not known. */
int measure_read_record(struct measure_names *names, const char *line, struct measure_record *record,
                        char why[MEASURE_ERROR_SIZE]);
int measure_read_op(struct measure_names *names, const char *line, struct measure_op *op, char why[MEASURE_ERROR_SIZE]);

/* A whole file; `name` is for messages, `node` whose it is. Returns 0, or -1 and `why`, with the file and the line. */
int measure_read_trace(struct measure_run *run, const char *node, FILE *file, const char *name,
                       char why[MEASURE_ERROR_SIZE]);
int measure_read_history(struct measure_run *run, FILE *file, const char *name, char why[MEASURE_ERROR_SIZE]);

#endif
