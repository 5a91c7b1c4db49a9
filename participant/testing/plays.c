#include "participant/testing/plays.h"

#include <stddef.h>
#include <string.h>

#define MANY 20u
#define SPACE_ROUNDS 20u

/* ---- killed at every place ---- */

static void play_commit(struct life *life)
{
    struct branch_note *branch = life_branch(life, 0);
    life_prepare(life, branch);
    life_commit(life, branch);
    life_expect_seen(life, 0, 1, "after its commit was DONE");
    life_commit(life, branch);
    life_expect_seen(life, 0, 1, "after a second commit of it");
    life_forget(life, branch);
    life_expect_seen(life, 0, 1, "after it was forgotten");
}

static void play_abort(struct life *life)
{
    struct branch_note *branch = life_branch(life, 0), *next;
    life_prepare(life, branch);
    life_abort(life, branch);
    life_abort(life, branch);
    life_expect_seen(life, 0, 0, "after its abort");
    next = life_branch(life, 0);
    life_prepare(life, next); /* nothing is held any more */
    life_abort(life, next);
}

static void play_recovery(struct life *life)
{
    struct branch_note *branches[4];
    for (unsigned i = 0; i < 4; i++) {
        branches[i] = life_branch(life, i);
        life_prepare(life, branches[i]);
    }
    life_commit(life, branches[2]);
    life_abort(life, branches[3]);
}

/* The same mix at each run, so that a place is the same place again. */
static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

