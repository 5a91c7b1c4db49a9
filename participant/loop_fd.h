/*
 * One descriptor for all that a libevent base waits for, so that another kind of loop can wait for it.
 *
 * libevent does not give its own away, and its time-outs would not show in it. So this is an epoll set of the same
 * descriptors, brought up to date after each turn; time is one of them, because the timers are in a set
 * (proto/net/timer.h). There are a handful: the wake-up, the timers, the store's thread, the connection.
 */
#ifndef VOW_PARTICIPANT_LOOP_FD_H
#define VOW_PARTICIPANT_LOOP_FD_H

struct event_base;
struct vow_loop_fd;

/* Returns 0, VOW_E_NO_MEMORY or VOW_E_SYSTEM. */
int vow_loop_fd_new(struct event_base *base, struct vow_loop_fd **out);
/* NULL is allowed. */
void vow_loop_fd_free(struct vow_loop_fd *set);
int vow_loop_fd_descriptor(const struct vow_loop_fd *set);
/* After a turn of the base. VOW_E_SYSTEM if the kernel has no memory for it: the next one tries again. */
int vow_loop_fd_sync(struct vow_loop_fd *set, struct event_base *base);

#endif
