/* The archive of one run of vow-chaos run, as records: verdict, timeline, traces, histories, audits. */
#ifndef VOW_CHAOS_COMPARE_ARCHIVE_H
#define VOW_CHAOS_COMPARE_ARCHIVE_H

#include <jansson.h>

#include "chaos/measure/read.h"

/*
 * Reads nodes/NODE/trace*.jsonl, history*.jsonl and audit*.jsonl of all nodes and loads into `run`, which is init and
 * is settled then. A run without any history, or without any trace, is an error: nothing can be measured of it.
 * Returns 0 and the verdict, which the caller decrefs; or -1 and `why`, and NULL.
 */
int compare_archive_read(const char *directory, struct measure_run *run, json_t **verdict,
                         char why[MEASURE_ERROR_SIZE]);

#endif
