/*
 * The events of the shop. Those of one order have its id as their key, and its payload; why an order ends without being
 * placed is in a header.
 *
 *     shop-load      asks                      -> order.asked
 *     shop-stock     on order.asked            -> goods.taken, or goods.out-of-stock
 *     shop-payment   on goods.taken            -> money.paid, or money.refused
 *     shop-stock     on money.refused          -> goods.returned
 *     shop-order     on money.paid             -> order.placed
 *
 * Nobody leads: each service knows what it reacts to and what it tells, and no more. An order ends with order.placed,
 * goods.out-of-stock or goods.returned. One that is sold without asking (--protocol outbox) is told by order.sold, on
 * which stock and payment do their parts.
 */
#ifndef SHOP_EVENTS_H
#define SHOP_EVENTS_H

#include <vow/event.h>

#include "shop.h"

#define EVENT_ASKED "order.asked"
#define EVENT_SOLD "order.sold"
#define EVENT_PLACED "order.placed"
#define EVENT_TAKEN "goods.taken"
#define EVENT_OUT_OF_STOCK "goods.out-of-stock"
#define EVENT_RETURNED "goods.returned"
#define EVENT_PAID "money.paid"
#define EVENT_UNPAID "money.refused"

/* In a handler: tells what it has done for an order. `why` may be NULL. */
int events_tell(struct vow_branch *branch, const struct shop_order *order, const char *topic, const char *why);
/* In a reaction: tells what it has made of an event, of the same order. */
int events_pass_on(struct vow_branch *branch, const struct vow_received_event *event, const char *topic,
                   const char *why);
/* Why an order ends without being placed; NULL = that is not said. */
const char *events_reason(const struct vow_received_event *event);

#endif
