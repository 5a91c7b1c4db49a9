/* The files of a journal on the disk of a sqlite3_vfs. It has no directories of its own: a path is a name. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/files.h"
#include "coordinator/journal/lock.h"
#include "proto/net/filesystem.h"

#define PATH_SIZE 4096

/* The reason as errno, as far as the VFS tells it. */
static int result_of(const struct journal_files *files, int rc)
{
    if (rc == SQLITE_OK)
        return 0;
    errno = 0;
    if (rc == SQLITE_NOMEM)
        errno = ENOMEM;
    else if (files->vfs->xGetLastError != NULL)
        errno = files->vfs->xGetLastError(files->vfs, 0, NULL);
    if (errno == 0)
        errno = EIO;
    return -1;
}

/* SQLite ends a file's name with two zeros, behind which a VFS may look for parameters. */
static int path_of(const struct journal_files *files, const char *name, char path[PATH_SIZE])
{
    int len = snprintf(path, PATH_SIZE - 1, "%s/%s", files->directory, name);

    if (len < 0 || len >= PATH_SIZE - 1) {
        errno = ENAMETOOLONG;
        return -1;
    }
    path[len + 1] = '\0';
    return 0;
}

static int open_path(const struct journal_files *files, const char *name, int flags, struct journal_file *out)
{
    size_t path_len = strlen(files->directory) + strlen(name) + 3;
    char path[PATH_SIZE];
    int rc;

    if (path_of(files, name, path) != 0)
        return -1;
    out->file = calloc(1, (size_t)files->vfs->szOsFile + path_len);
    if (out->file == NULL) {
        errno = ENOMEM;
        return -1;
    }
    /* A VFS may keep the name for as long as the file is open. */
    rc = files->vfs->xOpen(files->vfs, memcpy((char *)out->file + files->vfs->szOsFile, path, path_len), out->file,
                           flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL);
    out->is_open = rc == SQLITE_OK;
    if (!out->is_open) {
        (void)result_of(files, rc);
        if (out->file->pMethods != NULL)
            (void)out->file->pMethods->xClose(out->file);
        free(out->file);
        out->file = NULL;
    }
    return out->is_open ? 0 : -1;
}

static void close_file(struct journal_file *file)
{
    if (file->is_open)
        (void)file->file->pMethods->xClose(file->file);
    free(file->file);
    *file = (struct journal_file){.fd = -1};
}

static int open_directory(struct journal_files *files, bool make, struct vow_error_detail *detail)
{
    (void)files, (void)make, (void)detail;
    return 0;
}

static int has_file(const struct journal_files *files, const char *name, bool *has)
{
    char path[PATH_SIZE];
    int exists = 0;

    if (path_of(files, name, path) != 0 ||
        result_of(files, files->vfs->xAccess(files->vfs, path, SQLITE_ACCESS_EXISTS, &exists)) != 0)
        return -1;
    *has = exists != 0;
    return 0;
}

static int lock_directory(struct journal_files *files, bool only_look, struct vow_error_detail *detail)
{
    bool has = false;
    int rc;

    if (only_look && has_file(files, JOURNAL_LOCK_FILE, &has) == 0 && !has)
        return VOW_E_NOT_FOUND;
    if (open_path(files, JOURNAL_LOCK_FILE, only_look ? 0 : SQLITE_OPEN_CREATE, &files->lock) != 0)
        return journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_LOCK_FILE ": %m", files->directory);
    rc = files->lock.file->pMethods->xLock(files->lock.file, SQLITE_LOCK_SHARED);
    if (rc == SQLITE_OK)
        rc = files->lock.file->pMethods->xLock(files->lock.file, SQLITE_LOCK_EXCLUSIVE);
    if (rc == SQLITE_OK)
        return 0;
    (void)result_of(files, rc);
    return rc == SQLITE_BUSY
               ? journal_fail(detail, VOW_E_LOCKED, "%.150s is in use; stop who uses it or choose another directory",
                              files->directory)
               : journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_LOCK_FILE ": %m; use a local disk", files->directory);
}

static void close_directory(struct journal_files *files)
{
    close_file(&files->lock);
}

static int size_of(const struct journal_files *files, const char *name, int64_t *size)
{
    struct journal_file file = {.fd = -1};
    sqlite3_int64 bytes = 0;
    bool has = false;
    int result;

    *size = -1;
    if (has_file(files, name, &has) != 0)
        return -1;
    if (!has)
        return 0;
    if (open_path(files, name, 0, &file) != 0)
        return -1;
    result = result_of(files, file.file->pMethods->xFileSize(file.file, &bytes));
    close_file(&file);
    *size = result == 0 ? bytes : -1;
    return result;
}

static int protect(const struct journal_files *files, const char *name)
{
    (void)files, (void)name;
    return 0;
}

static int open_file(const struct journal_files *files, const char *name, bool make, struct journal_file *out)
{
    bool has = false;

    if (has_file(files, name, &has) != 0)
        return -1;
    if (!has && !make) {
        errno = ENOENT;
        return -1;
    }
    if (open_path(files, name, make ? SQLITE_OPEN_CREATE : 0, out) != 0)
        return -1;
    if (make && result_of(files, out->file->pMethods->xTruncate(out->file, 0)) != 0) {
        close_file(out);
        return -1;
    }
    return 0;
}

static int read_at(const struct journal_files *files, struct journal_file *file, uint8_t *bytes, size_t len,
                   int64_t offset)
{
    int rc = file->file->pMethods->xRead(file->file, bytes, (int)len, offset);

    return result_of(files, rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc);
}

static int write_at(const struct journal_files *files, struct journal_file *file, const uint8_t *bytes, size_t len,
                    int64_t offset)
{
    return result_of(files, file->file->pMethods->xWrite(file->file, bytes, (int)len, offset));
}

static int sync_file(const struct journal_files *files, struct journal_file *file, bool all)
{
    int flags = SQLITE_SYNC_NORMAL | (all ? 0 : SQLITE_SYNC_DATAONLY);

    return result_of(files, file->file->pMethods->xSync(file->file, flags));
}

static int rename_file(const struct journal_files *files, struct journal_file *file, const char *from, const char *to)
{
    char path[PATH_SIZE];

    (void)from;
    if (path_of(files, to, path) != 0)
        return -1;
    return result_of(files, file->file->pMethods->xFileControl(file->file, VOW_FCNTL_RENAME, path));
}

static int sync_directory(const struct journal_files *files, struct journal_file *file)
{
    return result_of(files, file->file->pMethods->xFileControl(file->file, VOW_FCNTL_SYNC_DIRECTORY, NULL));
}

const struct journal_files_ops journal_files_vfs = {
    .open = open_directory,
    .lock = lock_directory,
    .close = close_directory,
    .size = size_of,
    .protect = protect,
    .open_file = open_file,
    .close_file = close_file,
    .read = read_at,
    .write = write_at,
    .sync = sync_file,
    .rename = rename_file,
    .sync_directory = sync_directory,
};

int journal_files_init(struct journal_files *files, const char *vfs, const char *directory,
                       struct vow_error_detail *detail)
{
    *files = (struct journal_files){
        .ops = vfs != NULL ? &journal_files_vfs : &journal_files_posix,
        .directory = directory,
        .fd = -1,
        .lock_fd = -1,
        .vfs = vfs != NULL ? sqlite3_vfs_find(vfs) : NULL,
    };
    if (vfs != NULL && files->vfs == NULL)
        return journal_fail(detail, VOW_E_ARGUMENT, "there is no VFS \"%.60s\"", vfs);
    return 0;
}
