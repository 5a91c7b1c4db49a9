#include "chaos/sim/dump.h"

#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/dump_private.h"
#include "chaos/sim/memory.h"
#include "chaos/sim/seen.h"
#include "proto/assert.h"

/* The layout of coordinator/journal/witness.c, read here anew: magic 8 | version 4 | zero 4 | counter 8 | lsn 8 | hash
 * 16 | checksum 16; two slots. */
#define WITNESS_MAGIC "VOWWITNS"
#define WITNESS_SUMMED 48
#define WITNESS_STRIDE 4096

struct sim_dump_memory {
    struct sim_memory memory;
    struct sim_reader reader;
};

static struct sim_dump_memory *memory_of(struct sim_dump *dump)
{
    if (dump->memory == NULL) {
        dump->memory = calloc(1, sizeof(*dump->memory));
        VOW_ASSERT(dump->memory != NULL);
    }
    return dump->memory;
}

void *dump_take(struct sim_dump *dump, size_t size)
{
    return sim_memory_take(&memory_of(dump)->memory, size);
}

void sim_dump_keep_open(struct sim_dump *dump)
{
    memory_of(dump)->reader.is_kept = true;
}

void sim_dump_free(struct sim_dump *dump)
{
    if (dump->memory != NULL) {
        sim_memory_free(&dump->memory->memory);
        sim_reader_free(&dump->memory->reader);
    }
    free(dump->memory);
    memset(dump, 0, sizeof(*dump));
}

/* ---- reading rows ---- */

/* The same memory for the next dump. */
static struct dump_reading begin(struct sim_dump *dump, bool is_journal)
{
    struct sim_dump_memory *memory = memory_of(dump);

    memset(dump, 0, sizeof(*dump));
    dump->memory = memory;
    dump->is_journal = is_journal;
    dump->is_there = true;
    sim_memory_reset(&memory->memory);
    return (struct dump_reading){.dump = dump, .from = &memory->reader};
}

static void end(struct dump_reading *reader)
{
    reader->dump->is_readable = !reader->from->failed;
    memcpy(reader->dump->problem, reader->from->problem, sizeof(reader->dump->problem));
    sim_reader_end(reader->from);
}

void *dump_read_all(struct dump_reading *reader, const char *sql, size_t item_size, dump_row_fn *each, uint32_t *len)
{
    sqlite3_stmt *stmt = sim_reader_statement(reader->from, sql);
    uint32_t room = 0;
    char *items = NULL;
    int rc;

    *len = 0;
    if (stmt == NULL)
        return NULL;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (*len == room) {
            char *more = dump_take(reader->dump, (room = room > 0 ? 2 * room : 64) * item_size);

            if (*len > 0)
                memcpy(more, items, *len * item_size);
            items = more;
        }
        each(reader, stmt, items + (*len)++ * item_size);
    }
    if (rc != SQLITE_DONE)
        sim_reader_fail(reader->from, "reading");
    (void)sqlite3_reset(stmt);
    return items;
}

int64_t dump_read_number(struct dump_reading *reader, const char *sql)
{
    sqlite3_stmt *stmt = sim_reader_statement(reader->from, sql);
    int64_t number = 0;

    if (stmt == NULL)
        return 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    return number;
}

void dump_copy_gtrid(sqlite3_stmt *row, int column, struct vow_gtrid *gtrid)
{
    const void *bytes = sqlite3_column_blob(row, column);

    if (bytes != NULL && sqlite3_column_bytes(row, column) == VOW_GTRID_BYTES)
        memcpy(gtrid->bytes, bytes, VOW_GTRID_BYTES);
}

/* ---- the journal ---- */

/* The body is Protocol Buffers, read here anew: of field 3, a name, the length fits into 7 bits. */
#define WHO_KEY (3 << 3 | 2)

static size_t number_size(const uint8_t *at, size_t len)
{
    size_t size = 1;

    while (size < len && (at[size - 1] & 0x80) != 0)
        size++;
    return size;
}

