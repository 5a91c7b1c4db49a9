/* What an order has come to: silence is no "no", and a "no" is not told as silence. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/core/order.h"
#include "coordinator/ctl/ordered.h"

TestSuite(ordered);

static const struct row {
    enum ask_end end;
    int error;
    enum ordered what;
} table[] = {
    {ASK_ANSWERED, 0, ORDERED_DONE},
    /* Nothing happened: the conclusion of each of these says so (proto/error.def). */
    {ASK_ANSWERED, VOW_E_BUSY, ORDERED_LATER},
    {ASK_ANSWERED, VOW_E_SHUTTING_DOWN, ORDERED_LATER},
    {ASK_ANSWERED, VOW_E_NO_MEMORY, ORDERED_LATER},
    {ASK_ANSWERED, VOW_E_REFUSED, ORDERED_REFUSED},
    {ASK_ANSWERED, VOW_E_STATE, ORDERED_REFUSED},
    {ASK_ANSWERED, VOW_E_ARGUMENT, ORDERED_REFUSED},
    {ASK_ANSWERED, VOW_E_NOT_FOUND, ORDERED_REFUSED},
    {ASK_ANSWERED, VOW_E_EXPIRED, ORDERED_REFUSED},
    /* It may have been done, or may be yet. */
    {ASK_ANSWERED, VOW_E_IN_DOUBT, ORDERED_UNKNOWN},
    {ASK_ANSWERED, VOW_E_RECOVERING, ORDERED_UNKNOWN},
    {ASK_ANSWERED, VOW_E_DAMAGED, ORDERED_UNKNOWN},
    {ASK_ANSWERED, -999, ORDERED_UNKNOWN}, /* of a newer version */
    {ASK_UNANSWERED, VOW_E_UNREACHABLE, ORDERED_UNKNOWN},
    {ASK_UNANSWERED, VOW_E_BUSY, ORDERED_UNKNOWN},
    {ASK_UNANSWERED, VOW_E_MESSAGE, ORDERED_UNKNOWN},
    {ASK_UNANSWERED, 0, ORDERED_UNKNOWN},
    /* It was not even asked for. */
    {ASK_NOT_SENT, VOW_E_UNREACHABLE, ORDERED_NOT_GIVEN},
    {ASK_NOT_SENT, VOW_E_BUSY, ORDERED_NOT_GIVEN},
    {ASK_NOT_SENT, VOW_E_VERSION, ORDERED_NOT_GIVEN},
};

Test(ordered, each_answer_is_told_as_what_it_is)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const enum ordered what = ordered(table[i].end, table[i].error);
        cr_expect_eq(what, table[i].what, "row %zu, %s: \"%s\"", i, vow_error_name(table[i].error),
                     ordered_words(what));
    }
}

/* For every error there is: what says "nothing was done" must be one of which nothing happened. */
Test(ordered, nothing_was_done_is_said_of_a_definite_no_alone)
{
    for (int error = -1; error > -128; error--) {
        const enum ordered what = ordered(ASK_ANSWERED, error);
        const bool is_open = vow_error_class(error) > VOW_CLASS_REFUSED;
        if (is_open)
            cr_expect_eq(what, ORDERED_UNKNOWN, "%s", vow_error_name(error));
        cr_expect_neq(what, ORDERED_DONE, "%s", vow_error_name(error));
        cr_expect_eq(strstr(ordered_words(what), "nothing was done") != NULL, what != ORDERED_UNKNOWN);
    }
}

/* ---- the text of the history ---- */

Test(ordered, F179_the_text_of_an_order_says_all_of_it_and_its_length)
{
    char text[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE] = "", whole[2 * VOW_TEXT_SIZE];
    struct vow_msg_admin_request request = {
        .command = VOW_ADMIN_GROUP_SEEK, .filter = "17", .participant = "g", .who = "alice@ops1", .why = "a test"};
    cr_expect_eq(vow_order_text(&request, text), strlen("topics seek 17 by alice@ops1: a test"));
    cr_expect_str_eq(text, "topics seek 17 by alice@ops1: a test");
    request.command = VOW_ADMIN_SAGA_CLOSE; /* "filter" is no part of it */
    vow_order_text(&request, text);
    cr_expect_str_eq(text, "saga close by alice@ops1: a test");
    memset(why, 'x', sizeof(why) - 1);
    request.why = why;
    const int len = snprintf(whole, sizeof(whole), "saga close by alice@ops1: %s", why);
    cr_expect_eq(vow_order_text(&request, text), (size_t)len);
    cr_expect_eq(strlen(text), VOW_TEXT_MAX);
    cr_expect_eq(strncmp(text, whole, VOW_TEXT_MAX), 0);
}
