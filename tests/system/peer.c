#include "peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/error.h"
#include "proto/frame.h"

void peer_connect(struct peer *peer, const struct cluster *cluster)
{
    struct sockaddr_in self = {0};
    socklen_t len = sizeof(self);
    char host[INET_ADDRSTRLEN] = "";
    memset(peer, 0, sizeof(*peer));
    peer->fd = connect_to(cluster->address);
    peer->arena = vow_arena_new(0);
    cr_assert_not_null(peer->arena);
    cr_assert_eq(getsockname(peer->fd, (struct sockaddr *)&self, &len), 0);
    inet_ntop(AF_INET, &self.sin_addr, host, sizeof(host));
    snprintf(peer->address, sizeof(peer->address), "%s:%u", host, ntohs(self.sin_port));
}

void peer_hello(struct peer *peer, enum vow_role role, const char *name)
{
    struct vow_msg hello = {.kind = VOW_MSG_HELLO};
    hello.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                         .version_max = VOW_WIRE_VERSION,
                                         .role = role,
                                         .name = name,
                                         .incarnation = 1,
                                         .software = "test"};
    peer_send(peer, &hello);
    peer_expect(peer, VOW_MSG_WELCOME);
    peer->coord = peer->msg.welcome.coord;
    peer->epoch = peer->msg.welcome.epoch;
}

void peer_open(struct peer *peer, const struct cluster *cluster, enum vow_role role, const char *name)
{
    peer_connect(peer, cluster);
    peer_hello(peer, role, name);
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
    vow_arena_free(peer->arena);
}

void peer_send_bytes(struct peer *peer, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        cr_assert_gt(sent, 0, "send: %s", strerror(errno));
        at += sent;
        len -= (size_t)sent;
    }
}

void peer_send_frame(struct peer *peer, uint32_t length, const void *body, size_t body_len)
{
    uint8_t header[VOW_FRAME_HEADER_BYTES];
    vow_frame_put_length(header, length);
    peer_send_bytes(peer, header, sizeof(header));
    peer_send_bytes(peer, body, body_len);
}

void peer_send(struct peer *peer, const struct vow_msg *msg)
{
    uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];
    size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    cr_assert_gt(len, 0);
    peer_send_bytes(peer, frame, len);
}

/* Reads all of it, or returns false at the end of the connection. */
static bool read_all(struct peer *peer, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(peer->fd, bytes, len, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        cr_assert_gt(got, 0, "recv: %s", strerror(errno));
        bytes += got;
        len -= (size_t)got;
    }
    return true;
}

bool peer_receive(struct peer *peer)
{
    static uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];
    uint32_t length = 0;
    const char *why;
    do {
        if (!read_all(peer, frame, VOW_FRAME_HEADER_BYTES))
            return false;
        cr_assert_geq(vow_frame_peek(frame, VOW_FRAME_HEADER_BYTES, VOW_FRAME_MAX_DEFAULT, &length), 0);
        if (!read_all(peer, frame + VOW_FRAME_HEADER_BYTES, length))
            return false;
        cr_assert_eq(vow_msg_decode(peer->arena, frame + VOW_FRAME_HEADER_BYTES, length, &peer->msg, &why), 0, "%s",
                     why);
    } while (peer->msg.kind == VOW_MSG_PING);
    return true;
}

void peer_expect(struct peer *peer, enum vow_msg_kind kind)
{
    cr_assert(peer_receive(peer), "closed where %s should come", vow_msg_name(kind));
    cr_assert_eq(peer->msg.kind, kind, "%s came where %s should", vow_msg_name(peer->msg.kind), vow_msg_name(kind));
}

void peer_expect_closed(struct peer *peer)
{
    cr_assert_not(peer_receive(peer), "%s came where the connection should end", vow_msg_name(peer->msg.kind));
}

struct vow_gtrid peer_take_id(struct peer *peer)
{
    struct vow_msg request = {.kind = VOW_MSG_IDS_REQUEST, .ids_request.count = 1};
    peer_send(peer, &request);
    peer_expect(peer, VOW_MSG_IDS);
    const struct vow_msg_ids *ids = &peer->msg.ids;
    return vow_gtrid_make(peer->coord, ids->epoch, ids->first_seq, 0, ids->rand[0]);
}

void peer_ask(struct peer *peer, const struct vow_gtrid *id)
{
    struct vow_msg ask = {.kind = VOW_MSG_STATUS_REQUEST};
    ask.status_request = (struct vow_msg_status_request){.gtrid = *id, .participant = ""};
    peer_send(peer, &ask);
}

void peer_commit(struct peer *peer, const struct vow_gtrid *id)
{
    static const struct vow_msg_call calls[] = {{.participant = "s0", .handler = "add"},
                                                {.participant = "s1", .handler = "add"}};
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST};
    commit.commit_request = (struct vow_msg_commit_request){.gtrid = *id, .calls_len = 2, .calls = calls};
    peer_send(peer, &commit);
}

void peer_expect_outcome(struct peer *peer, const struct vow_gtrid *id, enum vow_outcome outcome)
{
    peer_expect(peer, VOW_MSG_OUTCOME);
    const struct vow_msg_outcome *heard = &peer->msg.outcome;
    cr_assert(vow_gtrid_equal(&heard->gtrid, id), "an answer about another id");
    cr_assert_eq(heard->outcome, outcome, "%s (error %s)", vow_outcome_name((int)heard->outcome),
                 vow_error_name(heard->error));
}

void peer_expect_error(struct peer *peer, const struct vow_gtrid *id, int error)
{
    peer_expect_outcome(peer, id, VOW_UNKNOWN);
    cr_assert_eq(peer->msg.outcome.error, error, "error %s", vow_error_name(peer->msg.outcome.error));
}
