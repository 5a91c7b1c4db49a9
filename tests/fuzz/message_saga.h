/* The messages of sagas, drawn: see message.h. */
#ifndef VOW_FUZZ_MESSAGE_SAGA_H
#define VOW_FUZZ_MESSAGE_SAGA_H

#include "input.h"
#include "proto/message.h"

#define FUZZ_STEPS_MAX 5

/* What is beside msg->kind; what it points at lives until the next call. */
void fuzz_draw_saga(struct input *in, const struct vow_gtrid *gtrid, struct vow_msg *msg);

#endif
