/*
 * Types that clients and participants share: the transaction's id, its outcome, the cause of an abort.
 *
 * All of them are plain data. What makes them up is in three short headers that may be read on their own:
 * <vow/proto/id.h>, <vow/proto/outcome.h>, <vow/proto/cause.h>.
 */
#ifndef VOW_TYPES_H
#define VOW_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <vow/error.h>
#include <vow/proto/cause.h>
#include <vow/proto/export.h>
#include <vow/proto/id.h>
#include <vow/proto/logging.h>
#include <vow/proto/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base; /* <event2/event.h>; only a program with a libevent loop of its own needs it */

/*
 * Where a client or a participant does its network work. In all three the functions mean the same; what differs is
 * whose thread calls the callbacks, and that nobody may wait on that thread.
 */
enum vow_loop_kind {
    /* On a thread of the library's own, which takes no signal. Every function may be called from any thread. */
    VOW_LOOP_OWN_THREAD = 0,
    /*
     * On the caller's libevent loop, options.base: no thread for the network. Open (a participant: start) and close on
     * the thread that runs the loop, or while it does not run; callbacks come on that thread. The base needs none of
     * libevent's locks. It must outlive the client or participant: close first, then free the base. If the loop is not
     * run, nothing happens: no connection, no answer, no time-out.
     */
    VOW_LOOP_BASE = 1,
    /*
     * On any other loop (poll, epoll, libuv, GLib): vow_client_fd() or vow_participant_fd() is one descriptor that is
     * readable whenever there is work, time-outs included; then the loop calls vow_client_process() or
     * vow_participant_process(), which does it and never waits. Callbacks come out of that call. One thread at a time
     * may process; open, start and close on that thread.
     */
    VOW_LOOP_FD = 2,
};

/* The version of these headers. Within 0.MINOR functions and option fields are only added; see vow_version(). */
#define VOW_VERSION "0.1.0"

/* Where vowd listens if nothing else is said. */
#define VOW_DEFAULT_COORDINATOR "127.0.0.1:7420"

/* The version of the library that runs, "MAJOR.MINOR.PATCH"; VOW_VERSION is that of the headers the program was
 * compiled with. Any thread; the text lives for ever. */
VOW_EXPORT const char *vow_version(void);

#ifdef __cplusplus
}
#endif

#endif