static const char *read_who(struct sim_dump *dump, const uint8_t *body, size_t len)
{
    size_t at = 0;

    while (at + 1 < len) {
        const uint8_t key = body[at++];

        if (key == WHO_KEY) {
            const size_t who_len = body[at] < len - at ? body[at] : 0;
            char *who = dump_take(dump, who_len + 1);

            memcpy(who, body + at + 1, who_len);
            return who;
        }
        if ((key & 7) == 0)
            at += number_size(body + at, len - at);
        else if ((key & 7) == 2)
            at += 1u + body[at];
        else
            break;
    }
    return "";
}

/* ---- a saga's records ---- */

#define DETAIL_FIELD 6
#define STEP_FIELD 7
#define STEP_NUMBER_FIELD 1
#define STEP_DIRECTION_FIELD 3
#define STEP_FATE_FIELD 4

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        const uint8_t byte = *(*at)++;

        *number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

/* A field that is a number, or bytes: *found is where they are. 0 if there is none. */
static uint64_t find_field(const uint8_t *at, size_t len, uint32_t field, const uint8_t **found)
{
    const uint8_t *end = at + len;
    uint64_t key, value;

    while (read_varint(&at, end, &key) && read_varint(&at, end, &value)) {
        const bool is_bytes = (key & 7) == 2;

        if (is_bytes && value > (uint64_t)(end - at))
            return 0;
        if (key >> 3 == field) {
            *found = at;
            return value;
        }
        at += is_bytes ? value : 0;
    }
    return 0;
}

static void read_saga(struct sim_dump_event *event)
{
    const uint8_t *step = NULL, *none;
    const size_t len = (size_t)find_field(event->body, event->body_len, STEP_FIELD, &step);

    event->detail = (uint32_t)find_field(event->body, event->body_len, DETAIL_FIELD, &none);
    if (step == NULL)
        return;
    event->step.number = (uint32_t)find_field(step, len, STEP_NUMBER_FIELD, &none);
    event->step.direction = (uint32_t)find_field(step, len, STEP_DIRECTION_FIELD, &none);
    event->step.fate = (uint32_t)find_field(step, len, STEP_FATE_FIELD, &none);
}

static void read_event(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_event *event = item;
    const void *body = sqlite3_column_blob(row, 4), *hash = sqlite3_column_blob(row, 5);
    uint8_t *copy;

    event->lsn = (uint64_t)sqlite3_column_int64(row, 0);
    event->wall_us = (uint64_t)sqlite3_column_int64(row, 1);
    dump_copy_gtrid(row, 2, &event->gtrid);
    event->kind = (uint32_t)sqlite3_column_int64(row, 3);
    event->body_len = (uint32_t)sqlite3_column_bytes(row, 4);
    copy = dump_take(reader->dump, event->body_len + 1u);
    if (body != NULL)
        memcpy(copy, body, event->body_len);
    event->body = copy;
    event->who = event->kind == VOW_RECORD_HEURISTIC ? read_who(reader->dump, copy, event->body_len) : "";
    if (vow_record_is_saga((enum vow_record_kind)event->kind))
        read_saga(event);
    if (hash != NULL && sqlite3_column_bytes(row, 5) == SIM_HASH_BYTES)
        memcpy(event->hash, hash, SIM_HASH_BYTES);
}

static uint8_t *put(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    return at + bytes;
}

