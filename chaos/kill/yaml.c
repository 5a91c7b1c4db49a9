#include "chaos/kill/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/quote.h"

#define KEYS_MAX 64
#define DEPTH_MAX 16 /* a scenario needs five */

struct real_kept {
    struct real_kept *next;
    char text[];
};

int real_fail(struct real_yaml *yaml, struct real_place place, const char *format, ...)
{
    char what[800], where[32] = "";
    va_list args;

    if (yaml->error->text[0] != '\0')
        return -1;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (place.line > 0)
        (void)snprintf(where, sizeof(where), ":%u:%u", place.line, place.column);
    (void)snprintf(yaml->error->text, sizeof(yaml->error->text), "%.120s%s: %s", yaml->name, where, what);
    return -1;
}

static struct real_place place_at(yaml_mark_t mark)
{
    return (struct real_place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

struct real_place real_place_of(const yaml_node_t *node)
{
    return place_at(node->start_mark);
}

/* --- The file --- */

/* The reader, which meets bytes that are no text, knows only their offset. */
static struct real_place place_of_offset(const char *text, size_t len, size_t offset)
{
    struct real_place place = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset && i < len; i++) {
        place.column = text[i] == '\n' ? 1 : place.column + 1;
        place.line += text[i] == '\n';
    }
    return place;
}

/* The line with this number, from 0; `*len` is that of the text before, and of the line afterwards. */
static const char *line_of(const char *text, size_t *len, size_t line)
{
    const char *const end = text + *len, *stop;

    while ((stop = memchr(text, '\n', (size_t)(end - text))) != NULL && line-- > 0)
        text = stop + 1;
    *len = (size_t)((stop != NULL ? stop : end) - text);
    return text;
}

/* What libyaml says of the mistakes that are made most helps nobody who does not know YAML by heart. */
static const char *advice(const yaml_parser_t *parser, const char *text, size_t len)
{
    const char *line = line_of(text, &len, parser->problem_mark.line);
    const char *tab = memchr(line, '\t', len);

    if (strstr(parser->problem, "start any token") != NULL && tab != NULL)
        return "; a line begins with spaces, never with a tab";
    if (strstr(parser->problem, "',' or ") != NULL && memmem(line, len, "${", 2) != NULL)
        return "; a ${...} in [] or {} wants quotes: \"${...}\"";
    if (strstr(parser->problem, "mapping values") != NULL)
        return "; a text with \": \" in it wants quotes";
    return "";
}

static int fail_parse(struct real_yaml *yaml, const yaml_parser_t *parser, const char *text, size_t len)
{
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";

    if (parser->error == YAML_READER_ERROR)
        return real_fail(yaml, place_of_offset(text, len, parser->problem_offset), "is not YAML: %s", problem);
    return real_fail(yaml, place_at(parser->problem_mark), "is not YAML: %s%s", problem,
                     parser->problem != NULL ? advice(parser, text, len) : "");
}

/* libyaml takes a time that grows with the square of the depth, and keeps all that is open. So first the file is only
 * read. */
static int check_depth(struct real_yaml *yaml, const char *text, size_t len)
{
    yaml_parser_t parser;
    yaml_event_t event;
    int depth = 0, result = 0;
    bool is_over = false;

    if (yaml_parser_initialize(&parser) != 1)
        return real_fail(yaml, (struct real_place){.line = 0}, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (!is_over && result == 0 && yaml_parser_parse(&parser, &event) == 1) { /* what is no YAML is told later */
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        is_over = event.type == YAML_STREAM_END_EVENT;
        if (depth > DEPTH_MAX)
            result = real_fail(yaml, place_at(event.start_mark), "is more than %d deep in others", DEPTH_MAX);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return result;
}

static int expect_end(struct real_yaml *yaml, yaml_parser_t *parser, const char *text, size_t len)
{
    yaml_document_t second;
    int result = 0;

    if (yaml_parser_load(parser, &second) != 1)
        return fail_parse(yaml, parser, text, len);
    if (yaml_document_get_root_node(&second) != NULL)
        result = real_fail(yaml, place_at(second.start_mark), "a second document begins here; one is wanted");
    yaml_document_delete(&second);
    return result;
}

static int take_document(struct real_yaml *yaml, yaml_parser_t *parser, const char *text, size_t len)
{
    yaml->root = yaml_document_get_root_node(&yaml->document);
    if (yaml->root == NULL)
        return real_fail(yaml, (struct real_place){.line = 1, .column = 1}, "is empty; a scenario is wanted");
    if (expect_end(yaml, parser, text, len) != 0)
        return -1;
    yaml->seen = calloc((size_t)(yaml->document.nodes.top - yaml->document.nodes.start), sizeof(*yaml->seen));
    return yaml->seen != NULL ? 0 : real_fail(yaml, (struct real_place){.line = 0}, "out of memory");
}

int real_yaml_parse(struct real_yaml *yaml, const char *name, const char *text, size_t len, struct real_error *error)
{
    yaml_parser_t parser;
    int result = -1;

    *yaml = (struct real_yaml){.name = name, .error = error};
    *error = (struct real_error){.is_of_text = true};
    if (check_depth(yaml, text, len) != 0)
        return -1;
    if (yaml_parser_initialize(&parser) != 1)
        return real_fail(yaml, (struct real_place){.line = 0}, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    if (yaml_parser_load(&parser, &yaml->document) != 1) {
        result = fail_parse(yaml, &parser, text, len);
    } else if ((result = take_document(yaml, &parser, text, len)) != 0) {
        yaml_document_delete(&yaml->document);
    }
    yaml_parser_delete(&parser);
    return result;
}

void real_yaml_close(struct real_yaml *yaml)
{
    while (yaml->kept != NULL) {
        struct real_kept *next = yaml->kept->next;
        free(yaml->kept);
        yaml->kept = next;
    }
    free(yaml->seen);
    yaml_document_delete(&yaml->document);
    *yaml = (struct real_yaml){.name = NULL};
}

/* --- Nodes --- */

int real_yaml_visit(struct real_yaml *yaml, const yaml_node_t *node)
{
    bool *seen = &yaml->seen[node - yaml->document.nodes.start];

    if (*seen)
        return real_fail(yaml, real_place_of(node), "is used a second time by an alias; write it out");
    *seen = true;
    return 0;
}

static const char *found(const yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE)
        return "a list";
    if (node->type == YAML_MAPPING_NODE)
        return "keys of its own";
    return node->data.scalar.length == 0 ? "nothing" : "a single value";
}

/* A scalar as a C string, or NULL if it is none. */
static const char *scalar(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL)
        return NULL;
    return (const char *)node->data.scalar.value;
}

static const struct real_key *find(const struct real_key keys[], const char *name)
{
    while (keys->name != NULL && strcmp(keys->name, name) != 0)
        keys++;
    return keys->name != NULL ? keys : NULL;
}

static int fail_key(struct real_yaml *yaml, const struct real_key keys[], const char *what, const yaml_node_t *node)
{
    char quoted[VOW_QUOTE_SIZE], known[560] = "";
    size_t len = 0;

    for (; keys->name != NULL && len < sizeof(known); keys++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len > 0 ? ", " : "", keys->name);
    vow_quote((const char *)node->data.scalar.value, node->data.scalar.length, quoted);
    return real_fail(yaml, real_place_of(node), "%s has no key %s; it has %s", what, quoted, known);
}

/* One "key: value". `lines` has the line of each key that was read. */
static int read_pair(struct real_yaml *yaml, const struct real_key keys[], const char *what,
                     const yaml_node_pair_t *pair, unsigned lines[KEYS_MAX], void *into)
{
    yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&yaml->document, pair->value);
    const char *text = scalar(name);
    const struct real_key *key = text != NULL ? find(keys, text) : NULL;

    if (real_yaml_visit(yaml, name) != 0)
        return -1;
    if (name->type != YAML_SCALAR_NODE)
        return real_fail(yaml, real_place_of(name), "a key of %s is wanted here, found %s", what, found(name));
    if (key == NULL)
        return fail_key(yaml, keys, what, name);
    if (lines[key - keys] != 0)
        return real_fail(yaml, real_place_of(name), "%s was said before, on line %u", key->name, lines[key - keys]);
    lines[key - keys] = real_place_of(name).line;
    if (real_yaml_visit(yaml, value) != 0)
        return -1;
    return key->read(yaml, key, value, (char *)into + key->offset);
}

int real_read_mapping(struct real_yaml *yaml, const struct real_key keys[], const char *what, yaml_node_t *value,
                      void *into)
{
    unsigned lines[KEYS_MAX] = {0};

    if (value->type != YAML_MAPPING_NODE)
        return real_fail(yaml, real_place_of(value), "%s wants \"key: value\" lines, found %s", what, found(value));
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++)
        if (read_pair(yaml, keys, what, pair, lines, into) != 0)
            return -1;
    for (const struct real_key *key = keys; key->name != NULL; key++)
        if (key->is_needed && lines[key - keys] == 0)
            return real_fail(yaml, real_place_of(value), "%s wants a key %s: %s", what, key->name, key->says);
    return 0;
}

