/* The same work as sagas: each participant's row is counted up by a step of its own, one after the other. */
#include <vow/vow.h>

#include "bench/bench.h"

static void on_saga(void *ctx, const struct vow_saga_result *result)
{
    enum vow_outcome outcome = VOW_UNKNOWN;
    if (result->state == VOW_SAGA_COMPLETED)
        outcome = VOW_COMMITTED;
    else if (result->state == VOW_SAGA_COMPENSATED)
        outcome = VOW_ABORTED;
    load_ended(ctx, outcome);
}

/* The last step is retriable and the one before it the pivot; what comes before that can be undone. */
static int add_step(struct load_slot *slot, struct vow_saga *saga, uint32_t i)
{
    struct vow_saga_step step = {.size = sizeof(step),
                                 .participant = slot->names[i],
                                 .action = "count",
                                 .payload = &slot->row,
                                 .len = sizeof(slot->row)};
    if (i + 1 == slot->participants && i > 0)
        step.kind = VOW_STEP_RETRIABLE;
    else if (i + 2 >= slot->participants)
        step.kind = VOW_STEP_PIVOT;
    else
        step.compensation = "count_back";
    return vow_saga_step(saga, &step);
}

int load_start_saga(struct load_slot *slot)
{
    struct vow_saga *saga;
    int error = vow_saga_new(slot->client, NULL, &saga);
    for (uint32_t i = 0; error == 0 && i < slot->participants; i++)
        error = add_step(slot, saga, i);
    if (error == 0)
        error = vow_saga_start(saga, 0, on_saga, slot);
    vow_saga_free(saga);
    return error;
}
