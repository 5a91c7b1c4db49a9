/* Fault marks of events: a world has met a fault only in the very state that the fault names. */
#include "chaos/sim/marks.h"
#include "event_bed.h"
#include "proto/error.h"

static struct event_bed events;
static struct sim_marks marks;

static void begin(void)
{
    event_begin(&events);
    sim_marks_begin(&marks, &events.bed.judge.book, &events.bed.judge.ledger);
    sim_watch_add(&events.bed.watch, sim_marks_see, &marks);
}

static void end(void)
{
    event_end(&events);
}

TestSuite(marks_events, .init = begin, .fini = end);

static void crash(uint8_t node, bool in_commit)
{
    struct sim_sight sight = bed_sight(&events.bed, SIM_SEEN_CRASHED, node);

    sight.crashed.how = SIM_CRASH_KILL;
    sight.crashed.in_commit = in_commit;
    bed_show(&events.bed, &sight);
}

static void expect(enum sim_mark mark, bool is_hit)
{
    cr_assert_eq(marks.hit[mark], is_hit, "%s: %s", sim_mark_number(mark), sim_mark_text(mark));
}

static void ask_store(enum sim_sight_kind kind, enum vow_store_result result, enum vow_cause cause, uint32_t version)
{
    struct sim_sight sight = bed_sight(&events.bed, kind, P1);

    sight.store.op = VOW_STORE_EVENT;
    sight.store.result = result;
    sight.store.cause = cause;
    sight.store.event = (struct sim_seen_event){
        .group = "none", .topic = "", .key = "", .version = version, .result = VOW_EVENT_NOT_YET};
    bed_show(&events.bed, &sight);
}

Test(marks_events, F190_needs_a_commit_and_an_event_to_handle)
{
    crash(P1, true);
    expect(SIM_MARK_F190, false);
    event_restart(&events, P1);
    ask_store(SIM_SEEN_STORE_ASKED, 0, VOW_CAUSE_NONE, 1);
    crash(P1, true);
    expect(SIM_MARK_F190, true);
}

Test(marks_events, F191_needs_an_event_that_is_kept_and_a_row)
{
    event_send(&events, 1);
    crash(P0, false);
    expect(SIM_MARK_F191, false);
    event_restart(&events, P0);
    event_change(&events, 2);
    event_publish(&events, 2);
    event_keep(&events, 2);
    crash(P0, false);
    expect(SIM_MARK_F191, true);
}

Test(marks_events, F205_and_F213_are_said_by_the_coordinator)
{
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISHED, .published = {.key = "t9", .key_seq = 1, .text = ""}};

    msg.published.error = VOW_E_STATE;
    (void)bed_sent(&events.bed, C0, P0, &msg);
    expect(SIM_MARK_F205, false);
    msg.published.error = VOW_E_BUSY;
    (void)bed_sent(&events.bed, C0, P0, &msg);
    expect(SIM_MARK_F205, true);
    msg = (struct vow_msg){.kind = VOW_MSG_SUBSCRIBED, .subscribed = {.group = "x", .error = VOW_E_BUSY, .text = ""}};
    (void)bed_sent(&events.bed, C0, P0, &msg);
    expect(SIM_MARK_F213, false);
    msg.subscribed.error = VOW_E_REFUSED;
    (void)bed_sent(&events.bed, C0, P0, &msg);
    expect(SIM_MARK_F213, true);
}

Test(marks_events, F206_needs_a_dead_letter_and_F208_two_orders_at_once)
{
    event_send(&events, 1);
    event_do(&events, 1);
    expect(SIM_MARK_F206, false);
    event_send(&events, 2);
    event_fail(&events, 2);
    expect(SIM_MARK_F206, true);
    event_order(&events, VOW_ADMIN_DLQ_RETRY, 2);
    expect(SIM_MARK_F208, false);
    event_order(&events, VOW_ADMIN_DLQ_RETRY, 2);
    expect(SIM_MARK_F208, true);
}

Test(marks_events, F207_needs_a_group_that_is_paused)
{
    struct sim_sight sight = bed_sight(&events.bed, SIM_SEEN_GROUP, C0);

    sight.group.name = "stock";
    sight.group.participant = "p1";
    sight.group.state = "AWAY";
    bed_show(&events.bed, &sight);
    expect(SIM_MARK_F207, false);
    sight.group.state = "PAUSED";
    bed_show(&events.bed, &sight);
    expect(SIM_MARK_F207, true);
}

Test(marks_events, F209_needs_a_record_that_has_gone_and_F210_a_newer_version)
{
    ask_store(SIM_SEEN_STORE_DONE, VOW_STORE_REFUSED, VOW_CAUSE_HANDLER_FAILED, 1);
    expect(SIM_MARK_F209, false);
    expect(SIM_MARK_F210, false);
    ask_store(SIM_SEEN_STORE_DONE, VOW_STORE_REFUSED, VOW_CAUSE_HANDLER_FAILED, 2);
    expect(SIM_MARK_F210, true);
    ask_store(SIM_SEEN_STORE_DONE, VOW_STORE_REFUSED, VOW_CAUSE_TOO_LATE, 1);
    expect(SIM_MARK_F209, true);
}
