/* Limits, refusals, and what vowctl sees. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "proto/error.h"

static const char *const one[] = {"p"};
static const char *const two[] = {"p", "q"};

Test(limits, are_checked)
{
    struct vow_coord_limits limits = vow_coord_default_limits;

    cr_expect_gt(vow_coord_size(&limits), 0);
    limits.ids_window = 1000; /* not a multiple of 64 */
    cr_expect_eq(vow_coord_size(&limits), 0);
    limits = vow_coord_default_limits;
    limits.ack_timeout_max_ms = limits.ack_timeout_ms - 1;
    cr_expect_eq(vow_coord_size(&limits), 0);
    limits = vow_coord_default_limits;
    limits.txns_max = 0;
    cr_expect_eq(vow_coord_size(&limits), 0);
    limits.txns_max = UINT32_MAX;
    cr_expect_eq(vow_coord_size(&limits), 0);
}

/* Guarantee 6: refused, nothing happened, the id is still good. */
Test(limits, a_full_table_refuses_and_leaves_the_id_good)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_gtrid a, b;
    struct vow_msg_header header;
    struct fixture f;
    uint64_t p, q;

    limits.txns_max = 1;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    p = fixture_peer_up(&f, "p");
    q = fixture_peer_up(&f, "q");
    (void)q;
    a = fixture_id(&f, 0);
    b = fixture_id(&f, 0);
    fixture_commit(&f, 1, &a, one, 1);
    fixture_commit(&f, 2, &b, two, 2);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_UNKNOWN);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY);
    cr_expect_null(fixture_effect(&f, VOW_COORD_SEND, 0));
    header = fixture_header(&f, &a, 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_NO);
    fixture_commit(&f, 2, &b, two, 2);
    cr_expect_str_eq(fixture_state(&f, &b), "PREPARING");
    fixture_close(&f);
}

/* F144: what a transaction in doubt takes is known beforehand, and little. docs/operations.md says how much. */
Test(limits, F144_bytes_for_each_transaction)
{
    struct vow_coord_limits limits = vow_coord_default_limits;
    size_t before = vow_coord_size(&limits), txns, branches;

    limits.txns_max += 10000;
    txns = vow_coord_size(&limits) - before;
    limits.branches_max += 10000;
    branches = vow_coord_size(&limits) - before - txns;
    cr_expect_leq(txns, (size_t)10000 * 300, "%zu", txns / 10000);
    cr_expect_leq(branches, (size_t)10000 * 120, "%zu", branches / 10000);
}

/* Guarantee 3: BUSY says that nothing happened, so only what would begin something hears it. */
Test(limits, the_driver_has_no_room_for_new_work)
{
    struct vow_msg msg = {.kind = VOW_MSG_BEGIN};
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .session = 1, .msg = &msg, .no_new_work = true};
    struct fixture f;

    fixture_open(&f);
    struct vow_gtrid fresh = fixture_id(&f, 0), open = fixture_id(&f, 0), ended = fixture_id(&f, 0);
    fixture_request(&f, 1, VOW_MSG_BEGIN, &open);
    fixture_commit(&f, 1, &ended, NULL, 0);
    msg.begin.gtrid = fresh;
    fixture_step(&f, &event);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY);
    cr_expect_geq(fixture_outcome(&f)->retry_after_ms, 50);
    msg.begin.gtrid = open;
    fixture_step(&f, &event);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_PENDING);
    msg = (struct vow_msg){.kind = VOW_MSG_COMMIT_REQUEST, .commit_request.gtrid = ended};
    fixture_step(&f, &event);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    msg.commit_request.gtrid = open;
    fixture_step(&f, &event);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    event.no_new_work = false;
    msg.commit_request.gtrid = fresh;
    fixture_step(&f, &event);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED, "the id was not used up");
    fixture_close(&f);
}

