/* Preloaded into a program: its fsync() and fdatasync() take VOW_TEST_DISK_DELAY_MS longer, and wait for as long as the
 * file that VOW_TEST_DISK_HANGS names is there: a disk that is slow (fault F118) or hangs until the test mends it
 * (fault F119). */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    const char *file = getenv("VOW_TEST_DISK_HANGS"), *delay = getenv("VOW_TEST_DISK_DELAY_MS");
    for (long ms = delay != NULL ? strtol(delay, NULL, 10) : 0; ms > 0; ms--)
        nanosleep(&moment, NULL);
    while (file != NULL && access(file, F_OK) == 0)
        nanosleep(&moment, NULL);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    wait_for_the_disk();
    return (int)syscall(SYS_fsync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    wait_for_the_disk();
    return (int)syscall(SYS_fdatasync, fd);
}
