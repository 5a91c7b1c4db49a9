/* After a kill: what recover lists and what is visible, compared with what was promised. Then everything is ended. */
#include "participant/testing/life.h"

static const char *name_of(enum vow_found found)
{
    return found == VOW_FOUND_PREPARED ? "prepared" : found == VOW_FOUND_COMMITTED ? "committed" : "not at all";
}

static void expect_listed(struct life *life, unsigned i, const char *promised, bool prepared, bool committed, bool none)
{
    const enum vow_found listed = life->board->branches[i].listed;
    if ((listed == VOW_FOUND_PREPARED && prepared) || (listed == VOW_FOUND_COMMITTED && committed) ||
        (listed == 0 && none))
        return;
    life_fail(life, "branch %u %s, and recover lists it %s%s", i, promised, listed == 0 ? "" : "as ", name_of(listed));
}

static void judge_list(struct life *life, unsigned i)
{
    switch (life->board->branches[i].note) {
    case NOTE_NONE:
    case NOTE_REFUSED:
        expect_listed(life, i, "was not prepared", false, false, true);
        return;
    case NOTE_PREPARING:
        expect_listed(life, i, "was being prepared", true, false, true);
        return;
    case NOTE_PREPARED:
        expect_listed(life, i, "has said YES and was not decided", true, false, false);
        return;
    case NOTE_COMMITTING:
        expect_listed(life, i, "was being committed", true, true, false);
        return;
    case NOTE_COMMITTED:
        expect_listed(life, i, "was committed and not forgotten", false, true, false);
        return;
    case NOTE_ABORTING:
    case NOTE_ABORTED:
        expect_listed(life, i, "was to be aborted", true, false, true);
        return;
    case NOTE_FORGETTING:
        expect_listed(life, i, "was committed and forgotten", false, true, true);
        return;
    }
}

/* Several branches may have been about one effect, and one of them committed at most. */
static void judge_hidden(struct life *life, unsigned effect)
{
    const struct board *board = life->board;
    int times = 0;
    for (unsigned i = 0; i < board->branches_len; i++) {
        const struct branch_note *branch = &board->branches[i];
        if (branch->effect != effect)
            continue;
        if (branch->note == NOTE_COMMITTING)
            return; /* some of it may be there */
        if (branch->note == NOTE_COMMITTED || branch->note == NOTE_FORGETTING)
            times = 1;
    }
    life_expect_seen(life, effect, times,
                     times == 1 ? "of a branch whose commit was DONE, after a restart"
                                : "of a branch that is not committed, after a restart");
}

/* While a branch is prepared, its restart must have brought its locks back. */
static void judge_lock(struct life *life, const struct branch_note *branch)
{
    if (life->options->shares || life->board->branches_len + 8 > LIFE_BRANCHES_MAX)
        return;
    struct branch_note *other = life_branch(life, branch->effect);
    struct life_call *call = life_ask(life, other, ASK_PREPARE);
    const enum vow_said said = life_heard(call);
    if (said == VOW_SAID_YES)
        life_fail(life, "a branch about the same as a prepared one was prepared after a restart: its lock is lost");
    if (said != 0)
        life_await(life, call);
    else /* it waits: it is not in the judgement any more, and ends with this life */
        other->note = NOTE_PREPARING;
}

static void end_branch(struct life *life, unsigned i, struct branch_note *branch)
{
    switch (branch->note) {
    case NOTE_NONE:
    case NOTE_REFUSED:
        return;
    case NOTE_PREPARED:
        if (i % 2 == 0) {
            life_commit(life, branch);
            break;
        }
        life_abort(life, branch);
        return;
    case NOTE_PREPARING:
    case NOTE_ABORTING:
    case NOTE_ABORTED:
        life_abort(life, branch);
        return;
    case NOTE_COMMITTING:
    case NOTE_COMMITTED:
        life_commit(life, branch);
        break;
    case NOTE_FORGETTING:
        if (branch->listed != 0)
            life_forget(life, branch);
        break;
    }
    life_expect_seen(life, branch->effect, 1, "after commit was DONE again");
}

void life_judge(struct life *life)
{
    struct board *board = life->board;
    const unsigned len = board->branches_len;
    bool has_tried_lock = false;
    for (unsigned i = 0; i < len; i++)
        judge_list(life, i);
    for (unsigned i = 0; i < len; i++)
        judge_hidden(life, board->branches[i].effect);
    for (unsigned i = 0; i < len && !has_tried_lock; i++) {
        has_tried_lock = board->branches[i].listed == VOW_FOUND_PREPARED;
        if (has_tried_lock)
            judge_lock(life, &board->branches[i]);
    }
    for (unsigned i = 0; i < len; i++)
        end_branch(life, i, &board->branches[i]);
}
