#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "property.h"

uint64_t property_draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % below;
}

static bool chance(uint64_t *random, unsigned percent)
{
    return property_draw(random, 100) < percent;
}

static void add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *text, size_t size, const char *format, ...)
{
    const size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

/* ---- the schema ---- */

static void draw_shape(uint64_t *random, struct schema *schema, int index)
{
    struct shape *shape = &schema->tables[index];
    *shape = (struct shape){
        .text_key = chance(random, 40),
        .parent = index > 0 && chance(random, 60) ? (int)property_draw(random, (uint64_t)index) : -1,
        .deferred = chance(random, 30),
        .casts = chance(random, 50),
        .unique = (int)property_draw(random, 5),
        .has_check = chance(random, 40),
        .has_trigger = chance(random, 40),
    };
    shape->without_rowid = chance(random, 30);
    (void)snprintf(shape->name, sizeof(shape->name), "t%d", index);
}

static void add_table(struct schema *schema, const struct shape *shape)
{
    static const char *const uniques[] = {"", "(a)", "(a, b)", "(a COLLATE NOCASE)", "(a) WHERE b > 3"};
    char *sql = schema->sql;
    const size_t size = sizeof(schema->sql);
    const char *key = shape->text_key ? "TEXT NOT NULL" : shape->without_rowid ? "INT NOT NULL" : "INTEGER";
    add(sql, size, "CREATE TABLE %s (id %s PRIMARY KEY, a, b INT%s", shape->name, key,
        shape->has_check ? " CHECK (b < 8)" : "");
    if (shape->parent >= 0)
        add(sql, size, ", p REFERENCES %s%s%s", schema->tables[shape->parent].name,
            shape->casts ? " ON DELETE CASCADE ON UPDATE CASCADE" : "",
            shape->deferred ? " DEFERRABLE INITIALLY DEFERRED" : "");
    else
        add(sql, size, ", p");
    add(sql, size, ")%s;\n", shape->without_rowid ? " WITHOUT ROWID" : "");
    if (shape->unique > 0)
        add(sql, size, "CREATE UNIQUE INDEX %s_u ON %s %s;\n", shape->name, shape->name, uniques[shape->unique]);
    add(sql, size, "CREATE INDEX %s_b ON %s (b);\n", shape->name, shape->name);
}

static void add_trigger(struct schema *schema, const struct shape *shape)
{
    add(schema->sql, sizeof(schema->sql),
        "CREATE TRIGGER %s_i AFTER INSERT ON %s BEGIN INSERT INTO log (what) VALUES ('%s+' || NEW.id); END;\n"
        "CREATE TRIGGER %s_u AFTER UPDATE ON %s BEGIN INSERT INTO log (what) VALUES ('%s=' || OLD.a || NEW.a); END;\n"
        "CREATE TRIGGER %s_d AFTER DELETE ON %s BEGIN INSERT INTO log (what) VALUES ('%s-' || OLD.id); END;\n",
        shape->name, shape->name, shape->name, shape->name, shape->name, shape->name, shape->name, shape->name,
        shape->name);
}

void property_schema(uint64_t *random, struct schema *schema)
{
    schema->sql[0] = '\0';
    schema->tables_len = 1 + (int)property_draw(random, TABLES_MAX - 1);
    add(schema->sql, sizeof(schema->sql), "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);\n");
    for (int i = 0; i < schema->tables_len; i++) {
        draw_shape(random, schema, i);
        add_table(schema, &schema->tables[i]);
        if (schema->tables[i].has_trigger)
            add_trigger(schema, &schema->tables[i]);
    }
}

/* ---- statements ---- */

struct writer {
    uint64_t *random;
    const struct schema *schema;
    char *sql;
    size_t size;
};

static void add_key(const struct writer *w, const struct shape *shape)
{
    const int key = 1 + (int)property_draw(w->random, KEYS);
    add(w->sql, w->size, shape->text_key ? "'k%d'" : "%d", key);
}

/* A value of column a: one that a unique index may know under another form. */
static void add_a(const struct writer *w)
{
    static const char *const values[] = {"1", "2", "3", "1.0", "'x'", "'X'", "'y'", "NULL", "x'0102'", "4"};
    add(w->sql, w->size, "%s", values[property_draw(w->random, sizeof(values) / sizeof(values[0]))]);
}

static void add_b(const struct writer *w)
{
    add(w->sql, w->size, "%d", (int)property_draw(w->random, 9));
}

static void add_parent(const struct writer *w, const struct shape *shape)
{
    if (shape->parent < 0 || chance(w->random, 20))
        add(w->sql, w->size, "NULL");
    else
        add_key(w, &w->schema->tables[shape->parent]);
}

static void add_insert(const struct writer *w, const struct shape *shape)
{
    static const char *const kinds[] = {"INSERT", "INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"};
    add(w->sql, w->size, "%s INTO %s (id, a, b, p) VALUES (", kinds[property_draw(w->random, 4)], shape->name);
    add_key(w, shape);
    add(w->sql, w->size, ", ");
    add_a(w);
    add(w->sql, w->size, ", ");
    add_b(w);
    add(w->sql, w->size, ", ");
    add_parent(w, shape);
    add(w->sql, w->size, ")");
    if (chance(w->random, 20))
        add(w->sql, w->size, " ON CONFLICT (id) DO UPDATE SET b = b + 1");
}

static void add_key_search(const struct writer *w, const struct shape *shape)
{
    add(w->sql, w->size, " WHERE id = ");
    add_key(w, shape);
}

/* Several rows at once only where it does not matter which comes first: SQLite takes them as they lie in the file. */
static void add_search(const struct writer *w, const struct shape *shape)
{
    if (chance(w->random, 60)) {
        add_key_search(w, shape);
        return;
    }
    add(w->sql, w->size, " WHERE b %s ", chance(w->random, 50) ? "=" : "<");
    add_b(w);
}

static void add_parent_update(const struct writer *w, const struct shape *shape)
{
    add(w->sql, w->size, "UPDATE %s SET p = ", shape->name);
    add_parent(w, shape);
    add_search(w, shape);
}

static void add_update(const struct writer *w, const struct shape *shape)
{
    add(w->sql, w->size, "UPDATE %s%s SET ", chance(w->random, 20) ? "OR REPLACE " : "", shape->name);
    switch (property_draw(w->random, 4)) {
    case 0:
        add(w->sql, w->size, "a = ");
        add_a(w);
        break;
    case 1:
        add(w->sql, w->size, "b = b + 1");
        break;
    case 2:
        add(w->sql, w->size, "id = ");
        add_key(w, shape);
        break;
    default:
        add(w->sql, w->size, "b = ");
        add_b(w);
        add(w->sql, w->size, ", a = ");
        add_a(w);
    }
    add_key_search(w, shape);
}

void property_statements(uint64_t *random, const struct schema *schema, char *sql, size_t size)
{
    const struct writer w = {random, schema, sql, size};
    sql[0] = '\0';
    for (uint64_t left = 1 + property_draw(random, 3); left > 0; left--) {
        const struct shape *shape = &schema->tables[property_draw(random, (uint64_t)schema->tables_len)];
        const uint64_t kind = property_draw(random, 10);
        if (kind < 5) {
            add_insert(&w, shape);
        } else if (kind < 7) {
            add_update(&w, shape);
        } else if (kind < 8) {
            add_parent_update(&w, shape);
        } else {
            add(sql, size, "DELETE FROM %s", shape->name);
            add_search(&w, shape);
        }
        add(sql, size, "; ");
    }
}
