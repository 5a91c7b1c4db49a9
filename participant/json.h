/* Writing one object of JSON into a buffer: what a participant tells an operator. Reading is the others' work. */
#ifndef VOW_PARTICIPANT_JSON_H
#define VOW_PARTICIPANT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/gtrid.h"

struct vow_json {
    char *text; /* NUL-terminated */
    size_t size, len;
    bool is_open; /* the next item is the first within its brackets */
    bool is_cut;  /* it did not fit: what is there is no JSON */
};

struct vow_json vow_json_start(char *text, size_t size);
/* A key of the object, or NULL within a list. Keys are ours and plain. */
void vow_json_text(struct vow_json *json, const char *key, const char *text);
void vow_json_number(struct vow_json *json, const char *key, uint64_t number);
void vow_json_bool(struct vow_json *json, const char *key, bool value);
void vow_json_id(struct vow_json *json, const char *key, const struct vow_gtrid *gtrid);
/* '{' or '[', and the bracket that ends it. */
void vow_json_open(struct vow_json *json, const char *key, char bracket);
void vow_json_close(struct vow_json *json, char bracket);

#endif
