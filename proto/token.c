#include "proto/token.h"

#include <string.h>

#include "proto/address.h"
#include "proto/error.h"
#include "proto/line.h"

/* The form's version. A token of another version is another word, never a guess. */
static const char prefix[] = "vow1.";
#define PREFIX_LEN (sizeof(prefix) - 1)

/* The dash-separated parts of a W3C traceparent: version, trace id, parent id, flags, in hex digits. */
static const struct {
    size_t len;
    bool may_be_zero; /* a trace id or parent id of zeros means "none", which has its own spelling here */
} trace_parts[] = {{2, true}, {32, false}, {16, false}, {2, true}};
#define TRACE_PARTS (sizeof(trace_parts) / sizeof(trace_parts[0]))

static bool is_traceparent(const char *text)
{
    if (strlen(text) != VOW_TRACEPARENT_LEN || memcmp(text, "ff", 2) == 0)
        return false;
    for (size_t part = 0; part < TRACE_PARTS; part++) {
        const size_t len = trace_parts[part].len;
        if (strspn(text, "0123456789abcdef") != len)
            return false;
        if (!trace_parts[part].may_be_zero && strspn(text, "0") >= len)
            return false;
        text += len;
        if (*text != (part + 1 < TRACE_PARTS ? '-' : '\0'))
            return false;
        text++;
    }
    return true;
}

/* One or more addresses that one can connect to, joined by ','. */
static bool is_address_list(const char *text)
{
    for (;;) {
        const size_t len = strcspn(text, ",");
        char one[VOW_ADDRESS_SIZE];
        struct vow_address address;
        if (len >= sizeof(one))
            return false;
        memcpy(one, text, len);
        one[len] = '\0';
        if (vow_address_parse(one, &address) != 0 || address.port == 0)
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool is_well_formed(const struct vow_token *token)
{
    if (memchr(token->addresses, '\0', sizeof(token->addresses)) == NULL)
        return false;
    if (memchr(token->traceparent, '\0', sizeof(token->traceparent)) == NULL)
        return false;
    return !vow_gtrid_is_none(&token->gtrid) && token->deadline_ms < VOW_TOKEN_DEADLINE_END &&
           is_address_list(token->addresses) && (token->traceparent[0] == '\0' || is_traceparent(token->traceparent));
}

#define DEADLINE_DIGITS 15

static void put_deadline(struct vow_line *line, uint64_t deadline_ms)
{
    char digits[DEADLINE_DIGITS + 1];
    char *at = digits + DEADLINE_DIGITS;
    *at = '\0';
    do {
        *--at = (char)('0' + deadline_ms % 10);
        deadline_ms /= 10;
    } while (deadline_ms != 0);
    vow_line_put(line, at);
}

/* Reads digits up to a dot, and steps over it; false if there is no such number, or it has zeros in front. */
static bool take_deadline(const char **at, const char *end, uint64_t *deadline_ms)
{
    const char *first = *at;
    *deadline_ms = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - first < DEADLINE_DIGITS)
        *deadline_ms = *deadline_ms * 10 + (uint64_t)(*(*at)++ - '0');
    const ptrdiff_t len = *at - first;
    return len > 0 && (len == 1 || *first != '0') && *at < end && *(*at)++ == '.';
}

int vow_token_print(const struct vow_token *token, char text[VOW_TOKEN_SIZE])
{
    if (!is_well_formed(token))
        return VOW_E_TOKEN;
    char gtrid[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&token->gtrid, gtrid);
    struct vow_line line = vow_line_start(text, VOW_TOKEN_SIZE);
    vow_line_put(&line, prefix);
    vow_line_put(&line, gtrid);
    vow_line_put(&line, ".");
    put_deadline(&line, token->deadline_ms);
    vow_line_put(&line, ".");
    vow_line_put(&line, token->addresses);
    /* This dot is there even if nothing follows: it tells where the addresses, which have dots of their own, end. */
    vow_line_put(&line, ".");
    vow_line_put(&line, token->traceparent);
    return 0;
}

/* Copies [from, end) to a buffer of the given size, with a NUL; false if it does not fit or holds a NUL itself. */
static bool copy(char *to, size_t size, const char *from, const char *end)
{
    const size_t len = (size_t)(end - from);
    if (len >= size || memchr(from, '\0', len) != NULL)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

int vow_token_parse(const char *text, size_t len, struct vow_token *token)
{
    const size_t gtrid_end = PREFIX_LEN + VOW_GTRID_TEXT_LEN;
    if (len <= gtrid_end || len >= VOW_TOKEN_SIZE || memcmp(text, prefix, PREFIX_LEN) != 0 || text[gtrid_end] != '.')
        return VOW_E_TOKEN;
    const char *addresses = text + gtrid_end + 1;
    const char *end = text + len;
    if (!take_deadline(&addresses, end, &token->deadline_ms))
        return VOW_E_TOKEN;
    /* A traceparent has no dots, so the last dot ends the addresses. */
    const char *dot = memrchr(addresses, '.', (size_t)(end - addresses));
    if (dot == NULL || !vow_gtrid_from_text(text + PREFIX_LEN, VOW_GTRID_TEXT_LEN, &token->gtrid) ||
        !copy(token->addresses, sizeof(token->addresses), addresses, dot) ||
        !copy(token->traceparent, sizeof(token->traceparent), dot + 1, end))
        return VOW_E_TOKEN;
    return is_well_formed(token) ? 0 : VOW_E_TOKEN;
}
