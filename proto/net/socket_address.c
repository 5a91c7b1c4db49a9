#include "proto/net/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "proto/error.h"

/* A sockaddr is copied in and out, never looked at through a cast: its true type is the one it was made with. */
int socket_address_fill(const struct vow_address *address, struct sockaddr_storage *out, socklen_t *out_len)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, address->host, &in4.sin_addr) == 1) {
        memcpy(out, &in4, sizeof(in4));
        *out_len = sizeof(in4);
        return 0;
    }
    if (inet_pton(AF_INET6, address->host, &in6.sin6_addr) == 1) {
        memcpy(out, &in6, sizeof(in6));
        *out_len = sizeof(in6);
        return 0;
    }
    return VOW_E_ADDRESS;
}

void socket_address_read(const struct sockaddr *from, struct vow_address *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    memset(address, 0, sizeof(*address));
    if (from->sa_family == AF_INET) {
        memcpy(&in4, from, sizeof(in4));
        inet_ntop(AF_INET, &in4.sin_addr, address->host, sizeof(address->host));
        address->port = ntohs(in4.sin_port);
    } else if (from->sa_family == AF_INET6) {
        memcpy(&in6, from, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, address->host, sizeof(address->host));
        address->port = ntohs(in6.sin6_port);
    }
}