static uint64_t number_at(const uint8_t *at, int bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static void digest(const uint8_t *bytes, size_t len, uint8_t hash[SIM_HASH_BYTES])
{
    uint8_t full[EVP_MAX_MD_SIZE];

    VOW_ASSERT(EVP_Digest(bytes, len, full, NULL, EVP_sha256(), NULL) == 1);
    memcpy(hash, full, SIM_HASH_BYTES);
}

/* SHA-256 of the hash before, lsn, wall_us, gtrid, kind, body (docs/operations.md). */
static void chain(struct sim_dump *dump, struct sim_dump_event *events, uint32_t len, const uint8_t cut[SIM_HASH_BYTES])
{
    const uint8_t *before = cut;

    for (uint32_t i = 0; i < len; i++) {
        struct sim_dump_event *event = &events[i];
        size_t size = SIM_HASH_BYTES + 8u + 8u + VOW_GTRID_BYTES + 4u + event->body_len;
        uint8_t *bytes, *at, hash[SIM_HASH_BYTES];

        if (event->lsn <= dump->journal.cut_lsn)
            continue;
        bytes = dump_take(dump, size);
        memcpy(bytes, before, SIM_HASH_BYTES);
        at = put(put(bytes + SIM_HASH_BYTES, event->lsn, 8), event->wall_us, 8);
        /* Of no transaction: the column is empty, and so are the bytes. */
        memcpy(at, event->gtrid.bytes, VOW_GTRID_BYTES);
        at = put(at + VOW_GTRID_BYTES, event->kind, 4);
        memcpy(at, event->body, event->body_len);
        digest(bytes, size, hash);
        event->is_chained = memcmp(hash, event->hash, SIM_HASH_BYTES) == 0;
        before = event->hash;
    }
}

static void read_witness(struct sim_dump_journal *journal, const uint8_t *bytes, size_t len)
{
    uint64_t newest = 0;

    for (size_t at = 0; bytes != NULL && at + WITNESS_SUMMED + SIM_HASH_BYTES <= len; at += WITNESS_STRIDE) {
        uint8_t sum[SIM_HASH_BYTES];

        digest(bytes + at, WITNESS_SUMMED, sum);
        if (memcmp(bytes + at, WITNESS_MAGIC, 8) != 0 || memcmp(bytes + at + WITNESS_SUMMED, sum, SIM_HASH_BYTES) != 0)
            continue;
        if (journal->has_witness && number_at(bytes + at + 16, 8) <= newest)
            continue;
        journal->has_witness = true;
        newest = number_at(bytes + at + 16, 8);
        journal->witness_lsn = number_at(bytes + at + 24, 8);
        memcpy(journal->witness_hash, bytes + at + 32, SIM_HASH_BYTES);
    }
}

/* The snapshot's body begins with the LSN and the hash up to which events were cut off. */
static void read_cut(struct dump_reading *reader, uint8_t hash[SIM_HASH_BYTES])
{
    sqlite3_stmt *stmt = sim_reader_statement(reader->from, "SELECT body FROM snapshot");

    memset(hash, 0, SIM_HASH_BYTES);
    if (stmt == NULL)
        return;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) >= 8 + SIM_HASH_BYTES) {
        const uint8_t *bytes = sqlite3_column_blob(stmt, 0);

        reader->dump->journal.cut_lsn = number_at(bytes, 8);
        memcpy(hash, bytes + 8, SIM_HASH_BYTES);
    }
    (void)sqlite3_reset(stmt);
}

void sim_dump_journal(struct sim_dump *dump, const char *vfs, const char *path, const uint8_t *witness,
                      size_t witness_len)
{
    struct dump_reading reader = begin(dump, true);
    struct sim_dump_event *events;
    uint8_t cut[SIM_HASH_BYTES];

    read_witness(&dump->journal, witness, witness_len);
    if (sim_reader_open(reader.from, vfs, path)) {
        read_cut(&reader, cut);
        events = dump_read_all(&reader, "SELECT lsn, wall_us, gtrid, kind, body, hash FROM event ORDER BY lsn",
                               sizeof(*events), read_event, &dump->journal.events_len);
        dump->journal.coord = (uint64_t)dump_read_number(&reader, "SELECT coord FROM identity");
        dump->journal.epoch = (uint32_t)dump_read_number(&reader, "SELECT epoch FROM identity");
        chain(dump, events, dump->journal.events_len, cut);
        dump->journal.events = events;
        dump_read_relay(&reader);
    }
    end(&reader);
}

/* ---- the store ---- */

