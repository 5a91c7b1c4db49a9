#include "coordinator/server/config_walk.h"

#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "proto/error.h"
#include "proto/quote.h"

/* A walk over libyaml's events. A file is two levels deep at most, so it needs no stack. */
struct walk {
    yaml_parser_t parser;
    yaml_event_t event; /* the one that was read last */
    const char *name, *text;
    size_t len;
    struct config_lines *lines;
    struct vow_settings_error *error;
    unsigned section_lines[VOW_SETTINGS_MAX]; /* by the section's first setting */
};

int config_fail(struct vow_settings_error *error, const char *name, unsigned line, const char *format, ...)
{
    char what[384], where[16] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (line > 0)
        snprintf(where, sizeof(where), ":%u", line);
    snprintf(error->text, sizeof(error->text), "%.100s%s: %s", name, where, what);
    return VOW_E_ARGUMENT;
}

static unsigned line_of(const struct walk *walk)
{
    return (unsigned)walk->event.start_mark.line + 1;
}

/* The reader, which meets bytes that are no text, knows only their offset. */
static unsigned line_at(const struct walk *walk, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset && i < walk->len; i++)
        line += walk->text[i] == '\n';
    return line;
}

static int fail_parse(const struct walk *walk)
{
    const yaml_parser_t *parser = &walk->parser;
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR)
        line = line_at(walk, parser->problem_offset);
    return config_fail(walk->error, walk->name, line, "is not YAML: %s",
                       parser->problem != NULL ? parser->problem : "out of memory");
}

static int next(struct walk *walk)
{
    yaml_event_delete(&walk->event);
    return yaml_parser_parse(&walk->parser, &walk->event) == 1 ? 0 : fail_parse(walk);
}

static const char *found(const struct walk *walk)
{
    switch (walk->event.type) {
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "keys of its own";
    case YAML_ALIAS_EVENT:
        return "an alias";
    case YAML_SCALAR_EVENT:
        return walk->event.data.scalar.length == 0 ? "nothing" : "a single value";
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return "nothing";
}

/* The scalar read last as a C string, or NULL if it is none. */
static const char *scalar(const struct walk *walk)
{
    const char *text = (const char *)walk->event.data.scalar.value;
    if (walk->event.type != YAML_SCALAR_EVENT || memchr(text, '\0', walk->event.data.scalar.length) != NULL)
        return NULL;
    return text;
}

/* The setting `key` of a section ("" = the top level), or NULL. */
static const struct vow_setting *find(const char *section, const char *key)
{
    size_t section_len = strlen(section);
    for (size_t i = 0; i < vow_setting_count; i++) {
        const char *path = vow_setting_list[i].key;
        if (section_len == 0 && strcmp(path, key) == 0 && strchr(path, '.') == NULL)
            return &vow_setting_list[i];
        if (section_len > 0 && strncmp(path, section, section_len) == 0 && path[section_len] == '.' &&
            strcmp(path + section_len + 1, key) == 0)
            return &vow_setting_list[i];
    }
    return NULL;
}

/* The first setting of a section, which stands for it; or NULL. */
static const struct vow_setting *find_section(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < vow_setting_count; i++) {
        if (len > 0 && strncmp(vow_setting_list[i].key, key, len) == 0 && vow_setting_list[i].key[len] == '.')
            return &vow_setting_list[i];
    }
    return NULL;
}

static int fail_key(const struct walk *walk, const char *section)
{
    char quoted[VOW_QUOTE_SIZE];
    const yaml_event_t *event = &walk->event;
    if (event->type != YAML_SCALAR_EVENT)
        return config_fail(walk->error, walk->name, line_of(walk), "a key is wanted here, found %s", found(walk));
    vow_quote((const char *)event->data.scalar.value, event->data.scalar.length, quoted);
    return config_fail(walk->error, walk->name, line_of(walk), "no such key%s%s: %s; see vowd --help-config",
                       section[0] != '\0' ? " in " : "", section, quoted);
}

