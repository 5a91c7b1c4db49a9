#include "raw_peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "proto/net/socket_address.h"

int raw_connect(const struct vow_address *address)
{
    struct sockaddr_storage to;
    socklen_t len;
    cr_assert_eq(socket_address_fill(address, &to, &len), 0);
    const int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, len), 0, "%s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

int raw_listen(struct vow_address *address)
{
    struct sockaddr_storage at;
    socklen_t len;
    *address = (struct vow_address){.host = "127.0.0.1"};
    socket_address_fill(address, &at, &len);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    socket_address_read((struct sockaddr *)&at, address);
    return fd;
}

int raw_accept(struct event_base *base, int listen_fd)
{
    int fd;
    while ((fd = accept(listen_fd, NULL, NULL)) < 0)
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    return fd;
}

void raw_write(int fd, const void *bytes, size_t len)
{
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len, "%s", strerror(errno));
}

size_t raw_encode(const struct vow_msg *msg, uint8_t *out, size_t out_size)
{
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_HIGHEST, out, out_size);
    cr_assert_neq(len, 0);
    return len;
}

void raw_send(int fd, const struct vow_msg *msg)
{
    static uint8_t frame[128 * 1024];
    raw_write(fd, frame, raw_encode(msg, frame, sizeof(frame)));
}

void raw_send_hello(int fd)
{
    raw_send(fd, &(struct vow_msg){.kind = VOW_MSG_HELLO,
                                   .hello = {.version_min = VOW_WIRE_VERSION,
                                             .version_max = VOW_WIRE_VERSION,
                                             .role = VOW_ROLE_CLIENT,
                                             .name = "raw",
                                             .software = "raw"}});
}

void raw_send_welcome(int fd, uint32_t version)
{
    raw_send(
        fd,
        &(struct vow_msg){
            .kind = VOW_MSG_WELCOME,
            .welcome = {
                .version = version, .coord = 7, .epoch = 1, .name = "raw", .heartbeat_ms = 60000, .frame_max = 65536}});
}

/* Reads exactly len bytes, with the loop running meanwhile. False at the end of the connection. */
static bool read_exactly(struct event_base *base, int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t got = recv(fd, bytes, len, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got < 0) {
            event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
            continue;
        }
        bytes += got;
        len -= (size_t)got;
    }
    return true;
}

int raw_receive(struct event_base *base, int fd, uint64_t *nonce)
{
    static uint8_t body[128 * 1024];
    uint8_t header[VOW_FRAME_HEADER_BYTES];
    uint32_t len;
    struct vow_msg msg;
    const char *why;
    if (!read_exactly(base, fd, header, sizeof(header)))
        return 0;
    cr_assert_geq(vow_frame_peek(header, sizeof(header), sizeof(body), &len), 0);
    if (!read_exactly(base, fd, body, len))
        return 0;
    struct vow_arena *arena = vow_arena_new(0);
    cr_assert_eq(vow_msg_decode(arena, body, len, &msg, &why), 0, "%s", why);
    if (nonce != NULL && (msg.kind == VOW_MSG_PING || msg.kind == VOW_MSG_PONG))
        *nonce = msg.ping.nonce;
    vow_arena_free(arena);
    return (int)msg.kind;
}

void raw_wait_closed(struct event_base *base, int fd)
{
    uint8_t byte;
    while (read_exactly(base, fd, &byte, 1))
        continue;
}

int raw_connect_up(struct event_base *base, const struct vow_address *address)
{
    const int fd = raw_connect(address);
    raw_send_hello(fd);
    cr_assert_eq(raw_receive(base, fd, NULL), VOW_MSG_WELCOME);
    return fd;
}
