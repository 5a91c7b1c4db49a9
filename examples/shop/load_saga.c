/*
 * An order as a saga: goods and money are taken at once, each with a way back; then the order is written down, which is
 * not refused. So whoever looks meanwhile may see goods that are taken for an order that will never be: that is what a
 * saga gives up, and what the audit does not see, because it comes when all have ended.
 */
#include <string.h>

#include "load.h"

static void as_transaction(const struct vow_saga_result *saga, struct vow_result *result)
{
    *result = (struct vow_result){.id = saga->id, .outcome = VOW_UNKNOWN, .error = saga->error, .cause = saga->cause};
    memcpy(result->text, saga->text, sizeof(result->text));
    if (saga->state == VOW_SAGA_COMPLETED)
        result->outcome = VOW_COMMITTED;
    else if (saga->state == VOW_SAGA_COMPENSATED)
        result->outcome = VOW_ABORTED;
    /* It did not begin: nothing happened, as with a transaction that is refused at the door. */
    else if (saga->state == VOW_SAGA_UNKNOWN && saga->error != VOW_E_IN_DOUBT && saga->error != VOW_E_EXPIRED)
        result->outcome = VOW_ABORTED;
}

/* On the client's thread: only hands the result over. */
static void on_saga(void *ctx, const struct vow_saga_result *result)
{
    struct load_order *slot = ctx;

    as_transaction(result, &slot->result);
    load_mailbox_put_result(slot->load, slot);
}

int load_saga_send(struct load_order *slot, const char *payload, size_t len)
{
    const struct vow_saga_step steps[] = {
        {sizeof(steps[0]), "stock", "take", "give_back", payload, len, .kind = VOW_STEP_COMPENSATABLE},
        {sizeof(steps[0]), "payment", "pay", "pay_back", payload, len, .parallel = true},
        {sizeof(steps[0]), "order", "place", NULL, payload, len, .kind = VOW_STEP_RETRIABLE},
    };
    struct vow_saga *saga;
    int error = vow_saga_new(slot->load->client, NULL, &saga);

    for (size_t i = 0; error == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
        error = vow_saga_step(saga, &steps[i]);
    if (error == 0)
        error = vow_saga_start(saga, 0, on_saga, slot);
    vow_saga_free(saga);
    return error;
}

int load_saga_ask(struct load *load, const struct vow_gtrid *id, struct vow_result *result)
{
    struct vow_saga_result saga;
    const int error = vow_saga_status(load->client, id, &saga);

    if (error == 0)
        as_transaction(&saga, result);
    return error;
}
