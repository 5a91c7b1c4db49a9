/* The disk under a data directory, and the journal on it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "coordinator/ctl/doctor.h"
#include "coordinator/journal/journal.h"
#include "proto/net/clock.h"
#include "proto/net/filesystem.h"

#define MIB (1024.0 * 1024.0)

/* ---- the directory ---- */

#define TMPFS 0x01021994ul
#define RAMFS 0x858458f6ul

static void check_file_system(struct diagnosis *diagnosis, const char *directory)
{
    struct statfs about;
    if (statfs(directory, &about) != 0)
        return;
    unsigned long type = (unsigned long)about.f_type;
    const char *network = vow_filesystem_network_name(type);
    if (network != NULL)
        diagnosis_add(diagnosis, "file-system", HEALTH_FAIL, "move the directory to a local disk",
                      "%s is on %s: a lock there may hold on one machine alone", directory, network);
    else if (type == TMPFS || type == RAMFS)
        diagnosis_add(diagnosis, "file-system", HEALTH_FAIL, "move the directory to a disk",
                      "%s is in memory: nothing of it is left after a restart of the machine", directory);
    else
        diagnosis_add(diagnosis, "file-system", HEALTH_OK, "", "local (type %#lx)", type);
}

void check_directory(struct diagnosis *diagnosis, const char *directory)
{
    struct stat about;
    if (stat(directory, &about) != 0) {
        diagnosis_add(diagnosis, "directory", HEALTH_UNKNOWN,
                      errno == ENOENT ? "is it the one that vowd is given with --data?" : "run vowctl as vowd's user",
                      "%s: %s", directory, strerror(errno));
        return;
    }
    if (!S_ISDIR(about.st_mode)) {
        diagnosis_add(diagnosis, "directory", HEALTH_UNKNOWN, "give the directory that vowd is given with --data",
                      "%s is not a directory", directory);
        return;
    }
    unsigned mode = about.st_mode & 07777u;
    if ((mode & 022) != 0)
        diagnosis_add(diagnosis, "directory", HEALTH_FAIL,
                      "chmod 700 it: whoever writes there decides what was decided",
                      "%s may be written by others (mode %04o, user %u)", directory, mode, about.st_uid);
    else if ((mode & 055) != 0)
        diagnosis_add(diagnosis, "directory", HEALTH_WARN, "chmod 700 it", "%s may be read by others (mode %04o)",
                      directory, mode);
    else
        diagnosis_add(diagnosis, "directory", HEALTH_OK, "", "%s (mode %04o, user %u)", directory, mode, about.st_uid);
    check_file_system(diagnosis, directory);
}

/* ---- space ---- */

#define SPACE_FAIL_BYTES (16u << 20)
#define SPACE_WARN_BYTES (256u << 20)
#define INODES_WARN 100u

void check_space(struct diagnosis *diagnosis, const char *directory)
{
    struct statvfs about;
    if (statvfs(directory, &about) != 0) {
        diagnosis_add(diagnosis, "space", HEALTH_UNKNOWN, "run vowctl as vowd's user", "%s: %s", directory,
                      strerror(errno));
        return;
    }
    unsigned long long bytes = (unsigned long long)about.f_bavail * about.f_frsize;
    enum health health = bytes < SPACE_FAIL_BYTES ? HEALTH_FAIL : bytes < SPACE_WARN_BYTES ? HEALTH_WARN : HEALTH_OK;
    diagnosis_add(diagnosis, "space", health,
                  health == HEALTH_OK ? "" : "free some, or lower limits of retention: a full disk stops vowd",
                  "%.0f MiB free", (double)bytes / MIB);
    if (about.f_files > 0 && about.f_favail < INODES_WARN)
        diagnosis_add(diagnosis, "space", HEALTH_WARN, "remove files: SQLite needs a few of its own",
                      "%llu inodes free", (unsigned long long)about.f_favail);
}

/* ---- fsync ---- */

