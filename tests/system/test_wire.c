/*
 * Peers that break the rules of the wire, against a real vowd that serves two honest services and a client. Each is
 * dropped, with one line in vowd's log, and nothing else is disturbed.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../unit/proto/wire.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "world.h"

TestSuite(wire, .timeout = 60);

#define FRAME_MAX ((size_t)VOW_FRAME_MAX_DEFAULT)

/* ---- frames ---- */

static void send_length(struct world *world, struct peer *peer, uint32_t length)
{
    char why[64];
    snprintf(why, sizeof(why), "a frame of %lu bytes", (unsigned long)length);
    peer_send_frame(peer, length, "", 0);
    world_expect_dropped(world, peer, why);
}

Test(wire, F160_F161_lengths_that_are_refused)
{
    static struct world world;
    world_start(&world, NULL);
    send_length(&world, world_stranger(&world), 0);
    send_length(&world, world_stranger(&world), VOW_FRAME_MAX_LOWEST + 1);
    send_length(&world, world_stranger(&world), UINT32_MAX);
    send_length(&world, world_guest(&world, VOW_ROLE_CLIENT), 0);
    send_length(&world, world_guest(&world, VOW_ROLE_CLIENT), FRAME_MAX + 1);
    send_length(&world, world_guest(&world, VOW_ROLE_PARTICIPANT), UINT32_MAX);
    world_end(&world);
}

/* STATUS_REQUEST for an id, into which unknown fields are put: protobuf lets them stand anywhere. */
static void put_question(struct wire *envelope, const struct vow_gtrid *id)
{
    static struct wire request;
    request.len = 0;
    wire_bytes(&request, 1, id->bytes, sizeof(id->bytes));
    wire_nested(envelope, 15, &request);
}

/* A frame of exactly the cap: a question, filled up with one unknown field. */
Test(wire, F161_a_frame_of_the_cap_is_taken)
{
    static struct world world;
    static struct wire envelope;
    static uint8_t filling[FRAME_MAX];
    world_start(&world, NULL);
    struct peer *peer = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(peer);
    put_question(&envelope, &id);
    const size_t overhead = 2 + 3; /* tag 100 and the length of the filling */
    wire_bytes(&envelope, 100, filling, FRAME_MAX - envelope.len - overhead - WIRE_SEAL_BYTES);
    wire_seal(&envelope);
    cr_assert_eq(envelope.len, FRAME_MAX);
    peer_send_frame(peer, FRAME_MAX, envelope.data, envelope.len);
    peer_expect_outcome(peer, &id, VOW_ABORTED);
    world_end(&world);
}

Test(wire, F085_a_frame_that_is_cut_off)
{
    static struct world world;
    world_start(&world, NULL);
    for (int role = 0; role <= VOW_ROLE_CLIENT; role++) {
        struct peer *peer = role == 0 ? world_stranger(&world) : world_guest(&world, VOW_ROLE_CLIENT);
        peer_send_frame(peer, 100, "abc", 3);
        shutdown(peer->fd, SHUT_WR);
        peer_expect_closed(peer);
        world_expect_line(&world, peer, "inside a frame");
        world_expect_alive(&world);
    }
    world_end(&world);
}

/* ---- bodies ---- */

static void send_body(struct world *world, enum vow_role role, const struct wire *body, const char *why)
{
    struct peer *peer = world_guest(world, role);
    peer_send_frame(peer, (uint32_t)body->len, body->data, body->len);
    world_expect_dropped(world, peer, why);
}

/* A bit that was flipped on the way, in a request that would be good with it, too. */
Test(wire, F083_a_flipped_bit_closes_the_connection)
{
    static struct world world;
    static struct wire body;
    world_start(&world, NULL);
    struct peer *peer = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(peer);
    put_question(&body, &id);
    wire_seal(&body);
    body.data[body.len - WIRE_SEAL_BYTES - 1] ^= 1; /* of the id's last byte */
    peer_send_frame(peer, (uint32_t)body.len, body.data, body.len);
    world_expect_dropped(&world, peer, "the checksum differs");
    body.len -= WIRE_SEAL_BYTES;
    send_body(&world, VOW_ROLE_CLIENT, &body, "without a checksum");
    world_end(&world);
}

static void put_garbage(struct wire *body, size_t len)
{
    uint32_t x = 1;
    for (body->len = 0; body->len < len;) {
        x = x * 1664525 + 1013904223;
        wire_byte(body, x >> 24);
    }
}

