/* Which faults of sagas a world has met: the predicates of marks.def. The ledger has entered the sight already. */
#include "chaos/sim/marks.h"

#define HIT(marks, number, condition) ((marks)->hit[SIM_MARK_##number] = (marks)->hit[SIM_MARK_##number] || (condition))

static bool is_open(const struct ledger_saga *saga)
{
    return saga->begun != 0 && saga->ended == 0;
}

/* ---- crashes ---- */

static bool is_unheard(const struct ledger_side *side)
{
    return side->recorded != 0 && side->answered == 0;
}

static void participant_crashed(struct sim_marks *marks, uint8_t node)
{
    for (const struct ledger_saga *saga = marks->ledger->sagas; saga != NULL; saga = saga->next) {
        for (uint32_t i = 0; i < saga->steps_len && is_open(saga); i++) {
            const struct ledger_step *step = &saga->steps[i];

            HIT(marks, F192, step->node == node && (is_unheard(&step->action) || is_unheard(&step->compensation)));
        }
    }
}

static void coordinator_crashed(struct sim_marks *marks, uint8_t node)
{
    for (const struct ledger_saga *saga = marks->ledger->sagas; saga != NULL; saga = saga->next) {
        uint32_t undone = 0, left = 0;

        if (saga->coord != node || !is_open(saga))
            continue;
        for (uint32_t i = 0; i < saga->steps_len && saga->failed != 0; i++) {
            const struct ledger_step *step = &saga->steps[i];

            undone += step->compensation.fate == VOW_FATE_UNDONE;
            left += sim_step_may_be_done(step) && step->compensation.fate != VOW_FATE_UNDONE;
        }
        HIT(marks, F198, true);
        HIT(marks, F202, undone > 0 && left > 0);
    }
}

/* ---- the store ---- */

static bool has_rival(const struct sim_marks *marks, const struct ledger_saga *of, uint8_t node)
{
    for (const struct ledger_saga *saga = marks->ledger->sagas; saga != NULL; saga = saga->next) {
        for (uint32_t i = 0; i < saga->steps_len && saga != of && is_open(saga); i++) {
            if (saga->steps[i].node == node && saga->steps[i].action.taken != 0)
                return true;
        }
    }
    return false;
}

static void step_done(struct sim_marks *marks, const struct sim_sight *sight, const struct ledger_saga *saga)
{
    const struct sim_seen_step *seen = &sight->store.step;
    const struct ledger_step *step = seen->number < saga->steps_len ? &saga->steps[seen->number] : NULL;
    const bool is_done = seen->result == VOW_STEP_DONE;

    if (step == NULL || step->node != sight->node)
        return;
    HIT(marks, F212, seen->result == VOW_STEP_NOT_YET && sight->store.cause == VOW_CAUSE_TOO_LATE);
    if (seen->direction == VOW_STEP_COMPENSATION) {
        HIT(marks, F195, is_done && !seen->has_run && step->action.taken == 0);
        HIT(marks, F196, is_done && !seen->has_run && step->compensation.recorded < sight->seq);
        return;
    }
    HIT(marks, F194, is_done && seen->has_run && step->action.fate == VOW_FATE_UNKNOWN);
    HIT(marks, F200, is_done && seen->has_run && has_rival(marks, saga, sight->node));
}

/* ---- the journal ---- */

static bool has_sibling(const struct ledger_saga *saga, uint32_t number)
{
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        if (i != number && saga->steps[i].action.sent != 0 && saga->steps[i].action.fated == 0)
            return true;
    }
    return false;
}

static bool has_unrecorded_success(const struct ledger_saga *saga)
{
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        if (saga->steps[i].action.taken != 0 && saga->steps[i].action.fated == 0)
            return true;
    }
    return false;
}

static void logged(struct sim_marks *marks, const struct vow_record *record, const struct ledger_saga *saga)
{
    const bool is_step = record->kind == VOW_RECORD_SAGA_STEP;
    const bool has_failed = is_step && record->step.direction == VOW_STEP_ACTION &&
                            (record->step.fate == VOW_FATE_REJECTED || record->step.fate == VOW_FATE_UNKNOWN);

    HIT(marks, F197, is_step && record->step.direction == VOW_STEP_COMPENSATION && record->step.fate == VOW_FATE_STUCK);
    HIT(marks, F201, has_failed && has_sibling(saga, record->step.number));
    HIT(marks, F203,
        record->kind == VOW_RECORD_SAGA_TURN && record->cause == VOW_CAUSE_TXN_TIMEOUT && has_unrecorded_success(saga));
}

/* ---- messages ---- */

static void received(struct sim_marks *marks, const struct vow_msg *msg, const struct ledger_saga *saga)
{
    const struct vow_msg_step_done *done = &msg->step_done;

    HIT(marks, F199,
        msg->kind == VOW_MSG_STEP_DONE && saga != NULL && done->step < saga->steps_len &&
            saga->steps[done->step].kind == VOW_STEP_RETRIABLE && done->result != VOW_STEP_DONE);
}

void marks_saga_see(struct sim_marks *marks, const struct sim_sight *sight)
{
    const bool is_message = sight->kind == SIM_SEEN_SENT || sight->kind == SIM_SEEN_RECEIVED;
    const struct vow_gtrid gtrid = is_message ? sim_message_id(sight->message.msg) : sight->gtrid;
    const struct ledger_saga *saga =
        marks->ledger != NULL && sim_is_of_saga(sight) ? sim_ledger_find(marks->ledger, &gtrid) : NULL;
    const enum sim_role role = marks->book->nodes[sight->node].role;

    if (marks->ledger == NULL)
        return;
    if (sight->kind == SIM_SEEN_CRASHED && role == SIM_PARTICIPANT)
        participant_crashed(marks, sight->node);
    else if (sight->kind == SIM_SEEN_CRASHED && role == SIM_COORDINATOR)
        coordinator_crashed(marks, sight->node);
    else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_STEP_DONE)
        marks->answer = sight->message.frame;
    else if (sight->kind == SIM_SEEN_FAULT)
        HIT(marks, F193,
            sight->fault.fault == SIM_FAULT_LOSS && marks->answer != 0 && sight->fault.amount == marks->answer);
    else if (sight->kind == SIM_SEEN_RECEIVED)
        received(marks, sight->message.msg, saga);
    else if (saga != NULL && sight->kind == SIM_SEEN_STORE_DONE)
        step_done(marks, sight, saga);
    else if (saga != NULL && sight->kind == SIM_SEEN_LOG_DURABLE)
        logged(marks, sight->log.record, saga);
}
