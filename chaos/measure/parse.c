/* A line of a trace or of a history. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <jansson.h>

#include "chaos/measure/read.h"
#include "proto/quote.h"

enum {
    HAS_ID = 1 << 0,
    HAS_KEY = 1 << 1,
    HAS_FOR = 1 << 2,
    HAS_BY = 1 << 3,
    HAS_OUTCOME = 1 << 4,
    HAS_STATE = 1 << 5,
    HAS_KIND = 1 << 6,
    HAS_VERSION = 1 << 7,
    HAS_FROM = 1 << 8,
    HAS_SUM = 1 << 9,
    HAS_COST = 1 << 10,
    HAS_NODE = 1 << 11,
    HAS_ROLE = 1 << 12,
    MAY_HAVE_KEY = 1 << 13, /* a text that may be empty: it is not known which row it was */
    HAS_LAG = 1 << 14,
    HAS_GROUP = 1 << 15,
    HAS_EVENT = 1 << 16,
    HAS_OF = 1 << 17,
    HAS_LETTERS = 1 << 18,
};

static const struct {
    const char *word;
    unsigned fields;
} shapes[MEASURE_WHATS] = {
#define RECORD(name, word, fields, text) [MEASURE_##name] = {word, fields},
#include "chaos/measure/record.def"
#undef RECORD
};

/* A line as it is read. The first thing that is wrong with it stays. */
struct reader {
    const json_t *line;
    struct measure_names *names;
    char *why;
};

static bool is_well(const struct reader *reader)
{
    return reader->why[0] == '\0';
}

static void fail(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(const struct reader *reader, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (is_well(reader)) /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is */
        (void)vsnprintf(reader->why, MEASURE_ERROR_SIZE, format, args);
    va_end(args);
}

static const char *text(const struct reader *reader, const char *key)
{
    const char *value = json_string_value(json_object_get(reader->line, key));

    if (value == NULL)
        fail(reader, "wants a text \"%s\"", key);
    return value != NULL ? value : "";
}

static int64_t number(const struct reader *reader, const char *key)
{
    const json_t *value = json_object_get(reader->line, key);

    if (!json_is_integer(value))
        fail(reader, "wants a whole number \"%s\"", key);
    return (int64_t)json_integer_value(value);
}

static uint64_t natural(const struct reader *reader, const char *key)
{
    const int64_t value = number(reader, key);

    if (value < 0)
        fail(reader, "\"%s\" is below 0", key);
    return value < 0 ? 0 : (uint64_t)value;
}

static uint32_t named(const struct reader *reader, const char *key)
{
    const char *value = text(reader, key);

    if (value[0] == '\0')
        fail(reader, "\"%s\" is empty", key);
    return measure_name(reader->names, value);
}

/* The place of a word in a list that ends with NULL. */
static int word(const struct reader *reader, const char *key, const char *const *words)
{
    const char *value = text(reader, key);
    char quoted[VOW_QUOTE_SIZE];

    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], value) == 0)
            return i;
    vow_quote(value, strlen(value), quoted);
    fail(reader, "\"%s\" does not know %s", key, quoted);
    return 0;
}

static struct measure_cost read_cost(const struct reader *reader)
{
    return (struct measure_cost){.fsyncs = natural(reader, "fsyncs"),
                                 .msgs_in = natural(reader, "msgs_in"),
                                 .msgs_out = natural(reader, "msgs_out"),
                                 .bytes_in = natural(reader, "bytes_in"),
                                 .bytes_out = natural(reader, "bytes_out"),
                                 .cpu_us = natural(reader, "cpu_us")};
}

