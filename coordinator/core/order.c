#include "coordinator/core/order.h"

#include <string.h>

#include "proto/line.h"

const char *vow_order_name(enum vow_admin_command command)
{
    switch (command) {
    case VOW_ADMIN_COMMIT:
        return "commit";
    case VOW_ADMIN_ABORT:
        return "abort";
    case VOW_ADMIN_SAGA_RETRY:
        return "saga retry";
    case VOW_ADMIN_SAGA_CLOSE:
        return "saga close";
    case VOW_ADMIN_DLQ_RETRY:
        return "dlq retry";
    case VOW_ADMIN_DLQ_DROP:
        return "dlq drop";
    case VOW_ADMIN_GROUP_REMOVE:
        return "topics remove";
    case VOW_ADMIN_GROUP_SEEK:
        return "topics seek";
    case VOW_ADMIN_FORGET:
    case VOW_ADMIN_STATUS:
    case VOW_ADMIN_LIST:
    case VOW_ADMIN_SHOW:
    case VOW_ADMIN_HISTORY:
    case VOW_ADMIN_PEERS:
    case VOW_ADMIN_SAGA_LIST:
    case VOW_ADMIN_SAGA_SHOW:
    case VOW_ADMIN_TOPICS:
    case VOW_ADMIN_DLQ_LIST:
    case VOW_ADMIN_DLQ_SHOW:
    case VOW_ADMIN_REPLAY:
        break;
    }
    return "forget";
}

size_t vow_order_text(const struct vow_msg_admin_request *request, char text[VOW_TEXT_SIZE])
{
    const bool has_place = request->command == VOW_ADMIN_GROUP_SEEK;
    const char *const parts[] = {vow_order_name(request->command),
                                 has_place ? " " : "",
                                 has_place ? request->filter : "",
                                 " by ",
                                 request->who,
                                 ": ",
                                 request->why};
    struct vow_line line = vow_line_start(text, VOW_TEXT_SIZE);
    size_t len = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        vow_line_put(&line, parts[i]);
        len += strlen(parts[i]);
    }
    return len;
}
