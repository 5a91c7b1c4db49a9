/* Checkers I26, I28 and I29: what a coordinator keeps of events, and what becomes of them. */
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

TestSuite(check_relay, .init = begin, .fini = end);

/* ---- I26: at least once ---- */

Test(check_relay, I26_an_event_that_nobody_keeps)
{
    event_change(&events, 1);
    event_heal_and_end(&events);
    bed_violates(&events.bed, "I26", "is not kept");
}

Test(check_relay, I26_an_event_that_its_group_never_gets)
{
    event_send(&events, 1);
    event_heal_and_end(&events);
    bed_violates(&events.bed, "I26", "has not reached stock");
}

Test(check_relay, I26_a_dead_letter_is_an_end)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

static void heal_without_p1(void)
{
    struct sim_sight sight = bed_sight(&events.bed, SIM_SEEN_HEALED, SIM_NODE_NONE);

    sight.healed.nodes = 0xf & ~sim_bit(P1);
    bed_show(&events.bed, &sight);
    events.bed.at_us += UINT64_C(90000000);
    bed_plain(&events.bed, SIM_SEEN_ENDED, SIM_NODE_NONE);
}

Test(check_relay, I26_a_consumer_that_is_broken_excuses_it)
{
    event_send(&events, 1);
    heal_without_p1();
    bed_holds(&events.bed);
}

Test(check_relay, I26_F207_a_paused_group_still_owes_it)
{
    struct sim_sight sight = bed_sight(&events.bed, SIM_SEEN_GROUP, C0);

    event_send(&events, 1);
    sight.group.name = "stock";
    sight.group.participant = "p1";
    sight.group.state = "PAUSED";
    bed_show(&events.bed, &sight);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_relay, I26_delivered_before_it_is_durable)
{
    event_change(&events, 1);
    event_publish(&events, 1);
    event_log(&events, SIM_SEEN_LOG_ASKED, 1);
    events.lsns[1] = events.bed.lsn + 1;
    event_deliver(&events, 1, 1);
    bed_violates(&events.bed, "I26", "no durable event");
}

Test(check_relay, I26_delivered_as_another_one)
{
    event_send(&events, 1);
    event_send(&events, 2);
    events.lsns[2] = events.lsns[1];
    event_deliver(&events, 2, 1);
    bed_violates(&events.bed, "I26", "as another one");
}

static void ask_for(const char *key)
{
    for (struct diary_group *group = events.bed.judge.diary.groups; group != NULL; group = group->next)
        group->key_filter = key;
}

Test(check_relay, I26_delivered_to_who_does_not_ask_for_its_key)
{
    ask_for("t2*");
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    bed_violates(&events.bed, "I26", "does not ask for it");
}

Test(check_relay, I26_a_group_is_not_owed_what_it_does_not_ask_for)
{
    ask_for("t2*");
    event_send(&events, 1);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

static void ask_for_header(const struct vow_msg_header_of_event *filter)
{
    for (struct diary_group *group = events.bed.judge.diary.groups; group != NULL; group = group->next) {
        group->filters = filter;
        group->filters_len = 1;
    }
}

Test(check_relay, I26_delivered_to_who_does_not_ask_for_its_headers)
{
    static const struct vow_msg_header_of_event filter = {"size", "large"};

    ask_for_header(&filter);
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    bed_violates(&events.bed, "I26", "does not ask for it");
}

Test(check_relay, I26_a_group_is_not_owed_what_has_other_headers)
{
    static const struct vow_msg_header_of_event filter = {"size", "large"};

    ask_for_header(&filter);
    event_send(&events, 1);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_relay, I26_an_event_has_the_headers_of_its_tag)
{
    const uint64_t large = SIM_TAG_IS_SIZED | SIM_TAG_IS_LARGE | 1, small_and_red = SIM_TAG_IS_SIZED | SIM_TAG_IS_RED;
    struct vow_msg_header_of_event headers[SIM_NEWS_HEADERS_MAX];

    cr_assert_eq(sim_news_headers(1, headers), 0);
    cr_assert(sim_news_has_headers(1, NULL, 0) && !sim_news_has_headers(large, NULL, 0));
    cr_assert_eq(sim_news_headers(large, headers), 1);
    cr_assert(sim_news_has_header(large, headers) && !sim_news_has_header(small_and_red, headers));
    cr_assert(sim_news_has_headers(large, headers, 1) && !sim_news_has_headers(small_and_red, headers, 1));
    cr_assert_eq(sim_news_headers(small_and_red, headers), 2);
    cr_assert(sim_news_has_header(small_and_red, &headers[1]) && !sim_news_has_header(large, &headers[1]));
}

/* ---- an operator moves a group ---- */

Test(check_relay, I26_a_group_that_is_moved_forward_is_not_owed_what_it_passed_over)
{
    event_send(&events, 1);
    event_move(&events, UINT64_MAX, events.lsns[1]);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_relay, I26_a_group_that_is_moved_to_the_newest_is_owed_what_comes_then)
{
    event_move(&events, UINT64_MAX, UINT64_MAX);
    event_send(&events, 1);
    event_heal_and_end(&events);
    bed_violates(&events.bed, "I26", "has not reached stock");
}

Test(check_relay, I28_a_group_passes_over_what_nobody_has_moved_it_behind)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_move(&events, events.lsns[1], events.lsns[2]);
    event_show_disk(&events, C0);
    bed_violates(&events.bed, "I28", "the cursor of stock is behind event 1");
}

