/* Descriptors run out by a limit (limits.h); here is only counted what that met. */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos/preload/preload.h"

static int count(long result)
{
    if (result < 0 && (errno == EMFILE || errno == ENFILE) && preload_control != NULL)
        preload_hit(FAULTS_NO_DESCRIPTORS);
    return (int)result;
}

TAKES_PLACE int socket(int domain, int type, int protocol)
{
    return count(syscall(SYS_socket, domain, type, protocol));
}

TAKES_PLACE int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    return count(syscall(SYS_accept4, fd, from, len, flags));
}

TAKES_PLACE int accept(int fd, struct sockaddr *from, socklen_t *len)
{
    return accept4(fd, from, len, 0);
}

TAKES_PLACE int pipe2(int fds[2], int flags)
{
    return count(syscall(SYS_pipe2, fds, flags));
}

TAKES_PLACE int eventfd(unsigned value, int flags)
{
    return count(syscall(SYS_eventfd2, value, flags));
}
