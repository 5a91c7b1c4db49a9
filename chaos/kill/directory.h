/* Directories of a run: made, copied as a backup, emptied. Plain files and directories alone; no link is followed. */
#ifndef VOW_CHAOS_KILL_DIRECTORY_H
#define VOW_CHAOS_KILL_DIRECTORY_H

/* Each returns 0, or an errno. */

/* With all above it; one that is there is as good. */
int real_directory_make(const char *path);
/* 0 if there is nothing in it, or if it is not there. */
int real_directory_is_free(const char *path);
/* Removes what is in it; the directory stays. */
int real_directory_empty(const char *path);
/* Makes `to` what `from` is. */
int real_directory_copy(const char *from, const char *to);

#endif