Test(check_relay, I28_what_was_dropped_comes_again_to_a_group_that_is_moved_back)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_order(&events, VOW_ADMIN_DLQ_DROP, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DROP);
    event_move(&events, 0, 0);
    event_deliver(&events, 1, 1);
    bed_holds(&events.bed);
}

/* ---- a key that was forgotten ---- */

static struct diary_key other;

/* One key is known, and another one was published under since. */
static void forget_key(void)
{
    other = (struct diary_key){.next = events.bed.judge.diary.keys,
                               .node = P1,
                               .coord = C0,
                               .thing = 2,
                               .newest = 1,
                               .newest_lsn = UINT64_MAX};
    events.bed.judge.diary.keys = &other;
    events.bed.judge.diary.keys_max[C0] = 1;
}

Test(check_relay, I27_what_comes_late_under_a_forgotten_key_is_kept_and_done_once_more)
{
    event_send(&events, 1);
    event_do(&events, 1);
    forget_key();
    event_keep(&events, 1);
    event_deliver(&events, 1, 1);
    event_repeat(&events, 1);
    event_answer(&events, 1, 1, VOW_EVENT_DONE);
    event_send(&events, 2);
    event_do(&events, 2);
    event_restart(&events, P1);
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_relay, I26_what_was_kept_once_more_is_owed_once_more)
{
    event_send(&events, 1);
    event_do(&events, 1);
    forget_key();
    event_keep(&events, 1);
    event_heal_and_end(&events);
    bed_violates(&events.bed, "I26", "has not reached stock");
}

Test(check_relay, I24_what_was_kept_once_more_takes_effect_once)
{
    event_send(&events, 1);
    event_do(&events, 1);
    forget_key();
    event_keep(&events, 1);
    event_deliver(&events, 1, 1);
    event_run(&events, 1);
    bed_violates(&events.bed, "I24", "does event 1 of t1 again");
}

Test(check_relay, I27_kept_once_more_and_its_key_was_known)
{
    event_send(&events, 1);
    event_do(&events, 1);
    forget_key();
    events.bed.judge.diary.keys_max[C0] = 2;
    event_keep(&events, 1);
    bed_violates(&events.bed, "I27", "kept behind 1");
}

Test(check_relay, I27_kept_once_more_and_its_group_has_not_done_it)
{
    event_send(&events, 1);
    forget_key();
    event_keep(&events, 1);
    bed_violates(&events.bed, "I27", "kept behind 1");
}

/* Its service's file has lost that they were sent, in a crash: all of them come again, in their order. */
Test(check_relay, I27_from_what_is_taken_once_more_numbers_count_on)
{
    for (uint64_t i = 1; i <= 3; i++) {
        event_send(&events, i);
        event_do(&events, i);
    }
    forget_key();
    event_keep(&events, 2);
    event_keep(&events, 3);
    bed_holds(&events.bed);
    events.bed.judge.diary.keys_max[C0] = 0;
    event_keep(&events, 2);
    bed_violates(&events.bed, "I27", "kept behind 3");
}

/* ---- I28: the archive of an outbox ---- */

Test(check_relay, I28_an_archive_has_the_newest_that_were_sent)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    for (uint64_t i = 1; i <= 3; i++)
        event_send(&events, i);
    event_archive(&events, 2);
    event_archive(&events, 3);
    event_change(&events, 4);
    event_show_disk(&events, P0);
    bed_holds(&events.bed);
}

Test(check_relay, I28_archived_before_its_service_has_heard_that_it_is_kept)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    event_change(&events, 1);
    event_publish(&events, 1);
    event_keep(&events, 1);
    event_delete(&events, 1);
    event_archive(&events, 1);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "was not acknowledged");
}

