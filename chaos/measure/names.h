/* Texts as small numbers: ids of transactions, keys of rows, names of nodes. 0 is no text. */
#ifndef VOW_CHAOS_MEASURE_NAMES_H
#define VOW_CHAOS_MEASURE_NAMES_H

#include <stdint.h>

struct measure_names;

struct measure_names *measure_names_new(void);
/* Forgets all texts, for who reads a line and is done with it. */
void measure_names_clear(struct measure_names *names);
void measure_names_free(struct measure_names *names);
/* The number of a text, from 1 in the order of their coming; a new one if it has none. NULL and "" are 0. */
uint32_t measure_name(struct measure_names *names, const char *text);
/* Lives as long as the names. "" for 0. */
const char *measure_text(const struct measure_names *names, uint32_t number);
/* How many numbers there are, with 0. */
uint32_t measure_names_len(const struct measure_names *names);

#endif
