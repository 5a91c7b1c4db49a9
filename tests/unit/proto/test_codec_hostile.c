/* Well-framed messages that an honest peer never sends: each must be refused, and for its own reason. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/error.h"
#include "wire.h"

static struct wire envelope; /* what is sent */
static struct wire message;  /* the message within */

static void start(void)
{
    envelope.len = 0;
    message.len = 0;
}

static int decode(struct vow_msg *msg, const char **why)
{
    struct vow_arena *arena = vow_arena_new(0);
    const int error = vow_msg_decode(arena, envelope.data, envelope.len, msg, why);
    vow_arena_free(arena); /* nothing but msg's own fields is looked at below */
    return error;
}

/* Sends the message as one of the given kind. wanted: why it must be refused, NULL = it must not. */
static void expect(enum vow_msg_kind kind, const char *wanted)
{
    envelope.len = 0;
    wire_nested(&envelope, kind, &message);
    wire_seal(&envelope);
    struct vow_msg msg;
    const char *why = NULL;
    const int error = decode(&msg, &why);
    cr_expect_eq(error, wanted == NULL ? 0 : VOW_E_MESSAGE, "%s", why == NULL ? "accepted" : why);
    if (wanted != NULL && why != NULL)
        cr_expect_str_eq(why, wanted);
}

static void expect_raw(const char *wanted)
{
    struct vow_msg msg;
    const char *why = NULL;
    cr_expect_eq(decode(&msg, &why), VOW_E_MESSAGE);
    cr_expect_str_eq(why == NULL ? "accepted" : why, wanted);
}

static const uint8_t id[27] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

/* Starts a message that begins with a header. */
static void start_with_header(void)
{
    start();
    static struct wire header;
    header.len = 0;
    wire_bytes(&header, 1, id, VOW_GTRID_BYTES);
    wire_number(&header, 2, 1);
    wire_nested(&message, 1, &header);
}

static void start_vote(void)
{
    start_with_header();
    wire_number(&message, 2, VOW_VOTE_NO);
}

Test(codec_hostile, the_hand_written_vote_is_good)
{
    start_vote();
    expect(VOW_MSG_VOTE, NULL);
}

/* --- The envelope --- */

Test(codec_hostile, empty_or_unknown_envelope)
{
    start();
    expect_raw("no message of a known kind");
    wire_number(&envelope, 99, 1);
    expect_raw("no message of a known kind");
}

Test(codec_hostile, two_messages_in_one_envelope)
{
    start_vote();
    wire_nested(&envelope, VOW_MSG_VOTE, &message);
    wire_nested(&envelope, VOW_MSG_VOTE, &message);
    expect_raw("a field that came twice");
    envelope.len = 0;
    wire_nested(&envelope, VOW_MSG_VOTE, &message);
    wire_bytes(&envelope, VOW_MSG_PING, NULL, 0);
    expect_raw("a field that came twice");
}

Test(codec_hostile, message_that_is_no_message)
{
    start();
    wire_number(&envelope, VOW_MSG_VOTE, 1);
    expect_raw("a field of the wrong wire type");
}

/* --- Bytes that are not protobuf, or hardly (F162, B61) --- */

Test(codec_hostile, B61_tags)
{
    start();
    wire_byte(&envelope, 0x02); /* field 0 */
    wire_byte(&envelope, 0x00);
    expect_raw("a field number that is not allowed");
    start();
    for (int i = 0; i < 5; i++)
        wire_byte(&envelope, 0xff); /* a tag over 32 bits */
    wire_byte(&envelope, 0x01);
    expect_raw("a number that does not end");
    start();
    for (int i = 0; i < 4; i++)
        wire_byte(&envelope, 0xff);
    wire_byte(&envelope, 0x7f); /* a field number over 29 bits */
    expect_raw("a field number that is not allowed");
    for (size_t len = 1; len < 5; len++) {
        start();
        for (size_t i = 0; i < len; i++)
            wire_byte(&envelope, 0x80);
        expect_raw("a number that does not end");
    }
}

