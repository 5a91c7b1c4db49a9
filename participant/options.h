/* What opening a client and opening a participant have in common: options from callers of any age, and an error in
 * words. */
#ifndef VOW_PARTICIPANT_OPTIONS_H
#define VOW_PARTICIPANT_OPTIONS_H

#include <stddef.h>

#include "proto/address.h"
#include "proto/error.h"

#include <vow/types.h>

/*
 * Copies the caller's options, whose first member is their size, over zeroed ones of ours: fields that an older caller
 * does not know keep their defaults. from may be NULL. VOW_E_ARGUMENT if the size is none, or larger than ours: a newer
 * caller may rely on what we do not know.
 */
int vow_options_read(void *to, size_t to_size, const void *from);

/* Where the coordinator is; NULL is the default address. VOW_E_ADDRESS also for port 0, which cannot be connected
 * to. */
int vow_options_coordinator(const char *text, struct vow_address *address);

/* Whether kind and base go together; VOW_E_ARGUMENT. */
int vow_options_loop(enum vow_loop_kind kind, const struct event_base *base, struct vow_error_detail *detail);

/* Fills *detail, if there is one, and returns error. */
int vow_detail(struct vow_error_detail *detail, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
