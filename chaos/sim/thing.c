#include "chaos/sim/thing.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const char sim_thing_schema[] =
    "CREATE TABLE thing (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);"
    "CREATE TABLE told (tag INTEGER PRIMARY KEY, thing INTEGER NOT NULL, number INTEGER NOT NULL, topic TEXT NOT NULL);"
    "CREATE INDEX told_number ON told (thing, number);"
    "CREATE TABLE heard (id INTEGER PRIMARY KEY, grp TEXT NOT NULL, source BLOB NOT NULL, key TEXT NOT NULL,"
    " key_seq INTEGER NOT NULL, tag INTEGER NOT NULL, event_offset INTEGER NOT NULL);";

int sim_thing_fill(sqlite3 *db)
{
    char sql[160];

    (void)snprintf(sql, sizeof(sql),
                   "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
                   " INSERT INTO thing SELECT i, 0 FROM n;",
                   SIM_THINGS_MAX - 1);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* ---- a change ---- */

static int bump(sqlite3 *db, uint32_t thing, uint64_t *number)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT version + 1 FROM thing WHERE id = ?1", -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, thing);
    *number = sqlite3_step(stmt) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    rc = sqlite3_finalize(stmt);
    /* A wiped disk has no things: nothing of it is told any more. */
    if (rc != SQLITE_OK || *number == 0)
        return rc != SQLITE_OK ? rc : SQLITE_CONSTRAINT;
    rc = sqlite3_prepare_v2(db, "UPDATE thing SET version = ?2 WHERE id = ?1", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, thing);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)*number);
    (void)sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}

static int tell(sqlite3 *db, const struct sim_wish *wish, const struct sim_news *news)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "INSERT INTO told VALUES (?1, ?2, ?3, ?4)", -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)news->tag);
    (void)sqlite3_bind_int64(stmt, 2, wish->thing);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)news->number);
    (void)sqlite3_bind_text(stmt, 4, wish->topic, -1, SQLITE_STATIC);
    (void)sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}

int sim_thing_change(sqlite3 *db, const struct sim_wish *wish, uint64_t tag, struct sim_thing_text *text,
                     struct vow_store_event *event)
{
    struct sim_news news = {.tag = tag, .is_poison = wish->is_poison};
    struct vow_msg_header_of_event headers[SIM_NEWS_HEADERS_MAX];
    int rc = bump(db, wish->thing, &news.number);

    if (rc == SQLITE_OK)
        rc = tell(db, wish, &news);
    sim_thing_key(wish->thing, text->key);
    sim_news_encode(&news, text->payload);
    vow_headers_write(headers, sim_news_headers(tag, headers), text->headers);
    *event = (struct vow_store_event){.topic = wish->topic,
                                      .key = text->key,
                                      .gtrid = wish->gtrid,
                                      .version = wish->version,
                                      .hops = wish->hops,
                                      .headers = text->headers,
                                      .payload = {text->payload, SIM_NEWS_BYTES}};
    return rc;
}

int sim_thing_hear(sqlite3 *db, const struct vow_store_delivery *delivery)
{
    struct sim_news news = {.tag = 0};
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        db, "INSERT INTO heard (grp, source, key, key_seq, tag, event_offset) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", -1,
        &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    (void)sim_news_decode(delivery->event.payload.data, delivery->event.payload.len, &news);
    (void)sqlite3_bind_text(stmt, 1, delivery->group, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(stmt, 2, delivery->source, VOW_DB_UUID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, delivery->event.key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)delivery->event.key_seq);
    (void)sqlite3_bind_int64(stmt, 5, (sqlite3_int64)news.tag);
    (void)sqlite3_bind_int64(stmt, 6, (sqlite3_int64)delivery->offset);
    (void)sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}

/* ---- what is true ---- */

static uint64_t newest_of(sqlite3_stmt *newest, uint32_t thing)
{
    uint64_t number = 0;

    (void)sqlite3_bind_int64(newest, 1, thing);
    if (sqlite3_step(newest) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(newest, 0);
    (void)sqlite3_reset(newest);
    return number;
}

static void show_row(struct sim_world *world, const struct sim_node *node, sqlite3_stmt *row, uint32_t thing,
                     bool is_found)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_BECAME_TRUE, node);
    char topic[VOW_TOPIC_SIZE];

    (void)snprintf(topic, sizeof(topic), "%s", (const char *)sqlite3_column_text(row, 2));
    sight.news.tag = (uint64_t)sqlite3_column_int64(row, 0);
    sight.news.number = (uint64_t)sqlite3_column_int64(row, 1);
    sight.news.thing = thing;
    sight.news.topic = topic;
    sight.news.is_found = is_found;
    sim_show(world, &sight);
}

void sim_thing_show(struct sim_world *world, const struct sim_node *node, sqlite3 *db, struct sim_things *things,
                    bool is_start)
{
    sqlite3_stmt *newest = NULL, *rows = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT max(number) FROM told WHERE thing = ?1", -1, &newest, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db,
                                "SELECT tag, number, topic FROM told WHERE thing = ?1 AND number > ?2 ORDER BY number",
                                -1, &rows, NULL);
    for (uint32_t i = 0; rc == SQLITE_OK && i < SIM_THINGS_MAX; i++) {
        const uint64_t number = newest_of(newest, i);

        /* Its disk may have lost some, and then others take their places. */
        if (is_start && number < things->shown[i])
            things->shown[i] = number;
        if (number <= things->shown[i])
            continue;
        (void)sqlite3_bind_int64(rows, 1, i);
        (void)sqlite3_bind_int64(rows, 2, (sqlite3_int64)things->shown[i]);
        /* What a read error hides now is shown the next time. */
        while (sqlite3_step(rows) == SQLITE_ROW) {
            show_row(world, node, rows, i, is_start);
            things->shown[i] = (uint64_t)sqlite3_column_int64(rows, 1);
        }
        (void)sqlite3_reset(rows);
    }
    (void)sqlite3_finalize(newest);
    (void)sqlite3_finalize(rows);
}
