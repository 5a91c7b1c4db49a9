/*
 * The id of a transaction, as its users see it: plain data that is copied, compared and printed.
 *
 * An id is never used twice. vow_gtrid_to_text() prints it as one word of 42 characters that is safe in headers, file
 * names and SQL. What the bytes mean is the coordinator's business.
 *
 * Thread-safe: values only. Nothing here fails but vow_gtrid_from_text(), and nothing allocates.
 */
#ifndef VOW_PROTO_ID_H
#define VOW_PROTO_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Size of an id in bytes. */
#define VOW_GTRID_BYTES 26
/* Length of the printed form: lower-case base32 without i, l, o, u. */
#define VOW_GTRID_TEXT_LEN 42
/* Size of a buffer for the printed form: with its NUL. */
#define VOW_GTRID_TEXT_SIZE (VOW_GTRID_TEXT_LEN + 1)

/* The id of a transaction. Copy it freely; compare it with vow_gtrid_equal(). */
struct vow_gtrid {
    uint8_t bytes[VOW_GTRID_BYTES]; /* opaque; ids of one coordinator sort by the time they were given out */
};

/* True if the two are the same id. */
VOW_EXPORT bool vow_gtrid_equal(const struct vow_gtrid *a, const struct vow_gtrid *b);

/* True if the id is all zero bytes, which stands for "none". */
VOW_EXPORT bool vow_gtrid_is_none(const struct vow_gtrid *g);

/* Prints the id into text: always VOW_GTRID_TEXT_LEN characters and a NUL. */
VOW_EXPORT void vow_gtrid_to_text(const struct vow_gtrid *g, char text[VOW_GTRID_TEXT_SIZE]);

/* Reads a printed id of exactly len characters, in either case. Returns false, and leaves *g alone, if it is not
 * one. */
VOW_EXPORT bool vow_gtrid_from_text(const char *text, size_t len, struct vow_gtrid *g);

#ifdef __cplusplus
}
#endif

#endif
