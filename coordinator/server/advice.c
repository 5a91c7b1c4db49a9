#include "coordinator/server/advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/line.h"

static bool is(const struct vow_coord_txn_view *view, const char *state)
{
    return strcmp(view->state, state) == 0;
}

static uint32_t shown(const struct vow_coord_txn_view *view)
{
    return view->branches_len < VOW_CALLS_MAX ? view->branches_len : VOW_CALLS_MAX;
}

/* COMMITTING: it has not acknowledged. Before that: it has not voted. */
static bool is_owing(const struct vow_coord_txn_view *view, const struct vow_coord_branch_view *branch)
{
    if (is(view, "COMMITTING"))
        return branch->voted && branch->vote == VOW_VOTE_YES && !branch->acknowledged;
    return !branch->voted;
}

unsigned owing_names(const struct vow_coord_txn_view *view, bool connected, char out[NAMES_SIZE])
{
    struct vow_line line = vow_line_start(out, NAMES_SIZE);
    unsigned len = 0;
    for (uint32_t i = 0; i < shown(view); i++) {
        const struct vow_coord_branch_view *branch = &view->branches[i];
        if (!is_owing(view, branch) || branch->connected != connected)
            continue;
        vow_line_put(&line, len++ > 0 ? ", " : "");
        vow_line_put(&line, branch->participant);
    }
    return len;
}

__attribute__((format(printf, 2, 3))) static void say(char out[ADVICE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out, ADVICE_SIZE, format, args);
    va_end(args);
}

static const struct vow_coord_branch_view *first_with_no_record(const struct vow_coord_txn_view *view)
{
    for (uint32_t i = 0; i < shown(view); i++)
        if (view->branches[i].no_record && !view->branches[i].acknowledged)
            return &view->branches[i];
    return NULL;
}

static const char *first_by_hand(const struct vow_coord_txn_view *view)
{
    for (uint32_t i = 0; i < shown(view); i++)
        if (view->branches[i].contradicts)
            return view->branches[i].participant;
    return NULL;
}

/* ---- decided ---- */

static void advise_committing(const struct vow_coord_txn_view *view, const char *id, char out[ADVICE_SIZE])
{
    char here[NAMES_SIZE], away[NAMES_SIZE];
    const struct vow_coord_branch_view *lost = first_with_no_record(view);
    const unsigned here_len = owing_names(view, true, here), away_len = owing_names(view, false, away);
    const char *by_hand = first_by_hand(view);
    if (by_hand != NULL)
        say(out,
            "COMMIT is decided, and %s was rolled back by hand: mend the data. \"vowctl forget %s\" when all have "
            "answered "
            "(waiting for: %s)",
            by_hand, id, away_len > 0 ? away : here);
    else if (lost != NULL)
        say(out,
            "COMMIT is decided, and %s has no record of its part (an older or another data file?): give it back the "
            "file "
            "that it had; if that is gone, mend its data by hand, then \"vowctl forget %s --participant %s\"",
            lost->participant, id, lost->participant);
    else if (away_len > 0)
        say(out,
            "COMMIT is decided: make %s reachable, and it ends by itself; if the way to vowd is what is broken, "
            "\"vowctl --coordinator ITS-ADDRESS commit %s\" contradicts nobody; for one that never comes back, and for "
            "no other: \"vowctl forget %s --participant %s\"",
            away, id, id, away_len == 1 ? away : "NAME");
    else if (here_len > 0)
        say(out, "nothing: COMMIT is decided, and it ends when %s answers", here);
    else
        say(out, "nothing: COMMIT is decided, and it ends by itself");
}

static void advise_delegated(const struct vow_coord_txn_view *view, char out[ADVICE_SIZE])
{
    const struct vow_coord_branch_view *branch = &view->branches[0];
    if (branch->connected)
        say(out, "nothing: %s alone commits it in one phase; it ends when %s answers", branch->participant,
            branch->participant);
    else
        say(out, "make %s reachable: it alone knows whether it has committed, and nothing else may say so",
            branch->participant);
}

static void advise_damage(const char *id, char out[ADVICE_SIZE])
{
    say(out,
        "mend the data: some of its branches were ended by hand, and not as it was decided; then \"vowctl forget %s\" "
        "acknowledges the damage",
        id);
}

void advise(const struct vow_coord_txn_view *view, char out[ADVICE_SIZE])
{
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&view->gtrid, id);
    if (is(view, "ACTIVE") || is(view, "PREPARING"))
        say(out, "it is not decided, and ends by itself when its time is up: \"vowctl abort %s\" is safe until then",
            id);
    else if (is(view, "DECIDING"))
        say(out, "nothing: its COMMIT is being written to the journal; watch the disk if that takes long");
    else if (is(view, "COMMITTING"))
        advise_committing(view, id, out);
    else if (is(view, "ABANDONED"))
        say(out, "nothing: an operator gave up who has not answered; it is told COMMIT should it ever come back");
    else if (is(view, "DELEGATED") && view->branches_len > 0)
        advise_delegated(view, out);
    else if (is(view, "HEUR"))
        advise_damage(id, out);
    else
        say(out, "nothing: it ends by itself");
}

void advise_by_hand(const char *id, const char *participant, bool committed, char out[ADVICE_SIZE])
{
    if (committed)
        say(out,
            "it is not decided, and %s was committed by hand: only COMMIT agrees with that. Get the missing votes in; "
            "an abort, also when its time is up, damages the data",
            participant);
    else
        say(out,
            "it is not decided, and %s was rolled back by hand: \"vowctl abort %s\" agrees with that, a COMMIT damages "
            "the data",
            participant, id);
}

/* ---- of which nothing is in memory here ---- */

void advise_stray(const struct stray *stray, char out[ADVICE_SIZE])
{
    if (!stray->is_ours)
        say(out,
            "its id names another coordinator: connect %s to that one, which has its journal; only if that is lost for "
            "ever: \"vowctl commit|abort %s --participant %s\", which damages the data if the others ended the other "
            "way",
            stray->participant, stray->id, stray->participant);
    else
        say(out,
            "nothing: it has ended here, and %s hears how when it asks next; see \"vowctl history %s\" if it does not",
            stray->participant, stray->id);
}
