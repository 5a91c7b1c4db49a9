/* What scenarios cannot show well: limits, bounds, who owns which memory, and what a transaction costs. */
#include <string.h>

#include <criterion/criterion.h>

#include "fixture.h"
#include "proto/error.h"

static struct fixture f;

static void start(void)
{
    const struct vow_branches_limits limits = fixture_limits();
    const struct vow_branches_identity identity = fixture_identity();
    fixture_start(&f, &limits, &identity);
}

static void stop(void)
{
    fixture_stop(&f);
}

TestSuite(branch, .init = start, .fini = stop);

/* --- limits --- */

Test(branch, size_refuses_limits_out_of_range)
{
    struct vow_branches_limits limits = vow_branches_default_limits;
    cr_assert_neq(vow_branches_size(&limits), 0);
    limits.branches_max = 0;
    cr_assert_eq(vow_branches_size(&limits), 0);
    limits = vow_branches_default_limits;
    limits.branches_max = UINT32_MAX;
    cr_assert_eq(vow_branches_size(&limits), 0);
    limits = vow_branches_default_limits;
    limits.ended_max = 0;
    cr_assert_eq(vow_branches_size(&limits), 0);
    limits = vow_branches_default_limits;
    limits.decision_timeout_ms = limits.decision_timeout_max_ms + 1;
    cr_assert_eq(vow_branches_size(&limits), 0);
}

Test(branch, timer_does_a_bounded_amount_of_work)
{
    const uint64_t all = 200;
    for (uint64_t i = 1; i <= all; i++)
        feed_recovered(&f, gtrid_of(i));
    feed_coord_up(&f, COORD, EPOCH, (struct vow_watermark){0});
    cr_assert_eq(vow_branches_deadline_ms(f.core), f.now_ms);
    uint64_t asked = 0;
    while (vow_branches_deadline_ms(f.core) <= f.now_ms) {
        feed_timer(&f, f.now_ms);
        cr_assert_leq(count_effects(&f, VOW_BRANCHES_SEND), 64);
        asked += count_effects(&f, VOW_BRANCHES_SEND);
    }
    cr_assert_eq(asked, all);
}

/* Only the coordinator, or an operator, ends what has voted YES (mistake 5): a week of timers, with and without a
 * connection, asks and asks, and does nothing to the branch. */
Test(branch, B52_F043_no_timer_ends_a_prepared_branch)
{
    const struct vow_gtrid id = gtrid_of(1);
    const uint64_t week_ms = UINT64_C(7) * 24 * 3600 * 1000;
    struct vow_msg prepare = message_of(VOW_MSG_PREPARE, id);

    feed_coord_up(&f, COORD, EPOCH, (struct vow_watermark){0});
    feed_message(&f, &prepare);
    feed_store(&f, VOW_STORE_PREPARE, id, VOW_STORE_DONE);
    cr_assert_eq(counts_of(&f).in_doubt, 1);
    for (uint64_t i = 0, end_ms = f.now_ms + week_ms; f.now_ms < end_ms; i++) {
        if (i % 100 == 99)
            feed_coord_down(&f);
        if (i % 100 == 50)
            feed_coord_up(&f, COORD, EPOCH, (struct vow_watermark){0});
        const uint64_t due_ms = vow_branches_deadline_ms(f.core);
        cr_assert_neq(due_ms, UINT64_MAX, "it asks no more");
        feed_timer(&f, due_ms > f.now_ms ? due_ms : f.now_ms);
        cr_assert_eq(count_effects(&f, VOW_BRANCHES_STORE), 0);
    }
    cr_assert_eq(counts_of(&f).in_doubt, 1);
}

