/* The table of crash points: it has them all, each once, and says of each why a kind does not come to it. */
#include <criterion/criterion.h>
#include <string.h>

#include "chaos/points/points.h"
#include "coordinator/core/record.h"
#include "proto/message.h"

TestSuite(points);

static bool is_about(const struct points_point *point, const char *where, const char *what)
{
    return strcmp(point->where, where) == 0 && strcmp(point->what, what) == 0;
}

/* Is there a point about it, at one of these places? */
static bool has(const char *where, const char *or_where, const char *what)
{
    for (size_t i = 0; i < points_len(); i++)
        if (is_about(points_at(i), where, what) || is_about(points_at(i), or_where, what))
            return true;
    return false;
}

Test(points, each_is_there_once)
{
    for (size_t i = 0; i < points_len(); i++)
        for (size_t j = 0; j < i; j++)
            cr_expect(points_at(i)->node != points_at(j)->node || strcmp(points_at(i)->name, points_at(j)->name) != 0,
                      "%s", points_at(i)->name);
    cr_expect_geq(points_len(), 120);
}

/* The handshake and the heartbeats are the channel's, which has no points; a decision goes by its verdict. */
Test(points, every_message_has_some)
{
#define MESSAGE(kind, member, number)                                                                                  \
    if (number >= 10)                                                                                                  \
        cr_expect(has("send", "recv", #kind), "%s", #kind);
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    cr_expect(has("send", "send", "COMMIT") && has("send", "send", "ABORT"));
}

/* But EPOCH, which the journal writes at its opening, between points of its own. */
Test(points, every_record_has_some)
{
#define RECORD(name, number, subject, role)                                                                            \
    cr_expect_eq(has("log", "log", #name), number != VOW_RECORD_EPOCH, "%s", #name);
    VOW_RECORDS(RECORD)
#undef RECORD
}

Test(points, each_says_what_it_stands_between_and_who_comes_to_it)
{
    for (size_t i = 0; i < points_len(); i++) {
        const struct points_point *point = points_at(i);
        char text[POINTS_TEXT_SIZE];
        points_text(point, text);
        cr_expect_not_null(strstr(text, point->what), "%s: %s", point->name, text);
        cr_expect_gt(strlen(text), strlen(point->what) + 10, "%s: %s", point->name, text);
        for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++) {
            const char *why = points_why_not(point, kind);
            cr_expect(why == NULL || strlen(why) > 10, "%s: %s", point->name, points_kind_word(kind));
        }
    }
}

Test(points, names_are_told_one_by_one)
{
    size_t names = 0;
    for (; points_name(names) != NULL; names++)
        for (size_t j = 0; j < names; j++)
            cr_expect_str_neq(points_name(names), points_name(j));
    cr_expect_leq(names, points_len());
    cr_expect_geq(names, 120);
    cr_expect_null(points_name(names));
}

Test(points, are_found_by_process_and_name)
{
    const struct points_point *point = points_find(POINTS_SERVICE, "store.after.PREPARE");
    cr_assert_not_null(point);
    cr_expect_null(points_find(POINTS_VOWD, "store.after.PREPARE"));
    cr_expect_null(points_find(POINTS_SERVICE, "store.after.PREPAR"));
    cr_expect_null(points_why_not(point, POINTS_TWO_PHASE));
    cr_expect_not_null(points_why_not(point, POINTS_SAGA));
}

Test(points, kinds_are_found_by_their_words)
{
    cr_expect_eq(points_kind_find("saga,2pc", 4), POINTS_SAGA);
    cr_expect_eq(points_kind_find("saga-stuck", 10), POINTS_STUCK);
    cr_expect_eq(points_kind_find("sag", 3), POINTS_KINDS);
    cr_expect_eq(points_kind_find("", 0), POINTS_KINDS);
}
