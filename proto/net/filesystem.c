#include "proto/net/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ADVICE "a log needs a local disk"

/* The numbers of linux/magic.h and of the file systems' own sources: few headers have all of them. */
static const struct kind {
    unsigned long type;
    const char *name;
} network_kinds[] = {
    {0x6969, "NFS"},       {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},    {0x517b, "SMB"},
    {0x01021997, "9p"},    {0x5346414f, "AFS"},  {0x6b414653, "AFS"},    {0x73757245, "Coda"},
    {0x564c, "NCP"},       {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"}, {0x47504653, "GPFS"}, {0x786f4256, "vboxsf"}, {0xaad7aaea, "PanFS"},
};

const char *vow_filesystem_network_name(unsigned long type)
{
    for (size_t i = 0; i < sizeof(network_kinds) / sizeof(network_kinds[0]); i++) {
        if (network_kinds[i].type == type)
            return network_kinds[i].name;
    }
    return NULL;
}

static int fail(struct vow_error_detail *detail, const char *directory, const char *what)
{
    (void)snprintf(detail->text, sizeof(detail->text), "%.120s: %s; " ADVICE, directory, what);
    return detail->error = VOW_E_IO;
}

static int check_kind(const char *directory, int directory_fd, struct vow_error_detail *detail)
{
    char what[80];
    const char *name;
    struct statfs status;

    if (fstatfs(directory_fd, &status) != 0) {
        (void)snprintf(what, sizeof(what), "the kind of its file system: %m");
        return fail(detail, directory, what);
    }
    /* f_type is signed on some machines: its 32 bits are the magic number. */
    name = vow_filesystem_network_name((unsigned long)status.f_type & 0xffffffffUL);
    if (name == NULL)
        return 0;
    (void)snprintf(what, sizeof(what), "is on %s, where a lock may not keep another machine out", name);
    return fail(detail, directory, what);
}

/* A lock of the open file description, like a second process would have it: POSIX record locks never conflict within
 * one process. */
static int try_lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &whole);
}

static void drop(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* A file system that gives a lock twice protects nothing; one that gives none cannot be used. */
static int check_locks(const char *directory, int directory_fd, struct vow_error_detail *detail)
{
    char name[48], what[80] = "locks do not work on its file system";
    int error = 0, first, second = -1;

    (void)snprintf(name, sizeof(name), ".vow-lock-probe.%ld", (long)getpid());
    first = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (first < 0) {
        (void)snprintf(what, sizeof(what), "no file can be made there: %m");
        return fail(detail, directory, what);
    }
    second = openat(directory_fd, name, O_RDWR | O_CLOEXEC);
    if (second < 0 || try_lock(first) != 0 || try_lock(second) == 0 || (errno != EAGAIN && errno != EACCES))
        error = fail(detail, directory, what);
    (void)unlinkat(directory_fd, name, 0);
    drop(second);
    drop(first);
    return error;
}

int vow_filesystem_check(const char *directory, int directory_fd, struct vow_error_detail *detail)
{
    int error = check_kind(directory, directory_fd, detail);

    return error != 0 ? error : check_locks(directory, directory_fd, detail);
}
