/* The body of a record to bytes and back (journal.proto). The only place of the journal that knows the generated
 * types. */
#ifndef VOW_JOURNAL_RECORD_CODEC_H
#define VOW_JOURNAL_RECORD_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "proto/frame.h"

/* More than the longest body needs that is not a saga's order: VOW_CALLS_MAX branches of at most 105 bytes, and two
 * texts; or a step's answer, and two texts. */
#define JOURNAL_BODY_MAX 8192
/* An order is a message, as it travels. */
#define JOURNAL_ORDER_MAX VOW_FRAME_MAX_HIGHEST
/* So is an event, with its payload and its headers; and a subscription. */
#define JOURNAL_EVENT_MAX (VOW_EVENT_PAYLOAD_MAX + 4096)
#define JOURNAL_SUBSCRIBE_MAX 8192

/* How long the body of a well-formed record is (asserted: the core made it). */
size_t journal_body_size(const struct vow_record *record);
/* Writes it: journal_body_size() bytes, which are returned. */
size_t journal_body_encode(const struct vow_record *record, uint8_t *out);

/*
 * Reads a body into *record, whose kind and gtrid the caller takes from the row and sets before. record->branches then
 * points to `branches`, and record->body into `body`. Returns 0, VOW_E_NO_MEMORY, or VOW_E_DAMAGED if the bytes are not
 * the body of such a record.
 */
int journal_body_decode(const uint8_t *body, size_t len, struct vow_record *record,
                        struct vow_record_branch branches[VOW_CALLS_MAX]);

#endif
