/*
 * Private to the decoder: the parts that messages are made of, each checked as it is read. A reader returns false, and
 * has said why, if a part is not what it must be; then the whole message is refused.
 */
#ifndef VOW_PROTO_CODEC_READ_H
#define VOW_PROTO_CODEC_READ_H

#include <stdbool.h>

#include "proto/codec_arena.h"
#include "proto/message.h"
#include "vow.pb-c.h"

struct codec_in {
    struct vow_arena *arena;
    const char *why; /* the first fault */
};

bool codec_expect(struct codec_in *in, bool holds, const char *why);
bool codec_read_enum(struct codec_in *in, uint32_t value, unsigned highest, const char *why);
bool codec_read_cause(struct codec_in *in, uint32_t value, enum vow_cause *cause);
bool codec_read_error(struct codec_in *in, int32_t value, int *error);
bool codec_read_name(struct codec_in *in, const char *value, const char **name);
bool codec_read_name_or_none(struct codec_in *in, const char *value, const char **name);
bool codec_read_text(struct codec_in *in, const char *value, const char **text);
bool codec_read_coord(struct codec_in *in, uint64_t value, uint64_t *coord);
bool codec_read_gtrid_or_none(struct codec_in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid);
bool codec_read_gtrid(struct codec_in *in, ProtobufCBinaryData bytes, struct vow_gtrid *gtrid);
bool codec_read_header(struct codec_in *in, const Vow__Header *from, struct vow_msg_header *to);
bool codec_read_watermark(struct codec_in *in, const Vow__Watermark *from, struct vow_watermark *to);
bool codec_read_calls(struct codec_in *in, Vow__Call *const *from, size_t len, const struct vow_msg_call **calls,
                      uint32_t *calls_len);
bool codec_read_key(struct codec_in *in, const char *value, const char **key);
bool codec_read_work(struct codec_in *in, Vow__Work *const *from, size_t len, const struct vow_msg_work **work,
                     uint32_t *work_len);
bool codec_read_address(struct codec_in *in, const char *value, const char **address);
bool codec_read_peers(struct codec_in *in, Vow__Peer *const *from, size_t len, struct vow_msg_prepare *to);

/* --- codec_decode_saga.c: whole messages --- */

bool codec_read_saga_request(struct codec_in *in, const Vow__SagaRequest *from, struct vow_msg_saga_request *to);
bool codec_read_saga_query(struct codec_in *in, const Vow__SagaQuery *from, struct vow_msg_saga_query *to);
bool codec_read_saga_state(struct codec_in *in, const Vow__SagaState *from, struct vow_msg_saga_state *to);
bool codec_read_step(struct codec_in *in, const Vow__Step *from, struct vow_msg_step *to);
bool codec_read_step_done(struct codec_in *in, const Vow__StepDone *from, struct vow_msg_step_done *to);

/* --- codec_decode_event.c: likewise --- */

bool codec_read_publish(struct codec_in *in, const Vow__Publish *from, struct vow_msg_publish *to);
bool codec_read_published(struct codec_in *in, const Vow__Published *from, struct vow_msg_published *to);
bool codec_read_subscribe(struct codec_in *in, const Vow__Subscribe *from, struct vow_msg_subscribe *to);
bool codec_read_subscribed(struct codec_in *in, const Vow__Subscribed *from, struct vow_msg_subscribed *to);
bool codec_read_deliver(struct codec_in *in, const Vow__Deliver *from, struct vow_msg_deliver *to);
bool codec_read_delivered(struct codec_in *in, const Vow__Delivered *from, struct vow_msg_delivered *to);
bool codec_read_seek(struct codec_in *in, const Vow__Seek *from, struct vow_msg_seek *to);

#endif
