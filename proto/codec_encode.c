#include "proto/codec.h"

#include <string.h>

#include "proto/assert.h"
#include "proto/codec_seal.h"
#include "proto/codec_write.h"
#include "proto/frame.h"
#include "vow.pb-c.h"

/* --- The connection --- */

static Vow__Hello *put_hello(struct codec_out *out, const struct vow_msg_hello *from)
{
    static const uint8_t none[VOW_DB_UUID_BYTES];
    Vow__Hello *to = &out->hello;
    vow__hello__init(to);
    to->version_min = from->version_min;
    to->version_max = from->version_max;
    to->role = from->role;
    to->name = codec_put_string(from->name);
    to->incarnation = from->incarnation;
    to->db_uuid.data = (uint8_t *)from->db_uuid;
    to->db_uuid.len = memcmp(from->db_uuid, none, sizeof(none)) == 0 ? 0 : sizeof(none);
    to->coord = from->coord;
    to->epoch = from->epoch;
    to->software = codec_put_text(out, from->software);
    to->address = codec_put_string(from->address);
    return to;
}

static Vow__Welcome *put_welcome(struct codec_out *out, const struct vow_msg_welcome *from)
{
    Vow__Welcome *to = &out->welcome;
    vow__welcome__init(to);
    to->version = from->version;
    to->coord = from->coord;
    to->epoch = from->epoch;
    to->name = codec_put_string(from->name);
    to->watermark = codec_put_watermark(out, from->watermark);
    to->heartbeat_ms = from->heartbeat_ms;
    to->frame_max = from->frame_max;
    return to;
}

static Vow__Reject *put_reject(struct codec_out *out, const struct vow_msg_reject *from)
{
    vow__reject__init(&out->reject);
    out->reject.error = from->error;
    out->reject.text = codec_put_text(out, from->text);
    return &out->reject;
}

static Vow__Ping *put_ping(struct codec_out *out, const struct vow_msg_ping *from)
{
    vow__ping__init(&out->ping);
    out->ping.nonce = from->nonce;
    return &out->ping;
}

/* --- Clients --- */

static Vow__IdsRequest *put_ids_request(struct codec_out *out, const struct vow_msg_ids_request *from)
{
    vow__ids_request__init(&out->ids_request);
    out->ids_request.count = from->count;
    return &out->ids_request;
}

static Vow__Ids *put_ids(struct codec_out *out, const struct vow_msg_ids *from)
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

static Vow__Begin *put_begin(struct codec_out *out, const struct vow_msg_begin *from)
{
    vow__begin__init(&out->begin);
    out->begin.gtrid = codec_put_gtrid(&from->gtrid);
    out->begin.timeout_ms = from->timeout_ms;
    out->begin.key = codec_put_string(from->key);
    return &out->begin;
}

static Vow__Id *put_id(struct codec_out *out, const struct vow_msg_gtrid *from)
{
    vow__id__init(&out->id);
    out->id.gtrid = codec_put_gtrid(&from->gtrid);
    return &out->id;
}

static Vow__CommitRequest *put_commit_request(struct codec_out *out, const struct vow_msg_commit_request *from)
{
    Vow__CommitRequest *to = &out->commit_request;
    vow__commit_request__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->n_calls = from->calls_len;
    to->calls = codec_put_calls(out, from->calls, from->calls_len);
    to->n_work = from->work_len;
    to->work = codec_put_work(out, from->work, from->work_len);
    to->timeout_ms = from->timeout_ms;
    to->key = codec_put_string(from->key);
    return to;
}

static Vow__StatusRequest *put_status_request(struct codec_out *out, const struct vow_msg_status_request *from)
{
    vow__status_request__init(&out->status_request);
    out->status_request.gtrid = codec_put_gtrid(&from->gtrid);
    out->status_request.participant = codec_put_string(from->participant);
    return &out->status_request;
}

