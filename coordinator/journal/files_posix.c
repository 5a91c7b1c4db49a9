/* The files of a journal in a directory of the operating system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/files.h"
#include "coordinator/journal/lock.h"

/* Makes the name of a new directory durable (fault F110). */
static int sync_parent(const struct journal_files *files, struct vow_error_detail *detail)
{
    int parent = openat(files->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = parent >= 0 && fsync(parent) == 0;

    if (parent >= 0)
        (void)close(parent);
    return synced ? 0 : journal_fail(detail, VOW_E_IO, "%.150s: the parent directory: %m", files->directory);
}

static int open_directory(struct journal_files *files, bool make, struct vow_error_detail *detail)
{
    bool made = make && mkdir(files->directory, 0700) == 0;

    if (make && !made && errno != EEXIST) {
        return journal_fail(detail, VOW_E_IO, "%.150s: %m; make the parent directory, or choose another one",
                            files->directory);
    }
    files->fd = open(files->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->fd < 0)
        return journal_fail(detail, VOW_E_IO, "%.150s: %m; a data directory is needed here", files->directory);
    return made ? sync_parent(files, detail) : 0;
}

static int lock_directory(struct journal_files *files, bool only_look, struct vow_error_detail *detail)
{
    int fd = only_look ? journal_lock_try(files->directory, files->fd, detail)
                       : journal_lock_take(files->directory, files->fd, detail);

    files->lock_fd = fd >= 0 ? fd : -1;
    return fd >= 0 ? 0 : fd;
}

static void close_directory(struct journal_files *files)
{
    journal_lock_drop(files->lock_fd);
    if (files->fd >= 0)
        (void)close(files->fd);
    files->fd = files->lock_fd = -1;
}

static int size_of(const struct journal_files *files, const char *name, int64_t *size)
{
    struct stat status;

    if (fstatat(files->fd, name, &status, 0) == 0)
        *size = status.st_size;
    else if (errno == ENOENT)
        *size = -1;
    else
        return -1;
    return 0;
}

static int protect(const struct journal_files *files, const char *name)
{
    return fchmodat(files->fd, name, 0600, 0);
}

static int open_file(const struct journal_files *files, const char *name, bool make, struct journal_file *out)
{
    int flags = O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_TRUNC : 0);

    out->fd = openat(files->fd, name, flags, 0600);
    out->is_open = out->fd >= 0;
    return out->is_open ? 0 : -1;
}

static void close_file(struct journal_file *file)
{
    if (file->is_open)
        (void)close(file->fd);
    *file = (struct journal_file){.fd = -1};
}

/* Short reads and interruptions are looped over (fault F107). */
static int read_at(const struct journal_files *files, struct journal_file *file, uint8_t *bytes, size_t len,
                   int64_t offset)
{
    (void)files;
    while (len > 0) {
        ssize_t part = pread(file->fd, bytes, len, offset);

        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        if (part == 0)
            break;
        bytes += part;
        len -= (size_t)part;
        offset += part;
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = 0;
    return 0;
}

static int write_at(const struct journal_files *files, struct journal_file *file, const uint8_t *bytes, size_t len,
                    int64_t offset)
{
    (void)files;
    while (len > 0) {
        ssize_t written = pwrite(file->fd, bytes, len, offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        bytes += written;
        len -= (size_t)written;
        offset += written;
    }
    return 0;
}

static int sync_file(const struct journal_files *files, struct journal_file *file, bool all)
{
    (void)files;
    return all ? fsync(file->fd) : fdatasync(file->fd);
}

static int rename_file(const struct journal_files *files, struct journal_file *file, const char *from, const char *to)
{
    (void)file;
    return renameat(files->fd, from, files->fd, to);
}

static int sync_directory(const struct journal_files *files, struct journal_file *file)
{
    (void)file;
    return fsync(files->fd);
}

const struct journal_files_ops journal_files_posix = {
    .open = open_directory,
    .lock = lock_directory,
    .close = close_directory,
    .size = size_of,
    .protect = protect,
    .open_file = open_file,
    .close_file = close_file,
    .read = read_at,
    .write = write_at,
    .sync = sync_file,
    .rename = rename_file,
    .sync_directory = sync_directory,
};
