#include "participant/calls.h"

#include <string.h>

size_t vow_calls_size(const struct vow_msg_call *calls, size_t calls_len)
{
    size_t size = calls_len * sizeof(*calls);

    for (size_t i = 0; i < calls_len; i++)
        size += strlen(calls[i].participant) + 1 + strlen(calls[i].handler) + 1 + calls[i].payload.len;
    return size;
}

/* Copies len bytes to *end, moves it behind them, and returns where they are now. */
static void *put(char **end, const void *data, size_t len)
{
    char *to = *end;

    if (len > 0)
        memcpy(to, data, len);
    *end += len;
    return to;
}

struct vow_msg_call *vow_calls_copy(void *mem, const struct vow_msg_call *calls, size_t calls_len)
{
    struct vow_msg_call *copy = mem;
    char *end = (char *)(copy + calls_len);

    for (size_t i = 0; i < calls_len; i++) {
        copy[i].participant = put(&end, calls[i].participant, strlen(calls[i].participant) + 1);
        copy[i].handler = put(&end, calls[i].handler, strlen(calls[i].handler) + 1);
        copy[i].payload.data = put(&end, calls[i].payload.data, calls[i].payload.len);
        copy[i].payload.len = calls[i].payload.len;
    }
    return copy;
}