Test(check_relay, I28_in_the_archive_and_in_the_outbox)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    event_change(&events, 1);
    event_publish(&events, 1);
    event_keep(&events, 1);
    event_published(&events, 1);
    event_archive(&events, 1);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "was not acknowledged");
}

Test(check_relay, I28_twice_in_the_archive)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    event_send(&events, 1);
    event_archive(&events, 1);
    event_archive(&events, 1);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "twice in the archive");
}

Test(check_relay, I28_an_archive_with_more_than_it_has_room_for)
{
    events.bed.judge.diary.archive_max[P0] = 1;
    for (uint64_t i = 1; i <= 2; i++) {
        event_send(&events, i);
        event_archive(&events, i);
    }
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "room for 1");
}

Test(check_relay, I28_sent_and_not_archived)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    event_send(&events, 1);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "is not in the archive");
}

Test(check_relay, I28_an_archive_with_a_gap)
{
    events.bed.judge.diary.archive_max[P0] = 2;
    for (uint64_t i = 1; i <= 3; i++)
        event_send(&events, i);
    event_archive(&events, 1);
    event_archive(&events, 3);
    event_show_disk(&events, P0);
    bed_violates(&events.bed, "I28", "event 2 of thing 1 has gone");
}

Test(check_relay, I28_F055_a_full_disk_has_no_room_for_an_archive)
{
    struct sim_sight sight = bed_sight(&events.bed, SIM_SEEN_FAULT, P0);

    events.bed.judge.diary.archive_max[P0] = 2;
    sight.fault.fault = SIM_FAULT_NO_SPACE;
    bed_show(&events.bed, &sight);
    event_send(&events, 1);
    event_show_disk(&events, P0);
    bed_holds(&events.bed);
}

/* ---- I28: nothing is lost ---- */

Test(check_relay, I28_B58_published_is_said_before_it_is_durable)
{
    event_change(&events, 1);
    event_publish(&events, 1);
    event_log(&events, SIM_SEEN_LOG_ASKED, 1);
    event_published(&events, 1);
    bed_violates(&events.bed, "I28", "that is not durable");
}

Test(check_relay, I28_B58_a_row_goes_undelivered)
{
    event_change(&events, 1);
    event_publish(&events, 1);
    event_delete(&events, 1);
    bed_violates(&events.bed, "I28", "nobody keeps it");
}

Test(check_relay, I28_a_cursor_runs_ahead)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_logged(&events, VOW_RECORD_CURSOR, 1, 0);
    bed_violates(&events.bed, "I28", "the cursor of stock");
}

Test(check_relay, I28_a_cursor_passes_a_dead_letter)
{
    event_send(&events, 1);
    event_send(&events, 2);
    event_fail(&events, 1);
    event_do(&events, 2);
    event_logged(&events, VOW_RECORD_CURSOR, 2, 0);
    event_restart(&events, C0);
    bed_holds(&events.bed);
}

/* The row of event 1, which is the second of the journal, is cut off. */
static void cut(void)
{
    struct event_journal *journal = &events.journal;

    journal->rows[1].kind = VOW_RECORD_CURSOR;
    event_restart(&events, C0);
}

Test(check_relay, I28_cut_off_and_not_done)
{
    event_send(&events, 1);
    event_send(&events, 2);
    cut();
    bed_violates(&events.bed, "I28", "has not done it");
}

Test(check_relay, I28_cut_off_when_it_is_done)
{
    event_send(&events, 1);
    event_do(&events, 1);
    event_send(&events, 2);
    cut();
    bed_holds(&events.bed);
}

Test(check_relay, I28_cut_off_and_a_dead_letter)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    cut();
    bed_violates(&events.bed, "I28", "is a dead letter of stock");
}

Test(check_relay, I28_a_dead_letter_is_gone)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    events.journal.dead_len = 0;
    event_restart(&events, C0);
    bed_violates(&events.bed, "I28", "is gone");
}

Test(check_relay, I28_dropped_by_nobody)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DROP);
    bed_violates(&events.bed, "I28", "nobody has ordered it");
}

Test(check_relay, I28_dropped_by_an_operator)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_order(&events, VOW_ADMIN_DLQ_DROP, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DROP);
    events.journal.dead_len = 0;
    cut();
    event_heal_and_end(&events);
    bed_holds(&events.bed);
}

