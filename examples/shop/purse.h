/*
 * Accounts of orders that are looked at: what payment.c does to a purse, with the versions of its row noted (access.h).
 * Money is added and subtracted, and never written as it was read: what is compared are the goods (shelf.h).
 */
#ifndef SHOP_PURSE_H
#define SHOP_PURSE_H

#include <vow/sqlite.h>

#include "shop.h"

/* Takes an order's money. Leaves `why` alone, or says in it why it cannot be had: then nothing has happened. */
int purse_pay(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why);
int purse_pay_back(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order);

#endif
