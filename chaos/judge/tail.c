#include "chaos/judge/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/kill/memory.h"

#define PART 65536u

void judge_tail_free(struct judge_tail *tail)
{
    free(tail->kept);
    *tail = (struct judge_tail){.kept = NULL};
}

bool judge_tail_is_another(const struct judge_tail *tail, const char *path)
{
    struct stat now;

    if (tail->inode == 0 || stat(path, &now) != 0)
        return false;
    return now.st_ino != tail->inode || (uint64_t)now.st_size < tail->offset;
}

static void keep(struct judge_tail *tail, const char *bytes, size_t len)
{
    if (tail->kept_len + len + 1 > tail->kept_size) {
        tail->kept_size = 2 * (tail->kept_len + len + 1);
        tail->kept = real_need(realloc(tail->kept, tail->kept_size));
    }
    memcpy(tail->kept + tail->kept_len, bytes, len);
    tail->kept_len += len;
    tail->kept[tail->kept_len] = '\0';
}

/* Gives all lines that have their end by now. */
static int give(struct judge_tail *tail, const char *bytes, size_t len, judge_tail_fn *take, void *ctx)
{
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        const size_t part = end != NULL ? (size_t)(end - bytes) : len;
        if (tail->kept_len + part > JUDGE_LINE_MAX)
            return EFBIG;
        keep(tail, bytes, part);
        bytes += part + (end != NULL);
        len -= part + (end != NULL);
        if (end == NULL)
            break;
        tail->kept_len = 0;
        if (!take(ctx, tail->kept))
            return ECANCELED;
    }
    return 0;
}

static int read_on(struct judge_tail *tail, int fd, uint64_t most, judge_tail_fn *take, void *ctx)
{
    static _Thread_local char bytes[PART];
    int error = 0;

    while (error == 0 && tail->offset < most) {
        const uint64_t left = most - tail->offset;
        const ssize_t got = pread(fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes), (off_t)tail->offset);
        if (got < 0 && errno != EINTR)
            return errno;
        if (got == 0)
            return 0;
        if (got < 0)
            continue;
        tail->offset += (uint64_t)got;
        error = give(tail, bytes, (size_t)got, take, ctx);
    }
    return error == ECANCELED ? 0 : error;
}

int judge_tail_read(struct judge_tail *tail, const char *path, uint64_t most, judge_tail_fn *take, void *ctx)
{
    struct stat now;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    int error = fstat(fd, &now) == 0 ? 0 : errno;
    if (error == 0) {
        tail->inode = now.st_ino;
        error = read_on(tail, fd, most, take, ctx);
    }
    (void)close(fd);
    return error;
}
