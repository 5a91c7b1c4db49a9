#include "coordinator/fold/relay_book.h"

#include <stdlib.h>
#include <string.h>

static size_t text_size(const struct vow_msg_event *event)
{
    size_t size = strlen(event->topic) + strlen(event->key) + strlen(event->source) + 3 + event->payload.len;
    for (uint32_t i = 0; i < event->headers_len; i++)
        size += strlen(event->headers[i].name) + strlen(event->headers[i].value) + 2;
    return size;
}

size_t relay_book_size(const struct vow_msg_event *event)
{
    return sizeof(struct book_event) + event->headers_len * sizeof(*event->headers) + text_size(event);
}

static const char *take_text(char **at, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static void copy_parts(struct vow_msg_event *to, const struct vow_msg_event *from, char *at)
{
    struct vow_msg_header_of_event *headers = (struct vow_msg_header_of_event *)(void *)at;
    at += from->headers_len * sizeof(*headers);
    for (uint32_t i = 0; i < from->headers_len; i++)
        headers[i] = (struct vow_msg_header_of_event){take_text(&at, from->headers[i].name),
                                                      take_text(&at, from->headers[i].value)};
    to->headers = headers;
    to->topic = take_text(&at, from->topic);
    to->key = take_text(&at, from->key);
    to->source = take_text(&at, from->source);
    to->payload.data = (const uint8_t *)at;
    if (from->payload.len > 0)
        memcpy(at, from->payload.data, from->payload.len);
}

const struct vow_msg_event *relay_book_add(struct relay_book *book, const struct vow_msg_event *event)
{
    const size_t bytes = relay_book_size(event);
    struct book_event *copy = malloc(bytes);
    if (copy == NULL)
        return NULL;
    *copy = (struct book_event){.event = *event, .bytes = bytes, .after = book->first};
    copy_parts(&copy->event, event, (char *)(copy + 1));
    if (book->first != NULL)
        book->first->before = copy;
    book->first = copy;
    book->bytes += bytes;
    return &copy->event;
}

void relay_book_remove(struct relay_book *book, const struct vow_msg_event *event)
{
    struct book_event *copy = (struct book_event *)event;
    if (copy->before != NULL)
        copy->before->after = copy->after;
    else
        book->first = copy->after;
    if (copy->after != NULL)
        copy->after->before = copy->before;
    book->bytes -= copy->bytes;
    free(copy);
}

void relay_book_free(struct relay_book *book)
{
    struct book_event *event = book->first;
    while (event != NULL) {
        struct book_event *next = event->after;
        free(event);
        event = next;
    }
    book->first = NULL;
}
