#include "coordinator/ctl/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/ctl/fields.h"

struct words {
    char *text;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(words->text + words->len, EXPLAIN_SIZE - words->len, format, args);
    va_end(args);
    if (len > 0)
        words->len += (size_t)len < EXPLAIN_SIZE - words->len ? (size_t)len : EXPLAIN_SIZE - words->len - 1;
}

static bool is(const json_t *row, const char *state)
{
    return strcmp(field_text(row, "state"), state) == 0;
}

static bool is_undecided(const json_t *row)
{
    return is(row, "ACTIVE") || is(row, "PREPARING");
}

static bool is_committed(const json_t *row)
{
    return is(row, "DECIDING") || is(row, "COMMITTING") || is(row, "ENDING") || is(row, "FORGETTING") ||
           is(row, "DAMAGING") || is(row, "FORGIVING") || is(row, "ABANDONED") ||
           strcmp(field_text(row, "outcome"), "committed") == 0;
}

static bool is_aborted(const json_t *row)
{
    return strcmp(field_text(row, "outcome"), "aborted") == 0;
}

static bool is_damaged(const json_t *row)
{
    return is(row, "HEUR");
}

bool row_is_own(const json_t *row)
{
    return json_object_get(row, "locks") != NULL;
}

static const json_t *branch_of(const json_t *row, const char *participant)
{
    size_t index;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        if (strcmp(field_text(branch, "participant"), participant) == 0)
            return branch;
    }
    return NULL;
}

/* "stock voted yes, acknowledged; ledger has not voted". */
static void say_the_others(struct words *words, const json_t *row, const char *participant)
{
    size_t index, said = 0;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        const char *vote = field_text(branch, "vote");
        if (strcmp(field_text(branch, "participant"), participant) == 0)
            continue;
        say(words, "%s%s ", said++ > 0 ? "; " : "The others: ", field_text(branch, "participant"));
        if (strcmp(vote, "none") == 0)
            say(words, "has not voted");
        else
            say(words, "voted %s", vote);
        if (field_is_true(branch, "acknowledged"))
            say(words, ", has committed");
        if (!field_is_true(branch, "connected"))
            say(words, ", is not connected");
    }
    if (said > 0)
        say(words, ".\n");
}

static enum explained refuse(struct words *words, const char *why, const char *instead)
{
    say(words, "%s%s%s\n", why, instead[0] != '\0' ? "; " : "", instead);
    return EXPLAINED_REFUSED;
}

/* A branch of it that was committed by hand, and that an abort would contradict. */
static const char *committed_by_hand(const json_t *row)
{
    size_t index;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        if (strcmp(field_text(json_object_get(branch, "held"), "heuristic"), "commit") == 0)
            return field_text(branch, "participant");
    }
    return NULL;
}

/* ---- the transaction as a whole ---- */

static enum explained abort_all(struct words *words, const json_t *row)
{
    const char *by_hand = committed_by_hand(row);
    if (is_undecided(row) && by_hand != NULL) {
        say(words,
            "Transaction %s is not decided (%s), but %s has committed its branch by hand: aborted, the others will not "
            "have done what it did, and the data disagrees for good.\n",
            field_text(row, "id"), field_text(row, "state"), by_hand);
        return EXPLAINED_DAMAGING;
    }
    if (is_undecided(row)) {
        say(words,
            "Transaction %s is not decided (%s).\n"
            "It is aborted at all its participants, and its client hears ABORTED, with the cause \"operator\". No data "
            "is damaged.\n",
            field_text(row, "id"), field_text(row, "state"));
        return EXPLAINED_HARMLESS;
    }
    if (is_damaged(row))
        return refuse(words, "it is decided, and damaged by hand already", "see vowctl show, and vowctl forget");
    if (is_committed(row))
        return refuse(
            words, "COMMIT is decided, and what is decided is never aborted",
            "only a single branch can be ended otherwise, with --participant NAME, and that damages the data");
    if (is(row, "DELEGATED"))
        return refuse(words, "its one participant commits it alone, and may have done so",
                      "vowctl show says which one");
    if (is_aborted(row))
        return refuse(words, "it is aborted already", "");
    return refuse(words, "the coordinator has nothing of it in memory, so there is nothing to abort here",
                  "a branch that a participant still holds: --participant NAME");
}

/* ---- one branch ---- */

static void say_lock_end(struct words *words, const json_t *held)
{
    const long long locks = field_number(held, "locks_len"), waiters = field_number(held, "waiters_len");
    if (locks > 0)
        say(words, "It gives back %lld locks, for which %lld transactions wait.\n", locks, waiters);
}

static enum explained say_damage(struct words *words, const json_t *row, const char *participant, bool commit)
{
    say(words,
        "%s alone %s, and the others do not: the data of this transaction will disagree, and no program mends "
        "that. The damage is recorded at both ends and reported until \"vowctl forget\".\n",
        participant, commit ? "commits" : "is rolled back");
    say_the_others(words, row, participant);
    return EXPLAINED_DAMAGING;
}

static enum explained of_committed(struct words *words, const json_t *row, const json_t *branch,
                                   const char *participant, bool commit)
{
    if (field_is_true(branch, "acknowledged") || strcmp(field_text(branch, "vote"), "read-only") == 0)
        return refuse(words, "this branch has ended already, as it was decided", "");
    say(words, "COMMIT is decided.\n");
    if (!commit)
        return say_damage(words, row, participant, false);
    say(words, "%s commits its branch now, as it was decided: that contradicts nobody.\n", participant);
    return EXPLAINED_HARMLESS;
}

