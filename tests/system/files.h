/* Files of a test: looked at, changed, removed at its end. */
#ifndef VOW_TESTS_SYSTEM_FILES_H
#define VOW_TESTS_SYSTEM_FILES_H

#include <stdint.h>
#include <sys/types.h>

/* Removes a directory and all that is in it. */
void remove_directory(const char *path);

/* A sum over names and contents of the files of a directory, but for `lock`, which names the process that tried last.
 */
uint64_t directory_sum(const char *path);
/* Copies a file over another. */
void file_copy(const char *from, const char *to);
/* Where a word is first in a file; the test fails if it is not there. */
off_t file_find(const char *path, const char *word);
/* Flips the lowest bit of one byte. */
void file_flip(const char *path, off_t at);

#endif