static Vow__Outcome *put_outcome(struct codec_out *out, const struct vow_msg_outcome *from)
{
    Vow__Outcome *to = &out->outcome;
    vow__outcome__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->outcome = from->outcome;
    to->cause = from->cause;
    to->error = from->error;
    to->participant = codec_put_string(from->participant);
    to->text = codec_put_text(out, from->text);
    to->retry_after_ms = from->retry_after_ms;
    to->named = codec_put_gtrid(&from->named);
    return to;
}

/* --- Participants and the commit protocol --- */

static Vow__Branch *put_branch(struct codec_out *out, const struct vow_msg_branch *from)
{
    vow__branch__init(&out->branch);
    out->branch.header = codec_put_header(out, &from->header);
    return &out->branch;
}

static Vow__Branch *put_enlist(struct codec_out *out, const struct vow_msg_enlist *from)
{
    vow__branch__init(&out->branch);
    out->branch.header = codec_put_header(out, &from->header);
    return &out->branch;
}

static Vow__Enlisted *put_enlisted(struct codec_out *out, const struct vow_msg_enlisted *from)
{
    vow__enlisted__init(&out->enlisted);
    out->enlisted.header = codec_put_header(out, &from->header);
    out->enlisted.error = from->error;
    out->enlisted.left_ms = from->left_ms;
    return &out->enlisted;
}

static Vow__Prepare *put_prepare(struct codec_out *out, const struct vow_msg_prepare *from)
{
    Vow__Prepare *to = &out->prepare;
    vow__prepare__init(to);
    to->header = codec_put_header(out, &from->header);
    to->watermark = codec_put_watermark(out, from->watermark);
    to->ops = from->ops;
    to->n_peers = from->peers_len;
    to->peers = codec_put_peers(out, from->peers, from->peers_len);
    to->n_calls = from->calls_len;
    to->calls = codec_put_calls(out, from->calls, from->calls_len);
    to->ordinal = from->ordinal;
    return to;
}

static Vow__Vote *put_vote(struct codec_out *out, const struct vow_msg_vote *from)
{
    Vow__Vote *to = &out->vote;
    vow__vote__init(to);
    to->header = codec_put_header(out, &from->header);
    to->vote = from->vote;
    to->cause = from->cause;
    to->text = codec_put_text(out, from->text);
    return to;
}

static Vow__Decision *put_decision(struct codec_out *out, const struct vow_msg_decision *from)
{
    Vow__Decision *to = &out->decision;
    vow__decision__init(to);
    to->header = codec_put_header(out, &from->header);
    to->watermark = codec_put_watermark(out, from->watermark);
    to->verdict = from->verdict;
    return to;
}

static Vow__Ack *put_ack(struct codec_out *out, const struct vow_msg_ack *from)
{
    vow__ack__init(&out->ack);
    out->ack.header = codec_put_header(out, &from->header);
    out->ack.ack = from->ack;
    return &out->ack;
}

static Vow__OnePhaseDone *put_one_phase_done(struct codec_out *out, const struct vow_msg_one_phase_done *from)
{
    Vow__OnePhaseDone *to = &out->one_phase_done;
    vow__one_phase_done__init(to);
    to->header = codec_put_header(out, &from->header);
    to->result = from->result;
    to->cause = from->cause;
    to->text = codec_put_text(out, from->text);
    return to;
}

static Vow__Wait *put_wait(struct codec_out *out, const struct vow_msg_wait *from)
{
    vow__wait__init(&out->wait);
    out->wait.header = codec_put_header(out, &from->header);
    out->wait.reason = from->reason;
    return &out->wait;
}

/* --- Peers and heuristics --- */

static Vow__PeerAnswer *put_peer_answer(struct codec_out *out, const struct vow_msg_peer_answer *from)
{
    vow__peer_answer__init(&out->peer_answer);
    out->peer_answer.header = codec_put_header(out, &from->header);
    out->peer_answer.answer = from->answer;
    return &out->peer_answer;
}

