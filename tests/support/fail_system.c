/*
 * System calls, in front of libc's. Each fails with an error that it really has. What cannot fail (close, a write to an
 * eventfd) is left alone, and what a loop does all the time (read and send on a socket) belongs to the network's tests.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fail_private.h"

/* The next definition of the function: the sanitizer's or libc's. */
#define NEXT(name)                                                                                                     \
    ({                                                                                                                 \
        static __typeof__(&name) next;                                                                                 \
        if (next == NULL)                                                                                              \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                                                 \
        next;                                                                                                          \
    })

#define FAILING(result, name, failure, parameters, arguments)                                                          \
    FAIL_INTERPOSED result name parameters;                                                                            \
    FAIL_INTERPOSED result name parameters                                                                             \
    {                                                                                                                  \
        if (fail_now(FAIL_SYSTEM, #name)) {                                                                            \
            errno = failure;                                                                                           \
            return (result)-1;                                                                                         \
        }                                                                                                              \
        return NEXT(name) arguments;                                                                                   \
    }

/* --- Sockets, loops, threads --- */

FAILING(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
FAILING(int, bind, EADDRINUSE, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAILING(int, listen, EADDRINUSE, (int fd, int backlog), (fd, backlog))
FAILING(int, accept4, EMFILE, (int fd, struct sockaddr *address, socklen_t *len, int flags), (fd, address, len, flags))
FAILING(int, connect, ENETUNREACH, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
FAILING(int, getsockname, ENOBUFS, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len))
FAILING(int, setsockopt, ENOMEM, (int fd, int level, int name, const void *value, socklen_t len),
        (fd, level, name, value, len))
FAILING(int, socketpair, EMFILE, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
FAILING(int, pipe2, EMFILE, (int fds[2], int flags), (fds, flags))
FAILING(int, eventfd, EMFILE, (unsigned count, int flags), (count, flags))
FAILING(int, timerfd_create, EMFILE, (int clock, int flags), (clock, flags))
FAILING(int, epoll_create, EMFILE, (int size), (size))
FAILING(int, epoll_create1, EMFILE, (int flags), (flags))
FAILING(int, epoll_ctl, ENOMEM, (int epoll, int op, int fd, struct epoll_event *event), (epoll, op, fd, event))
FAILING(ssize_t, getrandom, ENOSYS, (void *bytes, size_t len, unsigned flags), (bytes, len, flags))

struct start {
    void *(*run)(void *);
    void *ctx;
};

static void *begin_thread(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    fail_thread_begins();
    return start.run(start.ctx);
}

FAIL_INTERPOSED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *ctx)
{
    struct start *start;
    int error;

    if (fail_now(FAIL_SYSTEM, "pthread_create"))
        return EAGAIN;
    start = fail_real_malloc(sizeof(*start));
    if (start == NULL)
        return ENOMEM;
    *start = (struct start){.run = run, .ctx = ctx};
    error = NEXT(pthread_create)(thread, attributes, begin_thread, start);
    if (error != 0)
        free(start);
    return error;
}

/* While calls fail, a library that waits for better times need not really wait. */
FAIL_INTERPOSED int usleep(useconds_t us)
{
    return fail_is_armed() ? 0 : NEXT(usleep)(us);
}

/* --- Files --- */

FAILING(int, fsync, EIO, (int fd), (fd))
FAILING(int, fdatasync, EIO, (int fd), (fd))
FAILING(ssize_t, pwrite, ENOSPC, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at))
FAILING(ssize_t, pwrite64, ENOSPC, (int fd, const void *bytes, size_t len, off64_t at), (fd, bytes, len, at))
FAILING(ssize_t, pread, EIO, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
FAILING(ssize_t, pread64, EIO, (int fd, void *bytes, size_t len, off64_t at), (fd, bytes, len, at))
FAILING(int, ftruncate, EIO, (int fd, off_t len), (fd, len))
FAILING(int, ftruncate64, EIO, (int fd, off64_t len), (fd, len))
FAILING(int, fstat, EIO, (int fd, struct stat *status), (fd, status))
FAILING(int, fstat64, EIO, (int fd, struct stat64 *status), (fd, status))
FAILING(int, fstatat, EIO, (int directory, const char *path, struct stat *status, int flags),
        (directory, path, status, flags))
FAILING(int, mkdir, ENOSPC, (const char *path, mode_t mode), (path, mode))
FAILING(int, renameat, EIO, (int from_directory, const char *from, int to_directory, const char *to),
        (from_directory, from, to_directory, to))
FAILING(int, unlink, EIO, (const char *path), (path))
FAILING(int, fchmodat, EIO, (int directory, const char *path, mode_t mode, int flags), (directory, path, mode, flags))

FAIL_INTERPOSED void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at)
{
    if (fd >= 0 && fail_now(FAIL_SYSTEM, "mmap")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return NEXT(mmap)(address, len, protection, flags, fd, at);
}

FAIL_INTERPOSED void *mmap64(void *address, size_t len, int protection, int flags, int fd, off64_t at)
{
    if (fd >= 0 && fail_now(FAIL_SYSTEM, "mmap64")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return NEXT(mmap64)(address, len, protection, flags, fd, at);
}

/* A mode comes with O_CREAT only, but reading one that is not there does no harm here. */
static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

#define FAILING_OPEN(name, parameters, arguments)                                                                      \
    FAIL_INTERPOSED int name parameters                                                                                \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, flags);                                                                                         \
        mode_t mode = mode_of(flags, args);                                                                            \
        va_end(args);                                                                                                  \
        if (fail_now(FAIL_SYSTEM, #name)) {                                                                            \
            errno = EMFILE;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        return NEXT(name) arguments;                                                                                   \
    }

FAILING_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
FAILING_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
FAILING_OPEN(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
FAILING_OPEN(openat64, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))

/* Giving a lock back cannot fail, taking one can. Other commands only look. */
static bool takes_lock(int command, const void *argument)
{
    return (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) &&
           ((const struct flock *)argument)->l_type != F_UNLCK;
}

#define FAILING_FCNTL(name)                                                                                            \
    FAIL_INTERPOSED int name(int fd, int command, ...)                                                                 \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, command);                                                                                       \
        void *argument = va_arg(args, void *);                                                                         \
        va_end(args);                                                                                                  \
        if (takes_lock(command, argument) && fail_now(FAIL_SYSTEM, #name)) {                                           \
            errno = ENOLCK;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        return NEXT(name)(fd, command, argument);                                                                      \
    }

FAILING_FCNTL(fcntl)
FAILING_FCNTL(fcntl64)
