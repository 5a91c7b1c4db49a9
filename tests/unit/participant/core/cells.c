/* Ways into every state of a branch, and every event that a branch can feel. */
#include "cells.h"

#include <stdio.h>

#include "fixture.h"
#include "proto/error.h"

void cells_start(struct fixture *f)
{
    const struct vow_branches_limits limits = fixture_limits();
    const struct vow_branches_identity identity = fixture_identity();
    fixture_start(f, &limits, &identity);
    feed_coord_up(f, COORD, EPOCH, (struct vow_watermark){0});
}

static void send(struct fixture *f, enum vow_msg_kind kind)
{
    const struct vow_msg msg = message_of(kind, CELLS_SUBJECT);
    feed_message(f, &msg);
}

static void send_abort(struct fixture *f, uint32_t epoch)
{
    struct vow_msg msg = abort_of(CELLS_SUBJECT);
    msg.decision.header.epoch = epoch;
    feed_message(f, &msg);
}

static void send_refused_enlistment(struct fixture *f)
{
    struct vow_msg msg = message_of(VOW_MSG_ENLISTED, CELLS_SUBJECT);
    msg.enlisted.error = VOW_E_REFUSED;
    feed_message(f, &msg);
}

/* The question that follows at once has been asked: only what the test does moves it. */
static enum vow_store_op_kind bring_to_heuristic(struct fixture *f, enum vow_branch_state state)
{
    switch ((int)state) {
    case VOW_BRANCH_HEURISTIC_COMMITTING:
        bring_to(f, VOW_BRANCH_PREPARED);
        feed_resolve(f, CELLS_SUBJECT, VOW_COMMIT, 0);
        return VOW_STORE_HEURISTIC_COMMIT;
    case VOW_BRANCH_HEURISTIC_ABORTING:
        bring_to(f, VOW_BRANCH_PREPARED);
        feed_resolve(f, CELLS_SUBJECT, VOW_ABORT, 7);
        return VOW_STORE_HEURISTIC_ABORT;
    case VOW_BRANCH_HEURISTIC_COMMITTED:
        feed_store(f, bring_to(f, VOW_BRANCH_HEURISTIC_COMMITTING), CELLS_SUBJECT, VOW_STORE_DONE);
        feed_timer(f, f->now_ms);
        return 0;
    case VOW_BRANCH_HEURISTIC_ABORTED:
        feed_store(f, bring_to(f, VOW_BRANCH_HEURISTIC_ABORTING), CELLS_SUBJECT, VOW_STORE_DONE);
        feed_timer(f, f->now_ms);
        return 0;
    case VOW_BRANCH_SETTLING:
        bring_to(f, VOW_BRANCH_HEURISTIC_COMMITTED);
        send_abort(f, EPOCH);
        return VOW_STORE_SETTLE;
    default: /* DAMAGED */
        feed_store(f, bring_to(f, VOW_BRANCH_SETTLING), CELLS_SUBJECT, VOW_STORE_DONE);
        return 0;
    }
}

enum vow_store_op_kind bring_to(struct fixture *f, enum vow_branch_state state)
{
    switch (state) {
    case VOW_BRANCH_UNKNOWN:
    case VOW_BRANCH_STATES:
        return 0;
    case VOW_BRANCH_ENLISTING:
        feed_join(f, CELLS_SUBJECT);
        return 0;
    case VOW_BRANCH_ACTIVE:
        bring_to(f, VOW_BRANCH_WORKING);
        feed_store(f, VOW_STORE_WORK, CELLS_SUBJECT, VOW_STORE_DONE);
        return 0;
    case VOW_BRANCH_WORKING:
        feed_join(f, CELLS_SUBJECT);
        send(f, VOW_MSG_ENLISTED);
        return VOW_STORE_WORK;
    case VOW_BRANCH_SPOILED:
        bring_to(f, VOW_BRANCH_WORKING);
        send_abort(f, EPOCH);
        return VOW_STORE_WORK;
    case VOW_BRANCH_PREPARING:
        send(f, VOW_MSG_PREPARE);
        return VOW_STORE_PREPARE;
    case VOW_BRANCH_DOOMED:
        bring_to(f, VOW_BRANCH_PREPARING);
        send_abort(f, EPOCH);
        return VOW_STORE_PREPARE;
    case VOW_BRANCH_PREPARED:
        feed_recovered(f, CELLS_SUBJECT);
        return 0;
    case VOW_BRANCH_COMMITTING:
        bring_to(f, VOW_BRANCH_PREPARED);
        send(f, VOW_MSG_DECISION);
        return VOW_STORE_COMMIT;
    case VOW_BRANCH_ABORTING:
        bring_to(f, VOW_BRANCH_PREPARED);
        send_abort(f, EPOCH);
        return VOW_STORE_ABORT;
    case VOW_BRANCH_ONE_PHASE:
        send(f, VOW_MSG_COMMIT_ONE_PHASE);
        return VOW_STORE_ONE_PHASE;
    case VOW_BRANCH_RECALLING:
        send(f, VOW_MSG_ONE_PHASE_QUERY);
        return VOW_STORE_MEMO;
    case VOW_BRANCH_HEURISTIC_COMMITTING:
    case VOW_BRANCH_HEURISTIC_ABORTING:
    case VOW_BRANCH_HEURISTIC_COMMITTED:
    case VOW_BRANCH_HEURISTIC_ABORTED:
    case VOW_BRANCH_SETTLING:
    case VOW_BRANCH_DAMAGED:
        return bring_to_heuristic(f, state);
    }
    return 0;
}