/* F225: lower limits touch nobody who is in, higher ones let more in, and the core moves when it must. */
Test(limits, change_while_transactions_are_open)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_gtrid ids[4];
    struct vow_msg_header header;
    struct fixture f;

    limits.txns_max = 2;
    limits.branches_max = 2;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    uint64_t p = fixture_peer_up(&f, "p");
    for (size_t i = 0; i < 4; i++)
        ids[i] = fixture_id(&f, 0);
    fixture_commit(&f, 1, &ids[0], one, 1);
    fixture_commit(&f, 1, &ids[1], one, 1);
    limits.txns_max = 1;
    limits.branches_max = 1;
    fixture_set_limits(&f, &limits);
    fixture_commit(&f, 1, &ids[2], one, 1);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY);
    header = fixture_header(&f, &ids[0], 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_NO);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_ABORTED);
    fixture_commit(&f, 1, &ids[2], one, 1);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY, "the other one is still open");
    limits.txns_max = 100;
    limits.branches_max = 100;
    cr_expect_not(vow_coord_fits(f.core, &limits));
    uint64_t deadline_ms = vow_coord_deadline_ms(f.core);
    fixture_set_limits(&f, &limits);
    cr_expect_eq(vow_coord_deadline_ms(f.core), deadline_ms);
    cr_expect(vow_coord_fits(f.core, &limits));
    fixture_commit(&f, 1, &ids[2], one, 1);
    fixture_commit(&f, 1, &ids[3], one, 1);
    for (size_t i = 1; i < 4; i++)
        cr_expect_str_eq(fixture_state(&f, &ids[i]), "PREPARING");
    header = fixture_header(&f, &ids[1], 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_NO);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_ABORTED, "who was in before the move ends as if nothing were");
    fixture_status(&f, 1, &ids[0], "");
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_ABORTED, "what ended before the move is remembered");
    fixture_close(&f);
}

/* A client asks faster than the journal answers: what waits there is bounded, too. */
Test(limits, questions_to_the_journal_beyond_the_limit_are_refused)
{
    struct vow_coord_limits limits = fixture_limits();
    const struct vow_gtrid old = vow_gtrid_make(FIXTURE_COORD, 1, 1, 0, 1);
    struct fixture f;

    limits.txns_max = 2;
    fixture_init(&f, &limits, 2);
    fixture_recovery_done(&f);
    fixture_status(&f, 1, &old, "");
    fixture_status(&f, 1, &old, "");
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    fixture_status(&f, 1, &old, "");
    cr_expect_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_UNKNOWN);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY);
    fixture_looked_up(&f, &(struct vow_coord_lookup){.question.gtrid = old, .session = 1});
    fixture_status(&f, 1, &old, "");
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    fixture_close(&f);
}

Test(limits, no_room_for_the_branches_refuses_too)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_gtrid id;
    struct fixture f;

    limits.branches_max = 1;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    fixture_peer_up(&f, "p");
    fixture_peer_up(&f, "q");
    id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, two, 2);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_BUSY);
    fixture_commit(&f, 1, &id, one, 1);
    cr_expect_str_eq(fixture_state(&f, &id), "PREPARING");
    fixture_close(&f);
}

Test(limits, more_participants_than_peers_max_raise_an_alarm)
{
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;

    limits.peers_max = 1;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    fixture_peer_up(&f, "p");
    fixture_peer_up(&f, "q");
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_ALARM, 0));
    fixture_close(&f);
}

/* Names that come and go keep nobody out; who is connected, or has work, keeps its place. */
Test(limits, F174_an_idle_participant_makes_room_for_a_new_name)
{
    static const char *const busy[] = {"worker"}, *const gone[] = {"old"};
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;
    char name[16];

    limits.peers_max = 2;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    const uint64_t old = fixture_peer_up(&f, "old");
    const struct vow_gtrid refused = fixture_id(&f, 0);
    fixture_commit(&f, 1, &refused, gone, 1);
    const struct vow_msg_header header = fixture_header(&f, &refused, 0, 1);
    fixture_vote(&f, old, &header, VOW_VOTE_NO);
    cr_expect_str_eq(fixture_outcome(&f)->participant, "old");
    fixture_down(&f, old);
    const uint64_t worker = fixture_peer_up(&f, "worker");
    const struct vow_gtrid id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, busy, 1);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "new%d", i);
        cr_assert(vow_coord_has_peer_room(f.core, name));
        const uint64_t session = fixture_peer_up(&f, name);
        cr_assert_null(fixture_effect(&f, VOW_COORD_ALARM, 0));
        cr_assert_not(vow_coord_has_peer_room(f.core, "another"));
        fixture_down(&f, session);
    }
    cr_assert(vow_coord_peer_has_work(f.core, "worker"));
    fixture_status(&f, 1, &refused, "");
    cr_expect_str_eq(fixture_outcome(&f)->participant, "", "somebody else is blamed");
    fixture_down(&f, worker);
    cr_assert_eq(fixture_counts(&f).peers, 2);
    fixture_close(&f);
}

