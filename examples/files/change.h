/* What one branch does to the documents: from the client's calls, or from the record that it left. */
#ifndef FILES_CHANGE_H
#define FILES_CHANGE_H

#include <stdbool.h>

#include <vow/resource.h>

#define CHANGES_MAX 64 /* calls of a transaction */
#define NAME_SIZE 128  /* of a document, with its NUL */

struct change {
    char name[NAME_SIZE];
    bool is_delete;
    const char *text; /* of a put; the call's memory */
    size_t len;
};

struct changes {
    unsigned len;
    struct change list[CHANGES_MAX];
};

/* Reads one call into *change. Returns NULL, or what is wrong with it. "look" is none: see is_look(). */
const char *change_read(const struct vow_work *work, struct change *change);
bool is_look(const struct vow_work *work);

/* As text, a line each; and back. write returns the length, or -1 if it does not fit. */
int changes_print(const struct changes *changes, char *text, size_t size);
/* false if that is no such text. */
bool changes_parse(char *text, struct changes *changes);

#endif
