#include "proto/codec.h"

#include <string.h>

#include "proto/codec_arena.h"
#include "proto/codec_read.h"
#include "proto/codec_seal.h"
#include "proto/codec_shape.h"
#include "proto/error.h"
#include "vow.pb-c.h"

/* --- The connection --- */

static bool read_db_uuid(struct codec_in *in, ProtobufCBinaryData bytes, uint8_t db_uuid[VOW_DB_UUID_BYTES])
{
    memset(db_uuid, 0, VOW_DB_UUID_BYTES);
    if (!codec_expect(in, bytes.len == 0 || bytes.len == VOW_DB_UUID_BYTES, "a database id that is not 16 bytes"))
        return false;
    if (bytes.len != 0)
        memcpy(db_uuid, bytes.data, VOW_DB_UUID_BYTES);
    return true;
}

static bool read_hello(struct codec_in *in, const Vow__Hello *from, struct vow_msg_hello *to)
{
    to->version_min = from->version_min;
    to->version_max = from->version_max;
    to->role = (enum vow_role)from->role;
    to->incarnation = from->incarnation;
    to->epoch = from->epoch;
    return codec_read_enum(in, from->role, VOW_ROLE_COORDINATOR, "a role that is none") &&
           codec_read_name(in, from->name, &to->name) && read_db_uuid(in, from->db_uuid, to->db_uuid) &&
           codec_read_coord(in, from->coord, &to->coord) && codec_read_text(in, from->software, &to->software) &&
           codec_read_address(in, from->address, &to->address);
}

static bool read_welcome(struct codec_in *in, const Vow__Welcome *from, struct vow_msg_welcome *to)
{
    to->version = from->version;
    to->epoch = from->epoch;
    to->heartbeat_ms = from->heartbeat_ms;
    to->frame_max = from->frame_max;
    return codec_read_coord(in, from->coord, &to->coord) && codec_read_name(in, from->name, &to->name) &&
           codec_read_watermark(in, from->watermark, &to->watermark);
}

static bool read_reject(struct codec_in *in, const Vow__Reject *from, struct vow_msg_reject *to)
{
    return codec_read_error(in, from->error, &to->error) && codec_read_text(in, from->text, &to->text);
}

static bool read_ping(struct codec_in *in, const Vow__Ping *from, struct vow_msg_ping *to)
{
    (void)in;
    to->nonce = from->nonce;
    return true;
}

/* --- Clients --- */

static bool read_ids_request(struct codec_in *in, const Vow__IdsRequest *from, struct vow_msg_ids_request *to)
{
    to->count = from->count;
    return codec_expect(in, from->count <= VOW_IDS_MAX, "too many ids");
}

static bool read_ids(struct codec_in *in, const Vow__Ids *from, struct vow_msg_ids *to)
{
    to->epoch = from->epoch;
    to->first_seq = from->first_seq;
    to->count = (uint32_t)from->n_rand;
    to->rand = from->rand;
    /* The client makes ids of these, and vow_gtrid_make() counts on the range. Sequences start at 1: from 0 an id of
     * all zero bytes could be made, which the client takes for none. */
    return codec_expect(in, from->n_rand <= VOW_IDS_MAX, "too many ids") &&
           codec_expect(in, from->n_rand == 0 || from->first_seq > 0, "ids from sequence number 0") &&
           codec_expect(in, from->first_seq <= VOW_SEQ_MAX - VOW_IDS_MAX, "a sequence number over 56 bits");
}

static bool read_begin(struct codec_in *in, const Vow__Begin *from, struct vow_msg_begin *to)
{
    to->timeout_ms = from->timeout_ms;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) && codec_read_key(in, from->key, &to->key);
}

static bool read_id(struct codec_in *in, const Vow__Id *from, struct vow_msg_gtrid *to)
{
    return codec_read_gtrid(in, from->gtrid, &to->gtrid);
}

static bool read_commit_request(struct codec_in *in, const Vow__CommitRequest *from, struct vow_msg_commit_request *to)
{
    to->timeout_ms = from->timeout_ms;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) &&
           codec_read_calls(in, from->calls, from->n_calls, &to->calls, &to->calls_len) &&
           codec_read_work(in, from->work, from->n_work, &to->work, &to->work_len) &&
           codec_read_key(in, from->key, &to->key);
}

