/* Small files of a node that its scenario has in it: a configuration, in which are addresses that the run has given. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/run.h"

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        const ssize_t written = write(fd, text, left);
        if (written < 0 && errno != EINTR)
            return errno;
        text += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int write_file(const char *directory, const char *name, const char *text)
{
    char path[REAL_FILE_SIZE], folder[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    (void)snprintf(folder, sizeof(folder), "%s", path);
    int error = real_directory_make(dirname(folder));
    if (error != 0)
        return error;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    error = write_all(fd, text);
    return close(fd) == 0 ? error : errno;
}

int real_member_write_files(const struct real_member *member)
{
    int error = 0;

    for (const char *const *file = member->files; *file != NULL && error == 0; file += 2)
        error = write_file(member->directory, file[0], file[1]);
    return error;
}
