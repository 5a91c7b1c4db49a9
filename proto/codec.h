/*
 * Messages to bytes and back, over protobuf-c. The only place that knows the generated types.
 *
 * Decoding trusts nothing: the caller has bounded the length (frame.h), memory comes from an arena of fixed size that
 * refuses to grow (bugs B61, fault F163), unknown fields are limited, and every field is checked (enums in range, names
 * and texts well-formed, counts under their limits, ids of the right length) before a core may see the message.
 */
#ifndef VOW_PROTO_CODEC_H
#define VOW_PROTO_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

/* Memory for one decoded message at a time. Not thread-safe; one per loop. */
struct vow_arena;

/* size: bytes one message may need, at most; 0 gives four times VOW_FRAME_MAX_DEFAULT. NULL if there is no memory. */
struct vow_arena *vow_arena_new(size_t size);
void vow_arena_free(struct vow_arena *arena);

/* Unknown fields in one message, at most (fault F163). */
#define VOW_UNKNOWN_FIELDS_MAX 16

/* The encoded length of msg's Envelope, without the frame header. */
size_t vow_msg_encoded_size(const struct vow_msg *msg);

/*
 * Writes a whole frame (header and body) to out. Returns its length; 0 if it does not fit into out_size or the body
 * would be over frame_max. The message must be well-formed (asserted in part: it is ours).
 */
size_t vow_msg_encode(const struct vow_msg *msg, uint32_t frame_max, uint8_t *out, size_t out_size);

/*
 * Reads one Envelope body. On 0, *msg points into the arena and into nothing else, until the arena's next decode. On
 * VOW_E_MESSAGE or VOW_E_NO_MEMORY, why says what is wrong in one line (static text) and *msg is undefined.
 */
int vow_msg_decode(struct vow_arena *arena, const uint8_t *body, size_t len, struct vow_msg *msg, const char **why);

#endif
