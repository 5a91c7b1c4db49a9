#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/codec_arena.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "sample.h"
#include "vow.pb-c.h"
#include "wire.h"

static uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];

/* Encodes to `frame` and returns the length of the body, which begins at `body`. */
static uint8_t *const body = frame + VOW_FRAME_HEADER_BYTES;
static size_t encode(const struct vow_msg *msg)
{
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    cr_assert_geq(len, VOW_FRAME_HEADER_BYTES);
    return len - VOW_FRAME_HEADER_BYTES;
}

/* Decodes from memory of exactly len bytes, which is gone before the message is looked at. */
static int decode(struct vow_arena *arena, const uint8_t *data, size_t len, struct vow_msg *msg)
{
    uint8_t *exact = malloc(len + (len == 0));
    memcpy(exact, data, len);
    const char *why = NULL;
    const int error = vow_msg_decode(arena, exact, len, msg, &why);
    free(exact);
    cr_assert(error == 0 || (why != NULL && why[0] != '\0'), "a refusal says why");
    return error;
}

static void expect_round_trip(struct vow_arena *arena, const struct vow_msg *msg)
{
    const size_t len = encode(msg);
    cr_expect_eq(len, vow_msg_encoded_size(msg));
    uint32_t length;
    cr_expect_eq(vow_frame_peek(frame, VOW_FRAME_HEADER_BYTES + len, VOW_FRAME_MAX_DEFAULT, &length), 1);
    cr_expect_eq(length, len);
    struct vow_msg read;
    memset(&read, 0xa5, sizeof(read));
    cr_assert_eq(decode(arena, body, len, &read), 0, "%s", vow_msg_name(msg->kind));
    sample_expect_same(msg, &read);
}

Test(codec, every_kind_comes_back)
{
    struct vow_arena *arena = vow_arena_new(0);
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg full = sample_full(sample_kinds[i]);
        expect_round_trip(arena, &full);
        const struct vow_msg bare = sample_bare(sample_kinds[i]);
        expect_round_trip(arena, &bare);
    }
    vow_arena_free(arena);
}

Test(codec, every_value_of_every_enum_comes_back)
{
    struct vow_arena *arena = vow_arena_new(0);
    for (unsigned value = 1; value <= 13; value++) {
        struct vow_msg msgs[] = {
            sample_full(VOW_MSG_VOTE),     sample_full(VOW_MSG_DECISION),         sample_full(VOW_MSG_ACK),
            sample_full(VOW_MSG_WAIT),     sample_full(VOW_MSG_ONE_PHASE_DONE),   sample_full(VOW_MSG_HELLO),
            sample_full(VOW_MSG_OUTCOME),  sample_full(VOW_MSG_ADMIN_REQUEST),    sample_full(VOW_MSG_PEER_ANSWER),
            sample_full(VOW_MSG_RESOLVE),  sample_full(VOW_MSG_HEURISTIC_REPORT), sample_full(VOW_MSG_SAGA_STATE),
            sample_full(VOW_MSG_STEP),     sample_full(VOW_MSG_STEP_DONE),        sample_full(VOW_MSG_SUBSCRIBE),
            sample_full(VOW_MSG_DELIVERED)};
        static const unsigned highest[] = {3, 2, 4, 4, 3, 4, 4, 17, 6, 2, 2, 7, 2, 5, 4, 3};
        msgs[0].vote.vote = (enum vow_vote)value;
        msgs[1].decision.verdict = (enum vow_verdict)value;
        msgs[2].ack.ack = (enum vow_ack)value;
        msgs[3].wait.reason = (enum vow_wait)value;
        msgs[4].one_phase_done.result = (enum vow_one_phase)value;
        msgs[5].hello.role = (enum vow_role)value;
        msgs[6].outcome.outcome = (enum vow_outcome)value;
        msgs[7].admin_request.command = (enum vow_admin_command)value;
        msgs[8].peer_answer.answer = (enum vow_peer_answer)value;
        msgs[9].resolve.verdict = (enum vow_verdict)value;
        msgs[10].heuristic_report.verdict = (enum vow_verdict)value;
        msgs[11].saga_state.state = (enum vow_saga_state)value;
        msgs[12].step.direction = (enum vow_step_direction)value;
        msgs[13].step_done.result = (enum vow_step_result)value;
        msgs[14].subscribe.from = (enum vow_event_from)value;
        msgs[15].delivered.result = (enum vow_event_result)value;
        for (size_t i = 0; i < sizeof(msgs) / sizeof(msgs[0]); i++) {
            struct vow_msg read;
            const int error = decode(arena, body, encode(&msgs[i]), &read);
            cr_expect_eq(error, value <= highest[i] ? 0 : VOW_E_MESSAGE, "%s %u", vow_msg_name(msgs[i].kind), value);
            if (error == 0)
                sample_expect_same(&msgs[i], &read);
        }
    }
    vow_arena_free(arena);
}