static void read_words(const struct reader *reader, unsigned fields, struct measure_record *record)
{
    static const char *const outcomes[] = {"commit", "abort", NULL};
    static const char *const states[] = {"running", "compensating", "completed", "compensated",
                                         "stuck",   "closed",       NULL};
    static const char *const kinds[] = {"action", "compensation", NULL};
    static const char *const roles[] = {"participant", "coordinator", NULL};

    if (fields & HAS_OUTCOME)
        record->outcome = word(reader, "outcome", outcomes) == 0 ? MEASURE_COMMITTED : MEASURE_ABORTED;
    if (fields & HAS_STATE)
        record->state = (enum measure_state)(word(reader, "state", states) + MEASURE_RUNNING);
    if (fields & HAS_KIND)
        record->is_compensation = word(reader, "kind", kinds) == 1;
    if (fields & HAS_ROLE)
        record->is_coordinator = word(reader, "role", roles) == 1;
    if (fields & HAS_NODE)
        record->key = measure_name(reader->names, text(reader, "node"));
}

/* Of one of them, or only how many there are. */
static void read_letters(const struct reader *reader, struct measure_record *record)
{
    static const char *const says[] = {"dead", "retried", "dropped", "done", "removed", NULL};

    record->letters = natural(reader, "letters");
    if (json_object_get(reader->line, "says") == NULL)
        return;
    record->letter = (enum measure_letter)(word(reader, "says", says) + MEASURE_LETTER_DEAD);
    record->other = named(reader, "group");
    record->offset = natural(reader, "offset");
}

/* What a line need not have. */
static void read_marks(const struct reader *reader, struct measure_record *record)
{
    const char *says = json_string_value(json_object_get(reader->line, "says"));

    record->was_found = json_object_get(reader->line, "found") != NULL;
    record->is_shared = json_object_get(reader->line, "shared") != NULL;
    record->is_by_hand = json_object_get(reader->line, "heuristic") != NULL;
    if (record->what == MEASURE_STEP && json_object_get(reader->line, "step") != NULL)
        record->step = (uint32_t)natural(reader, "step");
    record->is_refused = record->what == MEASURE_STEP && says != NULL && strcmp(says, "refused") == 0;
}

/* Of events. */
static void read_event(const struct reader *reader, unsigned fields, struct measure_record *record)
{
    static const char *const ofs[] = {"step", "event", NULL};

    if (fields & HAS_GROUP)
        record->other = named(reader, "group");
    if (fields & HAS_EVENT)
        record->key = named(reader, "event");
    if (fields & HAS_OF)
        (void)word(reader, "of", ofs);
    if (fields & HAS_LETTERS)
        read_letters(reader, record);
    if (fields & HAS_LAG)
        record->lag_us = natural(reader, "lag_us");
}

static void read_fields(const struct reader *reader, unsigned fields, struct measure_record *record)
{
    if (fields & HAS_ID)
        record->id = named(reader, "id");
    if (fields & HAS_KEY)
        record->key = named(reader, "key");
    if (fields & MAY_HAVE_KEY)
        record->key = measure_name(reader->names, text(reader, "key"));
    if (fields & HAS_FOR)
        record->other = named(reader, "for");
    if (fields & HAS_BY) /* "" = it was there before the load */
        record->other = measure_name(reader->names, text(reader, "by"));
    if (fields & HAS_VERSION)
        record->version = number(reader, "version");
    if (fields & HAS_FROM)
        record->from = number(reader, "from");
    if (fields & HAS_SUM) {
        record->sum = number(reader, "sum");
        record->expected = number(reader, "expected");
    }
    if (fields & HAS_COST)
        record->cost = read_cost(reader);
    read_marks(reader, record);
    read_words(reader, fields, record);
    read_event(reader, fields, record);
}

static enum measure_what what_of(const struct reader *reader)
{
    const char *value = text(reader, "what");
    char quoted[VOW_QUOTE_SIZE];

    for (int i = MEASURE_NOTHING + 1; i < MEASURE_WHATS; i++)
        if (strcmp(shapes[i].word, value) == 0)
            return (enum measure_what)i;
    vow_quote(value, strlen(value), quoted);
    fail(reader, "\"what\" does not know %s", quoted);
    return MEASURE_NOTHING;
}

static json_t *load(const char *line, char why[MEASURE_ERROR_SIZE])
{
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    why[0] = '\0';
    if (object == NULL)
        (void)snprintf(why, MEASURE_ERROR_SIZE, "no JSON: %s", error.text);
    else if (!json_is_object(object))
        (void)snprintf(why, MEASURE_ERROR_SIZE, "no object of JSON");
    return object;
}

