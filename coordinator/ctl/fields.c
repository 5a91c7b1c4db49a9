#include "coordinator/ctl/fields.h"

#include <stdio.h>

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
