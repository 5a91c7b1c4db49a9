/* The table: complete, and driven cell by cell through the step function. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "coordinator/core/core.h"
#include "fixture.h"
#include "proto/error.h"

static const char *const one[] = {"p"};

Test(fsm, the_table_is_complete)
{
    char why[256];

    cr_assert_null(vow_fsm_check(vow_coord_fsm(), why, sizeof(why)), "%s", why);
    cr_assert_eq(vow_coord_fsm()->states_len, TXN_STATES);
    cr_assert_eq(vow_coord_fsm()->events_len, TXN_EVENTS);
}

/* One transaction of one participant, brought to a state. */
struct stage {
    struct fixture f;
    uint64_t client, peer;
    struct vow_gtrid id;
    struct vow_msg_header header;
    struct vow_coord_lookup lookup;
};

static void reach_committing(struct stage *s)
{
    fixture_commit(&s->f, s->client, &s->id, one, 1);
    fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
    fixture_log_done(&s->f, fixture_token(&s->f));
}

static void reach_looking_up(struct stage *s)
{
    struct vow_coord_limits limits = fixture_limits();

    /* A restart of the coordinator: the id is of an older epoch. */
    fixture_close(&s->f);
    fixture_init(&s->f, &limits, 2);
    fixture_recovery_done(&s->f);
    s->peer = fixture_peer_up(&s->f, "p");
    s->client = 500;
    s->header = fixture_header(&s->f, &s->id, 0, 1);
    fixture_status(&s->f, s->client, &s->id, "p");
}

/* The record that is waited for, which is the last of those that a step may log. */
static void log_done(struct stage *s)
{
    uint64_t token = 0;

    for (size_t i = 0; i < s->f.effects.len; i++) {
        if (s->f.effects.items[i].kind == VOW_COORD_LOG && s->f.effects.items[i].log.token != 0)
            token = s->f.effects.items[i].log.token;
    }
    fixture_log_done(&s->f, token);
}

static void reach_damage(struct stage *s, enum txn_state state)
{
    reach_committing(s);
    if (state == TXN_ABANDONED) {
        fixture_down(&s->f, s->peer);
        fixture_forget(&s->f, &s->id, "");
        log_done(s);
        s->peer = fixture_peer_up(&s->f, "p");
        return;
    }
    fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_NO_RECORD);
    if (state == TXN_DAMAGING)
        return;
    log_done(s);
    if (state == TXN_FORGIVING)
        fixture_forget(&s->f, &s->id, "");
}

/* The participant says so on the session that the journal is asked for. */
static void reach_judging(struct stage *s)
{
    fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
    fixture_report(&s->f, s->peer, &s->header, VOW_COMMIT);
}

static void reach(struct stage *s, enum txn_state state)
{
    bool one_phase = state == TXN_DELEGATED || state == TXN_FORGETTING || state == TXN_LOOKING_UP;

    memset(s, 0, sizeof(*s));
    fixture_open(&s->f);
    s->peer = fixture_peer_up(&s->f, "p");
    s->client = 500;
    s->id = fixture_id(&s->f, one_phase ? VOW_GTRID_ONE_PHASE : 0);
    s->header = fixture_header(&s->f, &s->id, 0, 1);
    switch (state) {
    case TXN_NONE: /* ended, so that nothing can begin it */
        fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
        break;
    case TXN_ACTIVE:
        fixture_request(&s->f, s->client, VOW_MSG_BEGIN, &s->id);
        fixture_branch(&s->f, s->peer, VOW_MSG_ENLIST, &s->header);
        break;
    case TXN_PREPARING:
    case TXN_DELEGATED:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        break;
    case TXN_DECIDING:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
        break;
    case TXN_COMMITTING:
        reach_committing(s);
        break;
    case TXN_ENDING:
        reach_committing(s);
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_DONE);
        break;
    case TXN_FORGETTING:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_COMMITTED);
        break;
    case TXN_LOOKING_UP:
        reach_looking_up(s);
        break;
    case TXN_DAMAGING:
    case TXN_HEUR:
    case TXN_FORGIVING:
    case TXN_ABANDONED:
        reach_damage(s, state);
        break;
    case TXN_JUDGING:
        reach_judging(s);
        break;
    case TXN_STATES:
        break;
    }
    s->lookup =
        (struct vow_coord_lookup){.question.gtrid = s->id, .session = state == TXN_JUDGING ? s->peer : s->client};
    cr_assert_str_eq(fixture_state(&s->f, &s->id), vow_coord_fsm()->states[state].name);
}