/* The largest message that the limits allow, in calls, peers and ids. */
Test(codec, full_lists_come_back)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg_call calls[VOW_CALLS_MAX];
    struct vow_msg_peer peers[VOW_CALLS_MAX];
    static uint8_t payload[900];
    for (size_t i = 0; i < VOW_CALLS_MAX; i++) {
        peers[i] = (struct vow_msg_peer){i % 2 == 0 ? "even" : "odd", "127.0.0.1:7421", i};
        calls[i] = (struct vow_msg_call){"stock", i % 2 == 0 ? "reserve" : "release", {payload, sizeof(payload) - i}};
    }
    struct vow_msg msg = sample_full(VOW_MSG_PREPARE);
    msg.prepare.peers_len = msg.prepare.calls_len = VOW_CALLS_MAX;
    msg.prepare.peers = peers;
    msg.prepare.calls = calls;
    expect_round_trip(arena, &msg);

    uint64_t rands[VOW_IDS_MAX];
    for (size_t i = 0; i < VOW_IDS_MAX; i++)
        rands[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    msg = sample_full(VOW_MSG_IDS);
    msg.ids.count = VOW_IDS_MAX;
    msg.ids.rand = rands;
    expect_round_trip(arena, &msg);
    vow_arena_free(arena);
}

Test(codec, payloads_and_lists_lie_in_the_arena)
{
    struct vow_arena *arena = vow_arena_new(0);
    const struct vow_msg msg = sample_full(VOW_MSG_PREPARE);
    struct vow_msg read;
    cr_assert_eq(decode(arena, body, encode(&msg), &read), 0);
    const void *const parts[] = {read.prepare.calls, read.prepare.peers, read.prepare.peers[0].name,
                                 read.prepare.calls[0].participant, read.prepare.calls[0].payload.data};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const uint8_t *part = parts[i];
        cr_expect(part >= arena->memory && part < arena->memory + arena->used, "part %zu", i);
    }
    vow_arena_free(arena);
}

Test(codec, one_arena_serves_many_messages)
{
    struct vow_arena *arena = vow_arena_new(4096);
    for (int round = 0; round < 1000; round++) {
        const struct vow_msg msg = sample_full(sample_kinds[(size_t)round % sample_kinds_len]);
        expect_round_trip(arena, &msg);
    }
    vow_arena_free(arena);
}

/* F163: the arena does not grow, whatever comes. */
Test(codec, F163_an_arena_too_small_is_no_memory)
{
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg msg = sample_full(sample_kinds[i]);
        const size_t len = encode(&msg);
        int error = VOW_E_NO_MEMORY;
        size_t size = 1;
        for (; error != 0 && size < 4096; size++) {
            struct vow_arena *arena = vow_arena_new(size);
            struct vow_msg read;
            error = decode(arena, body, len, &read);
            cr_assert(error == 0 || error == VOW_E_NO_MEMORY, "%d with %zu bytes", error, size);
            if (error == 0)
                sample_expect_same(&msg, &read);
            vow_arena_free(arena);
        }
        cr_expect_eq(error, 0);
        cr_expect_gt(size, 2, "the smallest arena was too small");
    }
}

Test(codec, arena_never_gives_more_than_it_has)
{
    for (size_t size = 1; size < 64; size++) {
        struct vow_arena *arena = vow_arena_new(size);
        size_t taken = 0;
        for (size_t want = 1; want < 20; want++) {
            uint8_t *memory = arena_take(arena, want);
            if (memory == NULL)
                continue;
            cr_expect_eq((uintptr_t)memory % 8, 0);
            memset(memory, 0, want); /* a sanitizer sees it if this is out of bounds */
            taken += want;
        }
        cr_expect_leq(taken, size);
        cr_expect_null(arena_take(arena, SIZE_MAX));
        vow_arena_free(arena);
    }
    cr_expect_null(vow_arena_new(SIZE_MAX));
    vow_arena_free(NULL);
}

