#include "proto/codec.h"

#include <string.h>

#include "proto/address.h"
#include "proto/codec_arena.h"
#include "proto/codec_seal.h"
#include "proto/codec_shape.h"
#include "proto/error.h"
#include "vow.pb-c.h"

/* Error codes lie between this and 0. A code of a newer peer is let through: error.h has an answer for unknown ones. */
#define ERROR_LOWEST (-9999)

struct in {
    struct vow_arena *arena;
    const char *why; /* the first fault */
};

static bool expect(struct in *in, bool holds, const char *why)
{
    if (!holds)
        in->why = why;
    return holds;
}

/* --- Parts of messages --- */

/* True for 1 to highest: zero means "not set" in every list of ours. */
static bool read_enum(struct in *in, uint32_t value, unsigned highest, const char *why)
{
    return expect(in, value >= 1 && value <= highest, why);
}

static bool read_cause(struct in *in, uint32_t value, enum vow_cause *cause)
{
    *cause = (enum vow_cause)value;
    return expect(in, value <= INT32_MAX && vow_cause_is_valid((int)value), "a cause that is none");
}

static bool read_error(struct in *in, int32_t value, int *error)
{
    *error = value;
    return expect(in, value <= 0 && value >= ERROR_LOWEST, "an error code that is none");
}

static bool read_name(struct in *in, const char *value, const char **name)
{
    *name = value;
    return expect(in, vow_name_is_valid(value), "a name that is none");
}

static bool read_name_or_none(struct in *in, const char *value, const char **name)
{
    *name = value;
    return expect(in, value[0] == '\0' || vow_name_is_valid(value), "a name that is none");
}

static bool read_text(struct in *in, const char *value, const char **text)
{
    *text = value;
    return expect(in, strlen(value) <= VOW_TEXT_MAX, "a text that is too long") &&
           expect(in, vow_text_is_printable(value), "a text that is not printable");
}

static bool read_coord(struct in *in, uint64_t value, uint64_t *coord)
{
    *coord = value;
    return expect(in, value <= VOW_COORD_MAX, "a coordinator id over 48 bits");
}

static bool read_gtrid_or_none(struct in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid)
{
    *gtrid = (struct vow_gtrid){0};
    if (!expect(in, bytes.len == 0 || bytes.len == VOW_GTRID_BYTES, "a transaction id that is not 26 bytes"))
        return false;
    if (bytes.len != 0)
        memcpy(gtrid->bytes, bytes.data, VOW_GTRID_BYTES);
    return true;
}

static bool read_gtrid(struct in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid)
{
    return read_gtrid_or_none(in, bytes, gtrid) && expect(in, !vow_gtrid_is_none(gtrid), "no transaction id");
}

static bool read_header(struct in *in, const Vow__Header *from, struct vow_msg_header *to)
{
    if (!expect(in, from != NULL, "no header") || !read_gtrid(in, from->gtrid, &to->gtrid))
        return false;
    to->branch = from->branch;
    to->incarnation = from->incarnation;
    to->epoch = from->epoch;
    to->attempt = from->attempt;
    return true;
}

/* An absent watermark is the lowest one: it forgets nothing. A participant's store makes an id of it, and
 * vow_gtrid_make() counts on the range. */
static bool read_watermark(struct in *in, const Vow__Watermark *from, struct vow_watermark *to)
{
    *to = from == NULL ? (struct vow_watermark){0} : (struct vow_watermark){.epoch = from->epoch, .seq = from->seq};
    return expect(in, to->seq <= VOW_SEQ_MAX, "a watermark over 56 bits");
}

static bool read_call(struct in *in, const Vow__Call *from, struct vow_msg_call *to)
{
    to->payload = (struct vow_slice){.data = from->payload.data, .len = from->payload.len};
    return read_name(in, from->participant, &to->participant) && read_name(in, from->handler, &to->handler);
}

static bool read_calls(struct in *in, Vow__Call *const *from, size_t len, const struct vow_msg_call **calls,
                       uint32_t *calls_len)
{
    if (!expect(in, len <= VOW_CALLS_MAX, "too many calls"))
        return false;
    struct vow_msg_call *to = arena_take(in->arena, len * sizeof(*to));
    if (!expect(in, to != NULL, "no room for the calls"))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!read_call(in, from[i], &to[i]))
            return false;
    }
    *calls = to;
    *calls_len = (uint32_t)len;
    return true;
}

static bool read_key(struct in *in, const char *value, const char **key)
{
    *key = value;
    return expect(in, value[0] == '\0' || vow_key_is_valid(value), "a key that is none");
}

