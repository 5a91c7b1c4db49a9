#include "participant/testing/power.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "participant/testing/life.h"

#define SHOWN __attribute__((visibility("default")))
/* Room for a path that is put together; a longer one is an error. */
#define PATH_ROOM 2048

/* One process watches one folder: these functions have no context of their own. */
static struct {
    bool is_on;
    char folder[512], notes[512];
    pthread_mutex_t lock;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Past the ones below, which are places to be killed at. */
static int move(int from_folder, const char *from, int to_folder, const char *to)
{
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

static int drop(int folder, const char *path, int flags)
{
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}

static bool join(char path[PATH_ROOM], const char *folder, const char *name)
{
    const int len = snprintf(path, PATH_ROOM, "%s/%s", folder, name);
    return len > 0 && len < PATH_ROOM;
}

static bool is_inside(const char *path, const char *folder)
{
    const size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* ---- notes: f.INODE holds a file's bytes, d.INODE the names in a folder and what they stand for ---- */

static bool note_path(char path[PATH_ROOM], const char *notes, char kind, ino_t inode, const char *end)
{
    char name[64];
    snprintf(name, sizeof(name), "%c.%llu%s", kind, (unsigned long long)inode, end);
    return join(path, notes, name);
}

static int copy(const char *from, const char *to)
{
    char buffer[16384];
    ssize_t len = -1;
    const int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (in >= 0 && out >= 0 && (len = read(in, buffer, sizeof(buffer))) > 0)
        if (write(out, buffer, (size_t)len) != len)
            len = -1;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return len == 0 ? 0 : EIO;
}

static int list_names(const char *folder, const char *to)
{
    FILE *out = fopen(to, "we");
    DIR *names = opendir(folder);
    struct stat about;
    int error = out == NULL || names == NULL ? EIO : 0;
    for (const struct dirent *each; error == 0 && (each = readdir(names)) != NULL;) {
        const bool is_dots = strcmp(each->d_name, ".") == 0 || strcmp(each->d_name, "..") == 0;
        if (!is_dots && fstatat(dirfd(names), each->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0)
            fprintf(out, "%c %llu %s\n", S_ISDIR(about.st_mode) ? 'd' : 'f', (unsigned long long)about.st_ino,
                    each->d_name);
    }
    if (names != NULL)
        closedir(names);
    if (out != NULL && fclose(out) != 0)
        error = EIO;
    return error;
}

/* Under another name first: the process may be killed here, by another of its threads. */
static int take_note(const char *path, const struct stat *about, const char *notes)
{
    const bool is_folder = S_ISDIR(about->st_mode);
    char part[PATH_ROOM], whole[PATH_ROOM];
    if (!note_path(part, notes, is_folder ? 'd' : 'f', about->st_ino, ".part") ||
        !note_path(whole, notes, is_folder ? 'd' : 'f', about->st_ino, ""))
        return ENAMETOOLONG;
    const int error = is_folder ? list_names(path, part) : copy(path, part);
    if (error != 0)
        return error;
    return move(AT_FDCWD, part, AT_FDCWD, whole) == 0 ? 0 : errno;
}

int power_all_synced(const char *folder, const char *notes)
{
    struct stat about;
    char path[PATH_ROOM];
    int error = stat(folder, &about) == 0 ? take_note(folder, &about, notes) : errno;
    DIR *names = error == 0 ? opendir(folder) : NULL;
    for (const struct dirent *each; names != NULL && error == 0 && (each = readdir(names)) != NULL;) {
        if (strcmp(each->d_name, ".") == 0 || strcmp(each->d_name, "..") == 0)
            continue;
        if (!join(path, folder, each->d_name) || lstat(path, &about) != 0)
            continue;
        error = S_ISDIR(about.st_mode)   ? power_all_synced(path, notes)
                : S_ISREG(about.st_mode) ? take_note(path, &about, notes)
                                         : 0;
    }
    if (names != NULL)
        closedir(names);
    return error;
}

/* ---- the loss ---- */

void power_remove(const char *folder)
{
    char path[PATH_ROOM];
    DIR *names = opendir(folder);
    for (const struct dirent *each; names != NULL && (each = readdir(names)) != NULL;) {
        if (strcmp(each->d_name, ".") == 0 || strcmp(each->d_name, "..") == 0 || !join(path, folder, each->d_name))
            continue;
        if (drop(AT_FDCWD, path, 0) != 0)
            power_remove(path);
    }
    if (names != NULL)
        closedir(names);
    (void)drop(AT_FDCWD, folder, AT_REMOVEDIR);
}

/* A file that was never synced is empty. */
static int restore_file(const char *path, ino_t inode, const char *notes)
{
    char note[PATH_ROOM];
    if (!note_path(note, notes, 'f', inode, ""))
        return ENAMETOOLONG;
    return copy(access(note, R_OK) == 0 ? note : "/dev/null", path);
}

static int restore_folder(const char *folder, ino_t inode, const char *notes);

/* A line of the note: 'd' or 'f', the inode, the name. */
static int restore_name(const char *folder, char *line, const char *notes)
{
    char path[PATH_ROOM], *name;
    line[strcspn(line, "\n")] = '\0';
    const ino_t inode = (ino_t)strtoull(line + 1, &name, 10);
    if (*name != ' ' || !join(path, folder, name + 1))
        return EIO;
    return line[0] == 'd' ? restore_folder(path, inode, notes) : restore_file(path, inode, notes);
}

static int restore_folder(const char *folder, ino_t inode, const char *notes)
{
    char note[PATH_ROOM], line[PATH_ROOM];
    int error = mkdir(folder, 0700) == 0 ? 0 : errno;
    FILE *list = note_path(note, notes, 'd', inode, "") ? fopen(note, "re") : NULL;
    while (list != NULL && error == 0 && fgets(line, sizeof(line), list) != NULL)
        error = restore_name(folder, line, notes);
    if (list != NULL)
        fclose(list);
    return error;
}

int power_lose(const char *folder, const char *notes)
{
    char left[PATH_ROOM];
    struct stat about;
    if (stat(folder, &about) != 0)
        return errno;
    snprintf(left, sizeof(left), "%s.left", folder);
    int error = restore_folder(left, about.st_ino, notes);
    if (error != 0)
        return error;
    power_remove(folder);
    if (move(AT_FDCWD, left, AT_FDCWD, folder) != 0)
        return errno;
    power_remove(notes);
    if (mkdir(notes, 0700) != 0)
        return errno;
    return power_all_synced(folder, notes);
}

/* ---- in the place of the C library's ---- */

void power_watch(const char *folder, const char *notes)
{
    snprintf(watch.folder, sizeof(watch.folder), "%s", folder);
    snprintf(watch.notes, sizeof(watch.notes), "%s", notes);
    watch.is_on = true;
}

/* What the descriptor stands for is on the disk now. */
static void note_synced(int fd)
{
    char link[64], path[PATH_ROOM];
    struct stat about;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t len = watch.is_on ? readlink(link, path, sizeof(path) - 1) : -1;
    if (len <= 0)
        return;
    path[len] = '\0';
    if (!is_inside(path, watch.folder) || fstat(fd, &about) != 0)
        return;
    pthread_mutex_lock(&watch.lock);
    (void)take_note(path, &about, watch.notes);
    pthread_mutex_unlock(&watch.lock);
}

static void note_all_synced(void)
{
    if (!watch.is_on)
        return;
    pthread_mutex_lock(&watch.lock);
    (void)power_all_synced(watch.folder, watch.notes);
    pthread_mutex_unlock(&watch.lock);
}

SHOWN int fsync(int fd)
{
    life_place("fsync");
    const int result = (int)syscall(SYS_fsync, fd);
    if (result == 0)
        note_synced(fd);
    return result;
}

SHOWN int fdatasync(int fd)
{
    life_place("fdatasync");
    const int result = (int)syscall(SYS_fdatasync, fd);
    if (result == 0)
        note_synced(fd);
    return result;
}

SHOWN int syncfs(int fd)
{
    life_place("syncfs");
    const int result = (int)syscall(SYS_syncfs, fd);
    if (result == 0)
        note_all_synced();
    return result;
}

SHOWN void sync(void)
{
    life_place("sync");
    (void)syscall(SYS_sync);
    note_all_synced();
}

SHOWN int rename(const char *from, const char *to)
{
    life_place("rename");
    return move(AT_FDCWD, from, AT_FDCWD, to);
}

SHOWN int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    life_place("rename");
    return move(from_folder, from, to_folder, to);
}

SHOWN int unlink(const char *path)
{
    life_place("unlink");
    return drop(AT_FDCWD, path, 0);
}

SHOWN int unlinkat(int folder, const char *path, int flags)
{
    life_place("unlink");
    return drop(folder, path, flags);
}
