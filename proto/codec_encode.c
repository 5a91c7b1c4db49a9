#include "proto/codec.h"

#include <string.h>

#include "proto/assert.h"
#include "proto/codec_seal.h"
#include "proto/frame.h"
#include "vow.pb-c.h"

/* Texts in one message, at most. */
enum { TEXTS = 3 };

/* One message as protobuf-c wants to see it, on the stack. It points into the vow_msg it was made from. Only what a
 * message uses is ever set. */
struct out {
    Vow__Envelope envelope;
    union {
        Vow__Hello hello;
        Vow__Welcome welcome;
        Vow__Reject reject;
        Vow__Ping ping;
        Vow__IdsRequest ids_request;
        Vow__Ids ids;
        Vow__Begin begin;
        Vow__Id id;
        Vow__CommitRequest commit_request;
        Vow__StatusRequest status_request;
        Vow__Outcome outcome;
        Vow__Branch branch;
        Vow__Enlisted enlisted;
        Vow__Prepare prepare;
        Vow__Vote vote;
        Vow__Decision decision;
        Vow__Ack ack;
        Vow__OnePhaseDone one_phase_done;
        Vow__Wait wait;
        Vow__PeerAnswer peer_answer;
        Vow__Resolve resolve;
        Vow__Resolved resolved;
        Vow__HeuristicReport heuristic_report;
        Vow__AdminRequest admin_request;
        Vow__AdminReply admin_reply;
    };
    Vow__Header header;
    Vow__Watermark watermark;
    Vow__Call calls[VOW_CALLS_MAX];
    Vow__Call *call_list[VOW_CALLS_MAX];
    Vow__Work work[VOW_CALLS_MAX];
    Vow__Work *work_list[VOW_CALLS_MAX];
    Vow__Peer peers[VOW_CALLS_MAX];
    Vow__Peer *peer_list[VOW_CALLS_MAX];
    char texts[TEXTS][VOW_TEXT_SIZE];
    unsigned texts_len;
};

/* --- Parts of messages. protobuf-c knows no const; packing only reads. --- */

static char *put_string(const char *string)
{
    return (char *)(string == NULL ? "" : string);
}

/* Texts come from handlers and from SQLite. One that may not travel is cleaned here: it must not cost a connection. */
static char *put_text(struct out *out, const char *text)
{
    VOW_ASSERT(out->texts_len < TEXTS);
    char *copy = out->texts[out->texts_len++];
    vow_text_copy(copy, text == NULL ? "" : text);
    return copy;
}

/* All-zero bytes stand for "none" and stay away. */
static ProtobufCBinaryData put_gtrid(const struct vow_gtrid *gtrid)
{
    const size_t len = vow_gtrid_is_none(gtrid) ? 0 : VOW_GTRID_BYTES;
    return (ProtobufCBinaryData){.data = (uint8_t *)gtrid->bytes, .len = len};
}

static Vow__Header *put_header(struct out *out, const struct vow_msg_header *from)
{
    vow__header__init(&out->header);
    out->header.gtrid = put_gtrid(&from->gtrid);
    out->header.branch = from->branch;
    out->header.incarnation = from->incarnation;
    out->header.epoch = from->epoch;
    out->header.attempt = from->attempt;
    return &out->header;
}

static Vow__Watermark *put_watermark(struct out *out, struct vow_watermark from)
{
    if (from.epoch == 0 && from.seq == 0)
        return NULL;
    vow__watermark__init(&out->watermark);
    out->watermark.epoch = from.epoch;
    out->watermark.seq = from.seq;
    return &out->watermark;
}

static Vow__Call **put_calls(struct out *out, const struct vow_msg_call *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Call *call = &out->calls[i];
        vow__call__init(call);
        call->participant = put_string(from[i].participant);
        call->handler = put_string(from[i].handler);
        call->payload = (ProtobufCBinaryData){.data = (uint8_t *)from[i].payload.data, .len = from[i].payload.len};
        out->call_list[i] = call;
    }
    return out->call_list;
}