/* The largest transaction fits the effects of one step in every phase. */
Test(limits, sixty_four_participants)
{
    char names[VOW_CALLS_MAX][16];
    const char *pointers[VOW_CALLS_MAX];
    uint64_t sessions[VOW_CALLS_MAX];
    struct vow_coord_limits limits = fixture_limits();
    struct vow_gtrid id;
    struct fixture f;

    limits.peers_max = VOW_CALLS_MAX;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    for (uint32_t i = 0; i < VOW_CALLS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "p%u", i);
        pointers[i] = names[i];
        sessions[i] = fixture_peer_up(&f, names[i]);
    }
    id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, pointers, VOW_CALLS_MAX);
    for (uint32_t i = 0; i < VOW_CALLS_MAX; i++) {
        struct vow_msg_header header = fixture_header(&f, &id, i, 1);

        fixture_vote(&f, sessions[i], &header, VOW_VOTE_YES);
    }
    cr_expect_eq(fixture_record(&f, VOW_RECORD_COMMIT)->branches_len, VOW_CALLS_MAX);
    fixture_log_done(&f, fixture_token(&f));
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_SEND, VOW_CALLS_MAX - 1u));
    /* All come back with another data file: a resend and an alarm for each. */
    for (uint32_t i = 0; i < VOW_CALLS_MAX; i++)
        fixture_peer_back(&f, names[i], 2, 9);
    fixture_after(&f, 0);
    cr_expect_eq(f.effects.len, (size_t)2 * VOW_CALLS_MAX);
    fixture_close(&f);
}

/* A lost participant of many transactions costs the step of the loss nothing; the timer takes them in bounded bites. */
Test(limits, one_timer_does_a_bounded_amount_of_work)
{
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;
    uint64_t peer;
    int timers = 0;

    limits.txns_max = 1000;
    limits.branches_max = 1000;
    limits.ids_window = 1024;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    peer = fixture_peer_up(&f, "p");
    for (int i = 0; i < 200; i++) {
        struct vow_gtrid id = fixture_id(&f, 0);

        fixture_commit(&f, 1, &id, one, 1);
    }
    fixture_down(&f, peer);
    cr_expect_eq(f.effects.len, 0);
    while (vow_coord_deadline_ms(f.core) <= f.now_ms) {
        uint32_t before = fixture_counts(&f).open;

        fixture_after(&f, 0);
        cr_expect_leq(before - fixture_counts(&f).open, 64);
        timers++;
    }
    cr_expect_eq(fixture_counts(&f).open, 0);
    cr_expect_eq(fixture_counts(&f).by_cause[VOW_CAUSE_PARTICIPANT_LOST], 200);
    cr_expect_geq(timers, 4);
    fixture_close(&f);
}

/* Calls of one participant need not be neighbours; each gets its own, in order. */
Test(requests, calls_are_sorted_by_participant)
{
    struct vow_msg_call calls[] = {{"p", "a", {NULL, 0}}, {"q", "b", {NULL, 0}}, {"p", "c", {NULL, 0}}};
    struct vow_msg msg = {.kind = VOW_MSG_COMMIT_REQUEST};
    const struct vow_msg_prepare *prepare;
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    fixture_peer_up(&f, "q");
    msg.commit_request = (struct vow_msg_commit_request){.gtrid = fixture_id(&f, 0), .calls_len = 3, .calls = calls};
    fixture_send(&f, 1, &msg);
    prepare = &fixture_effect(&f, VOW_COORD_SEND, 0)->msg.prepare;
    cr_expect_eq(prepare->calls_len, 2);
    cr_expect_str_eq(prepare->calls[0].handler, "a");
    cr_expect_str_eq(prepare->calls[1].handler, "c");
    prepare = &fixture_effect(&f, VOW_COORD_SEND, 1)->msg.prepare;
    cr_expect_eq(prepare->calls_len, 1);
    cr_expect_str_eq(prepare->calls[0].handler, "b");
    cr_expect_eq(prepare->peers_len, 2);
    cr_expect_str_eq(prepare->peers[1].name, "q");
    cr_expect_str_eq(prepare->peers[1].address, "");
    cr_expect_eq(prepare->peers[1].incarnation, 1);
    fixture_close(&f);
}

