/* The files of a run, which the judge reads: those that are there, and as far as they are written. */
#ifndef VOW_CHAOS_JUDGE_FILES_H
#define VOW_CHAOS_JUDGE_FILES_H

#include <jansson.h>

#include "chaos/judge/judge.h"

/* Where the trace of a node is that has been told no other place, below a run's archive. */
#define JUDGE_TRACES "traces"

struct judge_files;

/* Of the archive in that folder: nodes/NODE/trace*.jsonl, audit*.jsonl and history*.jsonl, and traces/NODE.jsonl. */
struct judge_files *judge_files_new(struct judge *judge, const char *directory);
void judge_files_free(struct judge_files *files);
/* Reads on. False: something cannot be read, and *why says what; the others can. */
bool judge_files_poll(struct judge_files *files, char why[MEASURE_ERROR_SIZE]);
/* Reads what is there by turns, so that what was written at one time is read together. */
bool judge_files_all(struct judge_files *files, char why[MEASURE_ERROR_SIZE]);
/* The violation as JSON, with the lines that show it. */
json_t *judge_files_violation(const struct judge_files *files);

#endif
