/* What is said before something is done by hand: the case, the words, and what they must not say. */
#include <criterion/criterion.h>
#include <string.h>

#include "coordinator/ctl/explain.h"
#include "coordinator/ctl/fields.h"

TestSuite(explain);

#define BRANCH(name, vote, acked, up, rest)                                                                            \
    "{\"participant\":\"" name "\",\"vote\":\"" vote "\",\"acknowledged\":" acked ",\"connected\":" up rest "}"
#define ROW(state, branches) "{\"id\":\"ID\",\"state\":\"" state "\",\"branches\":[" branches "]}"
#define HELD ",\"held\":{\"locks_len\":3,\"waiters_len\":2}"
#define OWN(state) "{\"id\":\"ID\",\"state\":\"" state "\",\"participant\":\"a\",\"locks_len\":1,\"locks\":[{}]}"

#define A_YES BRANCH("a", "yes", "false", "true", HELD)
#define B_DONE BRANCH("b", "yes", "true", "true", "")
#define B_SILENT BRANCH("b", "none", "false", "false", "")

static const struct row {
    enum vow_admin_command command;
    const char *row, *participant;
    enum explained verdict;
    const char *says, *also;
} table[] = {
    {VOW_ADMIN_ABORT, ROW("ACTIVE", ""), "", EXPLAINED_HARMLESS, "is not decided", "No data is damaged"},
    {VOW_ADMIN_ABORT, ROW("PREPARING", A_YES), "", EXPLAINED_HARMLESS, "is not decided", "No data is damaged"},
    {VOW_ADMIN_ABORT, ROW("PREPARING", BRANCH("a", "yes", "false", "true", ",\"held\":{\"heuristic\":\"commit\"}")), "",
     EXPLAINED_DAMAGING, "a has committed its branch by hand", "disagrees for good"},
    {VOW_ADMIN_ABORT, ROW("PREPARING", BRANCH("a", "yes", "false", "true", ",\"held\":{\"heuristic\":\"abort\"}")), "",
     EXPLAINED_HARMLESS, "is not decided", "No data is damaged"},
    {VOW_ADMIN_ABORT, ROW("DECIDING", A_YES), "", EXPLAINED_REFUSED, "COMMIT is decided", "never aborted"},
    {VOW_ADMIN_ABORT, ROW("COMMITTING", A_YES "," B_DONE), "", EXPLAINED_REFUSED, "COMMIT is decided", "--participant"},
    {VOW_ADMIN_ABORT, ROW("DELEGATED", A_YES), "", EXPLAINED_REFUSED, "may have done so", ""},
    {VOW_ADMIN_ABORT, "{\"id\":\"ID\",\"state\":\"ENDED\",\"outcome\":\"aborted\"}", "", EXPLAINED_REFUSED,
     "aborted already", ""},
    {VOW_ADMIN_ABORT, ROW("NONE", A_YES), "", EXPLAINED_REFUSED, "nothing of it in memory", ""},
    {VOW_ADMIN_COMMIT, ROW("PREPARING", A_YES), "", EXPLAINED_REFUSED, "nobody can decide COMMIT", "--participant"},
    /* One branch. */
    {VOW_ADMIN_COMMIT, ROW("COMMITTING", A_YES "," B_DONE), "a", EXPLAINED_HARMLESS, "COMMIT is decided",
     "contradicts nobody"},
    {VOW_ADMIN_ABORT, ROW("COMMITTING", A_YES "," B_DONE), "a", EXPLAINED_DAMAGING, "a alone is rolled back",
     "The others: b voted yes, has committed"},
    {VOW_ADMIN_ABORT, ROW("COMMITTING", A_YES "," B_DONE), "b", EXPLAINED_REFUSED, "has ended already", ""},
    {VOW_ADMIN_ABORT, ROW("COMMITTING", A_YES), "c", EXPLAINED_REFUSED, "no branch of this participant", ""},
    {VOW_ADMIN_COMMIT, ROW("PREPARING", A_YES "," B_SILENT), "a", EXPLAINED_DAMAGING, "still can end the other way",
     "b has not voted, is not connected"},
    {VOW_ADMIN_ABORT, ROW("PREPARING", A_YES "," B_SILENT), "a", EXPLAINED_DAMAGING, "is not decided",
     "without --participant, ends it everywhere"},
    {VOW_ADMIN_ABORT, ROW("PREPARING", A_YES "," B_SILENT), "b", EXPLAINED_REFUSED, "not connected", "ITS-ADDRESS"},
    {VOW_ADMIN_ABORT, ROW("FOREIGN", A_YES), "a", EXPLAINED_DAMAGING, "is not known here", "coordinator's journal"},
    {VOW_ADMIN_ABORT, ROW("FOREIGN", A_YES), "a", EXPLAINED_DAMAGING, "gives back 3 locks", "2 transactions wait"},
    {VOW_ADMIN_ABORT, "{\"id\":\"ID\",\"state\":\"ENDED\",\"outcome\":\"aborted\",\"branches\":[" A_YES "]}", "a",
     EXPLAINED_HARMLESS, "is aborted", "contradicts nobody"},
    {VOW_ADMIN_COMMIT, "{\"id\":\"ID\",\"state\":\"ENDED\",\"outcome\":\"aborted\",\"branches\":[" A_YES "]}", "a",
     EXPLAINED_DAMAGING, "is aborted", "a alone commits"},
    /* A participant that was asked itself. */
    {VOW_ADMIN_COMMIT, OWN("PREPARED"), "", EXPLAINED_DAMAGING, "a holds this branch prepared", "is not known here"},
    {VOW_ADMIN_COMMIT, OWN("PREPARED"), "z", EXPLAINED_REFUSED, "another participant", ""},
    {VOW_ADMIN_COMMIT, OWN("COMMITTING"), "", EXPLAINED_REFUSED, "decided already", ""},
    /* Forget. */
    {VOW_ADMIN_FORGET, ROW("PREPARING", A_YES), "", EXPLAINED_REFUSED, "no damage to forget", ""},
    {VOW_ADMIN_FORGET, ROW("COMMITTING", A_YES), "", EXPLAINED_REFUSED, "with --participant NAME", ""},
    {VOW_ADMIN_FORGET, ROW("COMMITTING", A_YES "," B_DONE), "a", EXPLAINED_REFUSED, "answers by itself", ""},
    {VOW_ADMIN_FORGET, ROW("COMMITTING", BRANCH("a", "yes", "false", "false", "") "," B_DONE), "a", EXPLAINED_DAMAGING,
     "has not acknowledged it", "never comes back"},
    {VOW_ADMIN_FORGET, ROW("COMMITTING", A_YES "," B_DONE), "b", EXPLAINED_REFUSED, "owes nothing", ""},
    {VOW_ADMIN_FORGET, ROW("HEUR", A_YES "," B_DONE), "", EXPLAINED_DAMAGING, "taken as seen to", "No data is changed"},
};

