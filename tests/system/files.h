/* Files of a test: removed at its end. */
#ifndef VOW_TESTS_SYSTEM_FILES_H
#define VOW_TESTS_SYSTEM_FILES_H

/* Removes a directory and all that is in it. */
void remove_directory(const char *path);

#endif
