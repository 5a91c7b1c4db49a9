/* Copies of work that come when the ring of ended ids has lost what they are copies of (protocol 2.5; F080, F082). */
#include <criterion/criterion.h>

#include "fixture.h"

static struct fixture f;

/* The least ring: each end makes it lose the one before. */
static void init(void)
{
    struct vow_branches_limits limits = fixture_limits();
    const struct vow_branches_identity identity = fixture_identity();
    limits.ended_max = 1;
    fixture_start(&f, &limits, &identity);
}

static void fini(void)
{
    fixture_stop(&f);
}

TestSuite(branch_copies, .init = init, .fini = fini);

static struct vow_msg work_of(enum vow_msg_kind kind, uint64_t seq, uint64_t ordinal)
{
    struct vow_msg msg = message_of(kind, gtrid_of(seq));
    if (kind == VOW_MSG_PREPARE)
        msg.prepare.ordinal = ordinal;
    else
        msg.commit_one_phase.ordinal = ordinal;
    return msg;
}

static bool begins(const struct vow_msg *msg)
{
    feed_message(&f, msg);
    const struct vow_branches_effect *effect = first_effect(&f, VOW_BRANCHES_STORE);
    return effect != NULL && (effect->store.op == VOW_STORE_ONE_PHASE || effect->store.op == VOW_STORE_PREPARE);
}

static bool ask(enum vow_msg_kind kind, uint64_t seq, uint64_t ordinal, enum vow_store_result result)
{
    const struct vow_msg msg = work_of(kind, seq, ordinal);
    if (!begins(&msg))
        return false;
    feed_store(&f, kind == VOW_MSG_PREPARE ? VOW_STORE_PREPARE : VOW_STORE_ONE_PHASE, gtrid_of(seq), result);
    return true;
}

static enum vow_one_phase asked_about(uint64_t seq)
{
    const struct vow_msg query = message_of(VOW_MSG_ONE_PHASE_QUERY, gtrid_of(seq));
    feed_message(&f, &query);
    feed_store(&f, VOW_STORE_MEMO, gtrid_of(seq), VOW_STORE_NO_RECORD);
    return first_effect(&f, VOW_BRANCHES_SEND)->msg.one_phase_done.result;
}

/* Its client was told ABORTED, and has perhaps done the same under another id. */
Test(branch_copies, F082_refused_work_is_not_done_by_a_late_copy)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 1, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 2, 2, VOW_STORE_REFUSED));
    const struct vow_msg copy = work_of(VOW_MSG_COMMIT_ONE_PHASE, 1, 1);
    cr_assert_not(begins(&copy), "the work is done, and its client was told that it was not");
    cr_assert_eq(count_effects(&f, VOW_BRANCHES_SEND), 0);
    cr_assert_eq(asked_about(1), VOW_ONE_PHASE_NO_RECORD);
}

/* It would write now what it did not write then. */
Test(branch_copies, F082_work_that_wrote_nothing_is_not_done_by_a_late_copy)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 1, VOW_STORE_READ_ONLY));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 2, 2, VOW_STORE_READ_ONLY));
    const struct vow_msg copy = work_of(VOW_MSG_COMMIT_ONE_PHASE, 1, 1);
    cr_assert_not(begins(&copy));
}

/* It has voted READ_ONLY, and the others have committed: prepared now, it would be told COMMIT. */
Test(branch_copies, F082_a_read_only_voter_prepares_nothing_for_a_late_copy)
{
    cr_assert(ask(VOW_MSG_PREPARE, 1, 1, VOW_STORE_READ_ONLY));
    cr_assert(ask(VOW_MSG_PREPARE, 2, 2, VOW_STORE_READ_ONLY));
    const struct vow_msg copy = work_of(VOW_MSG_PREPARE, 1, 1);
    cr_assert_not(begins(&copy));
    const struct vow_msg *answer = &first_effect(&f, VOW_BRANCHES_SEND)->msg;
    cr_assert_eq(answer->kind, VOW_MSG_VOTE);
    cr_assert_eq(answer->vote.vote, VOW_VOTE_NO);
    cr_assert_eq(answer->vote.cause, VOW_CAUSE_TOO_LATE);
}

/* Its id is older than all that has ended meanwhile; what counts is when its work was asked for. */
Test(branch_copies, a_slow_client_is_not_too_late)
{
    for (uint64_t i = 2; i < 6000; i++)
        cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, i, i - 1, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 5999, VOW_STORE_DONE));
}

Test(branch_copies, F081_what_was_overtaken_is_begun)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 10, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 2, 9, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 3, 4105, VOW_STORE_REFUSED), "as far ahead as may be");
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 4, 11, VOW_STORE_REFUSED));
    const struct vow_msg copy = work_of(VOW_MSG_COMMIT_ONE_PHASE, 1, 10);
    cr_assert_not(begins(&copy), "the window has kept it");
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 5, 4106, VOW_STORE_REFUSED));
    const struct vow_msg late = work_of(VOW_MSG_COMMIT_ONE_PHASE, 6, 10);
    cr_assert_not(begins(&late), "it may have been here: the window has lost it");
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 7, 100000, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 8, 99999, VOW_STORE_REFUSED), "a bit of a round before");
}

/* Each epoch counts from 1. */
Test(branch_copies, a_new_epoch_counts_anew)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 7, VOW_STORE_REFUSED));
    struct vow_msg next = work_of(VOW_MSG_COMMIT_ONE_PHASE, 2, 1);
    next.commit_one_phase.header.epoch = EPOCH + 1;
    cr_assert(begins(&next));
}

/* Its journal was put back: the epoch is there for a second time, and nothing of it is a copy. */
Test(branch_copies, another_life_of_an_epoch_counts_anew)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, vow_ordinal_make(1, 7), VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 2, vow_ordinal_make(2, 7), VOW_STORE_REFUSED));
    const struct vow_msg copy = work_of(VOW_MSG_COMMIT_ONE_PHASE, 1, vow_ordinal_make(2, 7));
    cr_assert_not(begins(&copy));
}

/* An older coordinator does not count. */
Test(branch_copies, without_an_ordinal_nothing_is_a_copy)
{
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 1, 0, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 2, 0, VOW_STORE_REFUSED));
    cr_assert(ask(VOW_MSG_COMMIT_ONE_PHASE, 3, 0, VOW_STORE_REFUSED));
}