static void read_branch(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_branch *branch = item;
    const char *state = (const char *)sqlite3_column_text(row, 2);

    (void)reader;
    dump_copy_gtrid(row, 0, &branch->gtrid);
    branch->branch = (uint32_t)sqlite3_column_int64(row, 1);
    branch->epoch = (uint32_t)sqlite3_column_int64(row, 3);
    branch->changeset_len = (uint32_t)sqlite3_column_int64(row, 4);
    (void)snprintf(branch->state_name, sizeof(branch->state_name), "%s", state != NULL ? state : "");
    if (strcmp(branch->state_name, "prepared") == 0)
        branch->state = SIM_BRANCH_PREPARED;
    else if (strcmp(branch->state_name, "committed") == 0)
        branch->state = SIM_BRANCH_COMMITTED;
    else
        branch->state = strcmp(branch->state_name, "memo") == 0 ? SIM_BRANCH_MEMO : SIM_BRANCH_OTHER;
}

static void read_heuristic(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_heuristic *heuristic = item;

    (void)reader;
    dump_copy_gtrid(row, 0, &heuristic->gtrid);
    heuristic->verdict = (enum vow_verdict)sqlite3_column_int(row, 1);
    heuristic->decided = (enum vow_verdict)sqlite3_column_int(row, 2);
}

static uint64_t hash_of(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint8_t table_named(const char *name)
{
    if (name == NULL)
        return 0;
    if (strcmp(name, "account") == 0)
        return SIM_BANK;
    if (strcmp(name, "list") == 0)
        return SIM_LISTS;
    return strcmp(name, "added") == 0 ? SIM_SET : 0;
}

/* A key is the value as SQL writes it; of a row that is held, then a blank and the holder. */
static void read_lock(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_lock *lock = item;
    const char *table = (const char *)sqlite3_column_text(row, 2), *key = (const char *)sqlite3_column_text(row, 4);

    (void)reader;
    dump_copy_gtrid(row, 0, &lock->gtrid);
    lock->branch = (uint32_t)sqlite3_column_int64(row, 1);
    lock->hash =
        hash_of(hash_of(hash_of(UINT64_C(0xcbf29ce484222325), table), (const char *)sqlite3_column_text(row, 3)), key);
    lock->table = table_named(table);
    lock->key = key != NULL ? strtoull(key, NULL, 10) : 0;
}

static void read_account(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_row *out = item;
    const char *at = sqlite3_column_count(row) > 3 ? (const char *)sqlite3_column_text(row, 3) : NULL;
    int64_t *list;

    out->table = (uint8_t)sqlite3_column_int64(row, 0);
    out->key = (uint64_t)sqlite3_column_int64(row, 1);
    out->value = sqlite3_column_int64(row, 2);
    if (at == NULL || *at == '\0')
        return;
    list = dump_take(reader->dump, (strlen(at) / 2 + 1) * sizeof(*list));
    while (*at != '\0') {
        char *end;

        list[out->list_len++] = strtoll(at, &end, 10);
        at = *end == ',' ? end + 1 : end + (end == at);
    }
    out->list = list;
}

/* ---- steps of sagas ---- */

static void read_deed(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_deed *deed = item;

    (void)reader;
    dump_copy_gtrid(row, 0, &deed->gtrid);
    deed->step = (uint32_t)sqlite3_column_int64(row, 1);
    deed->direction = (enum vow_step_direction)sqlite3_column_int(row, 2);
    deed->amount = sqlite3_column_int64(row, 3);
    deed->number = sqlite3_column_int64(row, 4);
}

static enum sim_step_status status_named(const char *name)
{
    static const char *const names[] = {[SIM_STEP_DONE] = "done",
                                        [SIM_STEP_REJECTED] = "rejected",
                                        [SIM_STEP_BLOCKED] = "blocked",
                                        [SIM_STEP_EMPTY] = "empty"};

    for (int i = SIM_STEP_DONE; i < SIM_STEP_OTHER && name != NULL; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum sim_step_status)i;
    }
    return SIM_STEP_OTHER;
}

