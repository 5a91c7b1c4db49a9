/*
 * What the library says to people, and where: one line an event, logfmt, values from outside escaped.
 *   ts=2026-01-02T03:04:05.678Z level=warn event=peer_lost name=stock why="the peer is silent"
 *
 * Nothing of it is needed to use the library: what a program must know comes as an error or a result.
 */
#ifndef VOW_PROTO_LOGGING_H
#define VOW_PROTO_LOGGING_H

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How much a line matters. */
enum vow_log_level {
    VOW_LOG_NONE = 0,  /* for vow_log_to(): no line at all */
    VOW_LOG_ERROR = 1, /* somebody must look: a participant stops, an outcome contradicts what is on disk */
    VOW_LOG_WARN = 2,  /* something is wrong and is being tried again: a connection lost, a peer turned away */
    VOW_LOG_INFO = 3,  /* what happens in a good life */
    VOW_LOG_DEBUG = 4, /* for the library's own developers */
};

/* Takes a line, which has no line feed and lives for the call. Called on any thread of the library's, and on several at
 * once; must not block, and must not call the library. */
typedef void vow_log_fn(void *ctx, enum vow_log_level level, const char *line);

/*
 * Where lines go that matter as much as `up_to` or more; the others are dropped. fn NULL = stderr. Without this call
 * VOW_LOG_WARN and VOW_LOG_ERROR go to stderr.
 *
 * The one setting that is the whole process's, since lines are also written where no client or participant is at hand.
 * Call it before the first of them is opened; fn and ctx must live for as long as one is open. The last call holds: it
 * may be called again when all of them are closed, not while one is open.
 */
VOW_EXPORT void vow_log_to(vow_log_fn *fn, void *ctx, enum vow_log_level up_to);

#ifdef __cplusplus
}
#endif

#endif
