/* Copies of a transaction's calls in one block of memory. Pure. */
#ifndef VOW_PARTICIPANT_CALLS_H
#define VOW_PARTICIPANT_CALLS_H

#include <stddef.h>

#include "proto/message.h"

/* Bytes that a copy needs: the array and all it points to. */
size_t vow_calls_size(const struct vow_msg_call *calls, size_t calls_len);
/* Writes the copy to mem, which has that size and an alignment that fits; returns the array, which is mem. */
struct vow_msg_call *vow_calls_copy(void *mem, const struct vow_msg_call *calls, size_t calls_len);

#endif