static bool read_work(struct in *in, Vow__Work *const *from, size_t len, const struct vow_msg_work **work,
                      uint32_t *work_len)
{
    if (!expect(in, len <= VOW_CALLS_MAX, "too many counts of work"))
        return false;
    struct vow_msg_work *to = arena_take(in->arena, len * sizeof(*to));
    if (!expect(in, to != NULL, "no room for the counts of work"))
        return false;
    for (size_t i = 0; i < len; i++) {
        to[i].ops = from[i]->ops;
        if (!read_name(in, from[i]->participant, &to[i].participant))
            return false;
    }
    *work = to;
    *work_len = (uint32_t)len;
    return true;
}

/* Peers connect to it, so it is one that the transport takes. */
static bool read_address(struct in *in, const char *value, const char **address)
{
    struct vow_address parsed;
    *address = value;
    return expect(in, value[0] == '\0' || vow_address_parse(value, &parsed) == 0, "an address that is none");
}

static bool read_peers(struct in *in, Vow__Peer *const *from, size_t len, struct vow_msg_prepare *to)
{
    if (!expect(in, len <= VOW_CALLS_MAX, "too many peers"))
        return false;
    struct vow_msg_peer *peers = arena_take(in->arena, len * sizeof(*peers));
    if (!expect(in, peers != NULL, "no room for the peers"))
        return false;
    for (size_t i = 0; i < len; i++) {
        peers[i].incarnation = from[i]->incarnation;
        if (!read_name(in, from[i]->name, &peers[i].name) || !read_address(in, from[i]->address, &peers[i].address))
            return false;
    }
    to->peers = peers;
    to->peers_len = (uint32_t)len;
    return true;
}

/* --- The connection --- */

static bool read_db_uuid(struct in *in, ProtobufCBinaryData bytes, uint8_t db_uuid[VOW_DB_UUID_BYTES])
{
    memset(db_uuid, 0, VOW_DB_UUID_BYTES);
    if (!expect(in, bytes.len == 0 || bytes.len == VOW_DB_UUID_BYTES, "a database id that is not 16 bytes"))
        return false;
    if (bytes.len != 0)
        memcpy(db_uuid, bytes.data, VOW_DB_UUID_BYTES);
    return true;
}

static bool read_hello(struct in *in, const Vow__Hello *from, struct vow_msg_hello *to)
{
    to->version_min = from->version_min;
    to->version_max = from->version_max;
    to->role = (enum vow_role)from->role;
    to->incarnation = from->incarnation;
    to->epoch = from->epoch;
    return read_enum(in, from->role, VOW_ROLE_COORDINATOR, "a role that is none") &&
           read_name(in, from->name, &to->name) && read_db_uuid(in, from->db_uuid, to->db_uuid) &&
           read_coord(in, from->coord, &to->coord) && read_text(in, from->software, &to->software) &&
           read_address(in, from->address, &to->address);
}

static bool read_welcome(struct in *in, const Vow__Welcome *from, struct vow_msg_welcome *to)
{
    to->version = from->version;
    to->epoch = from->epoch;
    to->heartbeat_ms = from->heartbeat_ms;
    to->frame_max = from->frame_max;
    return read_coord(in, from->coord, &to->coord) && read_name(in, from->name, &to->name) &&
           read_watermark(in, from->watermark, &to->watermark);
}

static bool read_reject(struct in *in, const Vow__Reject *from, struct vow_msg_reject *to)
{
    return read_error(in, from->error, &to->error) && read_text(in, from->text, &to->text);
}

static bool read_ping(struct in *in, const Vow__Ping *from, struct vow_msg_ping *to)
{
    (void)in;
    to->nonce = from->nonce;
    return true;
}

/* --- Clients --- */

static bool read_ids_request(struct in *in, const Vow__IdsRequest *from, struct vow_msg_ids_request *to)
{
    to->count = from->count;
    return expect(in, from->count <= VOW_IDS_MAX, "too many ids");
}

static bool read_ids(struct in *in, const Vow__Ids *from, struct vow_msg_ids *to)
{
    to->epoch = from->epoch;
    to->first_seq = from->first_seq;
    to->count = (uint32_t)from->n_rand;
    to->rand = from->rand;
    /* The client makes ids of these, and vow_gtrid_make() counts on the range. Sequences start at 1: from 0 an id of
     * all zero bytes could be made, which the client takes for none. */
    return expect(in, from->n_rand <= VOW_IDS_MAX, "too many ids") &&
           expect(in, from->n_rand == 0 || from->first_seq > 0, "ids from sequence number 0") &&
           expect(in, from->first_seq <= VOW_SEQ_MAX - VOW_IDS_MAX, "a sequence number over 56 bits");
}

static bool read_begin(struct in *in, const Vow__Begin *from, struct vow_msg_begin *to)
{
    to->timeout_ms = from->timeout_ms;
    return read_gtrid(in, from->gtrid, &to->gtrid) && read_key(in, from->key, &to->key);
}

