#include "chaos/measure/names.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "chaos/kill/memory.h"

struct entry {
    char *text;
    uint32_t number;
    UT_hash_handle hh;
};

struct measure_names {
    struct entry *by_text;
    struct entry **entries; /* by number; the one of 0 is NULL */
    uint32_t len, size;
};

struct measure_names *measure_names_new(void)
{
    struct measure_names *names = real_need(calloc(1, sizeof(*names)));

    names->size = 64;
    names->entries = real_need(calloc(names->size, sizeof(struct entry *)));
    names->len = 1;
    return names;
}

void measure_names_clear(struct measure_names *names)
{
    HASH_CLEAR(hh, names->by_text);
    for (uint32_t i = 1; i < names->len; i++) {
        free(names->entries[i]->text);
        free(names->entries[i]);
    }
    names->len = 1;
}

void measure_names_free(struct measure_names *names)
{
    if (names == NULL)
        return;
    measure_names_clear(names);
    free(names->entries);
    free(names);
}

static void grow(struct measure_names *names)
{
    names->size *= 2;
    names->entries = real_need(realloc(names->entries, names->size * sizeof(struct entry *)));
}

uint32_t measure_name(struct measure_names *names, const char *text)
{
    struct entry *entry = NULL;

    if (text == NULL || text[0] == '\0')
        return 0;
    HASH_FIND_STR(names->by_text, text, entry);
    if (entry != NULL)
        return entry->number;
    if (names->len == names->size)
        grow(names);
    entry = real_need(calloc(1, sizeof(*entry)));
    entry->text = real_need(strdup(text));
    entry->number = names->len;
    names->entries[names->len++] = entry;
    HASH_ADD_KEYPTR(hh, names->by_text, entry->text, strlen(entry->text), entry);
    return entry->number;
}

const char *measure_text(const struct measure_names *names, uint32_t number)
{
    return number > 0 && number < names->len ? names->entries[number]->text : "";
}

uint32_t measure_names_len(const struct measure_names *names)
{
    return names->len;
}
