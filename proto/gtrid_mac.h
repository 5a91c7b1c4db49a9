/* Private to gtrid_mac.c and its test, which holds it against the reference vectors. */
#ifndef VOW_PROTO_GTRID_MAC_H
#define VOW_PROTO_GTRID_MAC_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4 of len bytes. */
uint64_t gtrid_siphash(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
