#include "coordinator/journal/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/journal/fail.h"
#include "proto/net/filesystem.h"

/* Who only looks is waited for: 3 s in all. */
#define LOOKERS_TRIES 60
#define LOOKERS_PAUSE_MS 50

/* A lock of the open file description: unlike POSIX record locks, closing another descriptor does not drop it. Who only
 * looks takes one that others who look may have, too (F_RDLCK). */
static int try_lock(int fd, short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &whole);
}

/* Nobody but those who look is in the way. */
static bool is_looked_at(int fd)
{
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type == F_UNLCK;
}

/* `vowctl doctor` has the directory for a moment, and a start that happens then is not to fail of it. */
static int lock_or_wait(int fd)
{
    for (int i = 0; try_lock(fd, F_WRLCK) != 0; i++) {
        if ((errno != EAGAIN && errno != EACCES) || i == LOOKERS_TRIES || !is_looked_at(fd))
            return -1;
        (void)poll(NULL, 0, LOOKERS_PAUSE_MS);
    }
    return 0;
}

static int fail_locked(const char *directory, int fd, struct vow_error_detail *detail)
{
    char holder[24] = {0};
    ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);

    if (is_looked_at(fd))
        return journal_fail(detail, VOW_E_LOCKED, "%.150s is being examined; wait until vowctl doctor has ended",
                            directory);
    if (len <= 0 || strspn(holder, "0123456789") == 0)
        (void)snprintf(holder, sizeof(holder), "?");
    holder[strcspn(holder, "\n")] = '\0';
    return journal_fail(detail, VOW_E_LOCKED, "%.150s is in use by process %s; stop it or choose another directory",
                        directory, holder);
}

/* What is written here is for people; that it could not be written changes nothing. */
static void write_holder(int fd)
{
    char holder[24];
    int len = snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)len, 0) != len)
        return;
}

int journal_lock_take(const char *directory, int directory_fd, struct vow_error_detail *detail)
{
    int error = vow_filesystem_check(directory, directory_fd, detail);
    int fd;

    if (error != 0)
        return error;
    fd = openat(directory_fd, JOURNAL_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_LOCK_FILE ": %m", directory);
    if (lock_or_wait(fd) != 0) {
        error = errno == EAGAIN || errno == EACCES
                    ? fail_locked(directory, fd, detail)
                    : journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_LOCK_FILE ": %m; use a local disk", directory);
        goto err_drop;
    }
    write_holder(fd);
    return fd;

err_drop:
    journal_lock_drop(fd);
    return error;
}

int journal_lock_try(const char *directory, int directory_fd, struct vow_error_detail *detail)
{
    int error, fd = openat(directory_fd, JOURNAL_LOCK_FILE, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return VOW_E_NOT_FOUND;
    if (fd < 0)
        return journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_LOCK_FILE ": %m", directory);
    if (try_lock(fd, F_RDLCK) == 0)
        return fd;
    error = fail_locked(directory, fd, detail);
    journal_lock_drop(fd);
    return error;
}

void journal_lock_drop(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}
