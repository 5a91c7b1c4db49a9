/* Addresses as the kernel wants them, and back. */
#ifndef VOW_NET_SOCKET_ADDRESS_H
#define VOW_NET_SOCKET_ADDRESS_H

#include <sys/socket.h>

#include "proto/address.h"

/* Returns 0, or VOW_E_ADDRESS if the host is not a numeric address. */
int socket_address_fill(const struct vow_address *address, struct sockaddr_storage *out, socklen_t *out_len);
/* Anything but IPv4 and IPv6 becomes an empty host. */
void socket_address_read(const struct sockaddr *from, struct vow_address *address);

#endif