/* The value of a setting, whose key was read last. */
static int walk_value(struct walk *walk, const struct vow_setting *setting)
{
    unsigned *line = &walk->lines->of[setting - vow_setting_list];
    unsigned here = line_of(walk);
    if (*line != 0)
        return config_fail(walk->error, walk->name, here, "%s: said before, on line %u", setting->key, *line);
    *line = here;
    walk->lines->any = true;
    int error = next(walk);
    if (error != 0)
        return error;
    if (walk->event.type != YAML_SCALAR_EVENT)
        return config_fail(walk->error, walk->name, line_of(walk), "%s: wants a single value, found %s", setting->key,
                           found(walk));
    if (scalar(walk) == NULL)
        return config_fail(walk->error, walk->name, line_of(walk), "%s: has a zero byte in it", setting->key);
    return 0;
}

/* The keys of a section, whose name was read last. */
static int walk_section(struct walk *walk, const struct vow_setting *first)
{
    char section[32];
    unsigned *line = &walk->section_lines[first - vow_setting_list];
    snprintf(section, sizeof(section), "%.*s", (int)strcspn(first->key, "."), first->key);
    if (*line != 0)
        return config_fail(walk->error, walk->name, line_of(walk), "%s: said before, on line %u", section, *line);
    *line = line_of(walk);
    int error = next(walk);
    if (error == 0 && walk->event.type != YAML_MAPPING_START_EVENT)
        return config_fail(walk->error, walk->name, line_of(walk), "%s: wants keys under it, found %s", section,
                           found(walk));
    while (error == 0 && (error = next(walk)) == 0 && walk->event.type != YAML_MAPPING_END_EVENT) {
        const char *key = scalar(walk);
        const struct vow_setting *setting = key != NULL ? find(section, key) : NULL;
        error = setting != NULL ? walk_value(walk, setting) : fail_key(walk, section);
    }
    return error;
}

static int walk_root(struct walk *walk)
{
    int error = 0;
    if (walk->event.type != YAML_MAPPING_START_EVENT)
        return config_fail(walk->error, walk->name, line_of(walk), "wants \"key: value\" lines, found %s", found(walk));
    while (error == 0 && (error = next(walk)) == 0 && walk->event.type != YAML_MAPPING_END_EVENT) {
        const char *key = scalar(walk);
        const struct vow_setting *setting = key != NULL ? find("", key) : NULL;
        const struct vow_setting *section = key != NULL && setting == NULL ? find_section(key) : NULL;
        if (setting != NULL)
            error = walk_value(walk, setting);
        else
            error = section != NULL ? walk_section(walk, section) : fail_key(walk, "");
    }
    return error;
}

static int walk_stream(struct walk *walk)
{
    int error = next(walk); /* the start of the stream */
    if (error == 0)
        error = next(walk);
    if (error != 0 || walk->event.type == YAML_STREAM_END_EVENT)
        return error; /* nothing, or comments alone: every setting has its default */
    error = next(walk);
    if (error == 0)
        error = walk_root(walk);
    if (error == 0)
        error = next(walk); /* the end of the document */
    if (error == 0)
        error = next(walk);
    if (error == 0 && walk->event.type != YAML_STREAM_END_EVENT)
        return config_fail(walk->error, walk->name, line_of(walk), "a second document begins here; one is wanted");
    return error;
}

int config_walk(const char *name, const char *text, size_t len, struct config_lines *lines,
                struct vow_settings_error *error)
{
    struct walk walk = {.name = name, .text = text, .len = len, .lines = lines, .error = error};
    memset(lines, 0, sizeof(*lines));
    if (yaml_parser_initialize(&walk.parser) != 1)
        return config_fail(error, name, 0, "out of memory");
    yaml_parser_set_input_string(&walk.parser, (const unsigned char *)text, len);
    int result = walk_stream(&walk);
    yaml_event_delete(&walk.event);
    yaml_parser_delete(&walk.parser);
    return result;
}
