#include "coordinator/server/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the smallest on. */
static const struct unit {
    char letter;
    uint64_t factor;
} times[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}},
  sizes[] = {{'K', UINT64_C(1) << 10}, {'M', UINT64_C(1) << 20}, {'G', UINT64_C(1) << 30}, {'T', UINT64_C(1) << 40}};

#define UNITS 4

/* A number of at most 15 digits, without leading zeros and so not 0, and one letter. */
static bool parse(const char *text, const struct unit units[UNITS], uint64_t highest, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;

    if (strcmp(text, "off") == 0) {
        *value = 0;
        return true;
    }
    if (digits == 0 || digits > 15 || text[0] == '0' || strlen(text) != digits + 1)
        return false;
    number = strtoull(text, NULL, 10);
    for (size_t i = 0; i < UNITS; i++) {
        if (units[i].letter == text[digits] && number <= highest / units[i].factor) {
            *value = number * units[i].factor;
            return true;
        }
    }
    return false;
}

static void print(uint64_t value, const struct unit units[UNITS], char *out, size_t size)
{
    size_t unit = UNITS - 1;

    while (unit > 0 && value % units[unit].factor != 0)
        unit--;
    if (value == 0)
        (void)snprintf(out, size, "off");
    else
        (void)snprintf(out, size, "%llu%c", (unsigned long long)(value / units[unit].factor), units[unit].letter);
}

bool vow_parse_duration(const char *text, uint64_t *ms)
{
    return parse(text, times, UINT64_C(3650) * 86400000, ms);
}

bool vow_parse_size(const char *text, uint64_t *bytes)
{
    return parse(text, sizes, UINT64_C(1) << 50, bytes);
}

void vow_print_duration(uint64_t ms, char *out, size_t size)
{
    print(ms, times, out, size);
}

void vow_print_size(uint64_t bytes, char *out, size_t size)
{
    print(bytes, sizes, out, size);
}
