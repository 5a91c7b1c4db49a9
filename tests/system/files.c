#include "files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char name[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (unlink(name) != 0 && errno == EISDIR)
            remove_directory(name);
    }
    if (directory != NULL)
        closedir(directory);
    rmdir(path);
}

/* The caller's to free(). */
static uint8_t *read_whole(const char *path, size_t *len)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &status) == 0, "%s: %s", path, strerror(errno));
    uint8_t *bytes = malloc((size_t)status.st_size + 1);
    cr_assert_not_null(bytes);
    *len = (size_t)status.st_size;
    cr_assert_eq(read(fd, bytes, *len), status.st_size, "%s", path);
    close(fd);
    return bytes;
}

/* FNV-1a. */
static uint64_t add_bytes(uint64_t sum, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return sum;
}

uint64_t directory_sum(const char *path)
{
    uint64_t sum = 0;
    const struct dirent *entry;
    DIR *directory = opendir(path);
    cr_assert_not_null(directory, "%s", path);
    while ((entry = readdir(directory)) != NULL) {
        char name[512];
        size_t len;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        uint8_t *bytes = read_whole(name, &len);
        sum += add_bytes(add_bytes(0xcbf29ce484222325u, entry->d_name, strlen(entry->d_name)), bytes, len);
        free(bytes);
    }
    closedir(directory);
    return sum;
}

void file_copy(const char *from, const char *to)
{
    size_t len;
    uint8_t *bytes = read_whole(from, &len);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%s", to);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    free(bytes);
}

off_t file_find(const char *path, const char *word)
{
    size_t len;
    uint8_t *bytes = read_whole(path, &len);
    const uint8_t *found = memmem(bytes, len, word, strlen(word));
    cr_assert_not_null(found, "no %s in %s", word, path);
    off_t at = found - bytes;
    free(bytes);
    return at;
}

void file_flip(const char *path, off_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}
