/*
 * shop-audit: are the books of the three services right? Reads the databases and shop-load's log; changes nothing.
 *
 * One read-only connection sees the three files as the schemas main (order), stock and pay, and the log as temp.told.
 */
#ifndef SHOP_AUDIT_H
#define SHOP_AUDIT_H

#include <sqlite3.h>

/* Reads a log of shop-load into temp.told (id, outcome). Returns 0, or -1 after a line on stderr. */
int audit_read_log(sqlite3 *db, const char *path);

#endif