static enum explained of_undecided(struct words *words, const json_t *row, const char *participant, bool commit)
{
    say(words,
        "Transaction %s is not decided (%s), and it still can end the other way: then %s alone %s, and the data "
        "disagrees.\n",
        field_text(row, "id"), field_text(row, "state"), participant, commit ? "has committed" : "is rolled back");
    say_the_others(words, row, participant);
    say(words, "\"vowctl abort %s\", without --participant, ends it everywhere, and damages nothing.\n",
        field_text(row, "id"));
    return EXPLAINED_DAMAGING;
}

static enum explained of_aborted(struct words *words, const json_t *row, const char *participant, bool commit)
{
    say(words, "Transaction %s is aborted.\n", field_text(row, "id"));
    if (commit)
        return say_damage(words, row, participant, true);
    say(words, "%s rolls its branch back, as it was decided: that contradicts nobody.\n", participant);
    return EXPLAINED_HARMLESS;
}

static enum explained of_unknown(struct words *words, const char *participant, bool commit)
{
    say(words,
        "What was decided is not known here. If it was decided the other way, %s alone %s, and the data of this "
        "transaction disagrees for good: look for the coordinator's journal first, and ask the other participants "
        "(vowctl --coordinator THEIR-ADDRESS list --in-doubt).\n",
        participant, commit ? "has committed" : "is rolled back");
    return EXPLAINED_DAMAGING;
}

static enum explained of_own(struct words *words, const json_t *row, const char *participant, bool commit)
{
    if (!is(row, "PREPARED"))
        return refuse(words,
                      json_object_get(row, "heuristic") != NULL ? "this branch was ended by hand before"
                                                                : "this branch is decided already",
                      "see list --in-doubt");
    if (participant[0] != '\0' && strcmp(participant, field_text(row, "participant")) != 0)
        return refuse(words, "the one that answers is another participant", field_text(row, "participant"));
    say(words, "%s holds this branch prepared, and waits for %s.\n", field_text(row, "participant"),
        field_text(row, "waits_for"));
    const enum explained verdict = of_unknown(words, field_text(row, "participant"), commit);
    say_lock_end(words, row);
    return verdict;
}

static enum explained resolve(struct words *words, const json_t *row, const char *participant, bool commit)
{
    const json_t *branch = branch_of(row, participant);
    enum explained verdict;
    if (row_is_own(row))
        return of_own(words, row, participant, commit);
    if (branch == NULL)
        return refuse(words, "no branch of this participant is known", "vowctl show says who has one");
    if (!field_is_true(branch, "connected"))
        return refuse(words, "this participant is not connected to the coordinator",
                      "ask it itself: vowctl --coordinator ITS-ADDRESS");
    if (json_object_get(json_object_get(branch, "held"), "heuristic") != NULL)
        return refuse(words, "this branch was ended by hand before", "vowctl show says how, and by whom");
    if (is(row, "DELEGATED"))
        return refuse(words, "it is not prepared: it commits in one phase", "");
    if (is_committed(row))
        verdict = of_committed(words, row, branch, participant, commit);
    else if (is_aborted(row))
        verdict = of_aborted(words, row, participant, commit);
    else if (is_undecided(row))
        verdict = of_undecided(words, row, participant, commit);
    else
        verdict = of_unknown(words, participant, commit);
    if (verdict != EXPLAINED_REFUSED && json_object_get(branch, "held") != NULL)
        say_lock_end(words, json_object_get(branch, "held"));
    return verdict;
}

/* ---- forget ---- */

static enum explained forget_lost(struct words *words, const json_t *branch, const char *participant)
{
    if (branch == NULL || field_is_true(branch, "acknowledged") || strcmp(field_text(branch, "vote"), "yes") != 0)
        return refuse(words, "this participant owes nothing", "");
    if (field_is_true(branch, "connected") && !field_is_true(branch, "no_record"))
        return refuse(words, "this participant is connected, and answers by itself", "");
    say(words,
        "COMMIT is decided, and %s has not acknowledged it%s. After this nobody tells it any more: what it should have "
        "committed is missing there, unless it asks while the history has the outcome. Only for one that never comes "
        "back with its data; it is recorded as damage (HAZARD).\n",
        participant, field_is_true(branch, "no_record") ? ": it has no record of its part" : "");
    return EXPLAINED_DAMAGING;
}

static enum explained forget(struct words *words, const json_t *row, const char *participant)
{
    if (row_is_own(row))
        return refuse(words, "this is a participant, and the coordinator forgets", "ask vowd");
    if (is_damaged(row)) {
        say(words,
            "The damage of transaction %s is taken as seen to: nobody reports it any more. No data is changed by that; "
            "the history keeps what happened.\n",
            field_text(row, "id"));
        say_the_others(words, row, participant);
        return EXPLAINED_DAMAGING;
    }
    if (is(row, "COMMITTING") && participant[0] == '\0')
        return refuse(words, "COMMIT is decided, and not acknowledged by all",
                      "forget one that never comes back, with --participant NAME");
    if (is(row, "COMMITTING"))
        return forget_lost(words, branch_of(row, participant), participant);
    return refuse(words, "there is no damage to forget", "vowctl show says what is true");
}

enum explained explain(enum vow_admin_command command, const json_t *row, const char *participant,
                       char out[EXPLAIN_SIZE])
{
    struct words words = {.text = out};
    out[0] = '\0';
    if (command == VOW_ADMIN_FORGET)
        return forget(&words, row, participant);
    if (participant[0] != '\0' || row_is_own(row))
        return resolve(&words, row, participant, command == VOW_ADMIN_COMMIT);
    if (command == VOW_ADMIN_ABORT)
        return abort_all(&words, row);
    return refuse(&words, "nobody can decide COMMIT for participants that may not have voted",
                  "say whose branch, with --participant NAME");
}
