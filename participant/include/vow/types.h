/*
 * Types that clients and participants share: the transaction id, the outcome, the cause of an abort.
 *
 * struct vow_gtrid is 26 bytes, copied freely; vow_gtrid_to_text() prints it as one word of 42 characters that is safe
 * in headers, file names and SQL.
 */
#ifndef VOW_TYPES_H
#define VOW_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <vow/error.h>
#include <vow/proto/cause.h>
#include <vow/proto/gtrid.h>
#include <vow/proto/outcome.h>

#if defined(__GNUC__)
#define VOW_EXPORT __attribute__((visibility("default")))
#define VOW_MUST_USE __attribute__((warn_unused_result))
#else
#define VOW_EXPORT
#define VOW_MUST_USE
#endif

/* Where vowd listens if nothing else is said. */
#define VOW_DEFAULT_COORDINATOR "127.0.0.1:7420"

#endif
