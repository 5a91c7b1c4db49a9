/*
 * The events that some group has not done, or that are dead letters, with all that they say. The core keeps pointers to
 * them: what is here does not move.
 */
#ifndef VOW_COORDINATOR_FOLD_RELAY_BOOK_H
#define VOW_COORDINATOR_FOLD_RELAY_BOOK_H

#include "proto/message.h"

struct book_event {
    struct vow_msg_event event; /* first: what the core has a pointer to */
    size_t bytes;
    struct book_event *before, *after;
};

struct relay_book {
    struct book_event *first;
    uint64_t bytes; /* that all of it takes */
};

/* What an event would take. */
size_t relay_book_size(const struct vow_msg_event *event);
/* Copies it, all in one piece of memory. NULL if there is none. */
const struct vow_msg_event *relay_book_add(struct relay_book *book, const struct vow_msg_event *event);
/* Of one that is there. */
void relay_book_remove(struct relay_book *book, const struct vow_msg_event *event);
void relay_book_free(struct relay_book *book);

#endif