/* Outcomes older than the ring come from the journal. */
/* Counts of work that say "none" name no participant: found by fuzzing, as an assertion that one message could end. */
Test(requests, a_commit_of_no_operations_is_a_commit_of_nothing)
{
    static const struct vow_msg_work none[] = {{"stock", 0}, {"stock", 0}, {"nobody", 0}};
    struct fixture f;
    fixture_open(&f);
    const struct vow_gtrid shipped = fixture_id(&f, 0), joined = fixture_id(&f, 0);
    fixture_commit_request(&f, 500, (struct vow_msg_commit_request){.gtrid = shipped, .work_len = 3, .work = none},
                           NULL, 0);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_begin(&f, 500, (struct vow_msg_begin){.gtrid = joined, .key = ""});
    fixture_commit_request(&f, 500, (struct vow_msg_commit_request){.gtrid = joined, .work_len = 3, .work = none}, NULL,
                           0);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_close(&f);
}

/* Nobody is on a yes-list of a commit that wrote nothing: whoever says YES now must let go. Found by fuzzing. */
Test(requests, a_late_yes_to_a_commit_of_nothing_is_told_to_abort)
{
    struct fixture f;
    fixture_open(&f);
    const uint64_t stock = fixture_peer_up(&f, "stock");
    const struct vow_gtrid id = fixture_id(&f, 0);
    fixture_commit(&f, 500, &id, (const char *const[]){"stock"}, 1);
    const struct vow_msg_header header = fixture_header(&f, &id, 0, 1);
    fixture_vote(&f, stock, &header, VOW_VOTE_READ_ONLY);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_vote(&f, stock, &header, VOW_VOTE_YES);
    cr_assert_not_null(fixture_message(&f, VOW_MSG_DECISION));
    cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.verdict, VOW_ABORT);
    fixture_branch(&f, stock, VOW_MSG_INQUIRY, &header);
    cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.verdict, VOW_ABORT);
    fixture_close(&f);
}

Test(requests, what_the_ring_forgot_is_looked_up)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_coord_lookup lookup = {.session = 5, .found = true, .outcome = VOW_COMMITTED};
    struct fixture f;

    limits.ended_max = 1;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    lookup.question.gtrid = fixture_id(&f, 0);
    fixture_commit(&f, 1, &lookup.question.gtrid, NULL, 0);
    for (int i = 0; i < 3; i++) {
        struct vow_gtrid id = fixture_id(&f, 0);

        fixture_commit(&f, 1, &id, NULL, 0);
    }
    fixture_status(&f, 5, &lookup.question.gtrid, "");
    cr_expect_eq(fixture_effect(&f, VOW_COORD_LOOKUP, 0)->session, 5);
    fixture_looked_up(&f, &lookup);
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_close(&f);
}

/* One for each transaction, the same for all of its participants. */
Test(requests, F082_work_is_counted_by_who_asks_for_it)
{
    static const char *const both[] = {"p", "q"};
    uint64_t ordinals[3];
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    fixture_peer_up(&f, "q");
    for (int i = 0; i < 3; i++) {
        struct vow_gtrid id = fixture_id(&f, VOW_GTRID_ONE_PHASE);

        fixture_commit(&f, 1, &id, both, i == 1 ? 1 : 2);
        ordinals[i] = fixture_effect(&f, VOW_COORD_SEND, 0)->msg.prepare.ordinal;
        if (i != 1)
            cr_expect_eq(fixture_effect(&f, VOW_COORD_SEND, 1)->msg.prepare.ordinal, ordinals[i]);
    }
    cr_expect_eq(ordinals[1], ordinals[0] + 1);
    cr_expect_eq(ordinals[2], ordinals[1] + 1);
    cr_expect_neq(ordinals[0], 0);
    fixture_close(&f);
}