static bool read_id(struct in *in, const Vow__Id *from, struct vow_msg_gtrid *to)
{
    return read_gtrid(in, from->gtrid, &to->gtrid);
}

static bool read_commit_request(struct in *in, const Vow__CommitRequest *from, struct vow_msg_commit_request *to)
{
    to->timeout_ms = from->timeout_ms;
    return read_gtrid(in, from->gtrid, &to->gtrid) &&
           read_calls(in, from->calls, from->n_calls, &to->calls, &to->calls_len) &&
           read_work(in, from->work, from->n_work, &to->work, &to->work_len) && read_key(in, from->key, &to->key);
}

static bool read_status_request(struct in *in, const Vow__StatusRequest *from, struct vow_msg_status_request *to)
{
    return read_gtrid(in, from->gtrid, &to->gtrid) && read_name_or_none(in, from->participant, &to->participant);
}

static bool read_outcome(struct in *in, const Vow__Outcome *from, struct vow_msg_outcome *to)
{
    /* Without an id it answers a request that has none: ids were asked for and refused. */
    to->outcome = (enum vow_outcome)from->outcome;
    to->retry_after_ms = from->retry_after_ms;
    return read_gtrid_or_none(in, from->gtrid, &to->gtrid) &&
           read_enum(in, from->outcome, VOW_PENDING, "an outcome that is none") &&
           read_cause(in, from->cause, &to->cause) && read_error(in, from->error, &to->error) &&
           read_name_or_none(in, from->participant, &to->participant) && read_text(in, from->text, &to->text) &&
           read_gtrid_or_none(in, from->named, &to->named);
}

/* --- Participants and the commit protocol --- */

static bool read_branch(struct in *in, const Vow__Branch *from, struct vow_msg_branch *to)
{
    return read_header(in, from->header, &to->header);
}

static bool read_enlist(struct in *in, const Vow__Branch *from, struct vow_msg_enlist *to)
{
    return read_header(in, from->header, &to->header);
}

static bool read_enlisted(struct in *in, const Vow__Enlisted *from, struct vow_msg_enlisted *to)
{
    to->left_ms = from->left_ms;
    return read_header(in, from->header, &to->header) && read_error(in, from->error, &to->error);
}

static bool read_prepare(struct in *in, const Vow__Prepare *from, struct vow_msg_prepare *to)
{
    to->ops = from->ops;
    return read_header(in, from->header, &to->header) && read_watermark(in, from->watermark, &to->watermark) &&
           read_peers(in, from->peers, from->n_peers, to) &&
           read_calls(in, from->calls, from->n_calls, &to->calls, &to->calls_len);
}

static bool read_vote(struct in *in, const Vow__Vote *from, struct vow_msg_vote *to)
{
    to->vote = (enum vow_vote)from->vote;
    return read_header(in, from->header, &to->header) &&
           read_enum(in, from->vote, VOW_VOTE_NO, "a vote that is none") && read_cause(in, from->cause, &to->cause) &&
           read_text(in, from->text, &to->text);
}

static bool read_decision(struct in *in, const Vow__Decision *from, struct vow_msg_decision *to)
{
    to->verdict = (enum vow_verdict)from->verdict;
    return read_header(in, from->header, &to->header) && read_watermark(in, from->watermark, &to->watermark) &&
           read_enum(in, from->verdict, VOW_ABORT, "a decision that is none");
}

static bool read_ack(struct in *in, const Vow__Ack *from, struct vow_msg_ack *to)
{
    to->ack = (enum vow_ack)from->ack;
    return read_header(in, from->header, &to->header) &&
           read_enum(in, from->ack, VOW_ACK_HEURISTIC_MISMATCH, "an acknowledgement that is none");
}

static bool read_one_phase_done(struct in *in, const Vow__OnePhaseDone *from, struct vow_msg_one_phase_done *to)
{
    to->result = (enum vow_one_phase)from->result;
    return read_header(in, from->header, &to->header) &&
           read_enum(in, from->result, VOW_ONE_PHASE_NO_RECORD, "a result that is none") &&
           read_cause(in, from->cause, &to->cause) && read_text(in, from->text, &to->text);
}

static bool read_wait(struct in *in, const Vow__Wait *from, struct vow_msg_wait *to)
{
    to->reason = (enum vow_wait)from->reason;
    return read_header(in, from->header, &to->header) &&
           read_enum(in, from->reason, VOW_WAIT_EXPIRED, "a reason to wait that is none");
}

/* --- Peers and heuristics --- */

static bool read_verdict(struct in *in, uint32_t value, enum vow_verdict *verdict)
{
    *verdict = (enum vow_verdict)value;
    return read_enum(in, value, VOW_ABORT, "a decision that is none");
}