Test(wire, F162_garbage)
{
    static struct world world;
    static struct wire body;
    world_start(&world, NULL);
    static const size_t sizes[] = {1, 7, 100, 60000};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_garbage(&body, sizes[i]);
        send_body(&world, VOW_ROLE_CLIENT, &body, "error=VOW_E_MESSAGE");
    }
    struct peer *peer = world_stranger(&world);
    peer_send_frame(peer, 4, "\xff\xff\xff\xff", 4);
    world_expect_dropped(&world, peer, "error=VOW_E_MESSAGE");
    world_end(&world);
}

Test(wire, F162_fields_of_the_wrong_form)
{
    static struct world world;
    static struct wire body, part;
    world_start(&world, NULL);

    wire_number(&body, 15, 1); /* a number where a message belongs */
    send_body(&world, VOW_ROLE_CLIENT, &body, "wrong wire type");

    body.len = 0;
    wire_tag(&body, 15, WIRE_GROUP);
    send_body(&world, VOW_ROLE_CLIENT, &body, "wire type");

    body.len = part.len = 0;
    wire_bytes(&part, 1, "short", 5); /* an id of 5 bytes */
    wire_nested(&body, 15, &part);
    send_body(&world, VOW_ROLE_CLIENT, &body, "not 26 bytes");

    body.len = part.len = 0;
    wire_number(&part, 1, 99); /* no admin command */
    wire_nested(&body, 40, &part);
    send_body(&world, VOW_ROLE_ADMIN, &body, "command");

    body.len = part.len = 0;
    wire_nested(&body, 11, &part); /* two members of the oneof */
    wire_nested(&body, 10, &part);
    send_body(&world, VOW_ROLE_CLIENT, &body, "came twice");
    world_end(&world);
}

static void put_unknown_fields(struct wire *body, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        wire_number(body, 1000 + i, i);
}

Test(wire, F163_a_few_unknown_fields_pass_and_many_do_not)
{
    static struct world world;
    static struct wire body;
    world_start(&world, NULL);
    struct peer *peer = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(peer);
    put_question(&body, &id);
    put_unknown_fields(&body, VOW_UNKNOWN_FIELDS_MAX);
    wire_seal(&body);
    peer_send_frame(peer, (uint32_t)body.len, body.data, body.len);
    peer_expect_outcome(peer, &id, VOW_ABORTED);

    put_unknown_fields(&body, 1);
    peer_send_frame(peer, (uint32_t)body.len, body.data, body.len);
    world_expect_dropped(&world, peer, "too many unknown fields");

    body.len = 0;
    put_unknown_fields(&body, 10000);
    send_body(&world, VOW_ROLE_PARTICIPANT, &body, "too many unknown fields");
    world_end(&world);
}

/* ---- the handshake ---- */

static struct vow_msg make_hello(enum vow_role role, uint32_t version)
{
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};
    msg.hello = (struct vow_msg_hello){
        .version_min = version, .version_max = version, .role = role, .name = "rogue", .software = "test"};
    return msg;
}

static void expect_rejected(struct world *world, enum vow_role role, uint32_t version, int error)
{
    struct peer *peer = world_stranger(world);
    struct vow_msg hello = make_hello(role, version);
    peer_send(peer, &hello);
    peer_expect(peer, VOW_MSG_REJECT);
    cr_expect_eq(peer->msg.reject.error, error, "%s", vow_error_name(peer->msg.reject.error));
    world_expect_dropped(world, peer, vow_error_name(error));
}

Test(wire, F180_a_hello_that_is_rejected)
{
    static struct world world;
    world_start(&world, NULL);
    expect_rejected(&world, VOW_ROLE_CLIENT, VOW_WIRE_VERSION + 1, VOW_E_VERSION);
    expect_rejected(&world, VOW_ROLE_PARTICIPANT, VOW_WIRE_VERSION + 1, VOW_E_VERSION);
    /* An older one would take a heuristic's acknowledgement for none, and would not read who its peers are. */
    expect_rejected(&world, VOW_ROLE_PARTICIPANT, VOW_WIRE_VERSION - 1, VOW_E_VERSION);
    expect_rejected(&world, VOW_ROLE_ADMIN, VOW_WIRE_VERSION - 1, VOW_E_VERSION);
    expect_rejected(&world, VOW_ROLE_COORDINATOR, VOW_WIRE_VERSION, VOW_E_HANDSHAKE);
    world_end(&world);
}

/* A node that has seen a later life of this coordinator is not served by an older one. */
Test(wire, F021_a_newer_epoch_is_known)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *honest = world_guest(&world, VOW_ROLE_CLIENT), *peer = world_stranger(&world);
    struct vow_msg hello = make_hello(VOW_ROLE_PARTICIPANT, VOW_WIRE_VERSION);
    hello.hello.coord = honest->coord;
    hello.hello.epoch = honest->epoch + 1;
    peer_send(peer, &hello);
    peer_expect(peer, VOW_MSG_REJECT);
    cr_expect_eq(peer->msg.reject.error, VOW_E_FENCED);
    world_expect_dropped(&world, peer, "VOW_E_FENCED");
    world_end(&world);
}