static void shuffle(unsigned order[MANY])
{
    unsigned state = 7;
    for (unsigned i = 0; i < MANY; i++)
        order[i] = i;
    for (unsigned i = MANY - 1; i > 0; i--) {
        const unsigned j = next_random(&state) % (i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static void play_many(struct life *life)
{
    struct branch_note *branches[MANY];
    struct life_call *calls[MANY];
    unsigned order[MANY];
    shuffle(order);
    for (unsigned i = 0; i < MANY; i++) {
        branches[i] = life_branch(life, i);
        calls[i] = life_ask(life, branches[i], ASK_PREPARE);
    }
    for (unsigned i = 0; i < MANY; i++)
        if (life_await(life, calls[order[i]]) != VOW_SAID_YES)
            life_fail(life, "prepare of branch %u, whose work is about nothing that another is about, is not YES",
                      order[i]);
    for (unsigned i = 0; i < MANY; i++)
        calls[i] = life_ask(life, branches[order[i]], order[i] % 3 == 0 ? ASK_ABORT : ASK_COMMIT);
    for (unsigned i = MANY; i-- > 0;)
        if (life_await(life, calls[i]) != VOW_SAID_DONE)
            life_fail(life, "the decision about branch %u is not DONE", order[i]);
    for (unsigned i = 0; i < MANY; i++)
        life_expect_seen(life, i, i % 3 != 0, "after all decisions");
}

static void play_hidden(struct life *life)
{
    struct branch_note *branch = life_branch(life, 0);
    life_expect_seen(life, 0, 0, "before anything was done");
    life_prepare(life, branch);
    life_expect_seen(life, 0, 0, "of a branch that is prepared and not committed");
}

/* ---- once ---- */

static void expect_not_prepared(struct life *life, struct branch_note *holder, const char *why)
{
    struct branch_note *other = life_branch(life, holder->effect);
    struct life_call *call = life_ask(life, other, ASK_PREPARE);
    enum vow_said said = life_heard(call);
    if (said == VOW_SAID_YES)
        life_fail(life, "a branch about the same as a prepared one was prepared as well: %s", why);
    life_abort(life, holder);
    if (said == 0)
        said = life_await(life, call); /* it waited for the lock, which is free now */
    else
        (void)life_await(life, call);
    if (said == VOW_SAID_YES)
        life_abort(life, other);
}

static void play_locks(struct life *life)
{
    struct branch_note *first = life_branch(life, 0), *second;
    life_prepare(life, first);
    if (!life->options->shares)
        expect_not_prepared(life, first, "its work is not locked");
    else
        life_abort(life, first);
    second = life_branch(life, 0);
    life_prepare(life, second); /* the abort has let go */
    life_commit(life, second);
    life_expect_seen(life, 0, 1, "after its commit");
}

static void expect_unknown(struct life *life, struct branch_note *branch, const char *what)
{
    const enum note before = branch->note;
    const enum vow_said said = life_await(life, life_ask(life, branch, ASK_COMMIT));
    branch->note = before;
    if (said != VOW_SAID_UNKNOWN)
        life_fail(life, "commit of a branch that %s was answered DONE: it must be UNKNOWN", what);
}

static void play_unknown(struct life *life)
{
    struct branch_note *never = life_branch(life, 0), *aborted = life_branch(life, 1),
                       *forgotten = life_branch(life, 2);
    expect_unknown(life, never, "was never prepared");
    life_expect_seen(life, 0, 0, "of a branch that was never prepared");
    life_abort(life, never);
    expect_unknown(life, never, "was never prepared, and was aborted");
    life_prepare(life, aborted);
    life_abort(life, aborted);
    expect_unknown(life, aborted, "was aborted");
    life_expect_seen(life, 1, 0, "of a branch that was aborted");
    life_prepare(life, forgotten);
    life_commit(life, forgotten);
    life_forget(life, forgotten);
    life_forget(life, forgotten); /* harmless */
    expect_unknown(life, forgotten, "was forgotten");
    life_expect_seen(life, 2, 1, "of a branch that was committed and forgotten");
    life_forget(life, never); /* harmless, too */
}

typedef void describe_fn(void *ctx, struct vow_work *work, char *payload);

static void expect_vote(struct life *life, describe_fn *describe, enum vow_said vote, const char *name)
{
    char payload[VOW_TEST_PAYLOAD_SIZE];
    struct vow_work work = {"", NULL, 0};
    struct branch_note *branch = life_branch(life, 0);
    if (describe == NULL)
        return;
    describe(life->options->ctx, &work, payload);
    if (life_await(life, life_ask_for(life, branch, &work)) != vote)
        life_fail(life, "a work that must be voted %s was voted otherwise", name);
    expect_unknown(life, branch, "has no record, for it was voted READ_ONLY or NO");
}

static void play_votes(struct life *life)
{
    const long kept =
        life->options->kept != NULL ? life->options->kept(life->options->ctx, &life->resource, life->directory) : 0;
    expect_vote(life, life->options->read_only, VOW_SAID_READ_ONLY, "READ_ONLY");
    expect_vote(life, life->options->refused, VOW_SAID_NO, "NO");
    if (life->options->kept != NULL &&
        life->options->kept(life->options->ctx, &life->resource, life->directory) != kept)
        life_fail(life, "something is kept of a branch that was voted READ_ONLY or NO");
    struct branch_note *branch = life_branch(life, 0);
    life_prepare(life, branch); /* nothing is held */
    life_commit(life, branch);
}

static void play_space(struct life *life)
{
    const struct vow_test_resource_options *options = life->options;
    const long before = options->kept != NULL ? options->kept(options->ctx, &life->resource, life->directory) : 0;
    for (unsigned i = 0; i < SPACE_ROUNDS; i++) {
        struct branch_note *kept = life_branch(life, i), *dropped = life_branch(life, SPACE_ROUNDS + i);
        life_prepare(life, kept);
        life_prepare(life, dropped);
        life_abort(life, dropped);
        life_commit(life, kept);
        life_forget(life, kept);
    }
    const long after = options->kept != NULL ? options->kept(options->ctx, &life->resource, life->directory) : 0;
    if (after != before)
        life_fail(life, "kept %ld before %u branches came and went, and keeps %ld after they are forgotten", before,
                  2 * SPACE_ROUNDS, after);
}

const struct check resource_checks[] = {
    {"commit", play_commit, TRIAL_PLACES, 0},       {"abort", play_abort, TRIAL_PLACES, 0},
    {"recovery", play_recovery, TRIAL_RECOVERY, 0}, {"many", play_many, TRIAL_PLACES, 40},
    {"hidden", play_hidden, TRIAL_PLACES, 0},       {"locks", play_locks, TRIAL_ONCE, 0},
    {"unknown", play_unknown, TRIAL_ONCE, 0},       {"votes", play_votes, TRIAL_ONCE, 0},
    {"space", play_space, TRIAL_ONCE, 0},
};
const unsigned resource_checks_len = sizeof(resource_checks) / sizeof(resource_checks[0]);