Test(codec, encode_refuses_what_does_not_fit)
{
    const struct vow_msg msg = sample_full(VOW_MSG_PREPARE);
    const size_t len = encode(&msg);
    cr_expect_eq(vow_msg_encode(&msg, (uint32_t)len, frame, VOW_FRAME_HEADER_BYTES + len),
                 VOW_FRAME_HEADER_BYTES + len);
    cr_expect_eq(vow_msg_encode(&msg, (uint32_t)len - 1, frame, sizeof(frame)), 0, "over frame_max");
    for (size_t size = 0; size < VOW_FRAME_HEADER_BYTES + len; size++) {
        uint8_t *exact = malloc(size + (size == 0));
        cr_expect_eq(vow_msg_encode(&msg, VOW_FRAME_MAX_DEFAULT, exact, size), 0);
        free(exact);
    }
}

/* What a handler or SQLite says must not cost the connection. */
Test(codec, texts_are_cleaned_on_the_way_out)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg msg = sample_full(VOW_MSG_VOTE);
    char text[2 * VOW_TEXT_SIZE];
    memset(text, 'x', sizeof(text));
    text[0] = '\n';
    text[sizeof(text) - 1] = '\0';
    msg.vote.text = text;
    struct vow_msg read;
    cr_assert_eq(decode(arena, body, encode(&msg), &read), 0);
    cr_expect_eq(strlen(read.vote.text), VOW_TEXT_MAX);
    cr_expect_eq(read.vote.text[0], '?');
    vow_arena_free(arena);
}

Test(codec, absent_strings_may_be_NULL)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg msg = sample_full(VOW_MSG_OUTCOME);
    msg.outcome.participant = NULL;
    msg.outcome.text = NULL;
    struct vow_msg read;
    cr_assert_eq(decode(arena, body, encode(&msg), &read), 0);
    cr_expect_str_eq(read.outcome.participant, "");
    cr_expect_str_eq(read.outcome.text, "");
    vow_arena_free(arena);
}

/* A message that was accepted can be sent on and read again, and means the same. */
static void expect_sound(const struct vow_msg *msg)
{
    struct vow_arena *second = vow_arena_new(0);
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    cr_assert_gt(len, VOW_FRAME_HEADER_BYTES);
    struct vow_msg read;
    cr_assert_eq(decode(second, body, len - VOW_FRAME_HEADER_BYTES, &read), 0, "%s", vow_msg_name(msg->kind));
    sample_expect_same(msg, &read);
    vow_arena_free(second);
}

Test(codec, F162_every_truncation_is_refused_or_sound)
{
    struct vow_arena *arena = vow_arena_new(0);
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg msg = sample_full(sample_kinds[i]);
        uint8_t whole[1024];
        const size_t len = encode(&msg);
        cr_assert_leq(len, sizeof(whole));
        memcpy(whole, body, len);
        for (size_t cut = 0; cut < len; cut++) {
            struct vow_msg read;
            const int error = decode(arena, whole, cut, &read);
            /* The message or its checksum is cut, so nothing shorter is ever whole. But a greeting, and a refusal, may
             * be without a checksum. */
            const bool greets = msg.kind == VOW_MSG_HELLO || msg.kind == VOW_MSG_REJECT;
            const int wanted = greets && cut == len - WIRE_SEAL_BYTES ? 0 : VOW_E_MESSAGE;
            cr_expect_eq(error, wanted, "%s cut at %zu", vow_msg_name(msg.kind), cut);
        }
    }
    vow_arena_free(arena);
}

/* The same, with the outer length made right: now the cut is within the message. */
Test(codec, F162_every_truncation_within_is_refused_or_sound)
{
    struct vow_arena *arena = vow_arena_new(0);
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg msg = sample_full(sample_kinds[i]);
        uint8_t whole[1024];
        const size_t len = encode(&msg) - WIRE_SEAL_BYTES;
        memcpy(whole, body, len);
        const size_t tag = whole[0] < 0x80 ? 1 : 2;
        const size_t at = tag + (whole[tag] < 0x80 ? 1 : 2);
        for (size_t cut = 0; cut < len - at; cut++) {
            uint8_t made[1024] = {whole[0], whole[1]};
            size_t made_len = tag;
            if (cut >= 0x80)
                made[made_len++] = (uint8_t)(cut | 0x80);
            made[made_len++] = (uint8_t)(cut >= 0x80 ? cut >> 7 : cut);
            memcpy(made + made_len, whole + at, cut);
            struct vow_msg read;
            const int error = decode(arena, made, wire_seal_bytes(made, made_len + cut), &read);
            cr_assert(error == 0 || error == VOW_E_MESSAGE);
            if (error == 0)
                expect_sound(&read);
        }
    }
    vow_arena_free(arena);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(codec, F162_random_damage_is_refused_or_sound, .timeout = 60)
{
    struct vow_arena *arena = vow_arena_new(0);
    uint64_t random = 20;
    unsigned refused = 0;
    unsigned sound = 0;
    for (int round = 0; round < 20000; round++) {
        const struct vow_msg msg = sample_full(sample_kinds[(size_t)round % sample_kinds_len]);
        const size_t len = encode(&msg) - WIRE_SEAL_BYTES;
        uint8_t damaged[1024];
        memcpy(damaged, body, len);
        for (uint64_t flips = 1 + next_random(&random) % 3; flips > 0; flips--)
            damaged[next_random(&random) % len] ^= (uint8_t)(1u << next_random(&random) % 8);
        struct vow_msg read;
        const int error = decode(arena, damaged, wire_seal_bytes(damaged, len), &read);
        cr_assert(error == 0 || error == VOW_E_MESSAGE || error == VOW_E_NO_MEMORY);
        if (error == 0)
            expect_sound(&read);
        *(error == 0 ? &sound : &refused) += 1;
    }
    /* Both must have been tried, or this tested nothing. */
    cr_expect_gt(refused, 1000);
    cr_expect_gt(sound, 1000);
    vow_arena_free(arena);
}