int real_list_open(struct real_yaml *yaml, const char *what, yaml_node_t *value, size_t max, size_t *len)
{
    if (value->type != YAML_SEQUENCE_NODE)
        return real_fail(yaml, real_place_of(value), "%s wants a list, found %s", what, found(value));
    *len = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
    if (*len == 0 || *len > max)
        return real_fail(yaml, real_place_of(value), "%s wants 1 to %zu items, found %zu", what, max, *len);
    for (size_t i = 0; i < *len; i++)
        if (real_yaml_visit(yaml, real_list_at(yaml, value, i)) != 0)
            return -1;
    return 0;
}

yaml_node_t *real_list_at(struct real_yaml *yaml, yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(&yaml->document, list->data.sequence.items.start[i]);
}

/* --- Single values --- */

int real_read_text(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_text *text = into;

    *text = (struct real_text){.text = scalar(value), .place = real_place_of(value)};
    if (text->text != NULL && text->text[0] != '\0')
        return 0;
    if (value->type != YAML_SCALAR_NODE || value->data.scalar.length == 0)
        (void)real_fail(yaml, text->place, "%s wants a text, found %s", key->name, found(value));
    else
        (void)real_fail(yaml, text->place, "%s has a zero byte in it", key->name);
    return -1;
}

static int keep(struct real_yaml *yaml, struct real_text *text, const char *written)
{
    const size_t size = strlen(written) + 1;
    struct real_kept *kept = malloc(sizeof(*kept) + size);

    if (kept == NULL)
        return real_fail(yaml, text->place, "out of memory");
    memcpy(kept->text, written, size);
    kept->next = yaml->kept;
    yaml->kept = kept;
    text->text = kept->text;
    return 0;
}

