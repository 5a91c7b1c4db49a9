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

static bool is_stuck(const struct vow_saga_result *saga)
{
    return saga->state == VOW_SAGA_STUCK_FORWARD || saga->state == VOW_SAGA_STUCK_COMPENSATING;
}

/* On the client's thread: only hands the result over. */
static void on_saga(void *ctx, const struct vow_saga_result *result)
{
    struct load_order *slot = ctx;

    as_transaction(result, &slot->result);
    slot->is_stuck = is_stuck(result);
    load_mailbox_put_result(slot->load, slot);
}

/* The steps of an order. Nothing of an order is `at_once` that is looked at: what is read and written when must not
 * depend on luck. */
#define STEP(who, does, undoes)                                                                                        \
    .size = sizeof(struct vow_saga_step), .participant = who, .action = does, .compensation = undoes
static const struct vow_saga_step look = {STEP("stock", "look", "settle"), .attempts_max = 1000, .deadline_ms = 5000,
                                          .backoff_ms = 2, .backoff_max_ms = 50};
static const struct vow_saga_step take = {STEP("stock", "take", "give_back")};
static const struct vow_saga_step take_for_good = {STEP("stock", "take", NULL), .kind = VOW_STEP_PIVOT};
static const struct vow_saga_step pay = {STEP("payment", "pay", "pay_back")};
static const struct vow_saga_step pay_at_once = {STEP("payment", "pay", "pay_back"), .parallel = true};
static const struct vow_saga_step place = {STEP("order", "place", NULL), .kind = VOW_STEP_RETRIABLE};
static const struct vow_saga_step settle = {STEP("stock", "settle", NULL), .kind = VOW_STEP_RETRIABLE};

#define STEPS_MAX 5
#define ASK_MS 200

static const struct vow_saga_step *const plain[STEPS_MAX] = {&take, &pay_at_once, &place};
static const struct vow_saga_step *const looked_at[STEPS_MAX] = {&look, &take, &pay, &place};
/* The lock of the first step is cleared by the last, or by the compensation of the first. */
static const struct vow_saga_step *const locking[STEPS_MAX] = {&look, &take, &pay, &place, &settle};
/* Nobody reads goods that may come back: when they are taken, nothing can be refused any more. */
static const struct vow_saga_step *const goods_last[STEPS_MAX] = {&pay, &look, &take_for_good, &place};

static const struct vow_saga_step *const *steps_of(enum shop_arm arm)
{
    if (arm == SHOP_ARM_UNSET)
        return plain;
    if (arm == SHOP_ARM_SEMANTIC_LOCK)
        return locking;
    return arm == SHOP_ARM_PESSIMISTIC_VIEW ? goods_last : looked_at;
}

int load_saga_send(struct load_order *slot, const char *payload, size_t len)
{
    const struct vow_saga_step *const *steps = steps_of(slot->order.arm);
    int error;

    vow_saga_free(slot->saga); /* of an earlier try, which has ended */
    error = vow_saga_new(slot->load->client, NULL, &slot->saga);
    for (size_t i = 0; error == 0 && i < STEPS_MAX && steps[i] != NULL; i++) {
        struct vow_saga_step step = *steps[i];
        step.payload = payload;
        step.len = len;
        error = vow_saga_step(slot->saga, &step);
    }
    return error != 0 ? error : vow_saga_start(slot->saga, 0, on_saga, slot);
}

int load_saga_ask(struct load_order *slot, struct vow_result *result)
{
    struct vow_saga_result saga;
    const int error = vow_saga_run(slot->saga, ASK_MS, &saga);

    if (error != 0)
        return error;
    as_transaction(&saga, result);
    slot->is_stuck = is_stuck(&saga);
    return 0;
}