/* F059, and the reserve: a table full of branches in doubt must still acknowledge what ended before. */
Test(branch, a_full_table_serves_what_is_in_it)
{
    uint64_t next = 1;
    while (counts_of(&f).open < fixture_limits().branches_max)
        feed_recovered(&f, gtrid_of(next++));
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(next++));
    feed_message(&f, &prepare);
    const struct vow_msg_vote *vote = &first_effect(&f, VOW_BRANCHES_SEND)->msg.vote;
    cr_assert_eq(vote->vote, VOW_VOTE_NO);
    cr_assert_eq(vote->cause, VOW_CAUSE_NO_SPACE);
    /* COMMITs of earlier branches, until the reserve is full, too: the rest is dropped, and will be sent again. */
    struct vow_branches_counts before;
    do {
        before = counts_of(&f);
        const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(next++));
        feed_message(&f, &commit);
        cr_assert_eq(count_effects(&f, VOW_BRANCHES_SEND), 0);
    } while (counts_of(&f).open > before.open);
    cr_assert_gt(before.open, fixture_limits().branches_max);
    cr_assert_eq(counts_of(&f).ignored, before.ignored + 1);
    const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    feed_message(&f, &commit);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_STORE)->store.op, VOW_STORE_COMMIT);
}

/* More ids than the ring and the table hold: both are recycled without a trace. */
Test(branch, ring_and_table_are_recycled)
{
    for (uint64_t i = 1; i <= 5000; i++) {
        const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(i)), decision = abort_of(gtrid_of(i));
        feed_message(&f, &prepare);
        feed_store(&f, VOW_STORE_PREPARE, gtrid_of(i), VOW_STORE_DONE);
        feed_message(&f, &decision);
        feed_store(&f, VOW_STORE_ABORT, gtrid_of(i), VOW_STORE_DONE);
    }
    const struct vow_branches_counts counts = counts_of(&f);
    cr_assert_eq(counts.open, 0);
    cr_assert_eq(counts.aborted, 5000);
    cr_assert_eq(counts.protocol_errors, 0);
    cr_assert_eq(vow_branches_deadline_ms(f.core), UINT64_MAX);
}

/* F179: nothing is done by hand without a word of who and why, whichever way it came, and none of it is cut. */
Test(branch, F179_a_heuristic_says_who_and_why)
{
    struct vow_msg msg = message_of(VOW_MSG_RESOLVE, gtrid_of(1));
    char reason[VOW_TEXT_SIZE] = "";
    memset(reason, 'x', VOW_TEXT_MAX);
    const char *const words[][2] = {{"", "the till is waiting"}, {"eva", ""}, {"", ""}, {"eva", reason}};
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));

    feed_message(&f, &prepare);
    feed_store(&f, VOW_STORE_PREPARE, gtrid_of(1), VOW_STORE_DONE);
    for (size_t i = 0; i < 4; i++) {
        struct vow_branches_event event = {.kind = VOW_BRANCHES_RESOLVE, .now_ms = f.now_ms, .resolve = {7, &msg}};
        msg.resolve.verdict = VOW_ABORT;
        msg.resolve.who = words[i][0];
        msg.resolve.why = words[i][1];
        vow_branches_step(f.core, &event, &f.effects);
        cr_assert_eq(count_effects(&f, VOW_BRANCHES_STORE), 0, "done, and nobody knows by whom or why");
        cr_assert_eq(first_effect(&f, VOW_BRANCHES_ANSWER)->told.msg.resolved.error, VOW_E_ARGUMENT);
        feed_message(&f, &msg);
        cr_assert_eq(count_effects(&f, VOW_BRANCHES_STORE), 0);
    }
    cr_assert_eq(counts_of(&f).in_doubt, 1);
}

/* Between the loss of the connection and the TIMER that it makes due, others may still be heard. */
Test(branch, F042_work_under_way_is_asked_about_before_it_is_dropped)
{
    const struct vow_gtrid id = gtrid_of(1);
    const struct vow_msg enlisted = message_of(VOW_MSG_ENLISTED, id);
    struct vow_msg inquiry = message_of(VOW_MSG_PEER_INQUIRY, id);

    feed_coord_up(&f, COORD, EPOCH, (struct vow_watermark){0, 0});
    feed_join(&f, id);
    feed_message(&f, &enlisted);
    feed_coord_down(&f);
    feed_resolve(&f, id, VOW_ABORT, 4);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_ANSWER)->told.msg.resolved.error, VOW_E_STATE);
    header_in(&inquiry)->incarnation = INCARNATION - 1;
    feed_peer(&f, 2, &inquiry);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_ANSWER_PEER)->answer.msg.peer_answer.answer, VOW_PEER_NO_INFO);
    feed_timer(&f, f.now_ms);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_STORE)->store.op, VOW_STORE_CANCEL);
}

