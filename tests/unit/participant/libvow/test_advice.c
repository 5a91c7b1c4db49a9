/* What a participant tells an operator of a branch that it holds: the sentences, and the JSON that carries them. */
#include <criterion/criterion.h>
#include <string.h>

#include "participant/advice.h"
#include "participant/json.h"

TestSuite(branch_advice);

static const struct row {
    const char *state;
    bool connected, is_foreign, is_stalled;
    enum vow_wait answer;
    const char *waits_for, *says, *never;
} table[] = {
    {"PREPARED", false, false, false, 0, "the coordinator cannot be reached", "start vowd", "is safe"},
    {"PREPARED", true, false, false, 0, "has not answered yet", "nothing:", "vowctl"},
    {"PREPARED", true, false, false, VOW_WAIT_UNDECIDED, "has not decided yet", "\"vowctl abort ID\" there", "damage"},
    {"PREPARED", true, false, false, VOW_WAIT_RECOVERING, "reading its journal", "nothing:", "vowctl"},
    {"PREPARED", true, false, false, VOW_WAIT_NOT_MINE, "not its own", "must not presume", "is safe"},
    {"PREPARED", true, false, false, VOW_WAIT_EXPIRED, "older than the history", "other participants", "is safe"},
    {"PREPARED", true, true, false, 0, "another coordinator", "with its own journal", "is safe"},
    {"PREPARED", false, true, false, 0, "another coordinator", "damages the data", "is safe"},
    {"COMMITTING", true, false, false, 0, "its store", "nothing:", "vowctl"},
    {"COMMITTING", true, false, true, 0, "room on", "make room on the disk of stock", "vowctl"},
    {"HEURISTIC_ABORTED", true, false, false, 0, "whether it agrees", "nothing: it was", "vowctl"},
    {"HEURISTIC_COMMITTED", false, false, false, 0, "cannot be reached", "nothing: it was", "vowctl"},
    {"DAMAGED", true, false, false, 0, "sees to the damage", "vowctl forget ID", "nothing:"},
};

Test(branch_advice, each_case_has_its_sentences)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[VOW_ADVICE_SIZE];
        const struct row *row = &table[i];
        const struct vow_branch_view view = {.state = row->state, .is_foreign = row->is_foreign, .answer = row->answer};
        const struct vow_advice_facts facts = {
            .view = &view, .id = "ID", .self = "stock", .connected = row->connected, .is_stalled = row->is_stalled};
        vow_advice_waits_for(&facts, text);
        cr_expect_not_null(strstr(text, row->waits_for), "%zu: no \"%s\" in: %s", i, row->waits_for, text);
        vow_advice_safe(&facts, text);
        cr_expect_not_null(strstr(text, row->says), "%zu: no \"%s\" in: %s", i, row->says, text);
        cr_expect_null(strstr(text, row->never), "%zu: \"%s\" in: %s", i, row->never, text);
    }
}

/* Mistake 5 at the operator's level: nobody is told that a prepared branch may be ended alone without damage. */
Test(branch_advice, to_end_it_by_hand_is_never_called_safe)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        char text[VOW_ADVICE_SIZE];
        const struct vow_branch_view view = {
            .state = "PREPARED", .is_foreign = (bits & 1) != 0, .answer = (enum vow_wait)(bits >> 2)};
        const struct vow_advice_facts facts = {
            .view = &view, .id = "ID", .self = "stock", .connected = (bits & 2) != 0};
        vow_advice_safe(&facts, text);
        if (strstr(text, "commit|abort") != NULL)
            cr_expect_not_null(strstr(text, "damages the data"), "%s", text);
    }
}

Test(branch_advice, F177_json_ends_no_string_early)
{
    char text[128];
    struct vow_json json = vow_json_start(text, sizeof(text));
    vow_json_open(&json, NULL, '{');
    vow_json_text(&json, "a", "x\"y\\z\033[31m\n\xc3\xa4\xc3");
    vow_json_open(&json, "b", '[');
    vow_json_number(&json, NULL, 7);
    vow_json_bool(&json, NULL, true);
    vow_json_close(&json, ']');
    vow_json_close(&json, '}');
    cr_assert_not(json.is_cut);
    cr_assert_str_eq(text, "{\"a\":\"x\\\"y\\\\z?[31m?\xc3\xa4?\",\"b\":[7,true]}");
}

Test(branch_advice, json_that_does_not_fit_says_so)
{
    char text[8];
    struct vow_json json = vow_json_start(text, sizeof(text));
    vow_json_text(&json, "key", "value");
    cr_assert(json.is_cut);
    cr_assert_lt(strlen(text), sizeof(text));
}

Test(branch_advice, what_the_peers_said_is_said)
{
    char text[VOW_ADVICE_SIZE];
    struct vow_branch_view view = {.state = "PREPARED"};
    const struct vow_advice_facts facts = {.view = &view, .id = "ID", .self = "stock"};
    view.has_asked_peers = true;
    vow_advice_waits_for(&facts, text);
    cr_expect_not_null(strstr(text, "its peers are asked"), "%s", text);
    view.is_blocked = true;
    vow_advice_waits_for(&facts, text);
    cr_expect_not_null(strstr(text, "no peer that answers knows"), "%s", text);
    view.heard_heuristic = true;
    vow_advice_waits_for(&facts, text);
    cr_expect_not_null(strstr(text, "which is no outcome"), "%s", text);
}
