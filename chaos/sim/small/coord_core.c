/* What the core of a small world's coordinator wants, and whether it may. */
#include "chaos/sim/small/coord_private.h"
#include "chaos/sim/small/peers.h"

static void take_decision(struct run *run, uint32_t peer, enum vow_verdict verdict)
{
    const struct small_coord *to = &run->to;

    if (verdict == VOW_COMMIT) {
        if (!coord_has(to, VOW_RECORD_COMMIT))
            small_break_rule(run->step, "I07", "COMMIT is sent, and the decision is not durable (mistake 1)");
        return;
    }
    run->step->seen |= SMALL_SAID_ABORT;
    if (coord_has(to, VOW_RECORD_COMMIT) || coord_is_submitted(to, VOW_RECORD_COMMIT))
        small_break_rule(run->step, "I10", "ABORT is sent after COMMIT was submitted to the log (mistakes 6, 16)");
    if ((to->read_only >> peer & 1) != 0)
        small_break_rule(run->step, "2.2-abort",
                         "ABORT is sent to a participant that has voted READ_ONLY (mistake 17)");
}

static void take_send(struct run *run, const struct vow_coord_effect *effect)
{
    const uint32_t peer = (uint32_t)(effect->session - SMALL_PEER_SESSION);

    if (effect->msg.kind == VOW_MSG_DECISION)
        take_decision(run, peer, effect->msg.decision.verdict);
    small_send(run->step, peer, small_mail_number(&run->nodes->mail, &effect->msg));
}

static void take_reply(struct run *run, const struct vow_msg *msg)
{
    const struct small_coord *to = &run->to;

    if (msg->kind != VOW_MSG_OUTCOME)
        return;
    if (msg->outcome.outcome == VOW_COMMITTED) {
        run->step->seen |= SMALL_TOLD_COMMITTED;
        if (!coord_has(to, VOW_RECORD_COMMIT))
            run->step->seen |= SMALL_TOLD_UNLOGGED;
    }
    if (msg->outcome.outcome == VOW_ABORTED) {
        run->step->seen |= SMALL_TOLD_ABORTED;
        if (coord_has(to, VOW_RECORD_COMMIT) || coord_is_submitted(to, VOW_RECORD_COMMIT))
            small_break_rule(run->step, "I06",
                             "ABORTED is answered after COMMIT was submitted to the log (mistake 16)");
    }
}

static void take_effect(struct run *run, const struct vow_coord_effect *effect)
{
    switch (effect->kind) {
    case VOW_COORD_SEND:
        take_send(run, effect);
        break;
    case VOW_COORD_REPLY:
        take_reply(run, &effect->msg);
        break;
    case VOW_COORD_LOG:
        coord_take_log(run, effect);
        break;
    case VOW_COORD_LOOKUP:
        coord_ask_journal(run, effect);
        break;
    case VOW_COORD_FORGOTTEN:
        break;
    case VOW_COORD_TRACE:
        run->to.state = effect->trace.to;
        break;
    case VOW_COORD_ALARM:
        small_alarm(run->step, effect->alarm.what);
        break;
    }
}

void coord_feed(struct run *run, struct vow_coord_event event)
{
    struct vow_coord_effects effects;

    event.now_ms = run->to.now_ms;
    vow_coord_step(run->core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        take_effect(run, &effects.items[i]);
}