static Vow__Work **put_work(struct out *out, const struct vow_msg_work *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Work *work = &out->work[i];
        vow__work__init(work);
        work->participant = put_string(from[i].participant);
        work->ops = from[i].ops;
        out->work_list[i] = work;
    }
    return out->work_list;
}

static Vow__Peer **put_peers(struct out *out, const struct vow_msg_peer *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < len; i++) {
        Vow__Peer *peer = &out->peers[i];
        vow__peer__init(peer);
        peer->name = put_string(from[i].name);
        peer->address = put_string(from[i].address);
        peer->incarnation = from[i].incarnation;
        out->peer_list[i] = peer;
    }
    return out->peer_list;
}

/* --- The connection --- */

static Vow__Hello *put_hello(struct out *out, const struct vow_msg_hello *from)
{
    static const uint8_t none[VOW_DB_UUID_BYTES];
    Vow__Hello *to = &out->hello;
    vow__hello__init(to);
    to->version_min = from->version_min;
    to->version_max = from->version_max;
    to->role = from->role;
    to->name = put_string(from->name);
    to->incarnation = from->incarnation;
    to->db_uuid.data = (uint8_t *)from->db_uuid;
    to->db_uuid.len = memcmp(from->db_uuid, none, sizeof(none)) == 0 ? 0 : sizeof(none);
    to->coord = from->coord;
    to->epoch = from->epoch;
    to->software = put_text(out, from->software);
    to->address = put_string(from->address);
    return to;
}

static Vow__Welcome *put_welcome(struct out *out, const struct vow_msg_welcome *from)
{
    Vow__Welcome *to = &out->welcome;
    vow__welcome__init(to);
    to->version = from->version;
    to->coord = from->coord;
    to->epoch = from->epoch;
    to->name = put_string(from->name);
    to->watermark = put_watermark(out, from->watermark);
    to->heartbeat_ms = from->heartbeat_ms;
    to->frame_max = from->frame_max;
    return to;
}

static Vow__Reject *put_reject(struct out *out, const struct vow_msg_reject *from)
{
    vow__reject__init(&out->reject);
    out->reject.error = from->error;
    out->reject.text = put_text(out, from->text);
    return &out->reject;
}

static Vow__Ping *put_ping(struct out *out, const struct vow_msg_ping *from)
{
    vow__ping__init(&out->ping);
    out->ping.nonce = from->nonce;
    return &out->ping;
}

/* --- Clients --- */

static Vow__IdsRequest *put_ids_request(struct out *out, const struct vow_msg_ids_request *from)
{
    vow__ids_request__init(&out->ids_request);
    out->ids_request.count = from->count;
    return &out->ids_request;
}

static Vow__Ids *put_ids(struct out *out, const struct vow_msg_ids *from)
{
    VOW_ASSERT(from->count <= VOW_IDS_MAX);
    Vow__Ids *to = &out->ids;
    vow__ids__init(to);
    to->epoch = from->epoch;
    to->first_seq = from->first_seq;
    to->n_rand = from->count;
    to->rand = (uint64_t *)from->rand;
    return to;
}

static Vow__Begin *put_begin(struct out *out, const struct vow_msg_begin *from)
{
    vow__begin__init(&out->begin);
    out->begin.gtrid = put_gtrid(&from->gtrid);
    out->begin.timeout_ms = from->timeout_ms;
    out->begin.key = put_string(from->key);
    return &out->begin;
}

static Vow__Id *put_id(struct out *out, const struct vow_msg_gtrid *from)
{
    vow__id__init(&out->id);
    out->id.gtrid = put_gtrid(&from->gtrid);
    return &out->id;
}

static Vow__CommitRequest *put_commit_request(struct out *out, const struct vow_msg_commit_request *from)
{
    Vow__CommitRequest *to = &out->commit_request;
    vow__commit_request__init(to);
    to->gtrid = put_gtrid(&from->gtrid);
    to->n_calls = from->calls_len;
    to->calls = put_calls(out, from->calls, from->calls_len);
    to->n_work = from->work_len;
    to->work = put_work(out, from->work, from->work_len);
    to->timeout_ms = from->timeout_ms;
    to->key = put_string(from->key);
    return to;
}

