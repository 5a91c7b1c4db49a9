/*
 * I22, S2: order. A STEP is sent when what it follows from is durable: BEGIN, and every step of the stages before it;
 * and a compensation when it is durable that the saga has failed, when nothing that was sent forward in this life is
 * still open, and when all is undone that may have been done in the stages behind. What the coordinator's core knows to
 * have failed gets no further action. A TURN is asked for only as long as nothing was sent that cannot be undone.
 *
 * Open is an action that was sent in this life of the coordinator and has no record: of those of an earlier life the
 * recovery says that they are unknown, and undoes them.
 */
#include "chaos/sim/check.h"

struct order {
    struct sim_judge *judge;
    const struct sim_sight *sight;
    const struct ledger_saga *saga;
    const struct ledger_step *step;
};

static void fail(const struct order *order, const char *what)
{
    judge_fail(order->judge, order->sight, "I22", &order->saga->gtrid, "step %u: %s",
               (unsigned)(order->step - order->saga->steps), what);
}

static void check_action(const struct order *order)
{
    if (order->saga->begun == 0)
        fail(order, "it is sent, and the saga's order is not durable");
    if (order->saga->knows != 0)
        fail(order, "its action is sent, and the saga is known to have failed");
    if (order->step->compensation.sent != 0)
        fail(order, "its action is sent, and its compensation was");
    for (uint32_t i = 0; i < order->saga->steps_len; i++) {
        const struct ledger_step *before = &order->saga->steps[i];

        if (before->stage < order->step->stage && before->action.fate != VOW_FATE_DONE)
            fail(order, "it is sent, and a step of an earlier stage is not durably done");
    }
}

static void check_compensation(const struct order *order)
{
    if (order->saga->failed == 0)
        fail(order, "its compensation is sent, and nothing has failed");
    if (order->step->action.fate == VOW_FATE_REJECTED)
        fail(order, "its compensation is sent, and it was rejected");
    for (uint32_t i = 0; i < order->saga->steps_len; i++) {
        const struct ledger_step *other = &order->saga->steps[i];

        if (other->stage > order->step->stage && sim_step_may_be_done(other) &&
            other->compensation.fate != VOW_FATE_UNDONE)
            fail(order, "its compensation is sent, and a step of a later stage is not undone");
        if (other->action.sent_life == order->sight->life && other->action.sent != 0 && other->action.fated == 0)
            fail(order, "its compensation is sent, and another step is under way");
    }
}

static void check_turn(const struct order *order)
{
    for (uint32_t i = 0; i < order->saga->steps_len; i++) {
        if (order->saga->steps[i].kind != VOW_STEP_COMPENSATABLE && order->saga->steps[i].action.sent != 0)
            judge_fail(order->judge, order->sight, "I22", &order->saga->gtrid,
                       "it is turned round, and step %u cannot be undone", (unsigned)i);
    }
}

void check_saga_order(struct sim_judge *judge, const struct sim_sight *sight)
{
    const bool is_step = sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_STEP;
    const bool is_turn = sight->kind == SIM_SEEN_LOG_ASKED && sight->log.record->kind == VOW_RECORD_SAGA_TURN;
    struct order order = {.judge = judge, .sight = sight};
    struct ledger_saga *saga;

    if (!is_step && !is_turn)
        return;
    saga = sim_ledger_find(&judge->ledger, is_step ? &sight->message.msg->step.gtrid : &sight->log.record->gtrid);
    order.saga = saga;
    if (saga == NULL || sim_saga_is_harmed(&judge->ledger, saga))
        return;
    if (is_turn) {
        check_turn(&order);
        return;
    }
    order.step = sim_ledger_step(saga, sight->message.msg->step.step);
    if (order.step == NULL)
        return;
    if (sight->message.msg->step.direction == VOW_STEP_ACTION)
        check_action(&order);
    else
        check_compensation(&order);
}
