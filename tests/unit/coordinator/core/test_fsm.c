/* The table: complete, and driven cell by cell through the step function. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "coordinator/core/core.h"
#include "proto/error.h"
#include "stage.h"

Test(fsm, the_table_is_complete)
{
    char why[256];

    cr_assert_null(vow_fsm_check(vow_coord_fsm(), why, sizeof(why)), "%s", why);
    cr_assert_eq(vow_coord_fsm()->states_len, TXN_STATES);
    cr_assert_eq(vow_coord_fsm()->events_len, TXN_EVENTS);
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

    stage_reach(&s, (enum txn_state)cell->state);
    before = fixture_counts(&s.f);
    if (!stage_feed(&s, (enum txn_event)cell->event)) {
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

            stage_reach(&s, (enum txn_state)state);
            if (stage_feed(&s, (enum txn_event)event) && !is_hidden((enum txn_state)state, (enum txn_event)event)) {
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
    stage_commit(&s);
    fixture_ack(&s.f, s.peer, &s.header, VOW_ACK_HEURISTIC_MISMATCH);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "DAMAGING");
    stage_log_done(&s);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "FORGIVING");
    cr_expect_not_null(fixture_effect(&s.f, VOW_COORD_ALARM, 0));
    stage_log_done(&s);
    cr_assert_str_eq(fixture_state(&s.f, &s.id), "ENDING");
    cr_expect_eq(fixture_effect(&s.f, VOW_COORD_SEND, 0)->msg.kind, VOW_MSG_FORGET);
    stage_log_done(&s);
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

    stage_reach(&s, TXN_DECIDING);
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
        stage_reach(&s, states[i]);
        fixture_down(&s.f, s.peer);
        fixture_down(&s.f, s.client);
        fixture_after(&s.f, 600000);
        fixture_after(&s.f, 600000);
        cr_expect_str_eq(fixture_state(&s.f, &s.id), vow_coord_fsm()->states[states[i]].name);
        fixture_close(&s.f);
    }
}