int measure_read_record(struct measure_names *names, const char *line, struct measure_record *record,
                        char why[MEASURE_ERROR_SIZE])
{
    json_t *object = load(line, why);
    const struct reader reader = {object, names, why};

    *record = (struct measure_record){.t_us = 0};
    if (is_well(&reader)) {
        record->t_us = natural(&reader, "t_us");
        record->what = what_of(&reader);
    }
    if (is_well(&reader))
        read_fields(&reader, shapes[record->what].fields, record);
    const int bad = object == NULL ? 1 : -1;
    json_decref(object);
    return is_well(&reader) ? 0 : bad;
}

int measure_parse_record(struct measure_run *run, uint32_t node, const char *line, char why[MEASURE_ERROR_SIZE])
{
    struct measure_record record;
    const int result = measure_read_record(run->names, line, &record, why);

    record.node = node;
    if (result == 0)
        *measure_run_record(run, record.what, record.t_us) = record;
    return result;
}

/* --- The history of a load --- */

/* What a client itself has read or written is a record as if its service had said it. */
static void read_accesses(const struct reader *reader, struct measure_run *run, const struct measure_op *op,
                          const char *key, enum measure_what what)
{
    const json_t *list = json_object_get(reader->line, key), *item;
    size_t i;

    if (list != NULL && !json_is_array(list))
        fail(reader, "\"%s\" is no list", key);
    json_array_foreach(list, i, item)
    {
        const struct reader each = {item, reader->names, reader->why};
        struct measure_record record = {.t_us = op->end_us > 0 ? op->end_us : op->start_us, .what = what, .id = op->id};
        read_fields(&each, HAS_KEY | HAS_VERSION | (what == MEASURE_READ ? HAS_BY : HAS_FROM), &record);
        if (is_well(reader))
            *measure_run_record(run, what, record.t_us) = record;
    }
}

static struct measure_op read_op(const struct reader *reader)
{
    static const char *const outcomes[] = {"unknown",     "committed", "aborted",  "completed",
                                           "compensated", "stuck",     "rejected", NULL};
    const json_t *end = json_object_get(reader->line, "end_us");
    struct measure_op op = {.due_us = natural(reader, "due_us"), .start_us = natural(reader, "start_us")};

    (void)natural(reader, "op");
    if (end == NULL)
        fail(reader, "wants \"end_us\", a whole number or null");
    if (!json_is_null(end))
        op.end_us = natural(reader, "end_us");
    op.outcome = (enum measure_outcome)word(reader, "outcome", outcomes);
    if (json_object_get(reader->line, "id") != NULL)
        op.id = measure_name(reader->names, text(reader, "id"));
    if (json_object_get(reader->line, "amount") != NULL)
        op.amount = number(reader, "amount");
    if (op.start_us < op.due_us)
        fail(reader, "has started before it was due");
    if (op.end_us > 0 && op.end_us < op.start_us)
        fail(reader, "has ended before it has started");
    return op;
}

int measure_read_op(struct measure_names *names, const char *line, struct measure_op *op, char why[MEASURE_ERROR_SIZE])
{
    json_t *object = load(line, why);
    const struct reader reader = {object, names, why};

    if (is_well(&reader))
        *op = read_op(&reader);
    const int bad = object == NULL ? 1 : -1;
    json_decref(object);
    return is_well(&reader) ? 0 : bad;
}

int measure_parse_op(struct measure_run *run, const char *line, char why[MEASURE_ERROR_SIZE])
{
    json_t *object = load(line, why);
    const struct reader reader = {object, run->names, why};

    if (is_well(&reader)) {
        const struct measure_op op = read_op(&reader);
        read_accesses(&reader, run, &op, "reads", MEASURE_READ);
        read_accesses(&reader, run, &op, "writes", MEASURE_WRITE);
        if (is_well(&reader))
            *measure_run_op(run, op.due_us) = op;
    }
    const int bad = object == NULL ? 1 : -1;
    json_decref(object);
    return is_well(&reader) ? 0 : bad;
}
