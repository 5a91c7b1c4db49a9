#include "chaos/kill/expand.h"

#include <string.h>

const char real_no_variable[] = "there is no variable";

static void copy_wrong(char wrong[REAL_VARIABLE_SIZE], const char *text, size_t len)
{
    const size_t kept = len < REAL_VARIABLE_SIZE ? len : REAL_VARIABLE_SIZE - 1;

    memcpy(wrong, text, kept);
    wrong[kept] = '\0';
}

/* `*at` is behind "${"; goes behind "}". */
static const char *variable(const char **at, real_lookup_fn *lookup, void *ctx, const char **value,
                            char wrong[REAL_VARIABLE_SIZE])
{
    const size_t len = strcspn(*at, "}");

    copy_wrong(wrong, *at, len);
    if ((*at)[len] == '\0')
        return "${ without a }";
    if (len >= REAL_VARIABLE_SIZE || (*value = lookup(ctx, wrong)) == NULL)
        return real_no_variable;
    *at += len + 1;
    return NULL;
}

static const char *append(char out[REAL_EXPANDED_SIZE], size_t *len, const char *text, size_t text_len)
{
    if (*len + text_len >= REAL_EXPANDED_SIZE)
        return "is more than 16 KiB when it is written out, with the variable";
    memcpy(out + *len, text, text_len);
    *len += text_len;
    out[*len] = '\0';
    return NULL;
}

const char *real_expand(const char *text, real_lookup_fn *lookup, void *ctx, char out[REAL_EXPANDED_SIZE],
                        char wrong[REAL_VARIABLE_SIZE])
{
    const char *why = NULL;
    size_t len = 0;

    out[0] = '\0';
    wrong[0] = '\0';
    while (*text != '\0' && why == NULL) {
        const char *value = text;
        size_t value_len = 1;
        if (text[0] == '$' && text[1] == '{') {
            text += 2;
            why = variable(&text, lookup, ctx, &value, wrong);
            value_len = why == NULL ? strlen(value) : 0;
        } else {
            text += text[0] == '$' && text[1] == '$' ? 2 : 1;
        }
        if (why == NULL)
            why = append(out, &len, value, value_len);
    }
    return why;
}
