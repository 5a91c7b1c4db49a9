#include "rpc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to_service(const struct cluster *cluster, uint32_t i)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/s%u.db.sock", cluster->directory, i),
                 (int)sizeof(address.sun_path));
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0, "no service %u", i);
    return fd;
}

struct rpc_reply rpc_ask(const struct cluster *cluster, uint32_t i, const char *token, const char *word)
{
    struct rpc_reply reply = {.died = true};
    char text[VOW_TOKEN_SIZE + 64];
    size_t len = 0;
    ssize_t n;
    int fd = connect_to_service(cluster, i);
    snprintf(text, sizeof(text), "%s %s\n", token, word);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
    if (len > 0) {
        reply.died = false;
        char *at = text;
        reply.error = (int)strtol(at, &at, 10);
        reply.ops = (unsigned)strtoul(at, &at, 10);
        reply.cause = (int)strtol(at, &at, 10);
        cr_assert_str_eq(at, "\n", "%s", text);
    }
    return reply;
}
