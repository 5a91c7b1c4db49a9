/*
 * Who has read and written which version of a row: a row of table `access` for each step that touches one. It is
 * written in the same local transaction as what the step did, so what was undone, or never became true, is not there;
 * shop-audit and vow-chaos count from it what isolation would have prevented.
 */
#ifndef SHOP_ACCESS_H
#define SHOP_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;

struct access {
    const char *id;   /* of the transaction, the saga or the choreography */
    const char *step; /* unique within it */
    const char *arm;
    const char *row;
    int64_t read;           /* the version that the step saw, */
    const char *writer;     /* and whose it was: "" = it was there before */
    int64_t value, base;    /* what its value is made of, and of which version that was */
    int64_t wrote;          /* the version that it has installed; 0 = none */
    int64_t wanted, effect; /* the change that the step is about, and the one that it has made */
    int64_t amount;
};

/* The table, in a service's file. */
extern const char access_schema[];

/* In a handler. Returns 0 or an error. */
int access_note(struct sqlite3 *db, const struct access *access);

/*
 * Writes what the file has into another, a line of JSON for each version that was read or written: rows are named as
 * the library's trace does it, "item/item-00003". Returns 0, or -1 after a line on stderr.
 */
int access_tell(const char *program, const char *db_path, const char *table, const char *path);

#endif
