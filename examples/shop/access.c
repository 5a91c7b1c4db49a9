#include "access.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vow/error.h>

#include "shop.h"

const char access_schema[] = "CREATE TABLE IF NOT EXISTS access ("
                             "  saga TEXT NOT NULL,"
                             "  step TEXT NOT NULL,"
                             "  arm TEXT NOT NULL,"
                             "  item TEXT NOT NULL,"
                             "  read INTEGER NOT NULL,"
                             "  writer TEXT NOT NULL,"
                             "  value INTEGER NOT NULL,"
                             "  base INTEGER NOT NULL,"
                             "  wrote INTEGER NOT NULL,"
                             "  wanted INTEGER NOT NULL,"
                             "  effect INTEGER NOT NULL,"
                             "  amount INTEGER NOT NULL,"
                             "  t_us INTEGER NOT NULL,"
                             "  PRIMARY KEY (saga, step));";

/* The clock of traces and histories: the same for all processes of a machine. */
static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int access_note(struct sqlite3 *db, const struct access *access)
{
    return shop_sql(
        db,
        "INSERT INTO access (saga, step, arm, item, read, writer, value, base, wrote, wanted, effect, amount, t_us)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        "ssssisiiiiiii", access->id, access->step, access->arm, access->row, access->read, access->writer,
        access->value, access->base, access->wrote, access->wanted, access->effect, access->amount, now_us());
}

/* A row of the query below. */
struct told {
    const char *id, *step, *row, *writer;
    int64_t read, base, wrote, t_us;
    bool has_lock;
};

static void begin_line(const struct told *told, const char *what, const char *table, FILE *out)
{
    fprintf(out, "{\"t_us\":%" PRId64 ",\"what\":\"%s\",\"id\":\"%s\",\"key\":\"%s/%s\"", told->t_us, what, told->id,
            table, told->row);
}

/* What undoes, or only clears a lock, makes no use of what it sees. All that is told are numbers and words of our own.
 */
static void tell(const struct told *told, const char *table, FILE *out)
{
    const bool undoes = strcmp(told->step, "give_back") == 0 || strcmp(told->step, "pay_back") == 0;
    const bool settles = strcmp(told->step, "settle") == 0;

    if (!undoes && !settles) {
        begin_line(told, "read", table, out);
        fprintf(out, ",\"version\":%" PRId64 ",\"by\":\"%s\"}\n", told->read, told->writer);
    }
    if (told->wrote > 0) {
        begin_line(told, "write", table, out);
        fprintf(out, ",\"version\":%" PRId64 ",\"from\":%" PRId64 ",\"kind\":\"%s\"}\n", told->wrote, told->base,
                undoes ? "compensation" : "action");
    }
    if (settles || (told->has_lock && strcmp(told->step, "look") == 0)) {
        begin_line(told, settles ? "clear" : "pend", table, out);
        fprintf(out, "}\n");
    }
}

static int tell_rows(sqlite3 *db, const char *table, FILE *out)
{
    sqlite3_stmt *row;

    if (sqlite3_prepare_v2(db,
                           "SELECT saga, step, item, writer, read, base, wrote, t_us, arm = 'semantic-lock'"
                           " FROM access ORDER BY rowid",
                           -1, &row, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    while (sqlite3_step(row) == SQLITE_ROW) {
        const struct told told = {.id = (const char *)sqlite3_column_text(row, 0),
                                  .step = (const char *)sqlite3_column_text(row, 1),
                                  .row = (const char *)sqlite3_column_text(row, 2),
                                  .writer = (const char *)sqlite3_column_text(row, 3),
                                  .read = sqlite3_column_int64(row, 4),
                                  .base = sqlite3_column_int64(row, 5),
                                  .wrote = sqlite3_column_int64(row, 6),
                                  .t_us = sqlite3_column_int64(row, 7),
                                  .has_lock = sqlite3_column_int(row, 8) != 0};
        tell(&told, table, out);
    }
    return sqlite3_finalize(row) == SQLITE_OK ? 0 : VOW_E_DATABASE;
}

int access_tell(const char *program, const char *db_path, const char *table, const char *path)
{
    sqlite3 *db = NULL;
    FILE *out = fopen(path, "w");
    int error = -1;

    if (out == NULL) {
        fprintf(stderr, "%s: cannot write %s: %s\n", program, path, strerror(errno));
        return -1;
    }
    if (sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
        error = tell_rows(db, table, out);
    if (error != 0)
        fprintf(stderr, "%s: cannot read %s: %s\n", program, db_path, sqlite3_errmsg(db));
    sqlite3_close(db);
    return shop_close_written(out, program, path) == 0 && error == 0 ? 0 : -1;
}
