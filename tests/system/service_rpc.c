/* The service's side of rpc.h: a thread that takes one request at a time. */
#include "service_rpc.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct server {
    struct vow_participant *participant;
    int fd;
};

static struct server server;

static int work(struct vow_branch *branch, struct sqlite3 *db, void *ctx)
{
    const char *word = ctx;
    const char *sql = "SELECT value FROM counter";
    if (strcmp(word, "refuse") == 0)
        return vow_branch_refuse(branch, "told to refuse");
    if (strcmp(word, "add") == 0)
        sql = "UPDATE counter SET value = value + 1 WHERE id = 1";
    if (strcmp(word, "double") == 0)
        sql = "UPDATE counter SET value = value * 2 WHERE id = 1";
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void answer(int fd)
{
    char request[VOW_TOKEN_SIZE + 64], token[VOW_TOKEN_SIZE], word[32], reply[64];
    struct vow_joined joined;
    size_t len = 0;
    ssize_t n;
    while (len + 1 < sizeof(request) && memchr(request, '\n', len) == NULL &&
           (n = read(fd, request + len, sizeof(request) - 1 - len)) > 0)
        len += (size_t)n;
    request[len] = '\0';
    if (sscanf(request, "%511s %31s", token, word) != 2)
        return;
    int error = vow_join(server.participant, token, work, word, &joined);
    snprintf(reply, sizeof(reply), "%d %u %d\n", error, joined.ops, (int)joined.cause);
    n = write(fd, reply, strlen(reply));
    (void)n;
}

static void *serve(void *ctx)
{
    (void)ctx;
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        answer(fd);
        close(fd);
    }
}

int service_rpc_start(struct vow_participant *participant, const char *file)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    snprintf(address.sun_path, sizeof(address.sun_path), "%.100s.sock", file);
    unlink(address.sun_path);
    server.participant = participant;
    server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server.fd < 0 || bind(server.fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server.fd, 16) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0)
        return -1;
    pthread_detach(thread);
    return 0;
}