int real_read_value(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_text *text = into;
    char out[REAL_EXPANDED_SIZE], wrong[REAL_VARIABLE_SIZE], quoted[VOW_QUOTE_SIZE];

    if (real_read_text(yaml, key, value, into) != 0)
        return -1;
    if (yaml->lookup == NULL || strchr(text->text, '$') == NULL)
        return 0;
    const char *why = real_expand(text->text, yaml->lookup, yaml->lookup_ctx, out, wrong);
    if (why == NULL)
        return keep(yaml, text, out);
    vow_quote(wrong, strlen(wrong), quoted);
    return real_fail(yaml, text->place, "%s of vars: %s", why, quoted);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

int real_read_name(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    const struct real_text *text = into;
    char quoted[VOW_QUOTE_SIZE];
    size_t len = 0;

    if (real_read_text(yaml, key, value, into) != 0)
        return -1;
    while (is_name_char(text->text[len]))
        len++;
    if (text->text[len] == '\0' && len <= 32 && text->text[0] >= 'a')
        return 0;
    vow_quote(text->text, strlen(text->text), quoted);
    return real_fail(yaml, text->place, "%s wants 1 to 32 of a-z, 0-9 and -, a letter first, found %s", key->name,
                     quoted);
}

/* Digits alone, at most `max`. */
static bool read_digits(const char **at, uint64_t max, uint64_t *number)
{
    const char *begin = *at;

    for (*number = 0; **at >= '0' && **at <= '9'; (*at)++) {
        *number = *number * 10 + (uint64_t)(**at - '0');
        if (*number > max)
            return false;
    }
    return *at > begin;
}

static int fail_value(struct real_yaml *yaml, const struct real_key *key, const struct real_text *text,
                      const char *wants)
{
    char quoted[VOW_QUOTE_SIZE];

    vow_quote(text->text, strlen(text->text), quoted);
    return real_fail(yaml, text->place, "%s wants %s, found %s", key->name, wants, quoted);
}

int real_read_duration(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    struct real_text text;
    uint64_t number;

    if (real_read_value(yaml, key, value, &text) != 0)
        return -1;
    const char *at = text.text;
    const bool is_number = read_digits(&at, 3600000, &number);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && is_number; i++) {
        if (strcmp(at, units[i].unit) == 0 && number * units[i].ms <= 3600000) {
            *(uint64_t *)into = number * units[i].ms;
            return 0;
        }
    }
    return fail_value(yaml, key, &text, "a time up to an hour: 500ms, 5s or 2m");
}

int real_read_count(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into)
{
    struct real_text text;
    uint64_t number;

    if (real_read_value(yaml, key, value, &text) != 0)
        return -1;
    const char *at = text.text;
    if (!read_digits(&at, 1000000000, &number) || *at != '\0')
        return fail_value(yaml, key, &text, "a whole number up to 1000000000");
    *(uint32_t *)into = (uint32_t)number;
    return 0;
}