static Vow__StatusRequest *put_status_request(struct out *out, const struct vow_msg_status_request *from)
{
    vow__status_request__init(&out->status_request);
    out->status_request.gtrid = put_gtrid(&from->gtrid);
    out->status_request.participant = put_string(from->participant);
    return &out->status_request;
}

static Vow__Outcome *put_outcome(struct out *out, const struct vow_msg_outcome *from)
{
    Vow__Outcome *to = &out->outcome;
    vow__outcome__init(to);
    to->gtrid = put_gtrid(&from->gtrid);
    to->outcome = from->outcome;
    to->cause = from->cause;
    to->error = from->error;
    to->participant = put_string(from->participant);
    to->text = put_text(out, from->text);
    to->retry_after_ms = from->retry_after_ms;
    to->named = put_gtrid(&from->named);
    return to;
}

/* --- Participants and the commit protocol --- */

static Vow__Branch *put_branch(struct out *out, const struct vow_msg_branch *from)
{
    vow__branch__init(&out->branch);
    out->branch.header = put_header(out, &from->header);
    return &out->branch;
}

static Vow__Branch *put_enlist(struct out *out, const struct vow_msg_enlist *from)
{
    vow__branch__init(&out->branch);
    out->branch.header = put_header(out, &from->header);
    return &out->branch;
}

static Vow__Enlisted *put_enlisted(struct out *out, const struct vow_msg_enlisted *from)
{
    vow__enlisted__init(&out->enlisted);
    out->enlisted.header = put_header(out, &from->header);
    out->enlisted.error = from->error;
    out->enlisted.left_ms = from->left_ms;
    return &out->enlisted;
}

static Vow__Prepare *put_prepare(struct out *out, const struct vow_msg_prepare *from)
{
    Vow__Prepare *to = &out->prepare;
    vow__prepare__init(to);
    to->header = put_header(out, &from->header);
    to->watermark = put_watermark(out, from->watermark);
    to->ops = from->ops;
    to->n_peers = from->peers_len;
    to->peers = put_peers(out, from->peers, from->peers_len);
    to->n_calls = from->calls_len;
    to->calls = put_calls(out, from->calls, from->calls_len);
    return to;
}

static Vow__Vote *put_vote(struct out *out, const struct vow_msg_vote *from)
{
    Vow__Vote *to = &out->vote;
    vow__vote__init(to);
    to->header = put_header(out, &from->header);
    to->vote = from->vote;
    to->cause = from->cause;
    to->text = put_text(out, from->text);
    return to;
}

static Vow__Decision *put_decision(struct out *out, const struct vow_msg_decision *from)
{
    Vow__Decision *to = &out->decision;
    vow__decision__init(to);
    to->header = put_header(out, &from->header);
    to->watermark = put_watermark(out, from->watermark);
    to->verdict = from->verdict;
    return to;
}

static Vow__Ack *put_ack(struct out *out, const struct vow_msg_ack *from)
{
    vow__ack__init(&out->ack);
    out->ack.header = put_header(out, &from->header);
    out->ack.ack = from->ack;
    return &out->ack;
}

static Vow__OnePhaseDone *put_one_phase_done(struct out *out, const struct vow_msg_one_phase_done *from)
{
    Vow__OnePhaseDone *to = &out->one_phase_done;
    vow__one_phase_done__init(to);
    to->header = put_header(out, &from->header);
    to->result = from->result;
    to->cause = from->cause;
    to->text = put_text(out, from->text);
    return to;
}

static Vow__Wait *put_wait(struct out *out, const struct vow_msg_wait *from)
{
    vow__wait__init(&out->wait);
    out->wait.header = put_header(out, &from->header);
    out->wait.reason = from->reason;
    return &out->wait;
}

/* --- Peers and heuristics --- */

