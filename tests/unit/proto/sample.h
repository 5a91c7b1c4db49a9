/* One message of every kind, with every part set and with as little as is allowed; and how to compare two. */
#ifndef VOW_TESTS_PROTO_SAMPLE_H
#define VOW_TESTS_PROTO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"

extern const enum vow_msg_kind sample_kinds[];
extern const size_t sample_kinds_len;

struct vow_msg sample_full(enum vow_msg_kind kind);
struct vow_msg sample_bare(enum vow_msg_kind kind);

/* Fails the running test if a field differs. */
void sample_expect_same(const struct vow_msg *a, const struct vow_msg *b);

/* sample_saga.c: the same for the messages of sagas. False if it is none. */
bool sample_fill_saga(struct vow_msg *m);
void sample_bare_saga(struct vow_msg *m);
bool sample_same_saga(const struct vow_msg *a, const struct vow_msg *b);

/* sample_event.c: the same for the messages of events. */
bool sample_fill_event(struct vow_msg *m);
void sample_bare_event(struct vow_msg *m);
bool sample_same_event(const struct vow_msg *a, const struct vow_msg *b);

#endif