#define SYNCS 50
#define SYNC_BYTES 4096
#define SYNC_P50_WARN_US 20000u
#define SYNC_P99_WARN_US 200000u

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* A file without a name where the file system can do that, else one that loses its name at once. */
static int open_scratch(const char *directory)
{
    char path[1100];
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    snprintf(path, sizeof(path), "%.1000s/doctor-XXXXXX", directory);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static int measure(int fd, uint64_t us[SYNCS])
{
    static const char page[SYNC_BYTES];
    for (int i = 0; i < SYNCS; i++) {
        uint64_t start_us = vow_clock_us();
        if (pwrite(fd, page, sizeof(page), (off_t)i * SYNC_BYTES) != (ssize_t)sizeof(page) || fdatasync(fd) != 0)
            return errno != 0 ? errno : ENOSPC;
        us[i] = vow_clock_us() - start_us;
    }
    qsort(us, SYNCS, sizeof(us[0]), compare_u64);
    return 0;
}

void check_fsync(struct diagnosis *diagnosis, const char *directory)
{
    uint64_t us[SYNCS] = {0};
    int fd = open_scratch(directory);
    int error = fd >= 0 ? measure(fd, us) : errno;
    if (fd >= 0)
        close(fd);
    if (error == EACCES || error == EPERM) {
        diagnosis_add(diagnosis, "fsync", HEALTH_UNKNOWN, "run vowctl as vowd's user", "cannot write in %s: %s",
                      directory, strerror(error));
    } else if (error != 0) {
        diagnosis_add(diagnosis, "fsync", HEALTH_FAIL, "look at the disk and the kernel's log: vowd stops on this",
                      "writing %d KiB in %s: %s", SYNCS * SYNC_BYTES / 1024, directory, strerror(error));
    } else {
        uint64_t p50 = us[SYNCS / 2], p99 = us[SYNCS - 1];
        bool is_slow = p50 > SYNC_P50_WARN_US || p99 > SYNC_P99_WARN_US;
        diagnosis_add(diagnosis, "fsync", is_slow ? HEALTH_WARN : HEALTH_OK,
                      is_slow ? "a commit waits for two of them: give the journal a faster disk, or one of its own"
                              : "",
                      "p50 %.2f ms, p99 %.2f ms of %d", (double)p50 / 1e3, (double)p99 / 1e3, SYNCS);
    }
}

/* ---- the journal of a stopped daemon ---- */

/* How many lines for open transactions there may be: a log can hold very many. */
#define OPEN_SHOWN 20u

struct open_walk {
    struct diagnosis *diagnosis;
    unsigned count, sagas;
};

static void name_yes_list(const struct vow_record *record, char *out, size_t size)
{
    size_t len = 0;
    for (uint32_t i = 0; i < record->branches_len && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? ", " : "", record->branches[i].name);
}

static int on_open(void *ctx, const struct vow_journal_event *event)
{
    struct open_walk *walk = ctx;
    char id[VOW_GTRID_TEXT_SIZE], names[200] = "";
    walk->sagas += event->record.kind == VOW_RECORD_SAGA_BEGIN;
    if (event->record.kind != VOW_RECORD_COMMIT || ++walk->count > OPEN_SHOWN)
        return 0;
    name_yes_list(&event->record, names, sizeof(names));
    vow_gtrid_to_text(&event->record.gtrid, id);
    diagnosis_add(walk->diagnosis, "in-doubt", HEALTH_WARN,
                  "start vowd: it finishes this; do not remove the directory, the rows stay locked without it",
                  "%s is committed and not acknowledged by all of %s", id, names);
    return 0;
}

bool check_journal(struct diagnosis *diagnosis, const char *directory)
{
    struct open_walk walk = {.diagnosis = diagnosis};
    struct vow_error_detail detail;
    struct vow_journal_report report;
    int error = vow_journal_sqlite_check(directory, on_open, &walk, &report, &detail);
    if (error == VOW_E_LOCKED) {
        diagnosis_add(diagnosis, "journal", HEALTH_UNKNOWN, "ask it: vowctl doctor, without --data", "%s", detail.text);
        return false;
    }
    if (error != 0) {
        diagnosis_add(diagnosis, "journal", HEALTH_FAIL,
                      "see docs/operations.md, \"The data directory\"; copy the directory away before anything else",
                      "%s: %s", vow_error_text(error), detail.text);
        return true;
    }
    if (report.last_lsn == 0)
        diagnosis_add(diagnosis, "journal", HEALTH_WARN, "is it the right directory?", "%s has no journal", directory);
    else
        diagnosis_add(diagnosis, "journal", HEALTH_OK, "",
                      "coordinator %s, epoch %u: every event up to lsn %llu is whole, its witness agrees", report.name,
                      report.epoch, (unsigned long long)report.last_lsn);
    if (walk.sagas > 0)
        diagnosis_add(diagnosis, "sagas", HEALTH_WARN, "start vowd: it goes on with them", "%u sagas have not ended",
                      walk.sagas);
    if (walk.count == 0 && walk.sagas == 0)
        diagnosis_add(diagnosis, "in-doubt", HEALTH_OK, "", "nothing is left to do");
    else if (walk.count > OPEN_SHOWN)
        diagnosis_add(diagnosis, "in-doubt", HEALTH_WARN, "start vowd: it finishes them", "and %u more",
                      walk.count - OPEN_SHOWN);
    return true;
}