/* --- memory of effects --- */

Test(branch, text_outlives_the_event)
{
    char text[VOW_TEXT_SIZE + 50];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    feed_message(&f, &prepare);
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE, .now_ms = f.now_ms};
    event.done = (struct vow_branches_done){.op = VOW_STORE_PREPARE,
                                            .gtrid = gtrid_of(1),
                                            .result = VOW_STORE_REFUSED,
                                            .cause = VOW_CAUSE_HANDLER_REFUSED,
                                            .text = text};
    vow_branches_step(f.core, &event, &f.effects);
    memset(text, 'y', sizeof(text) - 1);
    const struct vow_msg_vote *vote = &first_effect(&f, VOW_BRANCHES_SEND)->msg.vote;
    cr_assert_eq(strlen(vote->text), VOW_TEXT_MAX);
    cr_assert_eq(vote->text[0], 'x');
}

Test(branch, calls_are_handed_on_as_they_came)
{
    const struct vow_msg_call calls[3] = {{.handler = "a"}, {.handler = "b"}, {.handler = "c"}};
    struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    prepare.prepare.calls = calls;
    prepare.prepare.calls_len = 3;
    feed_message(&f, &prepare);
    const struct vow_branches_effect *store = first_effect(&f, VOW_BRANCHES_STORE);
    cr_assert_eq(store->store.calls, calls);
    cr_assert_eq(store->store.calls_len, 3);
    cr_assert_eq(store->store.epoch, EPOCH);
}

/* --- one branch of a transaction: a peer is told of the transaction, so there is nothing else to speak for --- */

Test(branch, second_branch_of_a_transaction_is_refused)
{
    struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    feed_message(&f, &prepare);
    prepare.prepare.header.branch = 1;
    prepare.prepare.ordinal++;
    feed_message(&f, &prepare);
    cr_assert_eq(count_effects(&f, VOW_BRANCHES_STORE), 0);
    cr_assert_eq(counts_of(&f).protocol_errors, 1);
    cr_assert_eq(counts_of(&f).open, 1);
    feed_store(&f, VOW_STORE_PREPARE, gtrid_of(1), VOW_STORE_DONE);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_SEND)->msg.vote.header.branch, 0);
    cr_assert_eq(counts_of(&f).in_doubt, 1);
}

Test(branch, decision_for_a_branch_that_is_not_here_ends_no_other)
{
    struct vow_msg message = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    feed_message(&f, &message);
    feed_store(&f, VOW_STORE_PREPARE, gtrid_of(1), VOW_STORE_DONE);
    message = abort_of(gtrid_of(1));
    message.decision.header.branch = 1;
    feed_message(&f, &message);
    cr_assert_eq(counts_of(&f).protocol_errors, 1);
    cr_assert_eq(counts_of(&f).in_doubt, 1);
}

/* F044: the file is that of another participant, and holds what that one has prepared. */
Test(branch, F044_commit_of_a_branch_that_another_file_has_is_answered_no_record)
{
    feed_recovered(&f, gtrid_of(1));
    struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    commit.decision.header.branch = 1;
    feed_message(&f, &commit);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_STORE)->store.op, VOW_STORE_COMMIT);
    const struct vow_branches_done done = {
        .op = VOW_STORE_COMMIT, .gtrid = gtrid_of(1), .branch = 1, .result = VOW_STORE_NO_RECORD, .text = ""};
    const struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE, .now_ms = f.now_ms, .done = done};
    vow_branches_step(f.core, &event, &f.effects);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_SEND)->msg.ack.ack, VOW_ACK_NO_RECORD);
    cr_assert_eq(first_effect(&f, VOW_BRANCHES_SEND)->msg.ack.header.branch, 1);
    cr_assert_eq(counts_of(&f).in_doubt, 1);
}

/* It stands for "none" and for "any" here, so no coordinator may give it. */
Test(branch, highest_number_is_refused)
{
    struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    prepare.prepare.header.branch = UINT32_MAX;
    feed_message(&f, &prepare);
    cr_assert_eq(counts_of(&f).protocol_errors, 1);
    cr_assert_eq(counts_of(&f).open, 0);
}

