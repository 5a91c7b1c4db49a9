/* One question to the coordinator: connects, sends, collects the rows, hangs up. */
#ifndef VOW_CTL_ASK_H
#define VOW_CTL_ASK_H

#include <jansson.h>

#include "proto/address.h"
#include "proto/error.h"
#include "proto/message.h"

/*
 * Asks and waits, timeout_ms at most. On 0, *rows is a JSON array, the caller's to json_decref(). On an error *rows is
 * NULL and *detail says what happened: VOW_E_UNREACHABLE, VOW_E_NOT_FOUND, or what the coordinator answered.
 */
int ask(const struct vow_address *coordinator, const struct vow_msg_admin_request *request, unsigned timeout_ms,
        json_t **rows, struct vow_error_detail *detail);

/* How far a question came: whoever has ordered something must not take silence for a no, nor the other way round. */
enum ask_end {
    ASK_NOT_SENT = 0, /* nobody was asked */
    ASK_UNANSWERED,   /* it left, or may have; what it came to nobody has said */
    ASK_ANSWERED,     /* the error is the answer */
};

/* An order to the coordinator. */
int ask_order(const struct vow_address *coordinator, const struct vow_msg_admin_request *request, unsigned timeout_ms,
              json_t **rows, struct vow_error_detail *detail, enum ask_end *end);

/* Ends a branch at a participant itself, on its own listener. One row: "done". VOW_E_STATE, VOW_E_NOT_FOUND,
 * VOW_E_REFUSED, and detail says what is true instead. */
int ask_resolve(const struct vow_address *participant, const struct vow_msg_resolve *resolve, unsigned timeout_ms,
                json_t **rows, struct vow_error_detail *detail, enum ask_end *end);

#endif
