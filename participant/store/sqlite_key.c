/*
 * The text of a key. Guards make it of OLD and NEW, locks of rows and values, both by these expressions, so that values
 * which are equal to a unique index are equal as texts.
 */
#include "participant/store/sqlite_store.h"

/* quote() tells 1 from 1.0; an index does not. */
#define ONE_NUMBER "CASE WHEN typeof(%s) = 'real' AND %s = CAST(%s AS INTEGER) THEN CAST(%s AS INTEGER) ELSE %s END"

static void add_value(struct text *text, const struct table *table, const struct key *key, uint32_t i,
                      const char *value)
{
    static const char *const folds[] = {
        [FOLD_NONE] = "quote(%s)", [FOLD_CASE] = "quote(lower(%s))", [FOLD_TRAILING_SPACES] = "quote(rtrim(%s))"};
    bool is_mixed = (table->mixed_mask >> key->columns[i] & 1) != 0;
    char *number = sqlite3_mprintf(is_mixed ? ONE_NUMBER : "%s", value, value, value, value, value);
    char *folded = number != NULL ? sqlite3_mprintf(folds[key->fold[i]], number) : NULL;
    text_add(text, "%s%s", i > 0 ? "||','||" : "", folded);
    text->failed = text->failed || folded == NULL;
    sqlite3_free(folded);
    sqlite3_free(number);
}

uint64_t key_mask(const struct key *key)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < key->columns_len; i++)
        mask |= UINT64_C(1) << key->columns[i];
    return mask;
}

void key_of_columns(struct text *text, const struct table *table, const struct key *key, const char *prefix)
{
    for (uint32_t i = 0; i < key->columns_len; i++) {
        char *column = sqlite3_mprintf("%s\"%w\"", prefix, table->columns[key->columns[i]]);
        text->failed = text->failed || column == NULL;
        if (column != NULL)
            add_value(text, table, key, i, column);
        sqlite3_free(column);
    }
}

void key_of_parameters(struct text *text, const struct table *table, const struct key *key, int first)
{
    for (uint32_t i = 0; i < key->columns_len; i++) {
        char parameter[16];
        sqlite3_snprintf(sizeof(parameter), parameter, "?%d", first + (int)i);
        add_value(text, table, key, i, parameter);
    }
}