Test(wire, the_handshake_out_of_order)
{
    static struct world world;
    world_start(&world, NULL);
    struct vow_msg hello = make_hello(VOW_ROLE_CLIENT, VOW_WIRE_VERSION);
    struct vow_msg early = {.kind = VOW_MSG_IDS_REQUEST, .ids_request.count = 1};

    struct peer *peer = world_stranger(&world);
    peer_send(peer, &early);
    world_expect_dropped(&world, peer, "IDS_REQUEST came where HELLO must come first");

    peer = world_guest(&world, VOW_ROLE_CLIENT);
    peer_send(peer, &hello);
    world_expect_dropped(&world, peer, "HELLO after the handshake");

    hello.hello.role = VOW_ROLE_PARTICIPANT;
    peer = world_guest(&world, VOW_ROLE_PARTICIPANT);
    peer_send(peer, &hello);
    world_expect_dropped(&world, peer, "HELLO after the handshake");
    world_end(&world);
}

/* vowd's own deadline ends it; the test only waits for that. */
Test(wire, F166_silence_instead_of_hello)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *silent = world_stranger(&world), *slow = world_stranger(&world);
    peer_send_bytes(slow, "\0\0", 2);
    world_expect_dropped(&world, silent, "no HELLO in");
    world_expect_dropped(&world, slow, "no HELLO in");
    world_end(&world);
}

/* ---- how bytes come ---- */

static size_t put_frame(uint8_t *bytes, const struct vow_msg *msg)
{
    size_t len = vow_msg_encode(msg, FRAME_MAX, bytes, FRAME_MAX);
    cr_assert_gt(len, 0);
    return len;
}

/* HELLO, a question, PING and another question, as one run of bytes. */
static size_t put_talk(uint8_t *bytes, const struct vow_gtrid *id)
{
    struct vow_msg hello = make_hello(VOW_ROLE_CLIENT, VOW_WIRE_VERSION);
    struct vow_msg ping = {.kind = VOW_MSG_PING, .ping.nonce = 7};
    struct vow_msg ask = {.kind = VOW_MSG_STATUS_REQUEST};
    ask.status_request = (struct vow_msg_status_request){.gtrid = *id, .participant = ""};
    size_t len = put_frame(bytes, &hello);
    len += put_frame(bytes + len, &ask);
    len += put_frame(bytes + len, &ping);
    return len + put_frame(bytes + len, &ask);
}

static void expect_talk(struct peer *peer, const struct vow_gtrid *id)
{
    peer_expect(peer, VOW_MSG_WELCOME);
    peer_expect_outcome(peer, id, VOW_ABORTED);
    peer_expect(peer, VOW_MSG_PONG);
    cr_expect_eq(peer->msg.pong.nonce, 7);
    peer_expect_outcome(peer, id, VOW_ABORTED);
}

Test(wire, F087_bytes_one_by_one_and_all_at_once)
{
    static struct world world;
    static uint8_t bytes[4 * FRAME_MAX];
    world_start(&world, NULL);
    struct vow_gtrid id = peer_take_id(world_guest(&world, VOW_ROLE_CLIENT));
    size_t len = put_talk(bytes, &id);

    struct peer *sliced = world_stranger(&world);
    setsockopt(sliced->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    for (size_t i = 0; i < len; i++)
        peer_send_bytes(sliced, &bytes[i], 1);
    expect_talk(sliced, &id);

    struct peer *whole = world_stranger(&world);
    peer_send_bytes(whole, bytes, len);
    expect_talk(whole, &id);
    world_end(&world);
}

/* A peer that asks and asks and reads nothing: only it is dropped, and it is one line that says so. */
Test(wire, F069_F148_F167_a_peer_that_does_not_read)
{
    static struct world world;
    static uint8_t requests[4 * FRAME_MAX];
    world_start(&world, NULL);
    struct peer *peer = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_msg request = {.kind = VOW_MSG_IDS_REQUEST, .ids_request.count = VOW_IDS_MAX};
    uint8_t one[64];
    size_t len = 0, one_len = vow_msg_encode(&request, FRAME_MAX, one, sizeof(one));
    for (; len + one_len <= sizeof(requests); len += one_len)
        memcpy(&requests[len], one, one_len);
    peer_send_bytes(peer, requests, len); /* the answers are far more than the socket's buffers hold */
    world_wait_for_line(&world, peer, "VOW_E_SLOW_READER");
    world.warnings++;
    world_expect_alive(&world);
    world_expect_line(&world, peer, "VOW_E_SLOW_READER");
    world_end(&world);
}
