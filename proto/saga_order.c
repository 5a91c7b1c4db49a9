/* What is wrong with the order of a saga, said before anything of it happens: first by the client, who gives it, and
 * again by the coordinator, who cannot trust it (docs/sagas.md 4.2, Order). */
#include "proto/message.h"

static const char *fault_of_stage(const struct vow_msg_saga_step *step, const struct vow_msg_saga_step *before)
{
    if (before == NULL)
        return step->stage == 0 ? NULL : "the first stage is 0";
    if (step->stage != before->stage && step->stage != before->stage + 1)
        return "stages come in order, without a gap";
    if (step->kind < before->kind)
        return "compensatable steps come first, then the pivot, then retriable ones";
    if (step->stage != before->stage)
        return step->kind == VOW_STEP_PIVOT && before->kind == VOW_STEP_PIVOT ? "a saga has one pivot at most" : NULL;
    if (step->kind != before->kind)
        return "steps of one stage are of one kind";
    return step->kind == VOW_STEP_PIVOT ? "the pivot is alone in its stage" : NULL;
}

static const char *fault_of_kind(const struct vow_msg_saga_step *step)
{
    bool has = step->compensation[0] != '\0';

    if (step->kind == VOW_STEP_COMPENSATABLE && !has)
        return "a step before the pivot needs a compensation";
    if (step->kind != VOW_STEP_COMPENSATABLE && has)
        return "the pivot, and what comes after it, is never compensated";
    return NULL;
}

const char *vow_saga_fault(const struct vow_msg_saga_request *request, uint32_t *step)
{
    if (request->steps_len == 0 || request->steps_len > VOW_STEPS_MAX) {
        *step = VOW_STEP_NONE;
        return "a saga has 1 to 64 steps";
    }
    for (uint32_t i = 0; i < request->steps_len; i++) {
        const char *fault = fault_of_kind(&request->steps[i]);

        if (fault == NULL)
            fault = fault_of_stage(&request->steps[i], i > 0 ? &request->steps[i - 1] : NULL);
        if (fault != NULL) {
            *step = i;
            return fault;
        }
    }
    *step = VOW_STEP_NONE;
    return NULL;
}
