#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cause.h"
#include "proto/error.h"
#include "proto/outcome.h"

/* clang-format off */
static const int errors[] = {
#define ERROR(name, value, class, text, conclusion) value,
#include "proto/error.def"
#undef ERROR
};
static const struct { int value; const char *symbol; } causes[] = {
#define CAUSE(name, value, word, text) {value, #name},
#include "proto/cause.def"
#undef CAUSE
};
/* clang-format on */
#define LEN(array) (sizeof(array) / sizeof(array)[0])

Test(error, B41_values_are_unique_and_negative)
{
    for (size_t i = 0; i < LEN(errors); i++) {
        cr_expect_leq(errors[i], 0);
        for (size_t j = 0; j < i; j++)
            cr_expect_neq(errors[i], errors[j]);
    }
}

Test(error, every_error_has_words)
{
    for (size_t i = 0; i < LEN(errors); i++) {
        cr_expect_eq(strncmp(vow_error_name(errors[i]), "VOW_E_", 6), 0);
        cr_expect_gt(strlen(vow_error_text(errors[i])), 0);
        cr_expect_gt(strlen(vow_error_conclusion(errors[i])), 0);
    }
    cr_expect_str_eq(vow_error_name(VOW_E_IN_DOUBT), "VOW_E_IN_DOUBT");
}

Test(error, every_class_is_used_and_OK_only_once)
{
    unsigned uses[VOW_CLASS_FATAL + 1] = {0};
    for (size_t i = 0; i < LEN(errors); i++)
        uses[vow_error_class(errors[i])]++;
    cr_expect_eq(uses[VOW_CLASS_OK], 1);
    cr_expect_eq(vow_error_class(0), VOW_CLASS_OK);
    for (size_t class = VOW_CLASS_USAGE; class <= VOW_CLASS_FATAL; class ++)
        cr_expect_gt(uses[class], 0, "class %zu", class);
}

/* Guarantee 3: what is not known is never a no. */
Test(error, B30_in_doubt_is_not_a_refusal)
{
    cr_expect_eq(vow_error_class(VOW_E_IN_DOUBT), VOW_CLASS_UNKNOWN);
    cr_expect_not_null(strstr(vow_error_conclusion(VOW_E_IN_DOUBT), "never assume an abort"));
}

Test(error, unknown_codes_are_fatal)
{
    static const int unknown[] = {1, -19, -9999, 2147483647, -2147483647 - 1};
    for (size_t i = 0; i < LEN(unknown); i++) {
        cr_expect_eq(vow_error_class(unknown[i]), VOW_CLASS_FATAL);
        cr_expect_str_eq(vow_error_name(unknown[i]), "VOW_E_?");
        cr_expect_not_null(strstr(vow_error_text(unknown[i]), "does not know"));
        cr_expect_gt(strlen(vow_error_conclusion(unknown[i])), 0);
    }
}

/* What a constraint or a handler has refused would be refused again; sending it once more is of no use. */
Test(cause, only_what_may_go_away_is_passing)
{
    cr_expect(vow_cause_is_passing(VOW_CAUSE_LOCK_CONFLICT));
    cr_expect(vow_cause_is_passing(VOW_CAUSE_PARTICIPANT_UNAVAILABLE));
    cr_expect(vow_cause_is_passing(VOW_CAUSE_PRESUMED));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_NONE));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_HANDLER_REFUSED));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_CONSTRAINT));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_CLIENT_ROLLBACK));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_HANDLER_FAILED));
    cr_expect_not(vow_cause_is_passing(VOW_CAUSE_TXN_TIMEOUT));
    cr_expect_not(vow_cause_is_passing(-1));
    cr_expect_not(vow_cause_is_passing(1000));
}

Test(cause, word_is_the_symbol_in_lower_case_with_dashes)
{
    for (size_t i = 0; i < LEN(causes); i++) {
        const char *word = vow_cause_name(causes[i].value);
        cr_assert_eq(strlen(word), strlen(causes[i].symbol), "%s", word);
        for (size_t c = 0; word[c] != '\0'; c++) {
            const char of_symbol = causes[i].symbol[c];
            cr_expect_eq(word[c], of_symbol == '_' ? '-' : tolower(of_symbol), "%s", word);
        }
        cr_expect_gt(strlen(vow_cause_text(causes[i].value)), 0);
        cr_expect(vow_cause_is_valid(causes[i].value));
    }
}

Test(cause, other_numbers_are_none)
{
    static const int unknown[] = {-1, LEN(causes), 255, 2147483647};
    for (size_t i = 0; i < LEN(unknown); i++) {
        cr_expect_not(vow_cause_is_valid(unknown[i]));
        cr_expect_str_eq(vow_cause_name(unknown[i]), "?");
        cr_expect_str_eq(vow_cause_text(unknown[i]), "?");
    }
}

Test(outcome, names)
{
    cr_expect_str_eq(vow_outcome_name(VOW_COMMITTED), "committed");
    cr_expect_str_eq(vow_outcome_name(VOW_ABORTED), "aborted");
    cr_expect_str_eq(vow_outcome_name(VOW_UNKNOWN), "unknown");
    cr_expect_str_eq(vow_outcome_name(VOW_PENDING), "pending");
    cr_expect_str_eq(vow_outcome_name(0), "?");
    cr_expect_str_eq(vow_outcome_name(5), "?");
}