Test(explain, each_case_has_its_words)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[EXPLAIN_SIZE];
        json_t *row = json_loads(table[i].row, 0, NULL);
        cr_assert_not_null(row, "%zu: %s", i, table[i].row);
        const enum explained verdict = explain(table[i].command, row, table[i].participant, text);
        cr_expect_eq(verdict, table[i].verdict, "%zu: %d: %s", i, (int)verdict, text);
        cr_expect_not_null(strstr(text, table[i].says), "%zu: no \"%s\" in: %s", i, table[i].says, text);
        cr_expect_not_null(strstr(text, table[i].also), "%zu: no \"%s\" in: %s", i, table[i].also, text);
        json_decref(row);
    }
}

/* Guarantee 1: no state whose outcome is fixed, or not known here, lets an abort by hand pass for harmless. */
Test(explain, what_may_contradict_is_never_called_harmless)
{
    static const char *const states[] = {"DECIDING", "COMMITTING", "ENDING", "FORGETTING", "FOREIGN", "NONE"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        char text[EXPLAIN_SIZE];
        json_t *row = json_pack("{s:s,s:s,s:[{s:s,s:s,s:b,s:b}]}", "id", "ID", "state", states[i], "branches",
                                "participant", "a", "vote", "yes", "acknowledged", 0, "connected", 1);
        cr_expect_neq(explain(VOW_ADMIN_ABORT, row, "a", text), EXPLAINED_HARMLESS, "%s: %s", states[i], text);
        cr_expect_neq(explain(VOW_ADMIN_ABORT, row, "", text), EXPLAINED_HARMLESS, "%s: %s", states[i], text);
        json_decref(row);
    }
}

/* F177: JSON writes an escape with printable characters, so only what it stands for can be judged. */
Test(explain, F177_a_row_says_nothing_to_the_terminal)
{
    json_t *row =
        fields_clean(json_loads("{\"who\":\"eva\\u001b[2J\\u009b1m \\u00e4\",\"branches\":[{\"held\":{\"note\":"
                                "\"a\\nb\",\"locks_len\":3}}]}",
                                0, NULL));
    const json_t *held = json_object_get(json_array_get(json_object_get(row, "branches"), 0), "held");

    cr_expect_str_eq(field_text(row, "who"), "eva?[2J??1m \u00e4");
    cr_expect_str_eq(field_text(held, "note"), "a?b");
    cr_expect_eq(field_number(held, "locks_len"), 3);
    json_decref(row);
    cr_expect_null(fields_clean(NULL));
}
