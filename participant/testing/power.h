/*
 * What a power loss leaves of a folder: each file as it was when it was last synced, under the names that its folder
 * had when that was last synced. To know it, this box puts its own fsync(), fdatasync(), sync(), syncfs(), rename(),
 * renameat(), unlink() and unlinkat() in the place of the C library's, for the whole program that links it; they do the
 * same, and take a note. Each is a place where a test can kill the process, too (life.h).
 */
#ifndef VOW_TESTING_POWER_H
#define VOW_TESTING_POWER_H

/* In the process to be killed: notes go to the folder `notes`. */
void power_watch(const char *folder, const char *notes);
/* What the folder holds now is on the disk. Returns 0 or an errno. */
int power_all_synced(const char *folder, const char *notes);
/* Makes the folder what a power loss leaves of it; that is on the disk then. Returns 0 or an errno. */
int power_lose(const char *folder, const char *notes);
/* Removes a folder and all in it. */
void power_remove(const char *folder);

#endif
