/*
 * A row of the outbox, as the store's own connection and the service's write it: the key's next number, the row, the
 * count. All three in one transaction with the change that the event is about (I25), at the moment when that becomes
 * true: a number that was taken before could be left out for ever, or overtaken (F204, B57).
 */
#ifndef VOW_PARTICIPANT_STORE_OUTBOX_ROW_H
#define VOW_PARTICIPANT_STORE_OUTBOX_ROW_H

#include <sqlite3.h>

#include "participant/store/store.h"

#define OUTBOX_LEN_SQL "SELECT value FROM vow_meta WHERE key = 'outbox_len'"
#define OUTBOX_COUNT_SQL "UPDATE vow_meta SET value = value + ?1 WHERE key = 'outbox_len'"
#define OUTBOX_NEXT_SQL                                                                                                \
    "INSERT INTO vow_outbox_key (agg_key, last) VALUES (?1, 1) "                                                       \
    "ON CONFLICT (agg_key) DO UPDATE SET last = last + 1 RETURNING last"
#define OUTBOX_INSERT_SQL                                                                                              \
    "INSERT INTO vow_outbox (agg_key, agg_seq, topic, version, hops, gtrid, wall_us, headers, payload, "               \
    "deadline_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"

struct outbox_statements {
    sqlite3_stmt *next, *insert;
};

/* Without the count. An SQLite code. */
int outbox_row_put(const struct outbox_statements *statements, const struct vow_store_event *event);

#endif