/* Without notes nothing but the protocol's records is written; the one-phase note guards the memo and stays. */
Test(requests, notes_can_be_switched_off)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_msg_header header;
    struct vow_gtrid id;
    struct fixture f;
    uint64_t peer;

    limits.notes = false;
    fixture_init(&f, &limits, 1);
    fixture_recovery_done(&f);
    peer = fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, NULL, 0);
    cr_expect_null(fixture_effect(&f, VOW_COORD_LOG, 0));
    id = fixture_id(&f, VOW_GTRID_ONE_PHASE);
    header = fixture_header(&f, &id, 0, 1);
    fixture_commit(&f, 1, &id, one, 1);
    fixture_one_phase_done(&f, peer, &header, VOW_ONE_PHASE_COMMITTED);
    cr_expect_not_null(fixture_record(&f, VOW_RECORD_ONE_PHASE));
    fixture_close(&f);
}

/* Resends: doubled up to the limit, a quarter more or less, for ever (protocol 2.4). */
Test(requests, resends_back_off)
{
    struct vow_msg_header header;
    struct vow_gtrid id;
    struct fixture f;
    uint64_t peer, delay = 1000;

    fixture_open(&f);
    peer = fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    header = fixture_header(&f, &id, 0, 1);
    fixture_commit(&f, 1, &id, one, 1);
    fixture_vote(&f, peer, &header, VOW_VOTE_YES);
    fixture_log_done(&f, fixture_token(&f));
    for (uint32_t i = 1; i <= 12; i++) {
        uint64_t wait = vow_coord_deadline_ms(f.core) - f.now_ms;

        cr_expect(wait >= delay * 3 / 4 && wait <= delay * 5 / 4, "%u: %lu", i, (unsigned long)wait);
        fixture_after(&f, wait);
        cr_assert_not_null(fixture_message(&f, VOW_MSG_DECISION));
        cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.header.attempt, i);
        delay = delay * 2 > 60000 ? 60000 : delay * 2;
    }
    fixture_down(&f, peer);
    fixture_after(&f, 120000);
    cr_expect_eq(vow_coord_deadline_ms(f.core), UINT64_MAX, "with nobody there, the timer rests");
    fixture_peer_up(&f, "p");
    cr_expect_eq(vow_coord_deadline_ms(f.core), f.now_ms);
    fixture_close(&f);
}

Test(view, shows_what_is_open)
{
    struct vow_coord_txn_view view;
    struct vow_gtrid id;
    struct vow_msg_header header;
    struct fixture f;
    uint32_t cursor = 0;
    const char *name;
    uint64_t session, incarnation, p;

    fixture_open(&f);
    p = fixture_peer_up(&f, "p");
    fixture_peer_back(&f, "q", 7, 1);
    id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, two, 2);
    header = fixture_header(&f, &id, 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_YES);
    cr_assert(vow_coord_next(f.core, &cursor, &view));
    cr_expect(vow_gtrid_equal(&view.gtrid, &id));
    cr_expect_str_eq(view.state, "PREPARING");
    cr_expect_eq(view.branches_len, 2);
    cr_expect_str_eq(view.branches[0].participant, "p");
    cr_expect(view.branches[0].voted && view.branches[0].vote == VOW_VOTE_YES);
    cr_expect(!view.branches[1].voted && view.branches[1].connected);
    cr_expect_eq(view.next_ms, f.now_ms + 5000);
    cr_expect_not(vow_coord_next(f.core, &cursor, &view));
    cursor = 0;
    cr_assert(vow_coord_next_peer(f.core, &cursor, &name, &session, &incarnation));
    cr_assert(vow_coord_next_peer(f.core, &cursor, &name, &session, &incarnation));
    cr_expect_str_eq(name, "q");
    cr_expect_eq(incarnation, 7);
    cr_expect_not(vow_coord_next_peer(f.core, &cursor, &name, &session, &incarnation));
    fixture_close(&f);
}

