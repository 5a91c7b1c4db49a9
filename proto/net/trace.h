/*
 * The trace: what this process did, and when, one line of JSON for each event (docs/trace.md). It is for measuring what
 * a lock costs and how long a branch is in doubt. Nothing depends on it, and without VOW_TRACE there is none.
 *
 * Lines are kept until vow_trace_flush(), which writes them with one write(2) and whole, so that several traces may go
 * to one file. What was flushed outlives the death of the process, not that of the machine. Any thread may write and
 * flush it; open and close it while no other one does.
 */
#ifndef VOW_NET_TRACE_H
#define VOW_NET_TRACE_H

#include "proto/error.h"
#include "proto/gtrid.h"
#include "proto/net/log.h"

struct vow_trace;

/* Where it goes: the environment's VOW_TRACE, or NULL. */
const char *vow_trace_path(void);
/* Opens the file, which is made if it is missing, to add to it. *out is NULL if path is. VOW_E_NO_MEMORY, VOW_E_IO. */
int vow_trace_open(const char *path, struct vow_trace **out, struct vow_error_detail *detail);
/* Flushes it. NULL is allowed for both. */
void vow_trace_close(struct vow_trace *trace);
/* A file that cannot be written is told about in the log, once, and then there is no trace any more. */
void vow_trace_flush(struct vow_trace *trace);

/* id may be NULL. */
void vow_trace_write(struct vow_trace *trace, const char *what, const struct vow_gtrid *id,
                     const struct vow_log_field *fields, unsigned fields_len);

/* With fields as VOW_LOG() has them, at least one; and without any. No work if there is no trace. */
#define VOW_TRACE(trace, what, id, ...)                                                                                \
    do {                                                                                                               \
        if ((trace) != NULL)                                                                                           \
            vow_trace_write(                                                                                           \
                trace, what, id, (const struct vow_log_field[]){__VA_ARGS__},                                          \
                (unsigned)(sizeof((const struct vow_log_field[]){__VA_ARGS__}) / sizeof(struct vow_log_field)));       \
    } while (0)
#define VOW_TRACE_BARE(trace, what, id)                                                                                \
    do {                                                                                                               \
        if ((trace) != NULL)                                                                                           \
            vow_trace_write(trace, what, id, NULL, 0);                                                                 \
    } while (0)

#endif
