/*
 * A process that has nothing of Vow in it: does one thing for each line of its input, and prints how it went, or the
 * error's name. What the preload does to it, it does to any.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int file = -1;
static char path[512];
static long long number;

static long long open_it(void)
{
    if (file >= 0)
        close(file);
    file = open(path, O_RDWR | O_CREAT, 0600);
    return file < 0 ? -1 : 0;
}

static long long open_to_read(void)
{
    if (file >= 0)
        close(file);
    file = open(path, O_RDONLY);
    return file < 0 ? -1 : 0;
}

static long long open_folder(void)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY);

    return folder < 0 ? -1 : close(folder);
}

/* Of a file without a name, in that folder: its mode, as a decimal number. */
static long long nameless(void)
{
    struct stat about;
    const int fd = open(path, O_RDWR | O_TMPFILE, 0600);
    const int status = fd < 0 ? -1 : fstat(fd, &about);

    if (fd >= 0)
        close(fd);
    return status != 0 ? -1 : (long long)(about.st_mode & 0777);
}

static long long read_it(void)
{
    char bytes[16];

    return pread(file, bytes, sizeof(bytes), number);
}

static long long write_it(void)
{
    static char bytes[65536];

    return write(file, bytes, (size_t)number);
}

static long long append_at_end(void)
{
    static char bytes[65536];
    struct stat about;

    return fstat(file, &about) != 0 ? -1 : pwrite(file, bytes, (size_t)number, about.st_size);
}

/* Ten bytes, so far behind the end. */
static long long write_beyond(void)
{
    struct stat about;

    return fstat(file, &about) != 0 ? -1 : pwrite(file, "ten bytes", 10, about.st_size + number);
}

static long long write_at_start(void)
{
    static char bytes[65536];

    return pwrite(file, bytes, (size_t)number, 0);
}

static long long allocate_it(void)
{
    errno = posix_fallocate(file, 0, number);
    return errno == 0 ? 0 : -1;
}

static long long free_bytes(void)
{
    struct statvfs about;

    return statvfs(path, &about) != 0 ? -1 : (long long)(about.f_bavail * about.f_frsize);
}

static long long rename_it(void)
{
    char to[520];

    snprintf(to, sizeof(to), "%s.new", path);
    return rename(path, to);
}

/* Each way to ask for it says the same, in seconds. */
static long long time_of_day(void)
{
    struct timespec now;
    struct timeval other;

    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&other, NULL);
    return labs(other.tv_sec - now.tv_sec) > 60 || labs(time(NULL) - now.tv_sec) > 60 ? -1 : now.tv_sec;
}

static long long monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* How many more it can have. */
static long long descriptors(void)
{
    int fds[256];
    long long len = 0;

    while (len < 256 && (fds[len] = eventfd(0, EFD_CLOEXEC)) >= 0)
        len++;
    for (long long i = 0; i < len; i++)
        close(fds[i]);
    return len;
}

/* How many MiB more it can have, up to 64. */
static long long memory(void)
{
    void *blocks[64];
    long long len = 0;

    while (len < 64 && (blocks[len] = malloc(1 << 20)) != NULL)
        len++;
    for (long long i = 0; i < len; i++)
        free(blocks[i]);
    return len;
}

static long long sync_it(void)
{
    return fsync(file);
}

static long long sync_data(void)
{
    return fdatasync(file);
}

static long long cut_it(void)
{
    return ftruncate(file, number);
}

static long long remove_it(void)
{
    return unlink(path);
}

static long long make_folder(void)
{
    return mkdir(path, 0700);
}

static const struct {
    const char *name;
    long long (*fn)(void);
} deeds[] = {
    {"open", open_it},
    {"open_to_read", open_to_read},
    {"folder", open_folder},
    {"nameless", nameless},
    {"read", read_it},
    {"write", write_it},
    {"append", append_at_end},
    {"beyond", write_beyond},
    {"overwrite", write_at_start},
    {"allocate", allocate_it},
    {"truncate", cut_it},
    {"fsync", sync_it},
    {"fdatasync", sync_data},
    {"rename", rename_it},
    {"unlink", remove_it},
    {"mkdir", make_folder},
    {"free", free_bytes},
    {"time", time_of_day},
    {"monotonic", monotonic},
    {"descriptors", descriptors},
    {"memory", memory},
};

static void answer(const char *deed, const char *argument)
{
    long long result;

    snprintf(path, sizeof(path), "%s", argument);
    number = strtoll(argument, NULL, 10);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        if (strcmp(deeds[i].name, deed) != 0)
            continue;
        result = deeds[i].fn();
        if (result < 0)
            printf("%s\n", strerrorname_np(errno));
        else
            printf("%lld\n", result);
        fflush(stdout);
        return;
    }
    exit(2);
}

int main(void)
{
    char line[600];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *space = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (space != NULL)
            *space++ = '\0';
        answer(line, space != NULL ? space : "");
    }
    return 0;
}