static Vow__PeerAnswer *put_peer_answer(struct out *out, const struct vow_msg_peer_answer *from)
{
    vow__peer_answer__init(&out->peer_answer);
    out->peer_answer.header = put_header(out, &from->header);
    out->peer_answer.answer = from->answer;
    return &out->peer_answer;
}

static Vow__Resolve *put_resolve(struct out *out, const struct vow_msg_resolve *from)
{
    Vow__Resolve *to = &out->resolve;
    vow__resolve__init(to);
    to->header = put_header(out, &from->header);
    to->verdict = from->verdict;
    to->who = put_text(out, from->who);
    to->why = put_text(out, from->why);
    return to;
}

static Vow__Resolved *put_resolved(struct out *out, const struct vow_msg_resolved *from)
{
    Vow__Resolved *to = &out->resolved;
    vow__resolved__init(to);
    to->header = put_header(out, &from->header);
    to->error = from->error;
    to->verdict = from->verdict;
    to->text = put_text(out, from->text);
    return to;
}

static Vow__HeuristicReport *put_heuristic_report(struct out *out, const struct vow_msg_heuristic_report *from)
{
    Vow__HeuristicReport *to = &out->heuristic_report;
    vow__heuristic_report__init(to);
    to->header = put_header(out, &from->header);
    to->verdict = from->verdict;
    to->who = put_text(out, from->who);
    to->why = put_text(out, from->why);
    to->wall_us = from->wall_us;
    return to;
}

/* --- Operators --- */

static Vow__AdminRequest *put_admin_request(struct out *out, const struct vow_msg_admin_request *from)
{
    Vow__AdminRequest *to = &out->admin_request;
    vow__admin_request__init(to);
    to->command = from->command;
    to->gtrid = put_gtrid(&from->gtrid);
    to->filter = put_text(out, from->filter);
    to->limit = from->limit;
    to->participant = put_string(from->participant);
    to->who = put_text(out, from->who);
    to->why = put_text(out, from->why);
    to->tag = from->tag;
    return to;
}

static Vow__AdminReply *put_admin_reply(struct out *out, const struct vow_msg_admin_reply *from)
{
    vow__admin_reply__init(&out->admin_reply);
    out->admin_reply.error = from->error;
    out->admin_reply.json = put_string(from->json);
    out->admin_reply.last = from->last;
    out->admin_reply.tag = from->tag;
    return &out->admin_reply;
}

/* Kinds that share a struct share its writer. */
#define put_pong put_ping
#define put_rollback_request put_id
#define put_commit_one_phase put_prepare
#define put_one_phase_query put_branch
#define put_forget put_branch
#define put_inquiry put_branch
#define put_peer_inquiry put_branch

/* clang-format off */
static void put_body(struct out *out, const struct vow_msg *msg)
{
    vow__envelope__init(&out->envelope);
    out->texts_len = 0;
    out->envelope.body_case = (Vow__Envelope__BodyCase)msg->kind;
    switch (msg->kind) {
#define MESSAGE(kind, member, number) \
    case VOW_MSG_##kind: out->envelope.member = put_##member(out, &msg->member); return;
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    }
    VOW_UNREACHABLE("a message of no kind");
}
/* clang-format on */

size_t vow_msg_encoded_size(const struct vow_msg *msg)
{
    struct out out;
    put_body(&out, msg);
    return vow__envelope__get_packed_size(&out.envelope) + CODEC_SEAL_BYTES;
}

size_t vow_msg_encode(const struct vow_msg *msg, uint32_t frame_max, uint8_t *out, size_t out_size)
{
    struct out made;
    put_body(&made, msg);
    const size_t len = vow__envelope__get_packed_size(&made.envelope) + CODEC_SEAL_BYTES;
    if (len > frame_max || out_size < VOW_FRAME_HEADER_BYTES || len > out_size - VOW_FRAME_HEADER_BYTES)
        return 0;
    vow_frame_put_length(out, (uint32_t)len);
    uint8_t *body = out + VOW_FRAME_HEADER_BYTES;
    codec_seal_put(body, vow__envelope__pack(&made.envelope, body));
    return VOW_FRAME_HEADER_BYTES + len;
}