static bool read_status_request(struct codec_in *in, const Vow__StatusRequest *from, struct vow_msg_status_request *to)
{
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) &&
           codec_read_name_or_none(in, from->participant, &to->participant);
}

static bool read_outcome(struct codec_in *in, const Vow__Outcome *from, struct vow_msg_outcome *to)
{
    /* Without an id it answers a request that has none: ids were asked for and refused. */
    to->outcome = (enum vow_outcome)from->outcome;
    to->retry_after_ms = from->retry_after_ms;
    return codec_read_gtrid_or_none(in, from->gtrid, &to->gtrid) &&
           codec_read_enum(in, from->outcome, VOW_PENDING, "an outcome that is none") &&
           codec_read_cause(in, from->cause, &to->cause) && codec_read_error(in, from->error, &to->error) &&
           codec_read_name_or_none(in, from->participant, &to->participant) &&
           codec_read_text(in, from->text, &to->text) && codec_read_gtrid_or_none(in, from->named, &to->named);
}

/* --- Participants and the commit protocol --- */

static bool read_branch(struct codec_in *in, const Vow__Branch *from, struct vow_msg_branch *to)
{
    return codec_read_header(in, from->header, &to->header);
}

static bool read_enlist(struct codec_in *in, const Vow__Branch *from, struct vow_msg_enlist *to)
{
    return codec_read_header(in, from->header, &to->header);
}

static bool read_enlisted(struct codec_in *in, const Vow__Enlisted *from, struct vow_msg_enlisted *to)
{
    to->left_ms = from->left_ms;
    return codec_read_header(in, from->header, &to->header) && codec_read_error(in, from->error, &to->error);
}

static bool read_prepare(struct codec_in *in, const Vow__Prepare *from, struct vow_msg_prepare *to)
{
    to->ops = from->ops;
    to->ordinal = from->ordinal;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_watermark(in, from->watermark, &to->watermark) &&
           codec_read_peers(in, from->peers, from->n_peers, to) &&
           codec_read_calls(in, from->calls, from->n_calls, &to->calls, &to->calls_len);
}

static bool read_vote(struct codec_in *in, const Vow__Vote *from, struct vow_msg_vote *to)
{
    to->vote = (enum vow_vote)from->vote;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_enum(in, from->vote, VOW_VOTE_NO, "a vote that is none") &&
           codec_read_cause(in, from->cause, &to->cause) && codec_read_text(in, from->text, &to->text);
}

static bool read_decision(struct codec_in *in, const Vow__Decision *from, struct vow_msg_decision *to)
{
    to->verdict = (enum vow_verdict)from->verdict;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_watermark(in, from->watermark, &to->watermark) &&
           codec_read_enum(in, from->verdict, VOW_ABORT, "a decision that is none");
}

static bool read_ack(struct codec_in *in, const Vow__Ack *from, struct vow_msg_ack *to)
{
    to->ack = (enum vow_ack)from->ack;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_enum(in, from->ack, VOW_ACK_HEURISTIC_MISMATCH, "an acknowledgement that is none");
}

static bool read_one_phase_done(struct codec_in *in, const Vow__OnePhaseDone *from, struct vow_msg_one_phase_done *to)
{
    to->result = (enum vow_one_phase)from->result;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_enum(in, from->result, VOW_ONE_PHASE_NO_RECORD, "a result that is none") &&
           codec_read_cause(in, from->cause, &to->cause) && codec_read_text(in, from->text, &to->text);
}

static bool read_wait(struct codec_in *in, const Vow__Wait *from, struct vow_msg_wait *to)
{
    to->reason = (enum vow_wait)from->reason;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_enum(in, from->reason, VOW_WAIT_EXPIRED, "a reason to wait that is none");
}

/* --- Peers and heuristics --- */

static bool read_verdict(struct codec_in *in, uint32_t value, enum vow_verdict *verdict)
{
    *verdict = (enum vow_verdict)value;
    return codec_read_enum(in, value, VOW_ABORT, "a decision that is none");
}

