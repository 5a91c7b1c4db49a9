#include "proto/address.h"

#include <stdbool.h>
#include <string.h>

#include "proto/error.h"
#include "proto/line.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A decimal number of the whole of [text, end), without leading zeros, at most max; -1 if it is not one. */
static long read_decimal(const char *text, const char *end, long max)
{
    if (text == end || end - text > 5 || (*text == '0' && end - text > 1))
        return -1;
    long value = 0;
    for (; text < end; text++) {
        if (!is_digit(*text))
            return -1;
        value = value * 10 + (*text - '0');
    }
    return value <= max ? value : -1;
}

/* Exactly a.b.c.d. The shorter and octal forms of inet_aton() are read differently by different programs. */
static bool is_ipv4(const char *text, const char *end)
{
    for (int part = 0; part < 4; part++) {
        const char *dot = part < 3 ? memchr(text, '.', (size_t)(end - text)) : end;
        if (dot == NULL || read_decimal(text, dot, 255) < 0)
            return false;
        text = dot + 1;
    }
    return true;
}

/* Counts the 16-bit groups of the whole of [text, end), joined by single colons; -1 if it is not such a list. The last
 * group may be an IPv4 address, which counts for two. An empty text has none. */
static int count_groups(const char *text, const char *end, bool ipv4_allowed)
{
    int groups = 0;
    while (text < end) {
        const char *group = text;
        while (text < end && is_hex(*text))
            text++;
        if (text < end && *text == '.')
            return ipv4_allowed && is_ipv4(group, end) ? groups + 2 : -1;
        if (text == group || text - group > 4)
            return -1;
        groups++;
        if (text == end)
            return groups;
        if (*text++ != ':' || text == end)
            return -1;
    }
    return groups;
}

/* RFC 4291 section 2.2, without a zone: eight groups, or fewer around one "::". */
static bool is_ipv6(const char *text, const char *end)
{
    const char *gap = NULL;
    for (const char *at = text; at + 1 < end && gap == NULL; at++) {
        if (at[0] == ':' && at[1] == ':')
            gap = at;
    }
    if (gap == NULL)
        return count_groups(text, end, true) == 8;
    const int before = count_groups(text, gap, false);
    const int after = count_groups(gap + 2, end, true);
    return before >= 0 && after >= 0 && before + after < 8;
}

static bool is_localhost(const char *text, const char *end)
{
    return end - text == 9 && memcmp(text, "localhost", 9) == 0;
}

/* Finds the host in text, without its brackets, and what is left after it. */
static bool split(const char *text, const char **host, const char **host_end, const char **rest)
{
    const bool bracketed = text[0] == '[';
    *host = text + bracketed;
    *host_end = strchr(*host, bracketed ? ']' : ':');
    if (*host_end == NULL)
        return false;
    *rest = *host_end + bracketed;
    return bracketed ? is_ipv6(*host, *host_end) : is_ipv4(*host, *host_end) || is_localhost(*host, *host_end);
}

int vow_address_parse(const char *text, struct vow_address *address)
{
    const char *host, *host_end, *rest;
    if (!split(text, &host, &host_end, &rest) || *rest != ':')
        return VOW_E_ADDRESS;
    const long port = read_decimal(rest + 1, rest + strlen(rest), UINT16_MAX);
    /* The one name that is known without asking anybody. */
    if (is_localhost(host, host_end)) {
        host = "127.0.0.1";
        host_end = host + strlen(host);
    }
    const size_t host_len = (size_t)(host_end - host);
    if (port < 0 || host_len >= sizeof(address->host))
        return VOW_E_ADDRESS;
    memcpy(address->host, host, host_len);
    address->host[host_len] = '\0';
    address->port = (uint16_t)port;
    return 0;
}

void vow_address_print(const struct vow_address *address, char text[VOW_ADDRESS_SIZE])
{
    const bool bracketed = strchr(address->host, ':') != NULL;
    struct vow_line line = vow_line_start(text, VOW_ADDRESS_SIZE);
    vow_line_put(&line, bracketed ? "[" : "");
    vow_line_put(&line, address->host);
    vow_line_put(&line, bracketed ? "]:" : ":");
    vow_line_put_number(&line, address->port);
}
