/*
 * Named crash points: places where a test kills the process with SIGKILL, as power loss or the OOM killer would.
 * Compiled to nothing unless VOW_CRASH_POINTS is set (the release preset never sets it).
 *
 * VOW_CRASH_AT=NAME or NAME@N in the environment kills the process at the Nth time (from 1) that the point is met.
 * Names are made from the events and effects of the cores: "recv.before.VOTE", "send.before.PREPARE",
 * "send.after.COMMIT", "log.before.COMMIT", "log.after.COMMIT", "store.before.PREPARE", ... so that none lacks one; the
 * journal has "journal.before.LOG_SYNC" and others around its syncs.
 */
#ifndef VOW_NET_CRASH_H
#define VOW_NET_CRASH_H

#ifdef VOW_CRASH_POINTS
/* Reads VOW_CRASH_AT once and arms it (libfiu). Returns 0, or VOW_E_ARGUMENT for a value that is not NAME or NAME@N. */
int vow_crash_init(void);
/* True if the point "where.when.what" is armed and this is its hit: the caller then flushes what must be flushed and
 * calls vow_crash_now(). */
int vow_crash_hit(const char *where, const char *when, const char *what);
_Noreturn void vow_crash_now(void);
#define VOW_CRASH(where, when, what) (vow_crash_hit(where, when, what) ? vow_crash_now() : (void)0)
#else
#define vow_crash_init() 0
#define vow_crash_hit(where, when, what) 0
#define vow_crash_now() ((void)0)
#define VOW_CRASH(where, when, what) ((void)0)
#endif

#endif
