/*
 * Telling a service manager how vowd is: systemd's datagrams to NOTIFY_SOCKET, as sd_notify(3) documents them. Without
 * that variable every call does nothing. A datagram that cannot be sent changes nothing: the manager's own deadlines
 * are what notices.
 */
#ifndef VOW_COORDINATOR_NOTIFY_H
#define VOW_COORDINATOR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1 = nobody wants to hear */
    struct sockaddr_un to;
    socklen_t to_len;
    uint64_t watchdog_ms; /* the manager acts after so long without WATCHDOG=1; 0 = it does not look */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them, so that no child speaks for vowd. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);
/* Lines of "NAME=value", sent as one datagram. Never blocks. */
void notify_send(const struct notify *notify, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