Test(codec_hostile, B61_varints)
{
    start_vote();
    wire_tag(&message, 3, WIRE_VARINT);
    for (int i = 0; i < 10; i++)
        wire_byte(&message, 0x80);
    wire_byte(&message, 0x00); /* eleven bytes */
    expect(VOW_MSG_VOTE, "a number that does not end");
    start_vote();
    wire_tag(&message, 3, WIRE_VARINT);
    for (int i = 0; i < 9; i++)
        wire_byte(&message, 0xff);
    wire_byte(&message, 0x02); /* bit 64 */
    expect(VOW_MSG_VOTE, "a number over 64 bits");
    start_vote();
    wire_tag(&message, 3, WIRE_VARINT);
    expect(VOW_MSG_VOTE, "a number that does not end");
}

Test(codec_hostile, B61_lengths)
{
    start_vote();
    wire_tag(&message, 4, WIRE_LEN);
    wire_varint(&message, UINT32_MAX);
    expect(VOW_MSG_VOTE, "a field that is cut off");
    start_vote();
    wire_tag(&message, 4, WIRE_LEN);
    wire_varint(&message, UINT64_MAX);
    expect(VOW_MSG_VOTE, "a number that does not end");
    start_vote();
    wire_tag(&message, 4, WIRE_LEN);
    wire_varint(&message, 1);
    expect(VOW_MSG_VOTE, "a field that is cut off");
    for (unsigned type = WIRE_64; type <= WIRE_32; type += WIRE_32 - WIRE_64) {
        start_vote();
        wire_tag(&message, 50, type);
        wire_byte(&message, 0);
        expect(VOW_MSG_VOTE, "a field that is cut off");
    }
}

Test(codec_hostile, wire_types_that_are_not_allowed)
{
    static const unsigned types[] = {WIRE_GROUP, WIRE_END_GROUP, 6, 7};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        start_vote();
        wire_tag(&message, 50, types[i]);
        expect(VOW_MSG_VOTE, "a wire type that is not allowed");
    }
}

Test(codec_hostile, F162_wrong_wire_type_for_every_field_of_a_vote)
{
    static const unsigned right[] = {WIRE_LEN, WIRE_VARINT, WIRE_VARINT, WIRE_LEN};
    static const unsigned types[] = {WIRE_VARINT, WIRE_64, WIRE_LEN, WIRE_32};
    for (uint32_t field = 1; field <= 4; field++) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (types[i] == right[field - 1])
                continue;
            start();
            wire_tag(&message, field, types[i]);
            for (int zeros = 0; zeros < (types[i] == WIRE_64 ? 8 : types[i] == WIRE_32 ? 4 : 1); zeros++)
                wire_byte(&message, 0);
            expect(VOW_MSG_VOTE, "a field of the wrong wire type");
        }
    }
    start();
    wire_number(&message, 1, 1);
    expect(VOW_MSG_PING, "a field of the wrong wire type");
}

Test(codec_hostile, F162_repeated_singular_fields)
{
    start_vote();
    wire_number(&message, 2, VOW_VOTE_YES);
    expect(VOW_MSG_VOTE, "a field that came twice");
    start_vote();
    wire_bytes(&message, 1, NULL, 0); /* protobuf-c would merge the two headers */
    expect(VOW_MSG_VOTE, "a field that came twice");
    start();
    wire_bytes(&message, 1, id, VOW_GTRID_BYTES);
    wire_bytes(&message, 1, id, VOW_GTRID_BYTES);
    expect(VOW_MSG_BEGIN, "a field that came twice");
}

Test(codec_hostile, F162_numbers_wider_than_their_field)
{
    start_with_header();
    wire_number(&message, 2, (UINT64_C(1) << 32) + VOW_VOTE_YES); /* protobuf-c would read YES */
    expect(VOW_MSG_VOTE, "a number out of the range of its field");
    start();
    wire_number(&message, 3, 2);
    expect(VOW_MSG_ADMIN_REPLY, "a number out of the range of its field");
}

/* --- Unknown fields (F163) --- */

Test(codec_hostile, F163_few_unknown_fields_pass_and_many_do_not)
{
    for (unsigned count = 0; count <= VOW_UNKNOWN_FIELDS_MAX + 1; count++) {
        start_vote();
        for (unsigned i = 0; i < count; i++)
            wire_number(&message, 50 + i, i);
        expect(VOW_MSG_VOTE, count <= VOW_UNKNOWN_FIELDS_MAX ? NULL : "too many unknown fields");
    }
}

