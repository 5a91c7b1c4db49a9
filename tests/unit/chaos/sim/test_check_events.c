/* Checkers I25, I27 and S7, and I24 of events: from the change that is told to the group that does it. */
#include "event_bed.h"

static struct event_bed events;

static void begin(void)
{
    event_begin(&events);
}

static void end(void)
{
    event_end(&events);
}

TestSuite(check_events, .init = begin, .fini = end);

static struct event_disk *p0(void)
{
    return &events.disks[0];
}

static struct event_disk *p1(void)
{
    return &events.disks[1];
}

Test(check_events, what_is_told_and_done_holds)
{
    for (uint64_t i = 1; i <= 3; i++)
        event_send(&events, i);
    for (uint64_t i = 1; i <= 3; i++)
        event_do(&events, i);
    event_logged(&events, VOW_RECORD_CURSOR, 3, 0);
    event_restart(&events, P0);
    event_restart(&events, P1);
    event_restart(&events, C0);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

/* ---- I25: a change and its event ---- */

Test(check_events, I25_F190_a_change_without_its_event)
{
    event_change(&events, 1);
    p0()->outbox_len = 0;
    event_restart(&events, P0);
    bed_violates(&events.bed, "I25", "neither in the outbox nor kept");
}

Test(check_events, I25_an_event_that_is_kept_need_not_wait)
{
    event_send(&events, 1);
    event_restart(&events, P0);
    bed_holds(&events.bed);
}

Test(check_events, I25_F190_an_event_without_its_change)
{
    event_change(&events, 1);
    p0()->told_len = 0;
    event_restart(&events, P0);
    bed_violates(&events.bed, "I25", "its change is not there");
}

Test(check_events, I25_F191_published_and_the_change_was_not_committed)
{
    event_publish(&events, 1);
    bed_violates(&events.bed, "I25", "was not committed");
}

Test(check_events, I25_kept_and_the_change_was_not_committed)
{
    event_log(&events, SIM_SEEN_LOG_ASKED, 1);
    bed_violates(&events.bed, "I25", "was not committed");
}

/* A power cut may take the newest local change back with its event, but not when somebody was told. */
static void lose_a_change(bool is_published)
{
    event_change(&events, 1);
    if (is_published)
        event_publish(&events, 1);
    p0()->told_len = p0()->outbox_len = 0;
    p0()->counter.key = NULL;
    event_restart(&events, P0);
}

Test(check_events, I25_a_change_that_nobody_was_told_of_may_go)
{
    lose_a_change(false);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_events, I25_F191_a_change_that_was_published_may_not)
{
    lose_a_change(true);
    bed_violates(&events.bed, "I25", "was published, and is not there");
}

Test(check_events, I25_F204_another_number_than_the_change)
{
    event_change(&events, 1);
    p0()->outbox[0].key_seq = 2;
    event_restart(&events, P0);
    bed_violates(&events.bed, "I25", "told with the number 2");
}

Test(check_events, I25_another_topic_than_the_change)
{
    event_change(&events, 1);
    p0()->outbox[0].topic = "stock.reserved";
    event_restart(&events, P0);
    bed_violates(&events.bed, "I25", "stock.reserved");
}

Test(check_events, I25_B57_a_counter_that_has_run_ahead)
{
    event_change(&events, 1);
    p0()->counter.last = 2;
    event_restart(&events, P0);
    bed_violates(&events.bed, "I25", "stands at 2");
}

/* A branch has promised an event, tag 1001, which is that of change 1. */
static void promise(bool has_branch)
{
    p0()->branches[0] = (struct sim_dump_branch){.gtrid = events.bed.txn, .state = SIM_BRANCH_PREPARED};
    p0()->branches_len = has_branch;
    p0()->promises[0] = (struct sim_dump_promise){.gtrid = events.bed.txn, .key = "t1", .tag = 1001};
    p0()->promises_len = 1;
}

Test(check_events, I25_a_prepared_branch_keeps_its_promise_apart)
{
    promise(true);
    event_show_disk(&events, P0);
    bed_holds(&events.bed);
}

Test(check_events, I25_a_promise_outlives_its_branch)
{
    promise(false);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I25", "no prepared branch");
}

Test(check_events, I25_B57_an_event_is_there_before_its_branch_commits)
{
    event_change(&events, 1);
    promise(true);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I25", "before it commits");
}

Test(check_events, I25_a_wiped_disk_is_not_judged)
{
    event_send(&events, 1);
    bed_fault(&events.bed, SIM_FAULT_WIPE, P0);
    memset(p0(), 0, sizeof(*p0()));
    event_restart(&events, P0);
    bed_holds(&events.bed);
}

/* ---- I27, S7: order ---- */

Test(check_events, I27_S7_F204_a_number_is_passed_over)
{
    event_change(&events, 1);
    event_change(&events, 2);
    event_publish(&events, 2);
    event_keep(&events, 2);
    bed_violates(&events.bed, "I27", "is kept behind 0");
}

Test(check_events, I27_S7_F191_a_duplicate_is_kept_again)
{
    event_send(&events, 1);
    event_publish(&events, 1);
    event_keep(&events, 1);
    bed_violates(&events.bed, "I27", "is kept behind 1");
}

Test(check_events, I27_S7_two_of_a_key_in_flight)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_deliver(&events, 1, 1);
    event_deliver(&events, 2, 1);
    bed_violates(&events.bed, "I27", "event 1 is not done");
}

