/* The files that read a disk among themselves. */
#ifndef VOW_CHAOS_SIM_DUMP_PRIVATE_H
#define VOW_CHAOS_SIM_DUMP_PRIVATE_H

#include <sqlite3.h>

#include "chaos/sim/dump.h"
#include "chaos/sim/dump_reader.h"

struct dump_reading {
    struct sim_dump *dump;
    struct sim_reader *from;
};

/* Memory of the dump, zeroed. */
void *dump_take(struct sim_dump *dump, size_t size);
typedef void dump_row_fn(struct dump_reading *reader, sqlite3_stmt *row, void *item);
/* Calls `each` with an item for each row, in an array that is the dump's. A table that is missing has no rows. */
void *dump_read_all(struct dump_reading *reader, const char *sql, size_t item_size, dump_row_fn *each, uint32_t *len);
int64_t dump_read_number(struct dump_reading *reader, const char *sql);
void dump_copy_gtrid(sqlite3_stmt *row, int column, struct vow_gtrid *gtrid);

/* --- dump_events.c --- */

/* What a coordinator keeps of events, and a participant. */
void dump_read_relay(struct dump_reading *reader);
void dump_read_news(struct dump_reading *reader);

#endif
