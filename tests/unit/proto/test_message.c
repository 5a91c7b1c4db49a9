#include <criterion/criterion.h>
#include <string.h>

#include "proto/message.h"

Test(message, name_has_1_to_63_characters)
{
    char name[VOW_NAME_MAX + 2] = "";
    cr_expect_not(vow_name_is_valid(name));
    for (size_t len = 1; len <= VOW_NAME_MAX + 1; len++) {
        name[len - 1] = 'a';
        cr_expect_eq(vow_name_is_valid(name), len <= VOW_NAME_MAX, "length %zu", len);
    }
}

Test(message, name_is_of_a_z_A_Z_0_9_and_three_more)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (int c = 1; c < 256; c++) {
        const char name[] = {'x', (char)c, '\0'};
        cr_expect_eq(vow_name_is_valid(name), strchr(allowed, c) != NULL, "character %d", c);
    }
}

Test(message, printable_texts)
{
    static const char *const good[] = {"",
                                       "a b~",
                                       "gr\xc3\xb6\xc3\x9f",
                                       "\xc2\xa0",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x92\xa5",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(vow_text_is_printable(good[i]), "text %zu", i);
}

Test(message, unprintable_texts)
{
    static const char *const bad[] = {
        "\n",
        "a\tb",
        "\x1b[31m",
        "\x7f",
        "\xc2\x80",
        "\xc2\x9f", /* control characters */
        "\x80",
        "\xbf",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x92",
        "\xc3(",
        "\xff",
        "\xfe",
        "\xf8\x88\x80\x80\x80", /* not UTF-8 */
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", /* longer than need be */
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf7\xbf\xbf\xbf", /* no characters */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(vow_text_is_printable(bad[i]), "text %zu", i);
}

static void expect_copy(const char *text, const char *wanted)
{
    char copy[VOW_TEXT_SIZE];
    vow_text_copy(copy, text);
    cr_expect_str_eq(copy, wanted);
    cr_expect(vow_text_is_printable(copy));
}

Test(message, copies_of_texts_may_travel)
{
    expect_copy("", "");
    expect_copy("UNIQUE constraint failed: t.a", "UNIQUE constraint failed: t.a");
    expect_copy("near \"x\":\nsyntax\terror\xff\xc3", "near \"x\":?syntax?error??");
    expect_copy("\xe2\x82\xac 5", "\xe2\x82\xac 5");
}

Test(message, long_texts_are_cut_between_characters)
{
    for (size_t before = VOW_TEXT_MAX - 4; before <= VOW_TEXT_MAX + 1; before++) {
        char text[VOW_TEXT_SIZE + 8];
        memset(text, 'a', before);
        memcpy(text + before, "\xe2\x82\xac", 4);
        char copy[VOW_TEXT_SIZE];
        vow_text_copy(copy, text);
        const size_t kept = before < VOW_TEXT_MAX ? before : VOW_TEXT_MAX;
        cr_expect_eq(strlen(copy), before + 3 <= VOW_TEXT_MAX ? before + 3 : kept, "%zu before", before);
        cr_expect(vow_text_is_printable(copy));
    }
}

Test(message, kinds_have_names)
{
    cr_expect_str_eq(vow_msg_name(VOW_MSG_PREPARE), "PREPARE");
    cr_expect_str_eq(vow_msg_name(VOW_MSG_COMMIT_ONE_PHASE), "COMMIT_ONE_PHASE");
    cr_expect_str_eq(vow_msg_name((enum vow_msg_kind)0), "?");
    cr_expect_str_eq(vow_msg_name((enum vow_msg_kind)99), "?");
}

/* Protocol 1.1: a commit costs PREPARE, VOTE, DECISION and ACK for each participant; one phase costs two messages. */
Test(message, counted_are_those_of_the_published_row)
{
    static const enum vow_msg_kind counted[] = {
        VOW_MSG_PREPARE, VOW_MSG_VOTE, VOW_MSG_DECISION, VOW_MSG_ACK, VOW_MSG_COMMIT_ONE_PHASE, VOW_MSG_ONE_PHASE_DONE};
    for (unsigned kind = 0; kind < 64; kind++) {
        bool wanted = false;
        for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
            wanted |= counted[i] == kind;
        cr_expect_eq(vow_msg_is_counted((enum vow_msg_kind)kind), wanted, "kind %u", kind);
    }
}
