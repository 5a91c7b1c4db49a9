/*
 * Errors: one list (error.def), an int, 0 or negative, and a class that a program branches on.
 * The outcome of a transaction is never an error code: see outcome.h.
 */
#ifndef VOW_PROTO_ERROR_H
#define VOW_PROTO_ERROR_H

/* clang-format off */
enum vow_error {
#define ERROR(name, value, class, text, conclusion) VOW_E_##name = value,
#include "error.def"
#undef ERROR
};
/* clang-format on */

enum vow_error_class {
    VOW_CLASS_OK = 0,
    VOW_CLASS_USAGE,    /* the caller's bug; nothing happened */
    VOW_CLASS_RETRY,    /* nothing happened; the same call may go through later */
    VOW_CLASS_REFUSED,  /* a definite no */
    VOW_CLASS_UNKNOWN,  /* in doubt; ask again */
    VOW_CLASS_PROTOCOL, /* the peer broke the rules; the connection is dropped */
    VOW_CLASS_FATAL,    /* only closing is left */
};

/* Texts live for ever. An unknown code gives VOW_CLASS_FATAL and a text that says so. */
enum vow_error_class vow_error_class(int error);
const char *vow_error_name(int error);
const char *vow_error_text(int error);
const char *vow_error_conclusion(int error);

/* What went wrong, in words, for a log or a person. Filled by the function that returns the error. */
struct vow_error_detail {
    int error;
    char text[256];
};

#endif
