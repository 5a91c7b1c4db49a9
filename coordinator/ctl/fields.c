#include "coordinator/ctl/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

/* A longer text would lose its end to vow_text_copy(); no memory for it loses all of it. */
static void clean_text(json_t *string)
{
    const char *text = json_string_value(string);
    size_t out = 0;
    char *copy;
    if (strlen(text) == json_string_length(string) && vow_text_is_printable(text))
        return;
    copy = malloc(strlen(text) + 1);
    while (copy != NULL && *text != '\0') {
        const size_t len = vow_text_printable_len(text);
        memcpy(copy + out, len > 0 ? text : "?", len > 0 ? len : 1);
        out += len > 0 ? len : 1;
        text += len > 0 ? len : 1;
    }
    json_string_setn(string, copy != NULL ? copy : "?", copy != NULL ? out : 1);
    free(copy);
}

json_t *fields_clean(json_t *row)
{
    const char *key;
    size_t index;
    json_t *value;
    if (json_is_string(row))
        clean_text(row);
    json_object_foreach(row, key, value)(void) fields_clean(value);
    json_array_foreach(row, index, value)(void) fields_clean(value);
    return row;
}

const char *field_text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));
    return value != NULL ? value : "-";
}

long long field_number(const json_t *row, const char *key)
{
    return (long long)json_integer_value(json_object_get(row, key));
}

bool field_is_true(const json_t *row, const char *key)
{
    return json_is_true(json_object_get(row, key));
}

const char *age_text(long long ms, char out[AGE_SIZE])
{
    if (ms < 1000)
        snprintf(out, AGE_SIZE, "%lld ms", ms);
    else if (ms < 60000)
        snprintf(out, AGE_SIZE, "%.1f s", (double)ms / 1e3);
    else if (ms < 3600000)
        snprintf(out, AGE_SIZE, "%.1f min", (double)ms / 6e4);
    else if (ms < 48 * 3600000LL)
        snprintf(out, AGE_SIZE, "%.1f h", (double)ms / 3.6e6);
    else
        snprintf(out, AGE_SIZE, "%.1f days", (double)ms / 8.64e7);
    return out;
}
