/*
 * Frames: a 4-byte big-endian length, then that many bytes of one encoded Envelope.
 * The length is judged before a byte is stored (fault F160). Pure.
 */
#ifndef VOW_PROTO_FRAME_H
#define VOW_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define VOW_FRAME_HEADER_BYTES 4
#define VOW_FRAME_MAX_DEFAULT (64u * 1024u)
/* The bounds of the configurable cap. */
#define VOW_FRAME_MAX_LOWEST 4096u
#define VOW_FRAME_MAX_HIGHEST (16u * 1024u * 1024u)

void vow_frame_put_length(uint8_t header[VOW_FRAME_HEADER_BYTES], uint32_t length);

/*
 * Looks at the `len` bytes that have come. Returns
 *   1  a whole frame is there: *length is its body's length, the body starts at VOW_FRAME_HEADER_BYTES
 *   0  more bytes are needed: *length is the body's length if 4 bytes are there, else 0
 *   VOW_E_FRAME  the length is 0 or over frame_max; the connection cannot go on
 */
int vow_frame_peek(const uint8_t *data, size_t len, uint32_t frame_max, uint32_t *length);

#endif