Test(codec_hostile, F163_unknown_fields_are_counted_over_all_levels)
{
    start_vote();
    for (unsigned i = 0; i < VOW_UNKNOWN_FIELDS_MAX; i++)
        wire_text(&message, 50, "x");
    expect(VOW_MSG_VOTE, NULL);
    wire_number(&envelope, 99, 1);
    expect_raw("too many unknown fields");
}

Test(codec_hostile, F163_element_bomb_is_refused_before_memory_is_taken)
{
    start_with_header();
    for (unsigned i = 0; i < 1000; i++)
        wire_bytes(&message, 5, NULL, 0);
    expect(VOW_MSG_PREPARE, "too many elements");
    start();
    for (unsigned i = 0; i < 1000; i++)
        wire_bytes(&message, 3, NULL, 0); /* packed, and empty */
    expect(VOW_MSG_IDS, "too many elements");
}

/* --- Ids --- */

Test(codec_hostile, ids_are_26_bytes_and_not_none)
{
    static const uint8_t zeros[VOW_GTRID_BYTES];
    for (size_t len = 1; len <= sizeof(id); len++) {
        start();
        wire_bytes(&message, 1, id, len);
        expect(VOW_MSG_BEGIN, len == VOW_GTRID_BYTES ? NULL : "a transaction id that is not 26 bytes");
    }
    start();
    expect(VOW_MSG_BEGIN, "no transaction id");
    wire_bytes(&message, 1, zeros, sizeof(zeros));
    expect(VOW_MSG_BEGIN, "no transaction id");
    start();
    expect(VOW_MSG_VOTE, "no header");
    wire_bytes(&message, 1, NULL, 0);
    expect(VOW_MSG_VOTE, "no transaction id");
}

Test(codec_hostile, every_message_about_a_branch_needs_its_header)
{
    for (enum vow_msg_kind kind = VOW_MSG_ENLIST; kind <= VOW_MSG_HEURISTIC_REPORT; kind++) {
        start();
        expect(kind, "no header");
    }
}

Test(codec_hostile, other_ids_have_their_length_and_range)
{
    start();
    wire_number(&message, 3, VOW_ROLE_PARTICIPANT);
    wire_text(&message, 4, "stock");
    wire_bytes(&message, 6, id, VOW_DB_UUID_BYTES - 1);
    expect(VOW_MSG_HELLO, "a database id that is not 16 bytes");
    start();
    wire_number(&message, 3, VOW_ROLE_PARTICIPANT);
    wire_text(&message, 4, "stock");
    wire_number(&message, 7, VOW_COORD_MAX + 1);
    expect(VOW_MSG_HELLO, "a coordinator id over 48 bits");
    start();
    wire_number(&message, 2, VOW_COORD_MAX + 1);
    wire_text(&message, 4, "vowd");
    expect(VOW_MSG_WELCOME, "a coordinator id over 48 bits");
    start();
    wire_number(&message, 2, VOW_SEQ_MAX);
    expect(VOW_MSG_IDS, "a sequence number over 56 bits");
}

/* The participant's store makes an id of a watermark: one beyond all ids would end its process. */
Test(codec_hostile, watermarks_have_their_range)
{
    static const enum vow_msg_kind kinds[] = {VOW_MSG_PREPARE, VOW_MSG_COMMIT_ONE_PHASE, VOW_MSG_DECISION};
    static struct wire lowest_bad;
    lowest_bad.len = 0;
    wire_number(&lowest_bad, 2, VOW_SEQ_MAX + 1);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        start_with_header();
        wire_nested(&message, 2, &lowest_bad);
        wire_number(&message, 3, VOW_COMMIT);
        expect(kinds[i], "a watermark over 56 bits");
    }
    start();
    wire_text(&message, 4, "vowd");
    wire_nested(&message, 5, &lowest_bad);
    expect(VOW_MSG_WELCOME, "a watermark over 56 bits");
}

/* --- Counts --- */

