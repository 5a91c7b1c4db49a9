/*
 * I21: all or compensated. END says COMPLETED, or a client is told so, when each action is durably done, on the
 * coordinator's disk and at its participant, and none undone; COMPENSATED when each that may have been done is undone
 * in both places; CLOSED when an operator has ordered it, and clients hear of it when it is durable. A saga has one
 * end, whatever is written or told again. RUNNING is told when BEGIN is durable, COMPENSATING when what has failed is:
 * a crash before that, and the saga goes forward. What an operator orders excuses CLOSED, and nothing else.
 */
#include "chaos/sim/check.h"

static const char *why_not_completed(const struct ledger_saga *saga)
{
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        const struct ledger_step *step = &saga->steps[i];

        if (step->action.fate != VOW_FATE_DONE)
            return "a step has no durable DONE";
        if (step->action.taken == 0)
            return "a step has not taken effect";
        if (step->compensation.taken != 0 || step->compensation.sent != 0)
            return "a step is undone";
    }
    return NULL;
}

static const char *why_not_compensated(const struct ledger_saga *saga)
{
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        const struct ledger_step *step = &saga->steps[i];

        if (sim_step_may_be_done(step) && step->compensation.fate != VOW_FATE_UNDONE)
            return "a step that may be done has no durable UNDONE";
        if ((step->action.taken != 0) != (step->compensation.taken != 0))
            return "a step has taken effect, and its compensation has not";
        if (step->action.fate == VOW_FATE_REJECTED && step->action.taken != 0)
            return "a step that was rejected has taken effect";
    }
    return saga->failed == 0 ? "nothing has failed" : NULL;
}

static bool is_backward(enum vow_saga_state state)
{
    return state == VOW_SAGA_COMPENSATING || state == VOW_SAGA_STUCK_COMPENSATING;
}

static const char *why_not(const struct ledger_saga *saga, enum vow_saga_state state)
{
    if (state == VOW_SAGA_COMPLETED)
        return why_not_completed(saga);
    if (state == VOW_SAGA_COMPENSATED)
        return why_not_compensated(saga);
    if (state == VOW_SAGA_CLOSED)
        return saga->close_ordered == 0 ? "nobody has ordered it" : NULL;
    if (saga->begun == 0)
        return "its order is not durable";
    return is_backward(state) && saga->failed == 0 ? "nothing of it has durably failed" : NULL;
}

static void check_record(struct sim_judge *judge, const struct sim_sight *sight, const struct ledger_saga *saga)
{
    const enum vow_saga_state state = (enum vow_saga_state)sight->log.record->detail;
    const char *why = why_not(saga, state);

    if (why != NULL)
        judge_fail(judge, sight, "I21", &saga->gtrid, "it ends %s, and %s", vow_saga_state_name((int)state), why);
    if (saga->ended != 0 && saga->is != state)
        judge_fail(judge, sight, "I21", &saga->gtrid, "it ends %s, and has ended %s", vow_saga_state_name((int)state),
                   vow_saga_state_name((int)saga->is));
}

static void check_word(struct sim_judge *judge, const struct sim_sight *sight, const struct ledger_saga *saga)
{
    const enum vow_saga_state state = sight->message.msg->saga_state.state;
    const char *why = why_not(saga, state);

    if (why != NULL)
        judge_fail(judge, sight, "I21", &saga->gtrid, "a client is told %s, and %s", vow_saga_state_name((int)state),
                   why);
    if (state == VOW_SAGA_CLOSED && saga->ended == 0)
        judge_fail(judge, sight, "I21", &saga->gtrid, "a client is told CLOSED before that is durable");
    if (saga->ended != 0 && state >= VOW_SAGA_COMPLETED && saga->is != state)
        judge_fail(judge, sight, "I21", &saga->gtrid, "a client is told %s, and it ended %s",
                   vow_saga_state_name((int)state), vow_saga_state_name((int)saga->is));
}

/* At the client: what it was told once is never told otherwise. */
static void check_told(struct sim_judge *judge, const struct sim_sight *sight, const struct ledger_saga *saga)
{
    if (saga->told_at != 0 && saga->told_at != sight->seq && sight->told.saga != VOW_SAGA_UNKNOWN &&
        sight->told.saga >= VOW_SAGA_COMPLETED && sight->told.saga != saga->told)
        judge_fail(judge, sight, "I21", &saga->gtrid, "its client was told %s, and now %s",
                   vow_saga_state_name((int)saga->told), vow_saga_state_name((int)sight->told.saga));
}

void check_saga_outcome(struct sim_judge *judge, const struct sim_sight *sight)
{
    const bool is_end = sight->kind == SIM_SEEN_LOG_ASKED && sight->log.record->kind == VOW_RECORD_SAGA_END;
    const bool is_word = sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_SAGA_STATE &&
                         sight->message.msg->saga_state.state != VOW_SAGA_UNKNOWN;
    const bool is_told = sight->kind == SIM_SEEN_TOLD && sight->told.what == SIM_ASK_SAGA;
    const struct ledger_saga *saga;

    if (!is_end && !is_word && !is_told)
        return;
    saga = sim_ledger_find(&judge->ledger, is_end    ? &sight->log.record->gtrid
                                           : is_word ? &sight->message.msg->saga_state.gtrid
                                                     : &sight->gtrid);
    if (saga == NULL || sim_saga_is_harmed(&judge->ledger, saga))
        return;
    if (is_end)
        check_record(judge, sight, saga);
    else if (is_word)
        check_word(judge, sight, saga);
    else
        check_told(judge, sight, saga);
}
