/* The messages of events, drawn: see message.h. */
#ifndef VOW_FUZZ_MESSAGE_EVENT_H
#define VOW_FUZZ_MESSAGE_EVENT_H

#include "input.h"
#include "proto/message.h"

/* What is beside msg->kind; what it points at lives until the next call. */
void fuzz_draw_event(struct input *in, const struct vow_gtrid *gtrid, struct vow_msg *msg);

#endif
