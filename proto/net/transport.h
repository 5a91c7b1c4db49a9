/*
 * How a dialer reaches a peer: by TCP, unless a test has put something else in its place. Compiled to TCP alone unless
 * VOW_TESTING is set.
 */
#ifndef VOW_NET_TRANSPORT_H
#define VOW_NET_TRANSPORT_H

#ifdef VOW_TESTING

#include "proto/address.h"
#include "proto/message.h"

/* The address is none of this transport's: TCP takes it. */
#define VOW_TRANSPORT_NOT_MINE (-1)
/* It is, and nobody is there. */
#define VOW_TRANSPORT_REFUSED (-2)

/* On any loop's thread: a connected, non-blocking stream socket to that address for who says this HELLO, or one of the
 * two above. */
typedef int vow_transport_dial_fn(void *ctx, const struct vow_address *address, const struct vow_msg_hello *hello);

/* For the whole process; NULL = TCP for all. Returns when no call of the one before is running. */
void vow_transport_use(vow_transport_dial_fn *dial, void *ctx);
int vow_transport_dial(const struct vow_address *address, const struct vow_msg_hello *hello);

#endif

#endif
