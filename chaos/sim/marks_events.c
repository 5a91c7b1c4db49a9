/* Which faults of events a world has met: the predicates of marks.def. */
#include <string.h>

#include "chaos/sim/marks.h"
#include "proto/error.h"

#define HIT(marks, number, condition) ((marks)->hit[SIM_MARK_##number] = (marks)->hit[SIM_MARK_##number] || (condition))

/* F208: "at once". */
#define AT_ONCE_US UINT64_C(1000)

static void crashed(struct sim_marks *marks, const struct sim_sight *sight)
{
    const struct sim_marks_of_events *of = &marks->events[sight->node];

    HIT(marks, F190, sight->crashed.in_commit && of->handling > 0);
    HIT(marks, F191, of->kept > of->gone);
}

static void stored(struct sim_marks *marks, const struct sim_sight *sight)
{
    struct sim_marks_of_events *of = &marks->events[sight->node];
    const bool is_done = sight->kind == SIM_SEEN_STORE_DONE;
    const struct sim_seen_event *event = &sight->store.event;
    const bool is_refused = is_done && sight->store.result == VOW_STORE_REFUSED;

    if (sight->store.op == VOW_STORE_OUTBOX_DONE && is_done)
        of->gone += sight->store.rows_len;
    if (sight->store.op != VOW_STORE_EVENT)
        return;
    if (sight->kind == SIM_SEEN_STORE_ASKED)
        of->handling++;
    else if (is_done && of->handling > 0)
        of->handling--;
    HIT(marks, F209, (is_refused && sight->store.cause == VOW_CAUSE_TOO_LATE) || (is_done && event->is_old));
    HIT(marks, F210, is_refused && event->version > 1 && event->result == VOW_EVENT_NOT_YET && sight->life == 1);
}

static void logged(struct sim_marks *marks, const struct sim_sight *sight)
{
    const struct vow_msg_event *event = sight->log.event;
    const uint8_t source = event != NULL ? sim_book_named(marks->book, event->source) : SIM_NODE_NONE;

    HIT(marks, F206, sight->log.record->kind == VOW_RECORD_DEAD);
    if (source < SIM_NODES_MAX)
        marks->events[source].kept++;
}

/* An operator says the same again before anything has come of it. */
static void ordered(struct sim_marks *marks, const struct sim_sight *sight)
{
    HIT(marks, F208,
        sight->operated.dead == VOW_ADMIN_DLQ_RETRY && marks->retried != 0 &&
            sight->at_us - marks->retried_us < AT_ONCE_US && marks->retried == sight->operated.offset &&
            marks->retried_node == sight->node);
    marks->retried = sight->operated.offset;
    marks->retried_us = sight->at_us;
    marks->retried_node = sight->node;
}

static void said(struct sim_marks *marks, const struct vow_msg *msg)
{
    HIT(marks, F205, msg->kind == VOW_MSG_PUBLISHED && msg->published.error == VOW_E_BUSY);
    HIT(marks, F213, msg->kind == VOW_MSG_SUBSCRIBED && msg->subscribed.error == VOW_E_REFUSED);
}

void marks_events_see(struct sim_marks *marks, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_STARTED:
        marks->events[sight->node].handling = 0;
        break;
    case SIM_SEEN_CRASHED:
        crashed(marks, sight);
        break;
    case SIM_SEEN_STORE_ASKED:
    case SIM_SEEN_STORE_DONE:
        stored(marks, sight);
        break;
    case SIM_SEEN_LOG_DURABLE:
        if (sim_is_of_event(sight))
            logged(marks, sight);
        break;
    case SIM_SEEN_SENT:
        said(marks, sight->message.msg);
        break;
    case SIM_SEEN_OPERATED:
        if (sight->operated.dead == VOW_ADMIN_DLQ_RETRY || sight->operated.dead == VOW_ADMIN_DLQ_DROP)
            ordered(marks, sight);
        break;
    case SIM_SEEN_GROUP:
        HIT(marks, F207, strcmp(sight->group.state, "PAUSED") == 0);
        break;
    case SIM_SEEN_DISK:
        /* A younger change has its number, and one that was promised before has none yet. */
        HIT(marks, F204,
            !sight->disk.dump->is_journal && sight->disk.dump->store.promises_len > 0 &&
                sight->disk.dump->store.counters_len > 0);
        break;
    default:
        break;
    }
}
