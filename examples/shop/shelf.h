/*
 * The shelf under orders that are looked at: what stock.c does to an item, once for each countermeasure of arm.h.
 *
 * Every row of `item` has a version, and the id of the saga that has written it. Each step notes which version it has
 * read, on which one its value is based, and which one it has installed (access.h). From those numbers shop-audit
 * counts what was lost, dirty or fuzzy; nothing else is trusted for it.
 */
#ifndef SHOP_SHELF_H
#define SHOP_SHELF_H

#include <vow/sqlite.h>

#include "shop.h"

/* The version file, beside the columns version, writer, pending and pending_until of `item`. */
extern const char shelf_schema[];

/* Handlers' bodies: the first step of a saga, which may set its lock; the one that takes goods, and its compensation;
 * and the one that clears the lock, which is the compensation of the first and the last of all. shelf_take() says in
 * `why` what there is not enough of; then the handler refuses, or tells it. */
int shelf_look(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order);
int shelf_take(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why);
int shelf_give_back(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order);
int shelf_settle(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order);

/* Clears the lock of a saga that an operator has closed, in a transaction of its own: nobody else will. Refuses if it
 * has none. Whether it has ended is for the caller to know (unlock.c). */
int shelf_unlock(struct vow_branch *branch, struct sqlite3 *db, const char *saga);

/*
 * Says on stderr, once for each, which locks are past their time: nobody clears one for that (F211). Only the saga that
 * has set it knows whether it is still needed, and it ends, or stands stuck before an operator. Called again and again,
 * with *watch NULL at first: it is a connection of its own, which only reads. Returns 0 or an error.
 */
int shelf_watch(const char *path, struct sqlite3 **watch);
void shelf_unwatch(struct sqlite3 **watch);

#endif
