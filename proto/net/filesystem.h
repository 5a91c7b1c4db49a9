/*
 * Is this a file system on which a log may live (fault F123)?
 *
 * A log is safe if its lock keeps every other process out and a sync reaches a disk. Two looks: the kind of the file
 * system, for on a network one a lock may hold on this machine alone; and a lock that is tried twice, because what a
 * kind promises and what a mount does are two things (overlay and FUSE pass locks on, or do not).
 */
#ifndef VOW_NET_FILESYSTEM_H
#define VOW_NET_FILESYSTEM_H

#include "proto/error.h"

/*
 * What a sqlite3_vfs answers that has files of its own: xFileControl of an open file. SQLite leaves these numbers to
 * others, and has no other way for either. A VFS that does not know them works on the operating system's files.
 */
#define VOW_FCNTL_RENAME 0x566f7701         /* arg: const char *, the new path; takes the place of a file there */
#define VOW_FCNTL_SYNC_DIRECTORY 0x566f7702 /* makes the names of all files beside this one durable */

/* The name of a network file system, "NFS" for example, by the f_type of statfs(2); NULL for any other kind. */
const char *vow_filesystem_network_name(unsigned long type);

/*
 * May a log live in this directory? `directory` is its name for the message. Makes a file there and removes it again.
 * Blocks for the disk alone. Returns 0, or VOW_E_IO with what was found and what to do in *detail: a network file
 * system, one on which locks do not exclude, or a directory that cannot be written.
 */
int vow_filesystem_check(const char *directory, int directory_fd, struct vow_error_detail *detail);

#endif