/* Makes the event happen. Returns false if this state has no way to feel it. */
static bool feed(struct stage *s, enum txn_event event)
{
    switch (event) {
    case TXN_ON_BEGIN:
        fixture_request(&s->f, s->client, VOW_MSG_BEGIN, &s->id);
        return true;
    case TXN_ON_ENLIST:
        fixture_branch(&s->f, s->peer, VOW_MSG_ENLIST, &s->header);
        return true;
    case TXN_ON_COMMIT_REQUEST:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        return true;
    case TXN_ON_ROLLBACK_REQUEST:
        fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
        return true;
    case TXN_ON_STATUS_REQUEST:
        fixture_status(&s->f, s->client, &s->id, "p");
        return true;
    case TXN_ON_LOOKED_UP:
        fixture_looked_up(&s->f, &s->lookup);
        return true;
    case TXN_ON_VOTE_YES:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
        return true;
    case TXN_ON_VOTE_READ_ONLY:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_READ_ONLY);
        return true;
    case TXN_ON_VOTE_NO:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_NO);
        return true;
    case TXN_ON_ACK_DONE:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_DONE);
        return true;
    case TXN_ON_ACK_NO_RECORD:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_NO_RECORD);
        return true;
    case TXN_ON_ACK_MISMATCH:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_HEURISTIC_MISMATCH);
        return true;
    case TXN_ON_HEURISTIC_REPORT:
        fixture_report(&s->f, s->peer, &s->header, VOW_ABORT);
        return true;
    case TXN_ON_FORGET_ORDER:
        fixture_forget(&s->f, &s->id, "");
        return true;
    case TXN_ON_INQUIRY:
        fixture_branch(&s->f, s->peer, VOW_MSG_INQUIRY, &s->header);
        return true;
    case TXN_ON_ONE_PHASE_COMMITTED:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_COMMITTED);
        return true;
    case TXN_ON_ONE_PHASE_ABORTED:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_ABORTED);
        return true;
    case TXN_ON_ONE_PHASE_NO_RECORD:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_NO_RECORD);
        return true;
    case TXN_ON_CLIENT_LOST:
    case TXN_ON_PARTICIPANT_LOST:
    case TXN_ON_TIMEOUT:
    case TXN_ON_LOGGED:
    case TXN_ON_RECOVERED_COMMIT:
    case TXN_ON_RECOVERED_HAZARD:
    case TXN_ON_RECOVERED_HEURISTIC:
    case TXN_ON_RECOVERED_DAMAGE:
    case TXN_ON_RECOVERED_FORGET:
    case TXN_EVENTS:
        break;
    }
    return false;
}

/* Participants do not see a client's question, nor the damage of one that was aborted: to them the transaction is in
 * NONE. */
static bool is_hidden(enum txn_state state, enum txn_event event)
{
    return (state == TXN_LOOKING_UP || state == TXN_JUDGING) &&
           ((event >= TXN_ON_VOTE_YES && event <= TXN_ON_VOTE_NO) ||
            (event >= TXN_ON_ACK_DONE && event <= TXN_ON_ACK_MISMATCH) || event == TXN_ON_INQUIRY);
}

static void check_cell(const struct vow_fsm_cell *cell)
{
    struct vow_coord_counts before, after;
    struct stage s;

    reach(&s, (enum txn_state)cell->state);
    before = fixture_counts(&s.f);
    if (!feed(&s, (enum txn_event)cell->event)) {
        fixture_close(&s.f);
        return;
    }
    after = fixture_counts(&s.f);
    cr_expect_str_eq(fixture_state(&s.f, &s.id), vow_coord_fsm()->states[cell->state].name);
    if (!is_hidden((enum txn_state)cell->state, (enum txn_event)cell->event)) {
        cr_expect_eq(after.ignored - before.ignored, cell->verdict == VOW_FSM_IGNORE);
        cr_expect_eq(after.protocol_errors - before.protocol_errors, cell->verdict == VOW_FSM_PROTOCOL_ERROR);
        cr_expect_eq(fixture_effect(&s.f, VOW_COORD_ALARM, 0) != NULL, cell->verdict == VOW_FSM_PROTOCOL_ERROR);
        cr_expect_null(fixture_effect(&s.f, VOW_COORD_SEND, 0));
        cr_expect_null(fixture_effect(&s.f, VOW_COORD_LOG, 0));
    }
    fixture_close(&s.f);
}

