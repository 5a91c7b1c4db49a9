/*
 * What a group of consumers has done beyond its cursor, as bytes of a CURSOR record: all up to some further place, but
 * for a few events, which hold the cursor. So one event that is never done holds itself, and nothing that came after.
 * No bytes: nothing beyond it is done.
 */
#ifndef VOW_COORDINATOR_BEYOND_H
#define VOW_COORDINATOR_BEYOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* Events that are left out; with more of them the further place is before the next one. */
#define VOW_BEYOND_EVENTS_MAX 1024u
#define VOW_BEYOND_BYTES_MAX ((size_t)10 * (VOW_BEYOND_EVENTS_MAX + 1))

struct vow_beyond {
    uint8_t *bytes; /* VOW_BEYOND_BYTES_MAX */
    size_t len;
    uint64_t last;
};
/* upto: beyond the cursor. */
void vow_beyond_begin(struct vow_beyond *beyond, uint8_t *bytes, uint64_t cursor, uint64_t upto);
/* The next event that is not done: after the cursor and those before, and not after upto. */
void vow_beyond_leave_out(struct vow_beyond *beyond, uint64_t lsn);

/* Can it be what was written of a group with this cursor? */
bool vow_beyond_is_valid(uint64_t cursor, struct vow_slice bytes);
/* The group has not done what is at that place, or has not come to it. Of what is not valid: true. */
bool vow_beyond_owes(uint64_t cursor, struct vow_slice bytes, uint64_t lsn);

#endif
