/*
 * The data directory of a journal, and all that is done there beside SQLite: to look for files, to hold the lock, to
 * read and write the witness.
 *
 * Two kinds. The operating system's (files_posix.c) is what vowd uses. A named sqlite3_vfs brings a disk of its own
 * (files_vfs.c), if it answers the two file controls of proto/net/filesystem.h: then the lock and the witness are on
 * that disk, too, so that whatever the disk loses or damages, it does to all files of the journal alike, and nothing of
 * the journal is outside it.
 *
 * Calls without *detail return 0, or -1 with errno.
 */
#ifndef VOW_JOURNAL_FILES_H
#define VOW_JOURNAL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct journal_files;
struct sqlite3_file;
struct sqlite3_vfs;

struct journal_file {
    bool is_open;
    int fd;                    /* the operating system's */
    struct sqlite3_file *file; /* a VFS's */
};

struct journal_files_ops {
    /* Opens the directory; with `make`, one that is missing is made, durably (fault F110). */
    int (*open)(struct journal_files *files, bool make, struct vow_error_detail *detail);
    /*
     * Keeps every other journal out until close (fault F020): VOW_E_LOCKED, or VOW_E_IO: also if locks do not work
     * there (fault F123). Who only looks makes no file: VOW_E_NOT_FOUND, there is no lock file, so nobody has it.
     */
    int (*lock)(struct journal_files *files, bool only_look, struct vow_error_detail *detail);
    /* Lets all go; right after a failed open, too. */
    void (*close)(struct journal_files *files);
    /* *size is -1 if there is no such file. A file that cannot be looked at is not a missing one. */
    int (*size)(const struct journal_files *files, const char *name, int64_t *size);
    /* Nobody but its owner may read the file. */
    int (*protect)(const struct journal_files *files, const char *name);
    /* ENOENT: there is none, and `make` is not set. With `make` it is empty. */
    int (*open_file)(const struct journal_files *files, const char *name, bool make, struct journal_file *out);
    void (*close_file)(struct journal_file *file);
    /* What the file does not have reads as zeros. */
    int (*read)(const struct journal_files *files, struct journal_file *file, uint8_t *bytes, size_t len,
                int64_t offset);
    int (*write)(const struct journal_files *files, struct journal_file *file, const uint8_t *bytes, size_t len,
                 int64_t offset);
    /* `all`: what the file system knows of the file, too, not the content alone. */
    int (*sync)(const struct journal_files *files, struct journal_file *file, bool all);
    int (*rename)(const struct journal_files *files, struct journal_file *file, const char *from, const char *to);
    int (*sync_directory)(const struct journal_files *files, struct journal_file *file);
};

struct journal_files {
    const struct journal_files_ops *ops;
    const char *directory; /* borrowed */
    int fd, lock_fd;       /* files_posix.c; -1: not there */
    struct sqlite3_vfs *vfs;
    struct journal_file lock; /* files_vfs.c */
};

/* `vfs`: the name of one that is registered, or NULL for the operating system's files. `directory` is borrowed. Returns
 * 0, or VOW_E_ARGUMENT: there is no such VFS. */
int journal_files_init(struct journal_files *files, const char *vfs, const char *directory,
                       struct vow_error_detail *detail);

extern const struct journal_files_ops journal_files_posix, journal_files_vfs;

#endif
