/*
 * The text of a key. Guards make it of OLD and NEW, locks of rows and values, both by these expressions, so that values
 * which are equal to a unique index are equal as texts.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/line.h"

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

/* ---- and back, for people ---- */

/* The end of one value of a lock's text: a comma, or the blank before a holder of a shared lock. Quotes within a text
 * are doubled, so they open and close again. */
static const char *end_of_value(const char *at)
{
    bool is_quoted = false;
    for (; *at != '\0' && (is_quoted || (*at != ',' && *at != ' ')); at++)
        is_quoted = is_quoted != (*at == '\'');
    return at;
}

static void put_part(struct vow_line *line, const char *text, size_t len)
{
    char part[VOW_STORE_TOLD_KEY_SIZE];
    const size_t cut = len < sizeof(part) - 1 ? len : sizeof(part) - 1;
    memcpy(part, text, cut);
    part[cut] = '\0';
    vow_line_put(line, part);
}

bool key_print(const struct table *table, const struct key *key, const char *locked, char *out, size_t out_size)
{
    char printable[VOW_TEXT_SIZE];
    char whole[4 * VOW_STORE_TOLD_KEY_SIZE];
    struct vow_line line = vow_line_start(whole, sizeof(whole));
    const char *at = locked;
    for (uint32_t i = 0; *at != '\0' && *at != ' '; i++) {
        const char *end = end_of_value(at);
        vow_line_put(&line, i > 0 ? ", " : "");
        if (key != NULL && i < key->columns_len)
            vow_line_put(&line, table->columns[key->columns[i]]);
        vow_line_put(&line, key != NULL && i < key->columns_len ? "=" : "");
        put_part(&line, at, (size_t)(end - at));
        at = *end == ',' ? end + 1 : end;
    }
    vow_text_copy(printable, whole);
    struct vow_line cut = vow_line_start(out, out_size - (sizeof("...") - 1));
    vow_line_put(&cut, printable);
    if (strlen(printable) > cut.len)
        memcpy(out + cut.len, "...", sizeof("..."));
    return *at == ' ';
}
