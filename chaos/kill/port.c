#include "chaos/kill/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
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
    (void)snprintf(port->address, sizeof(port->address), "127.0.0.1:%u", ntohs(self.sin_port));
    return 0;
}

void real_port_close(struct real_port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}