/* No flipped bit is believed. In the tag of the checksum it makes a greeting look like one of an older version, which
 * is read; every other bit of it is as it was sent. */
Test(codec, F083_one_flipped_bit_is_seen)
{
    struct vow_arena *arena = vow_arena_new(0);
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg msg = sample_full(sample_kinds[i]);
        uint8_t damaged[1024];
        const size_t len = encode(&msg);
        memcpy(damaged, body, len);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            struct vow_msg read;
            damaged[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (decode(arena, damaged, len, &read) == 0) {
                cr_expect_eq(bit / 8, len - WIRE_SEAL_BYTES, "%s, bit %zu", vow_msg_name(msg.kind), bit);
                cr_expect(msg.kind == VOW_MSG_HELLO || msg.kind == VOW_MSG_REJECT);
                sample_expect_same(&msg, &read);
            }
            damaged[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    vow_arena_free(arena);
}

/* Few bits that are close together are what a bad cable or memory makes: a CRC sees each of them. */
Test(codec, F083_a_burst_of_flipped_bits_is_seen)
{
    struct vow_arena *arena = vow_arena_new(0);
    uint64_t random = 83;
    for (int round = 0; round < 20000; round++) {
        const struct vow_msg msg = sample_full(sample_kinds[(size_t)round % sample_kinds_len]);
        if (msg.kind == VOW_MSG_HELLO || msg.kind == VOW_MSG_REJECT)
            continue;
        uint8_t damaged[1024];
        const size_t len = encode(&msg);
        memcpy(damaged, body, len);
        const uint32_t burst = (uint32_t)next_random(&random) | 1u;
        const size_t at = next_random(&random) % (len - 3);
        for (size_t k = 0; k < 4; k++)
            damaged[at + k] ^= (uint8_t)(burst >> (8 * k));
        struct vow_msg read;
        cr_assert_neq(decode(arena, damaged, len, &read), 0, "%s at %zu", vow_msg_name(msg.kind), at);
    }
    vow_arena_free(arena);
}

static void expect_no_cycle(const ProtobufCMessageDescriptor *type, const ProtobufCMessageDescriptor *const *above,
                            unsigned depth)
{
    const ProtobufCMessageDescriptor *path[8];
    cr_assert_lt(depth, 4, "%s lies deeper than the decoder counts on", type->name);
    for (unsigned i = 0; i < depth; i++) {
        cr_assert_neq(above[i], type, "%s contains itself", type->name);
        path[i] = above[i];
    }
    path[depth] = type;
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            expect_no_cycle(type->fields[i].descriptor, path, depth + 1);
    }
}

/* A bomb of nested messages has nowhere to nest. */
Test(codec, F164_no_message_contains_itself)
{
    expect_no_cycle(&vow__envelope__descriptor, NULL, 0);
}

Test(codec, noise_is_refused_or_sound)
{
    struct vow_arena *arena = vow_arena_new(0);
    uint64_t random = 4;
    for (int round = 0; round < 20000; round++) {
        uint8_t noise[64 + WIRE_SEAL_BYTES];
        const size_t len = next_random(&random) % 64;
        for (size_t i = 0; i < len; i++)
            noise[i] = (uint8_t)(next_random(&random) >> 32);
        struct vow_msg read;
        if (decode(arena, noise, wire_seal_bytes(noise, len), &read) == 0)
            expect_sound(&read);
    }
    vow_arena_free(arena);
}