static bool read_peer_answer(struct codec_in *in, const Vow__PeerAnswer *from, struct vow_msg_peer_answer *to)
{
    to->answer = (enum vow_peer_answer)from->answer;
    return codec_read_header(in, from->header, &to->header) &&
           codec_read_enum(in, from->answer, VOW_PEER_HEURISTIC_ABORTED, "an answer that is none");
}

static bool read_resolve(struct codec_in *in, const Vow__Resolve *from, struct vow_msg_resolve *to)
{
    return codec_read_header(in, from->header, &to->header) && read_verdict(in, from->verdict, &to->verdict) &&
           codec_read_text(in, from->who, &to->who) && codec_read_text(in, from->why, &to->why);
}

static bool read_resolved(struct codec_in *in, const Vow__Resolved *from, struct vow_msg_resolved *to)
{
    to->verdict = (enum vow_verdict)from->verdict;
    return codec_read_header(in, from->header, &to->header) && codec_read_error(in, from->error, &to->error) &&
           codec_expect(in, from->verdict <= VOW_ABORT, "a decision that is none") &&
           codec_read_text(in, from->text, &to->text);
}

static bool read_heuristic_report(struct codec_in *in, const Vow__HeuristicReport *from,
                                  struct vow_msg_heuristic_report *to)
{
    to->wall_us = from->wall_us;
    return codec_read_header(in, from->header, &to->header) && read_verdict(in, from->verdict, &to->verdict) &&
           codec_read_text(in, from->who, &to->who) && codec_read_text(in, from->why, &to->why);
}

/* --- Operators --- */

static bool read_admin_request(struct codec_in *in, const Vow__AdminRequest *from, struct vow_msg_admin_request *to)
{
    to->command = (enum vow_admin_command)from->command;
    to->limit = from->limit;
    to->tag = from->tag;
    return codec_read_enum(in, from->command, VOW_ADMIN_GROUP_SEEK, "a command that is none") &&
           codec_read_gtrid_or_none(in, from->gtrid, &to->gtrid) && codec_read_text(in, from->filter, &to->filter) &&
           codec_read_name_or_none(in, from->participant, &to->participant) &&
           codec_read_text(in, from->who, &to->who) && codec_read_text(in, from->why, &to->why);
}

static bool read_admin_reply(struct codec_in *in, const Vow__AdminReply *from, struct vow_msg_admin_reply *to)
{
    to->json = from->json;
    to->last = from->last;
    to->tag = from->tag;
    return codec_read_error(in, from->error, &to->error) &&
           codec_expect(in, vow_text_is_printable(from->json), "a row that is not printable");
}

/* Those of other files. */
#define read_saga_request codec_read_saga_request
#define read_saga_query codec_read_saga_query
#define read_saga_state codec_read_saga_state
#define read_step codec_read_step
#define read_step_done codec_read_step_done
#define read_publish codec_read_publish
#define read_published codec_read_published
#define read_subscribe codec_read_subscribe
#define read_subscribed codec_read_subscribed
#define read_deliver codec_read_deliver
#define read_delivered codec_read_delivered
#define read_seek codec_read_seek

/* Kinds that share a struct share its reader. */
#define read_pong read_ping
#define read_rollback_request read_id
#define read_saga_cancel read_id
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

static bool read_body(struct codec_in *in, const Vow__Envelope *envelope, struct vow_msg *msg)
{
    msg->kind = (enum vow_msg_kind)envelope->body_case;
    switch ((int)envelope->body_case) {
#define MESSAGE(kind, member, number) \
    case VOW_MSG_##kind: return read_##member(in, envelope->member, &msg->member);
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    }
    return codec_expect(in, false, "no message of a known kind");
}
/* clang-format on */

/* Whoever speaks another version must be understood so far that it can be told so. */
static bool read_seal(struct codec_in *in, enum codec_seal seal, enum vow_msg_kind kind)
{
    return codec_expect(in, seal == CODEC_SEAL_GOOD || kind == VOW_MSG_HELLO || kind == VOW_MSG_REJECT,
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
    struct codec_in in = {.arena = arena};
    if (read_body(&in, envelope, msg) && read_seal(&in, seal, msg->kind))
        return 0;
    *why = in.why;
    return arena->exhausted ? VOW_E_NO_MEMORY : VOW_E_MESSAGE;
}
