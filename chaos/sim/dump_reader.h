/* A connection that dumps are read with: its statements, and whether it may serve the next dump, too. */
#ifndef VOW_CHAOS_SIM_DUMP_READER_H
#define VOW_CHAOS_SIM_DUMP_READER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define SIM_READER_STATEMENTS 40

struct sim_reader {
    sqlite3 *db;
    bool is_kept; /* stays open when a dump is done */
    bool failed;  /* in this dump */
    char problem[128];
    unsigned statements_len;
    struct {
        const char *sql; /* a literal: the same one each time */
        sqlite3_stmt *statement;
    } statements[SIM_READER_STATEMENTS];
    /* Of a kept one: what the schema said when it was opened. */
    char *schema;
    size_t schema_len, schema_size;
};

/*
 * Opens the file, or goes on with the connection to it: SQLite takes 0.3 ms to read the schema of a store, of which the
 * guards are most, and a world is looked at often. A kept connection sees what is in the file now, for all of its
 * cache goes when the shared memory of the WAL was cleared (sim_disk_refill()), but it would go on with the schema that
 * it knows as long as the schema's number is the same. So the schema's rows are compared, too.
 */
bool sim_reader_open(struct sim_reader *reader, const char *vfs, const char *path);
/* NULL: it cannot be compiled, which is a failure unless a table is missing. */
sqlite3_stmt *sim_reader_statement(struct sim_reader *reader, const char *sql);
void sim_reader_fail(struct sim_reader *reader, const char *what);
/* The dump is done. A connection that failed is not kept. */
void sim_reader_end(struct sim_reader *reader);
void sim_reader_free(struct sim_reader *reader);

#endif
