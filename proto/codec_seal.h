/*
 * Private to the codec: the checksum at the end of an Envelope.
 *
 * TCP's own checksum lets about one damaged segment in 65,536 pass, and an amount of money that decodes is believed. So
 * the last field of every Envelope is the CRC-32 of all bytes before it, and a message whose seal is broken is refused
 * (fault F083). It guards against accidents, not against a peer: that is what TLS is for.
 */
#ifndef VOW_PROTO_CODEC_SEAL_H
#define VOW_PROTO_CODEC_SEAL_H

#include <stddef.h>
#include <stdint.h>

/* Field 9, a fixed32: one byte of tag, four of checksum. */
#define CODEC_SEAL_BYTES 5

enum codec_seal { CODEC_SEAL_GOOD, CODEC_SEAL_BROKEN, CODEC_SEAL_NONE };

/* Writes the seal of body[0..len) behind it. */
void codec_seal_put(uint8_t *body, size_t len);
/* len includes the seal, if there is one. */
enum codec_seal codec_seal_check(const uint8_t *body, size_t len);

#endif
