/*
 * A YAML file as tables of keys read it: a table says which keys a mapping has, how each is read and where it goes.
 *
 * libyaml keeps the place of every value, so that also what is well formed and wrong (a node that there is not) is told
 * with file, line and column. libcyaml, which reads vowd's configuration, keeps none, so a scenario is not read by it.
 * The file is anybody's: it is bounded, and what libyaml takes and a scenario does not want (aliases, tags that change
 * nothing, keys that are no text) is refused or has no meaning.
 */
#ifndef VOW_CHAOS_KILL_YAML_H
#define VOW_CHAOS_KILL_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "chaos/kill/expand.h"

#define REAL_FILE_BYTES_MAX (256u << 10)

/* Counted from 1; a line of 0 is no place. */
struct real_place {
    unsigned line, column;
};

/* One line without an end; there is room for the keys of a fault, which has the most. */
struct real_error {
    char text[1024];
    bool is_of_text; /* the file was read: this is about what it says, and the manual may help */
};

/* A text of the file; it lives as long as the file is open. A `text` of NULL was not said. */
struct real_text {
    const char *text;
    struct real_place place;
};

struct real_kept;

struct real_yaml {
    const char *name; /* the file's, as errors show it */
    yaml_document_t document;
    yaml_node_t *root;
    bool *seen; /* by node: whoever comes twice was brought by an alias */
    struct real_error *error;
    /* What ${NAME} stands for where a single value is read: NULL = there is none of that name. */
    real_lookup_fn *lookup;
    void *lookup_ctx;
    struct real_kept *kept; /* texts with their variables written out */
};

struct real_key;
/* Reads a value into `into`. Returns 0, or -1 and has called real_fail(). */
typedef int real_read_fn(struct real_yaml *yaml, const struct real_key *key, yaml_node_t *value, void *into);

struct real_key {
    const char *name; /* NULL ends a table */
    real_read_fn *read;
    size_t offset; /* of what is read, in the struct that the mapping fills */
    bool is_needed;
    const char *says; /* for people: what it is for */
};

/* Parses a text. 0; or -1, with the place in error->text, and nothing to close. `name` and `error` must live on. */
int real_yaml_parse(struct real_yaml *yaml, const char *name, const char *text, size_t len, struct real_error *error);
void real_yaml_close(struct real_yaml *yaml);

/* Writes "file:line:column: ..." once; returns -1. */
int real_fail(struct real_yaml *yaml, struct real_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct real_place real_place_of(const yaml_node_t *node);

/* Says that a node of the file is read now. Each is read once, so a second time comes from an alias, which could make a
 * small file a large one: that is refused. */
int real_yaml_visit(struct real_yaml *yaml, const yaml_node_t *node);

/* The keys of a mapping into the struct `into`; `what` is its name in errors ("a node"). */
int real_read_mapping(struct real_yaml *yaml, const struct real_key keys[], const char *what, yaml_node_t *value,
                      void *into);

/* Lists: how many there are, and one of them. real_list_open() refuses what is no list, or an empty or longer one. */
int real_list_open(struct real_yaml *yaml, const char *what, yaml_node_t *value, size_t max, size_t *len);
yaml_node_t *real_list_at(struct real_yaml *yaml, yaml_node_t *list, size_t i);

/* Readers of single values, for tables. Into a struct real_text: as it stands there; with its variables written out by
 * yaml->lookup; a name. And with variables, too: into a uint64_t of milliseconds ("500ms", "5s", "2m"), a uint32_t. */
real_read_fn real_read_text, real_read_value, real_read_name, real_read_duration, real_read_count;

#endif
