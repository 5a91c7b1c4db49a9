/*
 * The property test's parts. A world is a random schema, a service's file under the store, and beside it the same
 * tables in memory, on which the same statements run locally (property_local.c). Everything comes from one seed.
 */
#ifndef VOW_TESTS_STORE_PROPERTY_H
#define VOW_TESTS_STORE_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#define TABLES_MAX 5 /* the last one is the triggers' log */
#define KEYS 4       /* of each table: few, so that statements meet */

/* A number below `below` from the seed's sequence. */
uint64_t property_draw(uint64_t *random, uint64_t below);

/* ---- property_schema.c: random tables, and statements on them ---- */

struct shape {
    char name[8];
    bool text_key, without_rowid;
    int parent;           /* the table it refers to; -1 = none */
    bool deferred, casts; /* the reference: deferred; ON DELETE and ON UPDATE CASCADE */
    int unique;           /* 0 none, 1 column a, 2 columns a and b, 3 a without case, 4 a where b > 3 */
    bool has_check, has_trigger;
};

struct schema {
    int tables_len; /* without the log */
    struct shape tables[TABLES_MAX];
    char sql[4096];
};

void property_schema(uint64_t *random, struct schema *schema);
/* One to three statements. */
void property_statements(uint64_t *random, const struct schema *schema, char *sql, size_t size);

/* ---- property_local.c: the same, locally ---- */

/* The rows of all tables, each as "table:values", sorted. */
struct rows {
    char **items;
    size_t len;
};
void rows_free(struct rows *rows);
/* What a connection sees of the schema's tables. */
void rows_read(struct rows *rows, sqlite3 *db, const struct schema *schema);
bool rows_equal(const struct rows *one, const struct rows *other);
/* One text of all, to be freed; for messages. */
char *rows_text(const struct rows *rows);

struct local {
    sqlite3 *db;
    const struct schema *schema;
    struct rows now; /* what is committed */
};

/* What a branch changes: rows that go and rows that come. */
struct effect {
    bool fails; /* the statements do, or a deferred reference does not hold */
    struct rows gone, come;
};

void local_open(struct local *local, const struct schema *schema);
void local_close(struct local *local);
/* What these statements would do to what is committed now. */
void local_try(struct local *local, const char *sql, struct effect *effect);
/* The effect is committed. */
void local_commit(struct local *local, const struct effect *effect);
void effect_free(struct effect *effect);

#endif
