#include "chaos/preload/faults.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos/preload/control.h"
#include "proto/error.h"

struct faults {
    struct faults_control *control;
};

static const struct {
    const char *name, *text;
} kinds[] = {
#define FAULT(name, text) {#name, text},
#include "chaos/preload/fault.def"
#undef FAULT
};

const char *faults_name(enum faults_kind kind)
{
    return kinds[kind].name;
}

const char *faults_text(enum faults_kind kind)
{
    return kinds[kind].text;
}

static int find_library(const char *name, char *path, size_t size)
{
    static const char *const folders[] = {VOW_LIB_FROM_BIN, "../lib/vow"}; /* installed; in a build tree */
    char program[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (len < 0)
        return VOW_E_NOT_FOUND;
    program[len] = '\0';
    slash = strrchr(program, '/');
    *slash = '\0';
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if ((size_t)snprintf(path, size, "%s/%s/%s", program, folders[i], name) < size && access(path, R_OK) == 0)
            return 0;
    return VOW_E_NOT_FOUND;
}

int faults_library(char *path, size_t size)
{
    return find_library("libvow_faults.so", path, size);
}

int faults_memory_library(char *path, size_t size)
{
    return find_library("libvow_memory.so", path, size);
}

static struct faults_control *map(const char *file)
{
    const int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void *at = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, sizeof(struct faults_control)) == 0)
        at = mmap(NULL, sizeof(struct faults_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at != MAP_FAILED ? at : NULL;
}

int faults_new(const char *file, const char *root, struct faults **out)
{
    struct faults *faults = malloc(sizeof(*faults));
    char real[PATH_MAX];

    *out = NULL;
    if (faults == NULL)
        return VOW_E_NO_MEMORY;
    faults->control = realpath(root, real) != NULL ? map(file) : NULL;
    if (faults->control == NULL) {
        free(faults);
        return VOW_E_IO;
    }
    memcpy(faults->control->root, real, sizeof(real));
    faults->control->magic = FAULTS_MAGIC;
    *out = faults;
    return 0;
}

void faults_free(struct faults *faults)
{
    static const struct faults_disk good;

    if (faults == NULL)
        return;
    faults_set_disk(faults, &good);
    faults_set_clock(faults, 0);
    (void)munmap(faults->control, sizeof(*faults->control));
    free(faults);
}

static bool is_bad(const struct faults_disk *disk)
{
    return disk->hangs || disk->sync_ms > 0 || disk->sync_fails || disk->write_fails || disk->read_fails ||
           disk->is_read_only || disk->has_room;
}

void faults_set_disk(struct faults *faults, const struct faults_disk *disk)
{
    struct faults_control *control = faults->control;

    atomic_store(&control->room, disk->room);
    atomic_store(&control->has_room, disk->has_room);
    atomic_store(&control->hangs, disk->hangs);
    atomic_store(&control->sync_ms, disk->sync_ms);
    atomic_store(&control->sync_fails, disk->sync_fails);
    atomic_store(&control->write_fails, disk->write_fails);
    atomic_store(&control->read_fails, disk->read_fails);
    atomic_store(&control->is_read_only, disk->is_read_only);
    atomic_store(&control->is_bad, is_bad(disk));
    atomic_fetch_add(&control->turn, 1);
    (void)syscall(SYS_futex, &control->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint64_t faults_room(const struct faults *faults)
{
    return atomic_load(&faults->control->room);
}

void faults_set_clock(struct faults *faults, int64_t offset_us)
{
    atomic_store(&faults->control->clock_us, offset_us);
}

uint64_t faults_hits(const struct faults *faults, enum faults_kind kind)
{
    return atomic_load(&faults->control->hits[kind]);
}