Test(codec_hostile, calls_peers_and_ids_are_limited)
{
    static struct wire call, peer;
    call.len = peer.len = 0;
    wire_text(&peer, 1, "stock");
    wire_text(&call, 1, "stock");
    wire_text(&call, 2, "reserve");
    start_with_header();
    for (unsigned i = 0; i < VOW_CALLS_MAX; i++) {
        wire_nested(&message, 5, &call);
        wire_nested(&message, 6, &peer);
    }
    expect(VOW_MSG_PREPARE, NULL);
    wire_nested(&message, 5, &call);
    expect(VOW_MSG_PREPARE, "too many calls");
    wire_nested(&message, 6, &peer);
    expect(VOW_MSG_PREPARE, "too many peers");
    start();
    wire_number(&message, 1, VOW_IDS_MAX + 1);
    expect(VOW_MSG_IDS_REQUEST, "too many ids");
}

Test(codec_hostile, ids_packed_and_not)
{
    static const uint8_t rands[8 * (VOW_IDS_MAX + 1)];
    start();
    wire_number(&message, 2, 1);
    wire_bytes(&message, 3, rands, sizeof(rands) - 8);
    expect(VOW_MSG_IDS, NULL);
    start();
    wire_bytes(&message, 3, rands, 8);
    expect(VOW_MSG_IDS, "ids from sequence number 0");
    start();
    wire_bytes(&message, 3, rands, sizeof(rands));
    expect(VOW_MSG_IDS, "too many elements");
    start();
    wire_bytes(&message, 3, rands, 15);
    expect(VOW_MSG_IDS, "a packed field that is cut off");
    start();
    wire_number(&message, 2, 1);
    wire_tag(&message, 3, WIRE_64);
    for (int i = 0; i < 8; i++)
        wire_byte(&message, 7);
    expect(VOW_MSG_IDS, NULL);
    start();
    wire_number(&message, 3, 7);
    expect(VOW_MSG_IDS, "a field of the wrong wire type");
}

/* --- Enums, errors --- */

static void expect_number(enum vow_msg_kind kind, uint32_t field, uint64_t value, const char *wanted)
{
    start_with_header();
    wire_number(&message, field, value);
    expect(kind, wanted);
}

Test(codec_hostile, F162_enums_of_the_commit_protocol)
{
    static const struct {
        enum vow_msg_kind kind;
        unsigned highest;
        const char *why;
    } enums[] = {
        {VOW_MSG_VOTE, VOW_VOTE_NO, "a vote that is none"},
        {VOW_MSG_ACK, VOW_ACK_HEURISTIC_MISMATCH, "an acknowledgement that is none"},
        {VOW_MSG_ONE_PHASE_DONE, VOW_ONE_PHASE_NO_RECORD, "a result that is none"},
        {VOW_MSG_WAIT, VOW_WAIT_EXPIRED, "a reason to wait that is none"},
        {VOW_MSG_PEER_ANSWER, VOW_PEER_HEURISTIC_ABORTED, "an answer that is none"},
        {VOW_MSG_RESOLVE, VOW_ABORT, "a decision that is none"},
        {VOW_MSG_HEURISTIC_REPORT, VOW_ABORT, "a decision that is none"},
    };
    for (size_t i = 0; i < sizeof(enums) / sizeof(enums[0]); i++) {
        for (unsigned value = 0; value <= enums[i].highest + 1; value++)
            expect_number(enums[i].kind, 2, value, value >= 1 && value <= enums[i].highest ? NULL : enums[i].why);
        expect_number(enums[i].kind, 2, UINT32_MAX, enums[i].why);
    }
    expect_number(VOW_MSG_DECISION, 3, 0, "a decision that is none");
    expect_number(VOW_MSG_DECISION, 3, VOW_COMMIT, NULL);
    expect_number(VOW_MSG_DECISION, 3, VOW_ABORT + 1, "a decision that is none");
}