static bool read_peer_answer(struct in *in, const Vow__PeerAnswer *from, struct vow_msg_peer_answer *to)
{
    to->answer = (enum vow_peer_answer)from->answer;
    return read_header(in, from->header, &to->header) &&
           read_enum(in, from->answer, VOW_PEER_HEURISTIC_ABORTED, "an answer that is none");
}

static bool read_resolve(struct in *in, const Vow__Resolve *from, struct vow_msg_resolve *to)
{
    return read_header(in, from->header, &to->header) && read_verdict(in, from->verdict, &to->verdict) &&
           read_text(in, from->who, &to->who) && read_text(in, from->why, &to->why);
}

static bool read_resolved(struct in *in, const Vow__Resolved *from, struct vow_msg_resolved *to)
{
    to->verdict = (enum vow_verdict)from->verdict;
    return read_header(in, from->header, &to->header) && read_error(in, from->error, &to->error) &&
           expect(in, from->verdict <= VOW_ABORT, "a decision that is none") && read_text(in, from->text, &to->text);
}

static bool read_heuristic_report(struct in *in, const Vow__HeuristicReport *from, struct vow_msg_heuristic_report *to)
{
    to->wall_us = from->wall_us;
    return read_header(in, from->header, &to->header) && read_verdict(in, from->verdict, &to->verdict) &&
           read_text(in, from->who, &to->who) && read_text(in, from->why, &to->why);
}

/* --- Operators --- */

static bool read_admin_request(struct in *in, const Vow__AdminRequest *from, struct vow_msg_admin_request *to)
{
    to->command = (enum vow_admin_command)from->command;
    to->limit = from->limit;
    to->tag = from->tag;
    return read_enum(in, from->command, VOW_ADMIN_FORGET, "a command that is none") &&
           read_gtrid_or_none(in, from->gtrid, &to->gtrid) && read_text(in, from->filter, &to->filter) &&
           read_name_or_none(in, from->participant, &to->participant) && read_text(in, from->who, &to->who) &&
           read_text(in, from->why, &to->why);
}

static bool read_admin_reply(struct in *in, const Vow__AdminReply *from, struct vow_msg_admin_reply *to)
{
    to->json = from->json;
    to->last = from->last;
    to->tag = from->tag;
    return read_error(in, from->error, &to->error) &&
           expect(in, vow_text_is_printable(from->json), "a row that is not printable");
}

/* Kinds that share a struct share its reader. */
#define read_pong read_ping
#define read_rollback_request read_id
#define read_commit_one_phase read_prepare
#define read_one_phase_query read_branch
#define read_forget read_branch
#define read_inquiry read_branch
#define read_peer_inquiry read_branch

/* clang-format off */
#define MESSAGE(kind, member, number) \
    _Static_assert((int)VOW__ENVELOPE__BODY_##kind == VOW_MSG_##kind, "vow.proto and message.h number " #kind " apart");
VOW_MESSAGES(MESSAGE)
#undef MESSAGE

static bool read_body(struct in *in, const Vow__Envelope *envelope, struct vow_msg *msg)
{
    msg->kind = (enum vow_msg_kind)envelope->body_case;
    switch ((int)envelope->body_case) {
#define MESSAGE(kind, member, number) \
    case VOW_MSG_##kind: return read_##member(in, envelope->member, &msg->member);
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    }
    return expect(in, false, "no message of a known kind");
}
/* clang-format on */

/* Whoever speaks another version must be understood so far that it can be told so. */
static bool read_seal(struct in *in, enum codec_seal seal, enum vow_msg_kind kind)
{
    return expect(in, seal == CODEC_SEAL_GOOD || kind == VOW_MSG_HELLO || kind == VOW_MSG_REJECT,
                  "a message without a checksum");
}

int vow_msg_decode(struct vow_arena *arena, const uint8_t *body, size_t len, struct vow_msg *msg, const char **why)
{
    const enum codec_seal seal = codec_seal_check(body, len);

    arena_reset(arena);
    if (seal == CODEC_SEAL_BROKEN) {
        *why = "damaged on the way: the checksum differs";
        return VOW_E_MESSAGE;
    }
    *why = codec_check_shape(&vow__envelope__descriptor, body, len);
    if (*why != NULL)
        return VOW_E_MESSAGE;
    const Vow__Envelope *envelope = vow__envelope__unpack(&arena->allocator, len, body);
    if (envelope == NULL) {
        *why = arena->exhausted ? "larger than the memory for one message" : "not a protobuf message";
        return arena->exhausted ? VOW_E_NO_MEMORY : VOW_E_MESSAGE;
    }
    struct in in = {.arena = arena};
    if (read_body(&in, envelope, msg) && read_seal(&in, seal, msg->kind))
        return 0;
    *why = in.why;
    return arena->exhausted ? VOW_E_NO_MEMORY : VOW_E_MESSAGE;
}
