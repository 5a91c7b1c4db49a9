#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/token.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct vow_token sample(const char *addresses, const char *traceparent)
{
    struct vow_token token = {.gtrid = vow_gtrid_make(1, 2, 3, 0, 4), .deadline_ms = 1790000000123};
    snprintf(token.addresses, sizeof(token.addresses), "%s", addresses);
    snprintf(token.traceparent, sizeof(token.traceparent), "%s", traceparent);
    return token;
}

/* Parses from memory of exactly len bytes, without a NUL. */
static int parse(const char *text, size_t len, struct vow_token *token)
{
    char *exact = malloc(len + (len == 0));
    memcpy(exact, text, len);
    const int error = vow_token_parse(exact, len, token);
    free(exact);
    return error;
}

static void expect_round_trip(const char *addresses, const char *traceparent)
{
    const struct vow_token token = sample(addresses, traceparent);
    char text[VOW_TOKEN_SIZE];
    cr_assert_eq(vow_token_print(&token, text), 0, "%s %s", addresses, traceparent);
    struct vow_token read;
    cr_assert_eq(parse(text, strlen(text), &read), 0, "%s", text);
    cr_expect(vow_gtrid_equal(&read.gtrid, &token.gtrid));
    cr_expect_eq(read.deadline_ms, token.deadline_ms);
    cr_expect_str_eq(read.addresses, addresses);
    cr_expect_str_eq(read.traceparent, traceparent);
}

Test(token, round_trip)
{
    expect_round_trip("127.0.0.1:7420", "");
    expect_round_trip("127.0.0.1:7420", TRACE);
    expect_round_trip("[::1]:1,localhost:2,10.0.0.1:3", TRACE);
}

Test(token, is_one_word)
{
    const struct vow_token token = sample("127.0.0.1:7420,[::1]:7420", TRACE);
    char text[VOW_TOKEN_SIZE];
    cr_assert_eq(vow_token_print(&token, text), 0);
    cr_expect_str_eq(text,
                     "vow1.000000000400000200000000001g0000000000000g.1790000000123.127.0.0.1:7420,[::1]:7420." TRACE);
}

Test(token, longest_parts_fit)
{
    char addresses[VOW_TOKEN_ADDRESSES_SIZE] = "";
    for (size_t i = 0; i < sizeof(addresses); i += 16)
        memcpy(addresses + i, "10.0.0.10:65000,", 16);
    addresses[sizeof(addresses) - 1] = '\0';
    expect_round_trip(addresses, TRACE);
}

Test(token, print_refuses_parts_that_are_not_allowed)
{
    static const char *const bad[][2] = {
        {"", ""},
        {"127.0.0.1", ""},
        {"127.0.0.1:0", ""},
        {"example.org:1", ""},
        {"127.0.0.1:1,", ""},
        {",127.0.0.1:1", ""},
        {"127.0.0.1:1;127.0.0.1:2", ""},
        {"127.0.0.1:1", "0"},
        {"127.0.0.1:1", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"127.0.0.1:1", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"127.0.0.1:1", "00-00000000000000000000000000000000-b7ad6b7169203331-01"},
        {"127.0.0.1:1", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"},
        {"127.0.0.1:1", "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"127.0.0.1:1", "00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01"},
        {"127.0.0.1:1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0."},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vow_token token = sample(bad[i][0], bad[i][1]);
        char text[VOW_TOKEN_SIZE];
        cr_expect_eq(vow_token_print(&token, text), VOW_E_TOKEN, "%s %s", bad[i][0], bad[i][1]);
    }
    struct vow_token token = sample("127.0.0.1:1", "");
    token.gtrid = (struct vow_gtrid){0};
    char text[VOW_TOKEN_SIZE];
    cr_expect_eq(vow_token_print(&token, text), VOW_E_TOKEN);
}

Test(token, deadlines)
{
    static const uint64_t good[] = {0, 1, 10, VOW_TOKEN_DEADLINE_END - 1};
    struct vow_token token = sample("127.0.0.1:7420", ""), read;
    char text[VOW_TOKEN_SIZE];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        token.deadline_ms = good[i];
        cr_assert_eq(vow_token_print(&token, text), 0);
        cr_assert_eq(parse(text, strlen(text), &read), 0, "%s", text);
        cr_expect_eq(read.deadline_ms, good[i]);
    }
    token.deadline_ms = VOW_TOKEN_DEADLINE_END;
    cr_expect_eq(vow_token_print(&token, text), VOW_E_TOKEN);
}

Test(token, every_shorter_text_is_refused_or_a_whole_token)
{
    const struct vow_token token = sample("127.0.0.1:7420", TRACE);
    char text[VOW_TOKEN_SIZE];
    cr_assert_eq(vow_token_print(&token, text), 0);
    const size_t without_trace = strlen(text) - strlen(TRACE);
    for (size_t len = 0; len < strlen(text); len++) {
        struct vow_token read;
        cr_expect_eq(parse(text, len, &read) == 0, len == without_trace, "length %zu", len);
    }
}

Test(token, every_changed_byte_is_refused_or_another_token)
{
    const struct vow_token token = sample("127.0.0.1:7420", TRACE);
    char good[VOW_TOKEN_SIZE];
    cr_assert_eq(vow_token_print(&token, good), 0);
    const size_t len = strlen(good);
    for (size_t at = 0; at < len; at++) {
        for (int c = 0; c < 256; c++) {
            char text[VOW_TOKEN_SIZE];
            memcpy(text, good, len);
            text[at] = (char)c;
            struct vow_token read;
            if (parse(text, len, &read) != 0)
                continue;
            /* What is read prints again, and only the case of the id may differ. */
            char again[VOW_TOKEN_SIZE];
            cr_assert_eq(vow_token_print(&read, again), 0);
            cr_assert_eq(strncasecmp(again, text, len), 0);
        }
    }
}

Test(token, refuses_what_is_too_long)
{
    char text[2 * VOW_TOKEN_SIZE];
    memset(text, '0', sizeof(text));
    struct vow_token read;
    cr_expect_eq(parse(text, sizeof(text), &read), VOW_E_TOKEN);
    struct vow_token token = sample("127.0.0.1:1", "");
    memset(token.addresses, '1', sizeof(token.addresses));
    cr_expect_eq(vow_token_print(&token, text), VOW_E_TOKEN, "addresses without a NUL");
}