/* The refusal of a join that was given up comes late, and names no branch. */
Test(branch, refused_join_names_no_branch)
{
    feed_coord_up(&f, COORD, EPOCH, (struct vow_watermark){0, 0});
    feed_join(&f, gtrid_of(1));
    struct vow_msg enlisted = message_of(VOW_MSG_ENLISTED, gtrid_of(1));
    enlisted.enlisted.header.branch = 1;
    enlisted.enlisted.header.attempt = first_effect(&f, VOW_BRANCHES_SEND)->msg.enlist.header.attempt;
    feed_message(&f, &enlisted);
    cr_assert_eq(counts_of(&f).open, 1);
    enlisted.enlisted.header.branch = 0;
    enlisted.enlisted.error = VOW_E_REFUSED;
    feed_message(&f, &enlisted);
    cr_assert_eq(counts_of(&f).protocol_errors, 0);
    cr_assert_eq(counts_of(&f).open, 1);
}

/* --- the paper's row, the participant's share (protocol 1.2) --- */

struct cost {
    size_t messages; /* received and sent */
    size_t forced;   /* operations that were waited for before a message, or that the store forces */
    size_t unforced;
};

static void count(struct cost *cost)
{
    cost->messages += count_effects(&f, VOW_BRANCHES_SEND);
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_branches_effect *effect = &f.effects.items[i];
        if (effect->kind != VOW_BRANCHES_STORE)
            continue;
        const bool forced = effect->store.op == VOW_STORE_PREPARE || effect->store.op == VOW_STORE_COMMIT ||
                            effect->store.op == VOW_STORE_ONE_PHASE;
        cost->forced += forced;
        cost->unforced += !forced;
    }
}

static void receive(struct cost *cost, const struct vow_msg *msg)
{
    cost->messages++;
    feed_message(&f, msg);
    count(cost);
}

/* The store writes a record only if there is something to write. */
static void store_answers(struct cost *cost, enum vow_store_op_kind op, enum vow_store_result result)
{
    if (result != VOW_STORE_DONE)
        cost->forced--;
    feed_store(&f, op, gtrid_of(1), result);
    count(cost);
}

static void expect(const struct cost *cost, size_t messages, size_t forced, size_t unforced)
{
    cr_expect_eq(cost->messages, messages, "%zu messages", cost->messages);
    cr_expect_eq(cost->forced, forced, "%zu forced", cost->forced);
    cr_expect_eq(cost->unforced, unforced, "%zu unforced", cost->unforced);
    cr_expect_eq(counts_of(&f).open, 0);
}

Test(branch, cost_of_a_commit_is_four_messages_and_two_forced_writes)
{
    struct cost cost = {0};
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    receive(&cost, &prepare);
    store_answers(&cost, VOW_STORE_PREPARE, VOW_STORE_DONE);
    receive(&cost, &commit);
    store_answers(&cost, VOW_STORE_COMMIT, VOW_STORE_DONE);
    expect(&cost, 4, 2, 0);
}

Test(branch, cost_of_an_abort_is_three_messages_and_one_forced_write)
{
    struct cost cost = {0};
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1)), decision = abort_of(gtrid_of(1));
    receive(&cost, &prepare);
    store_answers(&cost, VOW_STORE_PREPARE, VOW_STORE_DONE);
    receive(&cost, &decision);
    store_answers(&cost, VOW_STORE_ABORT, VOW_STORE_DONE);
    expect(&cost, 3, 1, 1);
}

Test(branch, cost_of_a_read_only_vote_is_two_messages)
{
    struct cost cost = {0};
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    receive(&cost, &prepare);
    store_answers(&cost, VOW_STORE_PREPARE, VOW_STORE_READ_ONLY);
    expect(&cost, 2, 0, 0);
}

