/*
 * The floor of a coordinator: a server that does nothing but three round trips a transaction, the last of which appends
 * a 128-byte decision to a file and waits for its fdatasync, shared by all that have come (group commit). What vowd
 * adds to this is the price of two-phase commit. Beside sagas each round trip is durable, and there is one for the
 * beginning of a saga and one for each of its steps; of a choreographed one the beginning is not durable there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "proto/net/clock.h"

#define TRIPS_2PC 3u
#define RECORD_BYTES 128u
#define MESSAGE_BYTES 100u
#define LOG_BYTES (64u << 20) /* reused in a circle, as a kept log is */
#define CONNECTIONS_MAX 1024u

struct message {
    uint32_t durable; /* 1 = append and sync before answering */
    uint8_t filler[MESSAGE_BYTES - sizeof(uint32_t)];
};

/* --- server --- */

struct floor_server {
    int epoll, listener, log;
    off_t offset;
    int waiting[CONNECTIONS_MAX]; /* connections whose decision is in the batch */
    uint32_t waiting_len;
};

static void reply(int fd)
{
    struct message message = {0};
    if (write(fd, &message, sizeof(message)) != (ssize_t)sizeof(message))
        close(fd);
}

static void commit_batch(struct floor_server *server)
{
    static uint8_t records[CONNECTIONS_MAX * RECORD_BYTES];
    size_t len = (size_t)server->waiting_len * RECORD_BYTES;
    if (len == 0)
        return;
    if (server->offset + (off_t)len > (off_t)LOG_BYTES)
        server->offset = 0;
    if (pwrite(server->log, records, len, server->offset) != (ssize_t)len || fdatasync(server->log) != 0)
        _exit(1);
    server->offset += (off_t)len;
    for (uint32_t i = 0; i < server->waiting_len; i++)
        reply(server->waiting[i]);
    server->waiting_len = 0;
}

static void accept_one(struct floor_server *server)
{
    int one = 1, fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void read_one(struct floor_server *server, int fd)
{
    struct message message;
    if (recv(fd, &message, sizeof(message), MSG_WAITALL) != (ssize_t)sizeof(message)) {
        close(fd);
        return;
    }
    if (message.durable)
        server->waiting[server->waiting_len++] = fd;
    else
        reply(fd);
}

static void serve(struct floor_server *server)
{
    struct epoll_event events[256];
    for (;;) {
        int n = epoll_wait(server->epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == server->listener)
                accept_one(server);
            else
                read_one(server, events[i].data.fd);
        }
        commit_batch(server);
    }
}

static int open_log(const char *directory)
{
    static uint8_t zeros[1 << 20];
    char path[300];
    snprintf(path, sizeof(path), "%s/floor.log", directory);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    for (uint32_t i = 0; fd >= 0 && i < LOG_BYTES / sizeof(zeros); i++)
        if (write(fd, zeros, sizeof(zeros)) != (ssize_t)sizeof(zeros))
            return -1;
    return fd >= 0 && fsync(fd) == 0 ? fd : -1;
}

static pid_t start_server(const char *directory, struct sockaddr_in *address)
{
    struct floor_server server = {.listener = socket(AF_INET, SOCK_STREAM, 0), .log = open_log(directory)};
    socklen_t len = sizeof(*address);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (server.log < 0 || bind(server.listener, (struct sockaddr *)address, len) != 0 ||
        listen(server.listener, CONNECTIONS_MAX) != 0 ||
        getsockname(server.listener, (struct sockaddr *)address, &len) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        server.epoll = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = server.listener};
        epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event);
        serve(&server);
    }
    close(server.listener);
    close(server.log);
    return pid;
}

/* --- clients --- */

struct floor_client {
    int fd;
    uint32_t trip, trips, durable_from;
    uint64_t started_us;
};

static int send_trip(struct floor_client *client)
{
    struct message message = {.durable = client->trip >= client->durable_from};
    return write(client->fd, &message, sizeof(message)) == (ssize_t)sizeof(message) ? 0 : -1;
}

static int open_client(const struct bench_options *options, const struct sockaddr_in *address,
                       struct floor_client *client)
{
    int one = 1;
    *client = (struct floor_client){.fd = socket(AF_INET, SOCK_STREAM, 0), .started_us = vow_clock_us()};
    client->trips = options->protocol == BENCH_2PC ? TRIPS_2PC : options->participants + 1;
    client->durable_from = options->protocol == BENCH_2PC ? TRIPS_2PC - 1 : options->protocol == BENCH_SAGA ? 0 : 1;
    if (connect(client->fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
        return -1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return send_trip(client);
}

static int on_answer(struct floor_client *client, struct bench_round *round, uint64_t warm_us)
{
    struct message message;
    if (recv(client->fd, &message, sizeof(message), MSG_WAITALL) != (ssize_t)sizeof(message))
        return -1;
    client->trip = (client->trip + 1) % client->trips;
    if (client->trip == 0) {
        uint64_t now_us = vow_clock_us();
        if (now_us >= warm_us) {
            round->committed++;
            histogram_add(&round->latency, now_us - client->started_us);
        }
        client->started_us = now_us;
    }
    return send_trip(client);
}

struct floor {
    const struct bench_options *options;
    uint32_t millis;
    struct sockaddr_in address;
};

static int clients(const void *ctx, struct bench_round *round)
{
    const struct floor *subject = ctx;
    static struct floor_client all[CONNECTIONS_MAX];
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    for (uint32_t i = 0; i < subject->options->clients; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (open_client(subject->options, &subject->address, &all[i]) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) != 0)
            return -1;
    }
    uint64_t warm_us = vow_clock_us() + 100000, end_us = warm_us + subject->millis * UINT64_C(1000);
    while (vow_clock_us() < end_us) {
        int n = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < n; i++)
            if (on_answer(events[i].data.ptr, round, warm_us) != 0)
                return -1;
    }
    round->elapsed_us = subject->millis * UINT64_C(1000);
    return 0;
}

int floor_log_round(const struct bench_options *options, uint32_t millis, struct bench_round *round)
{
    char directory[256];
    struct floor subject = {.options = options, .millis = millis};
    if (make_directory(directory) != 0)
        return -1;
    pid_t server = start_server(directory, &subject.address);
    int error = server > 0 ? in_process(clients, &subject, round) : -1;
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    remove_directory(directory);
    return error;
}