Test(codec_hostile, F162_other_enums)
{
    start();
    wire_text(&message, 4, "c");
    expect(VOW_MSG_HELLO, "a role that is none");
    wire_number(&message, 3, VOW_ROLE_COORDINATOR + 1);
    expect(VOW_MSG_HELLO, "a role that is none");
    start();
    expect(VOW_MSG_OUTCOME, "an outcome that is none");
    wire_number(&message, 2, VOW_PENDING + 1);
    expect(VOW_MSG_OUTCOME, "an outcome that is none");
    start();
    expect(VOW_MSG_ADMIN_REQUEST, "a command that is none");
    wire_number(&message, 1, VOW_ADMIN_GROUP_SEEK + 1);
    expect(VOW_MSG_ADMIN_REQUEST, "a command that is none");
    /* No verdict may be in force, but there is no third one. */
    expect_number(VOW_MSG_RESOLVED, 3, 0, NULL);
    expect_number(VOW_MSG_RESOLVED, 3, VOW_ABORT, NULL);
    expect_number(VOW_MSG_RESOLVED, 3, VOW_ABORT + 1, "a decision that is none");
    expect_number(VOW_MSG_RESOLVED, 2, 2, "an error code that is none");
}

Test(codec_hostile, causes_and_errors)
{
    start_vote();
    wire_number(&message, 3, VOW_CAUSE_PRESUMED);
    expect(VOW_MSG_VOTE, NULL);
    static const uint64_t causes[] = {VOW_CAUSE_PEER_IN_DOUBT + 1, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        start_vote();
        wire_number(&message, 3, causes[i]);
        expect(VOW_MSG_VOTE, "a cause that is none");
    }
    /* Zigzag: 2n - 1 is -n, 2n is n. */
    expect_number(VOW_MSG_ENLISTED, 2, 2 * 999 - 1, NULL);
    expect_number(VOW_MSG_ENLISTED, 2, 2, "an error code that is none");
    expect_number(VOW_MSG_ENLISTED, 2, UINT32_MAX, "an error code that is none");
}

/* --- Names and texts --- */

Test(codec_hostile, names)
{
    static const char *const bad[] = {"", "a b", "a/b", "gr\xc3\xb6sse",
                                      "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        start();
        wire_number(&message, 3, VOW_ROLE_CLIENT);
        wire_text(&message, 4, bad[i]);
        expect(VOW_MSG_HELLO, "a name that is none");
        start();
        wire_text(&message, 4, bad[i]);
        expect(VOW_MSG_WELCOME, "a name that is none");
        static struct wire peer;
        peer.len = 0;
        wire_text(&peer, 1, bad[i]);
        start_with_header();
        wire_nested(&message, 6, &peer);
        expect(VOW_MSG_PREPARE, "a name that is none");
        start();
        wire_number(&message, 1, VOW_ADMIN_ABORT);
        wire_text(&message, 5, bad[i]);
        expect(VOW_MSG_ADMIN_REQUEST, bad[i][0] == '\0' ? NULL : "a name that is none");
        start();
        wire_bytes(&message, 1, id, VOW_GTRID_BYTES);
        wire_text(&message, 2, bad[i]);
        /* Here nobody may be named. */
        expect(VOW_MSG_STATUS_REQUEST, bad[i][0] == '\0' ? NULL : "a name that is none");
        start();
        wire_number(&message, 2, VOW_ABORTED);
        wire_text(&message, 5, bad[i]);
        expect(VOW_MSG_OUTCOME, bad[i][0] == '\0' ? NULL : "a name that is none");
    }
}

Test(codec_hostile, names_of_a_call)
{
    for (uint32_t absent = 1; absent <= 2; absent++) {
        static struct wire call;
        call.len = 0;
        wire_text(&call, 3 - absent, "stock");
        start();
        wire_bytes(&message, 1, id, VOW_GTRID_BYTES);
        wire_nested(&message, 2, &call);
        expect(VOW_MSG_COMMIT_REQUEST, "a name that is none");
    }
}

/* Peers are asked there: no name is looked up, and nothing else is made of it. */
Test(codec_hostile, addresses_of_peers)
{
    static const char *const bad[] = {"127.0.0.1", "stock.example.org:1", "127.0.0.1:99999", "1.2.3.4:5 ",
                                      "[0000:0000:0000:0000:0000:0000:0000:00000000000000000000000001]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        start();
        wire_number(&message, 3, VOW_ROLE_PARTICIPANT);
        wire_text(&message, 4, "stock");
        wire_text(&message, 10, bad[i]);
        expect(VOW_MSG_HELLO, "an address that is none");
        static struct wire peer;
        peer.len = 0;
        wire_text(&peer, 1, "stock");
        wire_text(&peer, 2, bad[i]);
        start_with_header();
        wire_nested(&message, 6, &peer);
        expect(VOW_MSG_PREPARE, "an address that is none");
    }
}

