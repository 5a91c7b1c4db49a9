/*
 * What all programs of the shop agree on: how an order looks on its way to the services, and a line of SQL.
 *
 * An order changes three services at once: `order` writes it down, `stock` takes the goods, `payment` takes the money.
 * Each gets the same payload and keeps the order's id, so that an audit can compare the three databases.
 */
#ifndef SHOP_H
#define SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "arm.h"

struct sqlite3;

/* Exit statuses of all programs of the shop. */
enum { SHOP_EXIT_FAILED = 1, SHOP_EXIT_USAGE = 2 };

#define SHOP_WORD_SIZE 48
#define SHOP_PAYLOAD_SIZE 256

struct shop_order {
    char id[SHOP_WORD_SIZE];
    char item[SHOP_WORD_SIZE];
    char account[SHOP_WORD_SIZE];
    int64_t quantity;
    int64_t amount; /* what it costs in all */
    /* For sagas that are looked at (arm.h), else zero: */
    enum shop_arm arm;
    bool fails_fast;    /* at a lock of another saga, instead of waiting for it */
    int64_t pending_ms; /* after which its own lock raises an alarm */
};

/* How a service refuses what a further saga may have more luck with. */
#define SHOP_SAYS_PENDING "pending for another order"
#define SHOP_SAYS_CHANGED "changed since it was read"

/* Writes the payload: five words, or eight with an arm. Returns its length, or 0 if it does not fit. */
size_t shop_order_print(const struct shop_order *order, char payload[SHOP_PAYLOAD_SIZE]);
/* Reads a payload, which came over the network and may be anything. Returns 0, or -1 if it is not an order. */
int shop_order_parse(const void *payload, size_t len, struct shop_order *order);

/*
 * Runs one statement with the given parameters: `types` has an 's' (const char *) or an 'i' (int64_t) for each. Returns
 * SQLITE_OK or SQLite's error; sqlite3_changes() then tells how many rows it changed.
 */
int shop_sql(struct sqlite3 *db, const char *sql, const char *types, ...);

/* Reads a whole decimal number of min to max. Returns 0, or -1 and leaves *value alone. */
int shop_number(const char *text, int64_t min, int64_t max, int64_t *value);

/*
 * Closes a file that was written; NULL is none. Returns 0 if all of it is there, else -1 after a line on stderr, which
 * has EIO for the reason if an earlier write failed: stdio keeps no more than the mark.
 */
int shop_close_written(FILE *file, const char *program, const char *path);

#endif