static void answer(struct fixture *f, enum vow_store_op_kind op, enum vow_store_result result)
{
    feed_store(f, op != 0 ? op : VOW_STORE_PREPARE, CELLS_SUBJECT, result);
}

static void ask(struct fixture *f, uint64_t incarnation)
{
    struct vow_msg msg = message_of(VOW_MSG_PEER_INQUIRY, CELLS_SUBJECT);
    msg.peer_inquiry.header.incarnation = incarnation;
    feed_peer(f, 9, &msg);
}

static void tell(struct fixture *f, enum vow_peer_answer answer, uint32_t epoch)
{
    struct vow_msg msg = message_of(VOW_MSG_PEER_ANSWER, CELLS_SUBJECT);
    msg.peer_answer.answer = answer;
    msg.peer_answer.header.epoch = epoch;
    feed_peer(f, 9, &msg);
}

void drive(struct fixture *f, enum vow_branch_event event, enum vow_store_op_kind op)
{
    switch (event) {
    case VOW_BRANCH_EV_JOIN:
        feed_join(f, CELLS_SUBJECT);
        return;
    case VOW_BRANCH_EV_ENLISTED:
        send(f, VOW_MSG_ENLISTED);
        return;
    case VOW_BRANCH_EV_NOT_ENLISTED:
        send_refused_enlistment(f);
        return;
    case VOW_BRANCH_EV_DISCONNECTED:
        feed_coord_down(f);
        feed_timer(f, f->now_ms);
        return;
    case VOW_BRANCH_EV_PREPARE:
        send(f, VOW_MSG_PREPARE);
        return;
    case VOW_BRANCH_EV_COMMIT:
        send(f, VOW_MSG_DECISION);
        return;
    case VOW_BRANCH_EV_ABORT:
        send_abort(f, EPOCH);
        return;
    case VOW_BRANCH_EV_STALE_ABORT:
        send_abort(f, EPOCH - 1);
        return;
    case VOW_BRANCH_EV_COMMIT_ONE_PHASE:
        send(f, VOW_MSG_COMMIT_ONE_PHASE);
        return;
    case VOW_BRANCH_EV_ONE_PHASE_QUERY:
        send(f, VOW_MSG_ONE_PHASE_QUERY);
        return;
    case VOW_BRANCH_EV_FORGET:
        send(f, VOW_MSG_FORGET);
        return;
    case VOW_BRANCH_EV_WAIT:
        send(f, VOW_MSG_WAIT);
        return;
    case VOW_BRANCH_EV_TIMEOUT:
        feed_timer(f, f->now_ms + 3600000);
        return;
    case VOW_BRANCH_EV_RECOVERED:
        feed_recovered(f, CELLS_SUBJECT);
        return;
    case VOW_BRANCH_EV_RECOVERED_HEURISTIC:
        feed_heuristic(f, CELLS_SUBJECT, VOW_COMMIT, 0);
        return;
    case VOW_BRANCH_EV_RESOLVE_COMMIT:
        feed_resolve(f, CELLS_SUBJECT, VOW_COMMIT, 0);
        return;
    case VOW_BRANCH_EV_RESOLVE_ABORT:
        feed_resolve(f, CELLS_SUBJECT, VOW_ABORT, 7);
        return;
    case VOW_BRANCH_EV_STORE_DONE:
        answer(f, op, VOW_STORE_DONE);
        return;
    case VOW_BRANCH_EV_STORE_READ_ONLY:
        answer(f, op, VOW_STORE_READ_ONLY);
        return;
    case VOW_BRANCH_EV_STORE_REFUSED:
        answer(f, op, VOW_STORE_REFUSED);
        return;
    case VOW_BRANCH_EV_STORE_NO_RECORD:
        answer(f, op, VOW_STORE_NO_RECORD);
        return;
    case VOW_BRANCH_EV_PEER_ASKS:
        ask(f, INCARNATION);
        return;
    case VOW_BRANCH_EV_PEER_ASKS_OLD:
        ask(f, INCARNATION - 1);
        return;
    case VOW_BRANCH_EV_PEER_COMMITTED:
        tell(f, VOW_PEER_COMMITTED, EPOCH);
        return;
    case VOW_BRANCH_EV_PEER_ABORTED:
        tell(f, VOW_PEER_ABORTED, EPOCH);
        return;
    case VOW_BRANCH_EV_PEER_STALE_ABORTED:
        tell(f, VOW_PEER_ABORTED, EPOCH - 1);
        return;
    case VOW_BRANCH_EV_PEER_UNSURE:
        tell(f, VOW_PEER_NO_INFO, EPOCH);
        return;
    case VOW_BRANCH_EV_PEER_HEURISTIC:
        tell(f, VOW_PEER_HEURISTIC_ABORTED, EPOCH);
        return;
    case VOW_BRANCH_EVENTS:
        return;
    }
}