Test(fsm, what_a_cell_forbids_changes_nothing_and_is_counted)
{
    const struct vow_fsm *fsm = vow_coord_fsm();

    for (size_t i = 0; i < fsm->cells_len; i++)
        check_cell(&fsm->cells[i]);
}

Test(fsm, every_event_of_every_state_leads_along_an_edge)
{
    struct stage s;

    for (int state = 0; state < TXN_STATES; state++) {
        for (int event = 0; event < TXN_EVENTS; event++) {
            unsigned to = 0;

            reach(&s, (enum txn_state)state);
            if (feed(&s, (enum txn_event)event) && !is_hidden((enum txn_state)state, (enum txn_event)event)) {
                while (strcmp(vow_coord_fsm()->states[to].name, fixture_state(&s.f, &s.id)) != 0)
                    to++;
                cr_expect(to == (unsigned)state ||
                          vow_fsm_has_edge(vow_coord_fsm(), (unsigned)state, (unsigned)event, to));
            }
            fixture_close(&s.f);
        }
    }
}

/* A policy in the operator's place: recorded and told like all damage, and then forgotten. */
Test(fsm, F056_auto_forget_records_and_forgets)
{
    struct vow_coord_limits limits = fixture_limits();
    struct stage s = {0};

    limits.auto_forget = true;
    fixture_init(&s.f, &limits, 1);
    fixture_recovery_done(&s.f);
    s.peer = fixture_peer_up(&s.f, "p");
    s.client = 500;
    s.id = fixture_id(&s.f, 0);
    s.header = fixture_header(&s.f, &s.id, 0, 1);
    reach_committing(&s);
    fixture_ack(&s.f, s.peer, &s.header, VOW_ACK_HEURISTIC_MISMATCH);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "DAMAGING");
    log_done(&s);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "FORGIVING");
    cr_expect_not_null(fixture_effect(&s.f, VOW_COORD_ALARM, 0));
    log_done(&s);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "ENDING");
    cr_expect_eq(fixture_effect(&s.f, VOW_COORD_SEND, 0)->msg.kind, VOW_MSG_FORGET);
    log_done(&s);
    fixture_status(&s.f, s.client, &s.id, "");
    cr_expect_eq(fixture_outcome(&s.f)->outcome, VOW_COMMITTED);
    cr_expect_eq(fixture_outcome(&s.f)->error, VOW_E_HEURISTIC_ROLLBACK);
    fixture_close(&s.f);
}

/* Mistake 16: once the force was submitted, no timer, loss or cancel changes the outcome. */
Test(fsm, after_the_force_was_submitted_the_outcome_is_the_logs)
{
    struct stage s;
    uint64_t token;

    reach(&s, TXN_DECIDING);
    token = fixture_token(&s.f);
    cr_assert_eq(vow_coord_deadline_ms(s.f.core), UINT64_MAX);
    fixture_after(&s.f, 60000);
    cr_expect_eq(s.f.effects.len, 0);
    fixture_down(&s.f, s.peer);
    fixture_down(&s.f, s.client);
    fixture_after(&s.f, 60000);
    cr_expect_eq(s.f.effects.len, 0);
    fixture_request(&s.f, 501, VOW_MSG_ROLLBACK_REQUEST, &s.id);
    cr_expect_eq(fixture_outcome(&s.f)->outcome, VOW_PENDING);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "DECIDING");
    fixture_log_done(&s.f, token);
    cr_expect_eq(fixture_outcome(&s.f)->outcome, VOW_COMMITTED);
    fixture_close(&s.f);
}

Test(fsm, losing_either_side_after_the_decision_changes_nothing)
{
    static const enum txn_state states[] = {TXN_DECIDING, TXN_COMMITTING, TXN_ENDING, TXN_DELEGATED, TXN_FORGETTING};
    struct stage s;

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        reach(&s, states[i]);
        fixture_down(&s.f, s.peer);
        fixture_down(&s.f, s.client);
        fixture_after(&s.f, 600000);
        fixture_after(&s.f, 600000);
        cr_expect_str_eq(fixture_state(&s.f, &s.id), vow_coord_fsm()->states[states[i]].name);
        fixture_close(&s.f);
    }
}
