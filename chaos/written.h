/* Files that are written: is all of it there? Not so on a full disk, and whoever wrote says so. 0 or an errno. */
#ifndef VOW_CHAOS_WRITTEN_H
#define VOW_CHAOS_WRITTEN_H

#include <errno.h>
#include <stdio.h>

/* Closes it. EIO: an earlier write failed, of which stdio keeps no more than the mark. */
static inline int written_close(FILE *file)
{
    const int error = ferror(file) != 0 ? EIO : 0;

    return fclose(file) != 0 ? errno : error;
}

/* A whole file at once. */
static inline int written_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (file == NULL)
        return errno;
    const int error = fputs(text, file) >= 0 ? 0 : errno;
    const int last = written_close(file);
    return error != 0 ? error : last;
}

#endif
