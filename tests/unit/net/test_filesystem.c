/* Where a log may live. The test program has its own fstatfs() and fcntl(), so that no such file system is needed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "proto/net/filesystem.h"

#define INTERPOSED __attribute__((visibility("default")))

INTERPOSED int fstatfs(int fd, struct statfs *status);
INTERPOSED int fcntl(int fd, int command, ...);
INTERPOSED int fcntl64(int fd, int command, ...);

static unsigned long type;                                 /* 0: the true one */
static enum { TRUE_LOCKS, NO_LOCKS, LOCKS_FOR_ALL } locks; /* what the file system does with a lock */

int fstatfs(int fd, struct statfs *status)
{
    int result = (int)syscall(SYS_fstatfs, fd, status);

    if (type != 0)
        status->f_type = (__typeof__(status->f_type))type;
    return result;
}

static int do_fcntl(int fd, int command, void *arg)
{
    if (command == F_OFD_SETLK && locks == LOCKS_FOR_ALL)
        return 0;
    if (command == F_OFD_SETLK && locks == NO_LOCKS) {
        errno = ENOLCK;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, arg);
}

int fcntl(int fd, int command, ...)
{
    va_list args;
    void *arg;

    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    return do_fcntl(fd, command, arg);
}

int fcntl64(int fd, int command, ...)
{
    va_list args;
    void *arg;

    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    return do_fcntl(fd, command, arg);
}

static char directory[64];
static int directory_fd;

static void make_directory(void)
{
    strcpy(directory, "/tmp/vow-filesystem-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(directory_fd, 0);
}

/* rmdir() also says that nothing was left there. */
static void remove_directory(void)
{
    close(directory_fd);
    cr_assert_eq(rmdir(directory), 0);
}

static void expect_refused(const char *words)
{
    struct vow_error_detail detail = {0};

    cr_assert_eq(vow_filesystem_check(directory, directory_fd, &detail), VOW_E_IO);
    cr_assert_eq(detail.error, VOW_E_IO);
    cr_assert_not_null(strstr(detail.text, directory), "%s", detail.text);
    cr_assert_not_null(strstr(detail.text, words), "no \"%s\" in: %s", words, detail.text);
}

TestSuite(filesystem, .init = make_directory, .fini = remove_directory);

Test(filesystem, local_disk_is_taken)
{
    struct vow_error_detail detail;

    cr_assert_eq(vow_filesystem_check(directory, directory_fd, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_filesystem_check(directory, directory_fd, &detail), 0, "a second time: %s", detail.text);
}

Test(filesystem, F123_network_file_systems_are_refused)
{
    static const struct {
        unsigned long type;
        const char *name;
    } kinds[] = {
        {0x6969, "is on NFS"}, {0x01021997, "is on 9p"}, {0xff534d42, "is on CIFS"}, {0x00c36400, "is on Ceph"}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        type = kinds[i].type;
        expect_refused(kinds[i].name);
    }
    /* ext4, xfs, btrfs, tmpfs, overlay: what their locks do decides. */
    cr_assert_null(vow_filesystem_network_name(0xef53));
    cr_assert_null(vow_filesystem_network_name(0x58465342));
    cr_assert_null(vow_filesystem_network_name(0x9123683e));
    cr_assert_null(vow_filesystem_network_name(0x01021994));
    cr_assert_null(vow_filesystem_network_name(0x794c7630));
}

Test(filesystem, F123_locks_that_are_not_there_are_refused)
{
    type = 0x794c7630;
    locks = NO_LOCKS;
    expect_refused("locks do not work");
}

Test(filesystem, F123_a_lock_that_is_given_twice_is_refused)
{
    locks = LOCKS_FOR_ALL;
    expect_refused("locks do not work");
}

Test(filesystem, missing_directory_is_told)
{
    int fd = directory_fd;

    directory_fd = -1;
    expect_refused("its file system");
    directory_fd = fd;
}