/* A PREPARE of before version 3 names its peers in a field that is reserved now. */
Test(codec_hostile, peers_of_an_older_version_are_an_unknown_field)
{
    start_with_header();
    wire_text(&message, 4, "stock");
    expect(VOW_MSG_PREPARE, NULL);
}

Test(codec_hostile, texts)
{
    char text[VOW_TEXT_MAX + 2];
    memset(text, 'x', sizeof(text));
    start_vote();
    wire_bytes(&message, 4, text, VOW_TEXT_MAX);
    expect(VOW_MSG_VOTE, NULL);
    start_vote();
    wire_bytes(&message, 4, text, VOW_TEXT_MAX + 1);
    expect(VOW_MSG_VOTE, "a text that is too long");
    start_vote();
    wire_text(&message, 4, "a\nb");
    expect(VOW_MSG_VOTE, "a text that is not printable");
    start_vote();
    wire_text(&message, 4, "\xff");
    expect(VOW_MSG_VOTE, "a text that is not printable");
    start_vote();
    wire_bytes(&message, 4, "a\0b", 3); /* protobuf-c would read "a" */
    expect(VOW_MSG_VOTE, "a text with a NUL in it");
    start();
    wire_text(&message, 2, "{\n}");
    expect(VOW_MSG_ADMIN_REPLY, "a row that is not printable");
}

/* Who and why go to files and terminals of operators. */
Test(codec_hostile, who_and_why)
{
    static const struct {
        enum vow_msg_kind kind;
        uint32_t field;
    } texts[] = {{VOW_MSG_RESOLVE, 3},          {VOW_MSG_RESOLVE, 4},          {VOW_MSG_RESOLVED, 4},
                 {VOW_MSG_HEURISTIC_REPORT, 3}, {VOW_MSG_HEURISTIC_REPORT, 4}, {VOW_MSG_ADMIN_REQUEST, 6},
                 {VOW_MSG_ADMIN_REQUEST, 7}};
    char longest[VOW_TEXT_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (int bad = 0; bad < 3; bad++) {
            const bool admin = texts[i].kind == VOW_MSG_ADMIN_REQUEST;
            if (admin)
                start();
            else
                start_with_header();
            if (admin)
                wire_number(&message, 1, VOW_ADMIN_ABORT);
            else if (texts[i].kind != VOW_MSG_RESOLVED)
                wire_number(&message, 2, VOW_ABORT);
            wire_bytes(&message, texts[i].field, bad == 1 ? "\033[2J" : longest,
                       bad == 1 ? 4 : VOW_TEXT_MAX + (bad == 2));
            expect(texts[i].kind, bad == 0   ? NULL
                                  : bad == 1 ? "a text that is not printable"
                                             : "a text that is too long");
        }
    }
}

Test(codec_hostile, texts_of_the_other_messages)
{
    start();
    wire_number(&message, 3, VOW_ROLE_CLIENT);
    wire_text(&message, 4, "c");
    wire_text(&message, 9, "\n");
    expect(VOW_MSG_HELLO, "a text that is not printable");
    start();
    wire_text(&message, 2, "\n");
    expect(VOW_MSG_REJECT, "a text that is not printable");
    start();
    wire_number(&message, 2, VOW_ABORTED);
    wire_text(&message, 6, "\n");
    expect(VOW_MSG_OUTCOME, "a text that is not printable");
    start();
    wire_number(&message, 1, VOW_ADMIN_LIST);
    wire_text(&message, 3, "\n");
    expect(VOW_MSG_ADMIN_REQUEST, "a text that is not printable");
    start_with_header();
    wire_number(&message, 2, VOW_ONE_PHASE_ABORTED);
    wire_text(&message, 4, "\n");
    expect(VOW_MSG_ONE_PHASE_DONE, "a text that is not printable");
}