static Vow__Resolve *put_resolve(struct codec_out *out, const struct vow_msg_resolve *from)
{
    Vow__Resolve *to = &out->resolve;
    vow__resolve__init(to);
    to->header = codec_put_header(out, &from->header);
    to->verdict = from->verdict;
    to->who = codec_put_text(out, from->who);
    to->why = codec_put_text(out, from->why);
    return to;
}

static Vow__Resolved *put_resolved(struct codec_out *out, const struct vow_msg_resolved *from)
{
    Vow__Resolved *to = &out->resolved;
    vow__resolved__init(to);
    to->header = codec_put_header(out, &from->header);
    to->error = from->error;
    to->verdict = from->verdict;
    to->text = codec_put_text(out, from->text);
    return to;
}

static Vow__HeuristicReport *put_heuristic_report(struct codec_out *out, const struct vow_msg_heuristic_report *from)
{
    Vow__HeuristicReport *to = &out->heuristic_report;
    vow__heuristic_report__init(to);
    to->header = codec_put_header(out, &from->header);
    to->verdict = from->verdict;
    to->who = codec_put_text(out, from->who);
    to->why = codec_put_text(out, from->why);
    to->wall_us = from->wall_us;
    return to;
}

/* --- Operators --- */

static Vow__AdminRequest *put_admin_request(struct codec_out *out, const struct vow_msg_admin_request *from)
{
    Vow__AdminRequest *to = &out->admin_request;
    vow__admin_request__init(to);
    to->command = from->command;
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->filter = codec_put_text(out, from->filter);
    to->limit = from->limit;
    to->participant = codec_put_string(from->participant);
    to->who = codec_put_text(out, from->who);
    to->why = codec_put_text(out, from->why);
    to->tag = from->tag;
    return to;
}

static Vow__AdminReply *put_admin_reply(struct codec_out *out, const struct vow_msg_admin_reply *from)
{
    vow__admin_reply__init(&out->admin_reply);
    out->admin_reply.error = from->error;
    out->admin_reply.json = codec_put_string(from->json);
    out->admin_reply.last = from->last;
    out->admin_reply.tag = from->tag;
    return &out->admin_reply;
}

/* Those of other files. */
#define put_saga_request codec_put_saga_request
#define put_saga_query codec_put_saga_query
#define put_saga_state codec_put_saga_state
#define put_step codec_put_step
#define put_step_done codec_put_step_done
#define put_publish codec_put_publish
#define put_published codec_put_published
#define put_subscribe codec_put_subscribe
#define put_subscribed codec_put_subscribed
#define put_deliver codec_put_deliver
#define put_delivered codec_put_delivered
#define put_seek codec_put_seek

/* Kinds that share a struct share its writer. */
#define put_pong put_ping
#define put_rollback_request put_id
#define put_saga_cancel put_id
#define put_commit_one_phase put_prepare
#define put_one_phase_query put_branch
#define put_forget put_branch
#define put_inquiry put_branch
#define put_peer_inquiry put_branch

/* clang-format off */
static void put_body(struct codec_out *out, const struct vow_msg *msg)
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
    struct codec_out out;
    put_body(&out, msg);
    return vow__envelope__get_packed_size(&out.envelope) + CODEC_SEAL_BYTES;
}

size_t vow_msg_encode(const struct vow_msg *msg, uint32_t frame_max, uint8_t *out, size_t out_size)
{
    struct codec_out made;
    put_body(&made, msg);
    const size_t len = vow__envelope__get_packed_size(&made.envelope) + CODEC_SEAL_BYTES;
    if (len > frame_max || out_size < VOW_FRAME_HEADER_BYTES || len > out_size - VOW_FRAME_HEADER_BYTES)
        return 0;
    vow_frame_put_length(out, (uint32_t)len);
    uint8_t *body = out + VOW_FRAME_HEADER_BYTES;
    codec_seal_put(body, vow__envelope__pack(&made.envelope, body));
    return VOW_FRAME_HEADER_BYTES + len;
}