Test(check_relay, I28_what_was_dropped_is_delivered_again)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_order(&events, VOW_ADMIN_DLQ_DROP, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DROP);
    event_deliver(&events, 1, 1);
    bed_violates(&events.bed, "I28", "was dropped, and is delivered");
}

Test(check_relay, I28_F208_done_after_all_and_nobody_said_so)
{
    event_send(&events, 1);
    event_fail(&events, 1);
    event_order(&events, VOW_ADMIN_DLQ_RETRY, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_RETRY);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DONE);
    bed_violates(&events.bed, "I28", "has not said so");
}

/* A start that came to nothing has promised nothing; one that came up has written what it found again. */
static void find_unsynced(bool comes_up)
{
    struct event_journal before = events.journal;
    uint64_t lsn = events.bed.lsn;

    event_change(&events, 1);
    event_publish(&events, 1);
    event_log(&events, SIM_SEEN_LOG_ASKED, 1);
    events.journal.newest = (struct sim_dump_newest){.key = "t1", .key_seq = 1, .lsn = lsn + 1};
    memcpy(events.journal.newest.db_uuid, "\1\2\3", 3);
    events.journal.rows[events.journal.rows_len++] =
        (struct sim_dump_event){.lsn = lsn + 1, .kind = VOW_RECORD_EVENT, .who = "", .is_chained = true};
    if (comes_up) {
        event_restart(&events, C0);
    } else {
        bed_plain(&events.bed, SIM_SEEN_CRASHED, C0);
        events.bed.life[C0]++;
        bed_plain(&events.bed, SIM_SEEN_STARTED, C0);
        event_show_disk(&events, C0);
    }
    events.journal = before;
    event_restart(&events, C0);
}

Test(check_relay, I28_F105_a_start_that_came_to_nothing_promised_nothing)
{
    find_unsynced(false);
    event_keep(&events, 1);
    event_do(&events, 1);
    bed_holds(&events.bed);
}

Test(check_relay, I28_F105_who_came_up_has_written_it_again)
{
    find_unsynced(true);
    bed_violates(&events.bed, "I28", "has not done it");
}

/* ---- I29: bounds ---- */

Test(check_relay, I29_F206_an_attempt_too_many)
{
    event_send(&events, 1);
    for (uint32_t i = 1; i <= EVENT_ATTEMPTS_MAX; i++)
        event_deliver(&events, 1, i);
    bed_holds(&events.bed);
    event_deliver(&events, 1, EVENT_ATTEMPTS_MAX + 1);
    bed_violates(&events.bed, "I29", "for the 4th time");
}

Test(check_relay, I29_F206_given_up_too_early)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_answer(&events, 1, 1, VOW_EVENT_NOT_YET);
    event_bury(&events, 1, 1);
    bed_violates(&events.bed, "I29", "after 1 attempts");
}

Test(check_relay, I29_F210_who_is_unable_need_not_try_again)
{
    event_send(&events, 1);
    event_deliver(&events, 1, 1);
    event_answer(&events, 1, 1, VOW_EVENT_UNABLE);
    event_bury(&events, 1, 1);
    bed_holds(&events.bed);
}

Test(check_relay, I29_F207_more_dead_letters_than_there_is_room_for)
{
    for (uint64_t i = 1; i <= BED_DEAD_MAX; i++) {
        event_send(&events, i);
        event_fail(&events, i);
    }
    bed_holds(&events.bed);
    event_send(&events, BED_DEAD_MAX + 1);
    event_fail(&events, BED_DEAD_MAX + 1);
    bed_violates(&events.bed, "I29", "more than the 2");
}

Test(check_relay, I29_F207_a_dropped_one_makes_room)
{
    for (uint64_t i = 1; i <= BED_DEAD_MAX; i++) {
        event_send(&events, i);
        event_fail(&events, i);
    }
    event_order(&events, VOW_ADMIN_DLQ_DROP, 1);
    event_logged(&events, VOW_RECORD_REVIVED, 1, VOW_REVIVAL_DROP);
    event_send(&events, BED_DEAD_MAX + 1);
    event_fail(&events, BED_DEAD_MAX + 1);
    bed_holds(&events.bed);
}

Test(check_relay, I29_F207_more_of_them_on_the_disk)
{
    events.journal.dead_len = BED_DEAD_MAX + 1;
    for (uint32_t i = 0; i <= BED_DEAD_MAX; i++)
        events.journal.dead[i] = (struct sim_dump_dead){.group = "stock", .lsn = 100 + i};
    event_show_disk(&events, C0);
    bed_violates(&events.bed, "I29", "room for 2");
}
