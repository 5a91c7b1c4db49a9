/* Reading rows: what is missing reads as "-" or 0. */
#ifndef VOW_COORDINATOR_CTL_FIELDS_H
#define VOW_COORDINATOR_CTL_FIELDS_H

#include <jansson.h>
#include <stdbool.h>

#define AGE_SIZE 32

const char *field_text(const json_t *row, const char *key);
long long field_number(const json_t *row, const char *key);
/* Puts '?' for whatever a terminal would take for more than text, in all of the row (F177): an escape of JSON is
 * printable until it is parsed. Returns row. */
json_t *fields_clean(json_t *row);
bool field_is_true(const json_t *row, const char *key);
/* 950 ms, 12.3 s, 4.5 min, 3.2 h, 2.1 d: an age at a glance. Returns out. */
const char *age_text(long long ms, char out[AGE_SIZE]);

#endif