Test(branch, cost_of_a_no_vote_is_two_messages)
{
    struct cost cost = {0};
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    receive(&cost, &prepare);
    store_answers(&cost, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    expect(&cost, 2, 0, 0);
}

Test(branch, cost_of_one_phase_is_two_messages_and_one_forced_write)
{
    struct cost cost = {0};
    const struct vow_msg one_phase = message_of(VOW_MSG_COMMIT_ONE_PHASE, gtrid_of(1));
    receive(&cost, &one_phase);
    store_answers(&cost, VOW_STORE_ONE_PHASE, VOW_STORE_DONE);
    expect(&cost, 2, 1, 0);
}

/* Every message waits for its write, by name: mistakes 2 and 3 of protocol 2.10. */
Test(branch, nothing_is_said_before_the_store_has_answered)
{
    const struct vow_msg prepare = message_of(VOW_MSG_PREPARE, gtrid_of(1));
    const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    const struct vow_msg one_phase = message_of(VOW_MSG_COMMIT_ONE_PHASE, gtrid_of(2));
    feed_message(&f, &prepare);
    cr_assert_eq(count_effects(&f, VOW_BRANCHES_SEND), 0);
    feed_store(&f, VOW_STORE_PREPARE, gtrid_of(1), VOW_STORE_DONE);
    feed_message(&f, &commit);
    cr_assert_eq(count_effects(&f, VOW_BRANCHES_SEND), 0);
    feed_message(&f, &one_phase);
    cr_assert_eq(count_effects(&f, VOW_BRANCHES_SEND), 0);
}

/* --- what an operator sees --- */

Test(branch, B13_a_branch_in_doubt_is_seen_with_what_it_asked_and_heard)
{
    struct vow_branch_view view;
    uint32_t cursor = 0;
    feed_recovered(&f, gtrid_of(1));
    cr_assert(vow_branches_next(f.core, &cursor, &view));
    const struct vow_gtrid one = gtrid_of(1);
    cr_assert(vow_gtrid_equal(&view.gtrid, &one));
    cr_assert_str_eq(view.state, "PREPARED");
    cr_assert_eq(view.since_ms, f.now_ms);
    cr_assert_eq(view.asked, 0);
    cr_assert_not(vow_branches_next(f.core, &cursor, &view));

    const uint64_t asked_ms = vow_branches_deadline_ms(f.core);
    feed_timer(&f, asked_ms);
    f.now_ms += 5;
    struct vow_msg wait = message_of(VOW_MSG_WAIT, gtrid_of(1));
    wait.wait.reason = VOW_WAIT_RECOVERING;
    feed_message(&f, &wait);
    cursor = 0;
    cr_assert(vow_branches_next(f.core, &cursor, &view));
    cr_assert_eq(view.asked, 1);
    cr_assert_eq(view.asked_ms, asked_ms);
    cr_assert_eq(view.answer, VOW_WAIT_RECOVERING);
    cr_assert_eq(view.answer_ms, f.now_ms);
    cr_assert_gt(view.next_ms, f.now_ms);
    cr_assert_not(view.is_foreign);
}

Test(branch, what_has_ended_is_not_in_doubt)
{
    struct vow_branch_view view;
    uint32_t cursor = 0;
    feed_recovered(&f, gtrid_of(1));
    feed_recovered(&f, gtrid_of(2));
    const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    feed_message(&f, &commit);
    feed_store(&f, VOW_STORE_COMMIT, gtrid_of(1), VOW_STORE_DONE);
    const struct vow_gtrid left = gtrid_of(2);
    cr_assert(vow_branches_next(f.core, &cursor, &view));
    cr_assert(vow_gtrid_equal(&view.gtrid, &left));
    cr_assert_not(vow_branches_next(f.core, &cursor, &view));
}

/* B13: a restart does not make a branch in doubt younger. */
Test(branch, the_time_in_doubt_is_counted_over_restarts)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED, .now_ms = f.now_ms};
    event.recovered.gtrid = gtrid_of(1);
    event.recovered.epoch = EPOCH;
    event.recovered.doubt_ms = 3600000;
    vow_branches_step(f.core, &event, &f.effects);
    cr_assert_eq(counts_of(&f).in_doubt_max_ms, 3600000);
    f.now_ms += 5;
    const struct vow_msg commit = message_of(VOW_MSG_DECISION, gtrid_of(1));
    feed_message(&f, &commit);
    cr_assert_eq(counts_of(&f).in_doubt_max_ms, 3600005);
}
