/* Bytes that belong to somebody else. */
#ifndef VOW_PROTO_SLICE_H
#define VOW_PROTO_SLICE_H

#include <stddef.h>
#include <stdint.h>

struct vow_slice {
    const uint8_t *data; /* may be NULL if len is 0 */
    size_t len;
};

#endif
