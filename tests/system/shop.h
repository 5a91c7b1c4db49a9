/* The shop's three services as processes of a system test, on the kit's cluster. */
#ifndef VOW_TESTS_SYSTEM_SHOP_H
#define VOW_TESTS_SYSTEM_SHOP_H

#include <stdint.h>
#include <stdio.h>

#include "kit.h"

enum { ORDER, STOCK, PAYMENT, SHOP_SERVICES };

struct shop {
    struct cluster cluster; /* vowd, and a client */
    struct process services[SHOP_SERVICES];
    FILE *stock_says; /* the stderr of shop-stock */
};

/* Starts vowd and the three services, and waits until they are connected. */
void shop_start(struct shop *shop);
/* Ends the services; vowd and the files stay. */
void shop_stop(struct shop *shop);
/* A file of the shop's directory. Lives until the sixth call after this one. */
const char *shop_path(const struct shop *shop, const char *file);
const char *shop_book(const struct shop *shop, int service);
/* What stock and payment have left when they were stopped: who has read and written which version of a row. */
const char *shop_history(const struct shop *shop, int service);
/* One number out of a service's file; -1 if the query fails. */
int64_t shop_number(const struct shop *shop, int service, const char *sql);
/* Runs shop-audit over the files, and over the log "log"; the services have ended. */
void shop_audit(const struct shop *shop, struct run *run);

#endif
