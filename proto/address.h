/* HOST:PORT and [HOST]:PORT, numeric hosts and "localhost" only: no name is looked up in an event loop (faults F092,
 * B63). Pure. */
#ifndef VOW_PROTO_ADDRESS_H
#define VOW_PROTO_ADDRESS_H

#include <stdint.h>

#define VOW_ADDRESS_SIZE 64

struct vow_address {
    char host[48]; /* numeric IPv4 or IPv6, without brackets */
    uint16_t port; /* 0 = any, only for listening */
};

/* Returns 0 or VOW_E_ADDRESS. */
int vow_address_parse(const char *text, struct vow_address *address);
void vow_address_print(const struct vow_address *address, char text[VOW_ADDRESS_SIZE]);

#endif
