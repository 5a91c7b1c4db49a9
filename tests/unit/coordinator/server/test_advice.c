/* What is safe to do, as a table: the facts, what the sentence must say, and what it must never say. */
#include <criterion/criterion.h>
#include <string.h>

#include "coordinator/server/advice.h"

TestSuite(advice);

#define NO_WORD "\x01"

struct known_branch {
    const char *name;
    enum vow_vote vote; /* 0 = none */
    bool acknowledged, connected, no_record;
};

static const struct row {
    const char *state;
    struct known_branch branches[2];
    const char *says, *also, *never;
} table[] = {
    {"ACTIVE", {{"a", 0, false, true, false}}, "it is not decided", "\"vowctl abort ", "forget"},
    {"PREPARING",
     {{"a", VOW_VOTE_YES, false, true, false}, {"b", 0, false, false, false}},
     "it is not decided",
     "is safe until then",
     "commit"},
    {"DECIDING", {{"a", VOW_VOTE_YES, false, true, false}}, "nothing:", "journal", "abort"},
    {"COMMITTING",
     {{"a", VOW_VOTE_YES, true, true, false}, {"b", VOW_VOTE_YES, false, true, false}},
     "nothing: COMMIT is decided",
     "it ends when b answers",
     "forget"},
    {"COMMITTING",
     {{"a", VOW_VOTE_YES, false, false, false}, {"b", VOW_VOTE_YES, true, true, false}},
     "make a reachable",
     "ITS-ADDRESS commit",
     "abort"},
    {"COMMITTING",
     {{"a", VOW_VOTE_READ_ONLY, false, false, false}, {"b", VOW_VOTE_YES, false, true, false}},
     "it ends when b answers",
     NO_WORD,
     "make a"},
    {"COMMITTING",
     {{"a", VOW_VOTE_YES, false, true, true}, {"b", VOW_VOTE_YES, true, true, false}},
     "a has no record",
     "--participant a",
     "abort"},
    {"ABANDONED",
     {{"a", VOW_VOTE_YES, false, false, false}, {"b", VOW_VOTE_YES, true, true, false}},
     "nothing: an operator gave up",
     "it is told COMMIT",
     "abort"},
    {"ENDING", {{"a", VOW_VOTE_YES, true, true, false}}, "nothing:", NO_WORD, "vowctl"},
    {"DELEGATED", {{"a", 0, false, true, false}}, "nothing: a alone", NO_WORD, "vowctl"},
    {"DELEGATED", {{"a", 0, false, false, false}}, "make a reachable", "nothing else may say so", "vowctl"},
    {"FORGETTING", {{"a", 0, false, true, false}}, "nothing:", NO_WORD, "vowctl"},
    {"HEUR", {{"a", VOW_VOTE_YES, true, true, false}}, "mend the data", "vowctl forget", "abort"},
};

static struct vow_coord_txn_view view_of(const struct row *row)
{
    struct vow_coord_txn_view view = {.state = row->state, .gtrid = vow_gtrid_make(1, 2, 3, 0, 4)};
    for (size_t i = 0; i < 2 && row->branches[i].name != NULL; i++) {
        const struct known_branch *known = &row->branches[i];
        view.branches[view.branches_len++] = (struct vow_coord_branch_view){.participant = known->name,
                                                                            .connected = known->connected,
                                                                            .voted = known->vote != 0,
                                                                            .vote = known->vote,
                                                                            .acknowledged = known->acknowledged,
                                                                            .no_record = known->no_record};
    }
    return view;
}

Test(advice, each_state_has_its_sentence)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char said[ADVICE_SIZE];
        const struct row *row = &table[i];
        const struct vow_coord_txn_view view = view_of(row);
        advise(&view, said);
        cr_expect_not_null(strstr(said, row->says), "%s: no \"%s\" in: %s", row->state, row->says, said);
        if (strcmp(row->also, NO_WORD) != 0)
            cr_expect_not_null(strstr(said, row->also), "%s: no \"%s\" in: %s", row->state, row->also, said);
        cr_expect_null(strstr(said, row->never), "%s: \"%s\" in: %s", row->state, row->never, said);
    }
}

/* Guarantee 1 at the operator's level: what is decided is never called safe to end the other way. */
Test(advice, of_what_is_decided_no_sentence_offers_an_abort)
{
    static const char *const decided[] = {"DECIDING", "COMMITTING", "ENDING", "DELEGATED", "FORGETTING"};
    for (size_t i = 0; i < sizeof(decided) / sizeof(decided[0]); i++)
        for (unsigned bits = 0; bits < 8; bits++) {
            char said[ADVICE_SIZE];
            const struct row row = {.state = decided[i],
                                    .branches = {{"a", VOW_VOTE_YES, bits & 1, (bits & 2) != 0, (bits & 4) != 0}}};
            const struct vow_coord_txn_view view = view_of(&row);
            advise(&view, said);
            cr_expect_null(strstr(said, "abort"), "%s: %s", decided[i], said);
        }
}

Test(advice, a_branch_of_another_coordinator_is_not_presumed)
{
    char said[ADVICE_SIZE];
    const struct stray foreign = {.id = "ID", .participant = "stock"}, ours = {"ID", "stock", .is_ours = true};
    advise_stray(&foreign, said);
    cr_expect_not_null(strstr(said, "connect stock to that one"), "%s", said);
    cr_expect_null(strstr(said, "it has ended"), "%s", said);
    advise_stray(&ours, said);
    cr_expect_not_null(strstr(said, "nothing: it has ended here"), "%s", said);
}

Test(advice, what_was_done_by_hand_changes_what_is_safe)
{
    char said[ADVICE_SIZE];
    advise_by_hand("ID", "stock", true, said);
    cr_expect_null(strstr(said, "vowctl abort"), "%s", said);
    cr_expect_not_null(strstr(said, "only COMMIT agrees"), "%s", said);
    advise_by_hand("ID", "stock", false, said);
    cr_expect_not_null(strstr(said, "\"vowctl abort ID\" agrees"), "%s", said);
}

Test(advice, a_branch_that_contradicts_the_decision_is_named)
{
    char said[ADVICE_SIZE];
    const struct row row = {
        .state = "COMMITTING",
        .branches = {{"a", VOW_VOTE_YES, false, true, false}, {"b", VOW_VOTE_YES, false, false, false}}};
    struct vow_coord_txn_view view = view_of(&row);
    view.branches[0].contradicts = true;
    advise(&view, said);
    cr_expect_not_null(strstr(said, "a was rolled back by hand"), "%s", said);
    cr_expect_not_null(strstr(said, "waiting for: b"), "%s", said);
}
