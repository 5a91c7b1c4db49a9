/*
 * Errors: one list (error.def), an int, 0 or negative, and a class that a program branches on.
 * The outcome of a transaction is never an error code: see outcome.h.
 */
#ifndef VOW_PROTO_ERROR_H
#define VOW_PROTO_ERROR_H

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/* Every error. Values never change. A newer library may give codes that an older program does not know: branch on the
 * class, which is always one of enum vow_error_class. */
enum vow_error {
#define ERROR(name, value, class, text, conclusion) VOW_E_##name = value,
#include "error.def"
#undef ERROR
};
/* clang-format on */

/* What the caller of a function that failed may conclude. */
enum vow_error_class {
    VOW_CLASS_OK = 0,       /* no error */
    VOW_CLASS_USAGE = 1,    /* the caller's bug; nothing happened */
    VOW_CLASS_RETRY = 2,    /* nothing happened; the same call may go through later */
    VOW_CLASS_REFUSED = 3,  /* a definite no */
    VOW_CLASS_UNKNOWN = 4,  /* in doubt; ask again */
    VOW_CLASS_PROTOCOL = 5, /* the peer broke the rules; the connection is dropped */
    VOW_CLASS_FATAL = 6,    /* only closing is left */
};

/* The class of an error. An unknown code gives VOW_CLASS_FATAL. Any thread. */
VOW_EXPORT enum vow_error_class vow_error_class(int error);

/* The code as written in a program, "VOW_E_BUSY", for logs; "VOW_E_?" for an unknown code. The text lives for ever. */
VOW_EXPORT const char *vow_error_name(int error);

/* What is wrong, in one line. An unknown code gives a text that says so. The text lives for ever. */
VOW_EXPORT const char *vow_error_text(int error);

/* What the caller may conclude and do, in one line. The text lives for ever. */
VOW_EXPORT const char *vow_error_conclusion(int error);

/* What went wrong, in words, for a log or a person. Filled by a function that returns an error; to be looked at only
 * then. */
struct vow_error_detail {
    int error;      /* what the function returned */
    char text[256]; /* what was found and what to do about it; one line, cut if it is longer */
};

#ifdef __cplusplus
}
#endif

#endif
