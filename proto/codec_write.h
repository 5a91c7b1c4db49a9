/* Private to the encoder: the parts that messages are made of. */
#ifndef VOW_PROTO_CODEC_WRITE_H
#define VOW_PROTO_CODEC_WRITE_H

#include "proto/message.h"
#include "vow.pb-c.h"

/* Texts in one message, at most. */
enum { CODEC_TEXTS = 3 };

/* One message as protobuf-c wants to see it, on the stack. It points into the vow_msg it was made from. Only what a
 * message uses is ever set. */
struct codec_out {
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
        Vow__SagaRequest saga_request;
        Vow__SagaQuery saga_query;
        Vow__SagaState saga_state;
        Vow__Step step;
        Vow__StepDone step_done;
        Vow__Publish publish;
        Vow__Published published;
        Vow__Subscribe subscribe;
        Vow__Subscribed subscribed;
        Vow__Deliver deliver;
        Vow__Delivered delivered;
        Vow__Seek seek;
    };
    Vow__Header header;
    Vow__Watermark watermark;
    Vow__Call calls[VOW_CALLS_MAX];
    Vow__Call *call_list[VOW_CALLS_MAX];
    Vow__Work work[VOW_CALLS_MAX];
    Vow__Work *work_list[VOW_CALLS_MAX];
    Vow__Peer peers[VOW_CALLS_MAX];
    Vow__Peer *peer_list[VOW_CALLS_MAX];
    Vow__SagaStep saga_steps[VOW_STEPS_MAX];
    Vow__SagaStep *saga_step_list[VOW_STEPS_MAX];
    Vow__Event event;
    Vow__EventHeader event_headers[VOW_EVENT_HEADERS_MAX];
    Vow__EventHeader *event_header_list[VOW_EVENT_HEADERS_MAX];
    char *pattern_list[VOW_PATTERNS_MAX];
    char *publish_list[VOW_PATTERNS_MAX];
    char texts[CODEC_TEXTS][VOW_TEXT_SIZE];
    unsigned texts_len;
};

char *codec_put_string(const char *string);
char *codec_put_text(struct codec_out *out, const char *text);
ProtobufCBinaryData codec_put_slice(struct vow_slice slice);
ProtobufCBinaryData codec_put_gtrid(const struct vow_gtrid *gtrid);
Vow__Header *codec_put_header(struct codec_out *out, const struct vow_msg_header *from);
Vow__Watermark *codec_put_watermark(struct codec_out *out, struct vow_watermark from);
Vow__Call **codec_put_calls(struct codec_out *out, const struct vow_msg_call *from, uint32_t len);
Vow__Work **codec_put_work(struct codec_out *out, const struct vow_msg_work *from, uint32_t len);
Vow__Peer **codec_put_peers(struct codec_out *out, const struct vow_msg_peer *from, uint32_t len);

/* --- codec_encode_saga.c: whole messages --- */

Vow__SagaRequest *codec_put_saga_request(struct codec_out *out, const struct vow_msg_saga_request *from);
Vow__SagaQuery *codec_put_saga_query(struct codec_out *out, const struct vow_msg_saga_query *from);
Vow__SagaState *codec_put_saga_state(struct codec_out *out, const struct vow_msg_saga_state *from);
Vow__Step *codec_put_step(struct codec_out *out, const struct vow_msg_step *from);
Vow__StepDone *codec_put_step_done(struct codec_out *out, const struct vow_msg_step_done *from);

/* --- codec_encode_event.c: likewise --- */

Vow__Publish *codec_put_publish(struct codec_out *out, const struct vow_msg_publish *from);
Vow__Published *codec_put_published(struct codec_out *out, const struct vow_msg_published *from);
Vow__Subscribe *codec_put_subscribe(struct codec_out *out, const struct vow_msg_subscribe *from);
Vow__Subscribed *codec_put_subscribed(struct codec_out *out, const struct vow_msg_subscribed *from);
Vow__Deliver *codec_put_deliver(struct codec_out *out, const struct vow_msg_deliver *from);
Vow__Delivered *codec_put_delivered(struct codec_out *out, const struct vow_msg_delivered *from);
Vow__Seek *codec_put_seek(struct codec_out *out, const struct vow_msg_seek *from);

#endif