Test(check_events, I27_S7_the_next_one_before_the_answer)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_deliver(&events, 1, 1);
    event_run(&events, 1);
    event_deliver(&events, 2, 1);
    bed_violates(&events.bed, "I27", "event 1 is not done");
}

Test(check_events, I27_S7_an_event_is_delivered_again_until_it_is_answered)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_run(&events, 1);
    event_restart(&events, C0);
    event_deliver(&events, 1, 1);
    event_repeat(&events, 1);
    event_answer(&events, 1, 1, VOW_EVENT_DONE);
    event_send(&events, 2);
    event_do(&events, 2);
    bed_holds(&events.bed);
}

Test(check_events, I27_S7_F206_a_dead_letter_lets_its_key_go_on)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_fail(&events, 1);
    event_do(&events, 2);
    event_order(&events, VOW_ADMIN_DLQ_RETRY, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_RETRY);
    event_do(&events, 1);
    bed_holds(&events.bed);
}

/* Both are dead, and revived; the second goes first. */
Test(check_events, I27_S7_letters_are_delivered_in_reverse)
{
    for (uint64_t number = 1; number <= 2; number++) {
        event_send(&events, number);
        event_fail(&events, number);
        event_order(&events, VOW_ADMIN_DLQ_RETRY, number);
    }
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_RETRY);
    event_logged(&events, VOW_RECORD_REVIVED, 2, VOW_REVIVAL_RETRY);
    event_deliver(&events, 2, 1);
    bed_violates(&events.bed, "I27", "before event 1, which an operator has revived");
}

/* A delivery has strayed, and comes behind that of the next one. */
Test(check_events, I27_S7_an_event_is_done_behind_a_later_one)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_deliver(&events, 1, 1);
    event_run(&events, 2);
    event_run(&events, 1);
    bed_violates(&events.bed, "I27", "has done event 2");
}

/* ---- I24: once ---- */

Test(check_events, I24_F192_a_duplicate_takes_effect)
{
    event_send(&events, 1);
    event_do(&events, 1);
    event_deliver(&events, 1, 1);
    event_run(&events, 1);
    bed_violates(&events.bed, "I24", "again");
}

Test(check_events, I24_said_to_be_a_repeat_and_was_not_done)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_repeat(&events, 1);
    bed_violates(&events.bed, "I24", "and it was not");
}

Test(check_events, I24_F192_done_is_sent_before_it_is_durable)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_answer(&events, 1, 1, VOW_EVENT_DONE);
    bed_violates(&events.bed, "I24", "not durable");
}

Test(check_events, I24_F192_an_effect_that_the_inbox_does_not_know)
{
    event_send(&events, 1);
    event_do(&events, 1);
    p1()->inbox_len = 0;
    event_restart(&events, P1);
    bed_violates(&events.bed, "I24", "does not know it");
}

Test(check_events, I24_F212_below_its_floor_the_inbox_need_not_know)
{
    event_send(&events, 1);
    event_do(&events, 1);
    p1()->inbox_len = 0;
    p1()->floor = (struct sim_dump_floor){.group = "stock", .floor = events.lsns[1]};
    event_restart(&events, P1);
    bed_holds(&events.bed);
}

Test(check_events, I24_F209_what_was_never_done_is_refused_as_old)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_refuse_as_old(&events, 1);
    bed_violates(&events.bed, "I24", "has never done it");
}

Test(check_events, I24_F209_what_was_done_may_be_refused_as_old)
{
    event_send(&events, 1);
    event_do(&events, 1);
    event_deliver(&events, 1, 1);
    event_refuse_as_old(&events, 1);
    bed_holds(&events.bed);
}

static void refuse_a_letter(bool forgets)
{
    events.bed.judge.diary.forgets[P1] = forgets;
    event_send(&events, 1);
    event_fail(&events, 1);
    event_deliver(&events, 1, 1);
    event_refuse_as_old(&events, 1);
}

/* Where an inbox knows few offsets: what was never done may lie below them. */
Test(check_events, I24_F209_a_dead_letter_may_be_refused_as_old_where_little_is_known)
{
    refuse_a_letter(true);
    bed_holds(&events.bed);
}

Test(check_events, I24_F209_a_dead_letter_is_refused_as_old)
{
    refuse_a_letter(false);
    bed_violates(&events.bed, "I24", "has never done it");
}

Test(check_events, I24_two_effects_on_a_disk)
{
    event_send(&events, 1);
    event_do(&events, 1);
    p1()->heard[1] = p1()->heard[0];
    p1()->heard_len = 2;
    event_restart(&events, P1);
    bed_violates(&events.bed, "I24", "twice");
}

Test(check_events, I24_what_was_durably_done_is_gone)
{
    event_send(&events, 1);
    event_do(&events, 1);
    p1()->heard_len = p1()->inbox_len = 0;
    event_restart(&events, P1);
    bed_violates(&events.bed, "I24", "it is not there");
}
