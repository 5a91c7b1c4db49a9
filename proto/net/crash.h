/*
 * Named crash points: places where a test kills the process with SIGKILL, as power loss or the OOM killer would.
 * Compiled to nothing unless VOW_CRASH_POINTS is set (the release preset never sets it).
 *
 * VOW_CRASH_AT=NAME or NAME@N in the environment kills the process at the Nth time (from 1) that the point is met; with
 * commas between several of them, at the first that comes to its time. chaos/points/points.def lists all of them.
 * Names are made from the events and effects of the cores: "recv.before.VOTE", "send.before.PREPARE",
 * "send.after.COMMIT", "log.before.COMMIT", "log.after.COMMIT", "store.before.PREPARE", ... so that none lacks one; the
 * journal has "journal.before.LOG_SYNC" and others around its syncs. A service adds points of its own
 * (<vow/testing.h>). With VOW_CRASH_HOW=abort the process dies of abort() instead. VOW_CRASH_NOTE=FILE: "PID NAME" is
 * written there before the death, so that whoever armed it can tell it from any other. VOW_CRASH_MET=FILE: a line with
 * its name is added there when a point is first met in this process.
 *
 * The state is the process's, as the death is. All functions may be called from any thread.
 */
#ifndef VOW_NET_CRASH_H
#define VOW_NET_CRASH_H

#ifdef VOW_CRASH_POINTS

#include <stdbool.h>

/* With the zero byte. */
#define VOW_CRASH_NAME_SIZE 64

/* Reads VOW_CRASH_AT once and arms it, and opens VOW_CRASH_MET. Returns 0, or VOW_E_ARGUMENT for a value that is not
 * NAME or NAME@N, or several of them with commas. */
int vow_crash_init(void);
/* Arms NAME or NAME@N, or several with commas, counted from now, in place of what was armed; NULL = nothing. Returns 0
 * or VOW_E_ARGUMENT. */
int vow_crash_arm(const char *text);

/* True if the point "where.when.what" is armed and this is its hit: the caller then flushes what must be flushed and
 * calls vow_crash_now(). */
int vow_crash_hit(const char *where, const char *when, const char *what);
/* The same for a point with one name. */
int vow_crash_hit_named(const char *name);
/* Dies; or, with a hook, calls it and returns if it does. */
void vow_crash_now(void);
#define VOW_CRASH(where, when, what) (vow_crash_hit(where, when, what) ? vow_crash_now() : (void)0)

/* Called in place of the death, on the thread that met the point, with no lock held; NULL = die. */
typedef void vow_crash_fn(void *ctx, const char *name);
void vow_crash_set_hook(vow_crash_fn *hook, void *ctx);

/* Writes down every point that is met from now on; or stops, and forgets them. */
void vow_crash_record(bool on);
/* Calls back for each point that was met, in the order of the first meetings, with how often. The points that no memory
 * was found for are missing. */
typedef void vow_crash_met_fn(void *ctx, const char *name, unsigned long times);
void vow_crash_each_met(vow_crash_met_fn *fn, void *ctx);

#else
#define vow_crash_init() 0
#define vow_crash_hit(where, when, what) 0
#define vow_crash_now() ((void)0)
#define VOW_CRASH(where, when, what) ((void)0)
#endif

#endif
