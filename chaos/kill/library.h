/* The scenarios that are installed with vow-chaos. A build tree has none: there they are files like any other. */
#ifndef VOW_CHAOS_KILL_LIBRARY_H
#define VOW_CHAOS_KILL_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The file of an installed scenario by its name, without folder and ending. False if there is none. */
bool real_library_find(const char *name, char *path, size_t size);
/* Their names, and what each teaches. */
void real_library_print(FILE *out);

#endif