static void read_step(struct dump_reading *reader, sqlite3_stmt *row, void *item)
{
    struct sim_dump_step *step = item;

    (void)reader;
    dump_copy_gtrid(row, 0, &step->gtrid);
    step->step = (uint32_t)sqlite3_column_int64(row, 1);
    step->direction = (enum vow_step_direction)sqlite3_column_int(row, 2);
    step->status = status_named((const char *)sqlite3_column_text(row, 3));
}

static void read_steps(struct dump_reading *reader, struct sim_dump_store *store)
{
    store->has_purse = sim_reader_statement(reader->from, "SELECT value FROM purse") != NULL;
    if (!store->has_purse)
        return;
    store->purse = dump_read_number(reader, "SELECT total(value) FROM purse");
    store->has_forgotten =
        dump_read_number(reader, "SELECT count(*) FROM vow_meta WHERE key = 'step_floor' AND length(value) > 0") > 0;
    store->deeds = dump_read_all(reader, "SELECT saga, step, direction, amount, number FROM deed ORDER BY id",
                                 sizeof(struct sim_dump_deed), read_deed, &store->deeds_len);
    store->steps =
        dump_read_all(reader, "SELECT gtrid, step, direction, status FROM vow_step ORDER BY gtrid, step, direction",
                      sizeof(struct sim_dump_step), read_step, &store->steps_len);
}

static void read_meta(struct dump_reading *reader, struct sim_dump_store *store)
{
    sqlite3_stmt *stmt;

    store->incarnation = (uint64_t)dump_read_number(reader, "SELECT value FROM vow_meta WHERE key = 'incarnation'");
    store->coord = (uint64_t)dump_read_number(reader, "SELECT value FROM vow_meta WHERE key = 'coord'");
    store->epoch = (uint32_t)dump_read_number(reader, "SELECT value FROM vow_meta WHERE key = 'epoch'");
    store->watermark.epoch =
        (uint32_t)dump_read_number(reader, "SELECT value FROM vow_meta WHERE key = 'watermark_epoch'");
    store->watermark.seq = (uint64_t)dump_read_number(reader, "SELECT value FROM vow_meta WHERE key = 'watermark_seq'");
    stmt = sim_reader_statement(reader->from, "SELECT value FROM vow_meta WHERE key = 'uuid'");
    if (stmt == NULL)
        return;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == VOW_DB_UUID_BYTES)
        memcpy(store->db_uuid, sqlite3_column_blob(stmt, 0), VOW_DB_UUID_BYTES);
    (void)sqlite3_reset(stmt);
}

void sim_dump_store(struct sim_dump *dump, const char *vfs, const char *path)
{
    struct dump_reading reader = begin(dump, false);
    struct sim_dump_store *store = &dump->store;

    if (sim_reader_open(reader.from, vfs, path)) {
        read_meta(&reader, store);
        store->branches = dump_read_all(
            &reader, "SELECT gtrid, branch, state, epoch, length(changeset) FROM vow_branch ORDER BY gtrid, branch",
            sizeof(struct sim_dump_branch), read_branch, &store->branches_len);
        store->heuristics = dump_read_all(&reader, "SELECT gtrid, verdict, decided FROM vow_heuristic ORDER BY gtrid",
                                          sizeof(struct sim_dump_heuristic), read_heuristic, &store->heuristics_len);
        store->locks =
            dump_read_all(&reader, "SELECT gtrid, branch, tbl, idx, key FROM vow_lock ORDER BY gtrid, tbl, idx, key",
                          sizeof(struct sim_dump_lock), read_lock, &store->locks_len);
        store->rows =
            dump_read_all(&reader,
                          "SELECT 1, id, balance, NULL FROM account UNION ALL SELECT 2, id, 0, items FROM list"
                          " UNION ALL SELECT 3, id, 1, NULL FROM added",
                          sizeof(struct sim_dump_row), read_account, &store->rows_len);
        read_steps(&reader, store);
        dump_read_news(&reader);
    }
    end(&reader);
}
