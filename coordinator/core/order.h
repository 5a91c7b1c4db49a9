/*
 * What the history says of an order that an operator gives: the command, who, why, in one text of a record. vowd writes
 * it down; vowctl looks beforehand whether it has room, so that nobody is refused after he was asked (fault F179).
 */
#ifndef VOW_COORDINATOR_CORE_ORDER_H
#define VOW_COORDINATOR_CORE_ORDER_H

#include <stddef.h>

#include "proto/message.h"

/* "saga close"; of what is no order, "forget". */
const char *vow_order_name(enum vow_admin_command command);

/* "topics seek 17 by WHO: WHY". Returns its length; what is over VOW_TEXT_MAX is cut off. */
size_t vow_order_text(const struct vow_msg_admin_request *request, char text[VOW_TEXT_SIZE]);

#endif
