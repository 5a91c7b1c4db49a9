#include "participant/store/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/net/filesystem.h"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
}

/* -1 if it cannot be opened. */
static int open_folder(const char *folder)
{
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int out_of_memory(struct vow_error_detail *detail)
{
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    return VOW_E_NO_MEMORY;
}

int directory_check(const char *path, struct vow_error_detail *detail)
{
    char *folder = folder_of(path);
    if (folder == NULL)
        return out_of_memory(detail);
    int fd = open_folder(folder);
    int error = fd >= 0 ? vow_filesystem_check(folder, fd, detail) : 0;
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return error;
}

static int sync_folder(const char *path, struct vow_error_detail *detail)
{
    char *folder = folder_of(path);
    if (folder == NULL)
        return out_of_memory(detail);
    int fd = open_folder(folder);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : VOW_E_IO;
    if (error != 0) {
        detail->error = error;
        (void)snprintf(detail->text, sizeof(detail->text), "%s: the directory cannot be synced: %m", folder);
    }
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return error;
}

int directory_sync(sqlite3 *db, const char *path, struct vow_error_detail *detail)
{
    int rc = sqlite3_file_control(db, "main", VOW_FCNTL_SYNC_DIRECTORY, NULL);
    if (rc == SQLITE_NOTFOUND) /* the WAL is beside the file itself, where a link may lead to */
        return sync_folder(sqlite3_db_filename(db, "main"), detail);
    if (rc == SQLITE_OK)
        return 0;
    detail->error = VOW_E_IO;
    (void)snprintf(detail->text, sizeof(detail->text), "%s: the directory cannot be synced (%d)", path, rc);
    return VOW_E_IO;
}
