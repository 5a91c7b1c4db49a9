#include "chaos/kill/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int real_port_open(struct real_port *port)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(self);
    const int one = 1;

    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (port->fd < 0)
        return errno;
    if (setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(port->fd, (const struct sockaddr *)&self, len) != 0 ||
        getsockname(port->fd, (struct sockaddr *)&self, &len) != 0) {
        const int error = errno;
        real_port_close(port);
        return error;
    }
    (void)snprintf(port->address, sizeof(port->address), REAL_HOST ":%u", ntohs(self.sin_port));
    return 0;
}

void real_port_of(struct real_port *port, const char *host, unsigned number)
{
    (void)snprintf(port->address, sizeof(port->address), "%s:%u", host, number);
}

void real_port_close(struct real_port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

const char *real_address_part(const char *address, const char *host, const char *part)
{
    const char *colon = strrchr(address, ':');

    if (part[0] == '\0')
        return address;
    if (strcmp(part, ".port") == 0)
        return colon != NULL ? colon + 1 : NULL;
    return strcmp(part, ".host") == 0 ? host : NULL;
}