Test(view, counts)
{
    struct vow_msg_header header;
    struct vow_coord_counts counts;
    struct vow_gtrid id;
    struct fixture f;
    uint64_t p;
    uint64_t hits = 0;

    fixture_open(&f);
    p = fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    header = fixture_header(&f, &id, 0, 1);
    fixture_commit(&f, 1, &id, one, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_YES);
    fixture_log_done(&f, fixture_token(&f));
    counts = fixture_counts(&f);
    cr_expect_eq(counts.begun, 1);
    cr_expect_eq(counts.committed, 1);
    cr_expect_eq(counts.open, 1);
    cr_expect_eq(counts.in_doubt, 1);
    fixture_ack(&f, p, &header, VOW_ACK_DONE);
    cr_expect_eq(fixture_counts(&f).in_doubt, 0);
    for (size_t i = 0; i < vow_coord_fsm()->edges_len; i++)
        hits += vow_coord_edge_hits(f.core)[i];
    cr_expect_eq(hits, 4);
    cr_expect_str_eq(vow_record_name(VOW_RECORD_HAZARD), "HAZARD");
    cr_expect_str_eq(vow_record_name(VOW_RECORD_NOTES), "?");
    fixture_close(&f);
}

/* The answer to an inquiry had no room in the queue; the acknowledgement came all the same, for the decision that was
 * sent before. Found by the simulator: the timer of the transaction ran on the spot until END was durable. */
Test(requests, F029_a_queue_that_drains_after_the_acknowledgement_starts_no_timer)
{
    struct vow_msg_header header;
    struct vow_gtrid id;
    struct fixture f;
    uint64_t p;

    fixture_open(&f);
    p = fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    fixture_commit(&f, 1, &id, one, 1);
    header = fixture_header(&f, &id, 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_YES);
    fixture_log_done(&f, fixture_token(&f));
    fixture_full(&f, p, true);
    fixture_branch(&f, p, VOW_MSG_INQUIRY, &header);
    fixture_ack(&f, p, &header, VOW_ACK_DONE);
    cr_assert_str_eq(fixture_state(&f, &id), "ENDING");
    fixture_full(&f, p, false);
    cr_expect_eq(vow_coord_deadline_ms(f.core), UINT64_MAX);
    fixture_close(&f);
}

/* A participant may be there before the log was read: it is told as soon as the timer is. */
Test(recovery, an_open_commit_is_due_at_once)
{
    struct vow_record_branch member = {.name = "p", .branch = 3, .incarnation = 1};
    struct vow_record record = {.kind = VOW_RECORD_COMMIT, .epoch = 1, .branches_len = 1, .branches = &member};
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;

    fixture_init(&f, &limits, 2);
    record.gtrid = vow_gtrid_make(FIXTURE_COORD, 1, 9, 0, 7);
    fixture_peer_back(&f, "p", 2, 0);
    fixture_recovered(&f, &record);
    fixture_recovered(&f, &record); /* twice is once */
    fixture_recovery_done(&f);
    cr_expect_eq(fixture_counts(&f).open, 1);
    cr_expect_eq(vow_coord_deadline_ms(f.core), f.now_ms);
    fixture_after(&f, 0);
    cr_assert_not_null(fixture_message(&f, VOW_MSG_DECISION));
    cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.verdict, VOW_COMMIT);
    cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.header.branch, 3);
    cr_expect_eq(fixture_message(&f, VOW_MSG_DECISION)->decision.header.incarnation, 2);
    fixture_close(&f);
}

/*
 * F056, F224: a participant that was given up comes back, was rolled back by hand, and vowd dies with that on the disk
 * and its DAMAGE not. The operator's word was for what he knew then: nobody has seen this.
 */
