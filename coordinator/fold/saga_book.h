/*
 * What the sagas that have not ended are about: their orders, and what their actions have answered. The core knows of a
 * step who does it and how it stands; handler, payload and answer are here, by the saga's id. The loop's thread.
 */
#ifndef VOW_COORDINATOR_FOLD_SAGA_BOOK_H
#define VOW_COORDINATOR_FOLD_SAGA_BOOK_H

#include <stdbool.h>
#include <uthash.h>

#include "proto/message.h"

struct saga_book_step {
    const char *action, *compensation; /* handlers; "" = none */
    struct vow_slice payload;
    uint8_t *answer; /* NULL = none, or not known */
    size_t answer_len;
};

/* Everything but the answers is one piece of memory. */
struct saga_order {
    struct vow_gtrid gtrid; /* first: the key */
    uint64_t session;       /* that it came by; 0 = out of the journal */
    size_t bytes;
    uint32_t steps_len, stages_len;
    struct saga_book_step *steps;
    UT_hash_handle hh;
};

struct saga_book {
    struct saga_order *orders; /* uthash by gtrid */
    uint64_t bytes;            /* that all of it takes */
};

/* What an order would take. */
size_t saga_book_size(const struct vow_msg_saga_request *request);
/* Copies it; the id is new (asserted). NULL if there is no memory. */
struct saga_order *saga_book_add(struct saga_book *book, const struct vow_msg_saga_request *request, uint64_t session);
struct saga_order *saga_book_find(const struct saga_book *book, const struct vow_gtrid *gtrid);
/* Keeps what an action has answered, of a saga and a step that are there. False if there is no memory. */
bool saga_book_answer(struct saga_book *book, const struct vow_gtrid *gtrid, uint32_t step, struct vow_slice answer);
/* Adds handler, payload and answer to a STEP of a saga and a step that are there (asserted). They point into the
 * book. */
void saga_book_fill(const struct saga_book *book, struct vow_msg_step *step);
/* NULL is allowed. */
void saga_book_remove(struct saga_book *book, struct saga_order *order);
void saga_book_free(struct saga_book *book);

#endif
