/* Is a process that was started ready? By a line, a file, or an answer over HTTP; and is it late? */
#ifndef VOW_CHAOS_KILL_PROBE_H
#define VOW_CHAOS_KILL_PROBE_H

struct event_base;
struct real_probe;
struct real_readiness_plan;

typedef void real_probe_fn(void *ctx);

/* Before the process is started: a file that is there already is an earlier life's. `plan` and `directory` must live
 * on. `ready` is called once, `late` perhaps once before that; neither from inside this call. */
struct real_probe *real_probe_new(struct event_base *base, const struct real_readiness_plan *plan,
                                  const char *directory, real_probe_fn *ready, real_probe_fn *late, void *ctx);
void real_probe_free(struct real_probe *probe);
/* The process wrote a line. */
void real_probe_line(struct real_probe *probe, const char *line);
/* The process stands still: what it has told by now is kept, and it is not late meanwhile. */
void real_probe_hold(struct real_probe *probe);
/* It goes on, with all its time again. */
void real_probe_go_on(struct real_probe *probe);
/* No more calls. */
void real_probe_stop(struct real_probe *probe);

#endif