Test(recovery, F056_damage_after_the_operators_word_waits_for_another)
{
    struct vow_record_branch member = {.name = "p", .branch = 0, .incarnation = 1};
    struct vow_record record = {.kind = VOW_RECORD_COMMIT, .epoch = 1, .branches_len = 1, .branches = &member};
    struct vow_coord_limits limits = fixture_limits();
    struct vow_msg_header header;
    struct fixture f;
    uint64_t p;

    fixture_init(&f, &limits, 2);
    record.gtrid = vow_gtrid_make(FIXTURE_COORD, 1, 9, 0, 7);
    fixture_recovered(&f, &record);
    record.branches_len = 0;
    record.kind = VOW_RECORD_HAZARD;
    strcpy(record.who, "p");
    fixture_recovered(&f, &record);
    record.kind = VOW_RECORD_FORGET;
    fixture_recovered(&f, &record);
    cr_assert_str_eq(fixture_state(&f, &record.gtrid), "ABANDONED");
    record.kind = VOW_RECORD_HEURISTIC;
    record.detail = VOW_ABORT;
    fixture_recovered(&f, &record);
    p = fixture_peer_back(&f, "p", 1, 0);
    fixture_recovery_done(&f);
    cr_expect_str_eq(fixture_state(&f, &record.gtrid), "HEUR");
    header = fixture_header(&f, &record.gtrid, 0, 1);
    fixture_report(&f, p, &header, VOW_ABORT);
    cr_expect_null(fixture_message(&f, VOW_MSG_FORGET), "forgotten, and nobody has seen it");
    fixture_forget(&f, &record.gtrid, "");
    fixture_log_done(&f, fixture_token(&f));
    cr_expect_not_null(fixture_message(&f, VOW_MSG_FORGET));
    fixture_close(&f);
}

/* An operator forgets damage that p reports, and the answer of the journal is not known. */
static void report_and_forget(struct fixture *f, uint64_t p, const struct vow_gtrid *id, enum vow_verdict verdict)
{
    const struct vow_msg_header header = fixture_header(f, id, 0, 1);

    fixture_report(f, p, &header, verdict);
    fixture_looked_up(f, &(struct vow_coord_lookup){.question.gtrid = *id, .session = p});
    if (strcmp(fixture_state(f, id), "NONE") == 0)
        return;
    fixture_log_done(f, fixture_token(f));
    fixture_status(f, 1, id, "");
    cr_expect_eq(fixture_outcome(f)->outcome, VOW_ABORTED, "an outcome that was told has turned");
    fixture_forget(f, id, "");
    fixture_log_done(f, fixture_token(f));
    fixture_log_done(f, fixture_token(f));
}

/* I18: whatever a participant says that it was told, what clients were told stays: also when no note of it is found. */
Test(damage, I18_a_report_never_turns_an_outcome)
{
    struct vow_msg_header header;
    struct vow_gtrid aborted, read_only;
    struct fixture f;
    uint64_t p, q;

    fixture_open(&f);
    p = fixture_peer_up(&f, "p");
    q = fixture_peer_up(&f, "q");
    aborted = fixture_id(&f, 0);
    fixture_commit(&f, 1, &aborted, two, 2);
    header = fixture_header(&f, &aborted, 1, 1);
    fixture_vote(&f, q, &header, VOW_VOTE_NO);
    cr_assert_eq(fixture_outcome(&f)->outcome, VOW_ABORTED);
    report_and_forget(&f, p, &aborted, VOW_ABORT);
    read_only = fixture_id(&f, 0);
    fixture_commit(&f, 1, &read_only, one, 1);
    header = fixture_header(&f, &read_only, 0, 1);
    fixture_vote(&f, p, &header, VOW_VOTE_READ_ONLY);
    cr_assert_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    report_and_forget(&f, p, &read_only, VOW_COMMIT);
    fixture_status(&f, 1, &read_only, "");
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_status(&f, 1, &aborted, "");
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_ABORTED);
    fixture_close(&f);
}

/* The same over a restart, which has nothing but the record. */
Test(damage, I18_recovered_damage_is_of_an_abort)
{
    struct vow_record_branch member = {.name = "p", .branch = 0, .incarnation = 1};
    struct vow_record record = {.kind = VOW_RECORD_HEURISTIC, .epoch = 1, .branches_len = 1, .branches = &member};
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;

    fixture_init(&f, &limits, 2);
    record.gtrid = vow_gtrid_make(FIXTURE_COORD, 1, 9, 0, 7);
    record.detail = VOW_ABORT;
    record.cause = VOW_CAUSE_PRESUMED;
    strcpy(record.who, "p");
    fixture_recovered(&f, &record);
    fixture_recovery_done(&f);
    fixture_status(&f, 1, &record.gtrid, "");
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_ABORTED);
    fixture_close(&f);
}
