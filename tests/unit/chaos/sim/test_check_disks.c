/* Checkers I07 to I09, I11 to I18 and I20: a good stream is not reported, and each bad one is. */
#include "check_bed.h"

static struct bed bed;

static void begin(void)
{
    bed_begin(&bed);
}

static void end(void)
{
    bed_end(&bed);
}

TestSuite(check_disks, .init = begin, .fini = end);

/* ---- before it is durable ---- */

Test(check_disks, I07_commit_is_sent_before_its_record)
{
    struct vow_msg msg = bed_decision(&bed, VOW_COMMIT);

    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_sent(&bed, C0, P0, &msg);
    bed_violates(&bed, "I07", "before its record is durable");
}

Test(check_disks, I07_the_client_is_answered_before_the_record)
{
    struct vow_msg msg = bed_outcome(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_READ_ONLY);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    bed_sent(&bed, C0, K0, &msg);
    bed_violates(&bed, "I07", "COMMITTED is answered");
}

Test(check_disks, I08_yes_before_it_is_prepared)
{
    struct vow_msg prepare = bed_prepare_msg(&bed), vote = bed_vote_msg(&bed, VOW_VOTE_YES);

    bed_request(&bed);
    bed_send(&bed, C0, P0, &prepare);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_sent(&bed, P0, C0, &vote);
    bed_violates(&bed, "I08", "not prepared");
}

Test(check_disks, I09_acknowledged_before_it_is_committed)
{
    struct vow_msg commit = bed_decision(&bed, VOW_COMMIT), ack = bed_ack(&bed);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_send(&bed, C0, P0, &commit);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_COMMIT, 0);
    bed_sent(&bed, P0, C0, &ack);
    bed_violates(&bed, "I09", "before its commit is durable");
}

/* ---- what disks hold ---- */

static const struct sim_dump empty_store = {.is_there = true, .is_readable = true};

Test(check_disks, I11_end_before_all_have_acknowledged)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_END, VOW_CAUSE_NONE);
    bed_violates(&bed, "I11", "p1 has not acknowledged");
}

Test(check_disks, I11_a_prepared_branch_is_gone)
{
    bed_to_votes(&bed);
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I11", "prepared branch");
}

Test(check_disks, I11_a_tombstone_goes_after_end)
{
    bed_whole(&bed);
    bed_restart(&bed, P0, &empty_store);
    bed_holds(&bed);
}

Test(check_disks, I11_a_tombstone_goes_before_end)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I11", "tombstone");
}

/* The sync of its COMMIT failed: the next life finds a tombstone that may be in the page cache alone (F105). */
static void find_unsynced(bool comes_up)
{
    const struct sim_dump_branch committed = {.gtrid = bed.txn, .state = SIM_BRANCH_COMMITTED};
    const struct sim_dump_branch prepared = {.gtrid = bed.txn, .state = SIM_BRANCH_PREPARED};
    const struct sim_dump_lock lock = {.gtrid = bed.txn, .table = SIM_BANK, .key = 1, .hash = 7};
    const struct sim_dump found = {
        .is_there = true, .is_readable = true, .store = {.branches = &committed, .branches_len = 1}};
    const struct sim_dump lost = {.is_there = true,
                                  .is_readable = true,
                                  .store = {.branches = &prepared, .branches_len = 1, .locks = &lock, .locks_len = 1}};

    bed_to_votes(&bed);
    bed_decide(&bed);
    if (comes_up) {
        bed_restart(&bed, P0, &found);
    } else {
        bed_plain(&bed, SIM_SEEN_CRASHED, P0);
        bed.life[P0]++;
        bed_plain(&bed, SIM_SEEN_STARTED, P0);
        bed_disk(&bed, P0, &found);
    }
    bed_restart(&bed, P0, &lost);
}

Test(check_disks, I11_F105_a_start_that_came_to_nothing_promised_nothing)
{
    find_unsynced(false);
    bed_holds(&bed);
}

Test(check_disks, I11_F105_who_came_up_has_written_it_again)
{
    find_unsynced(true);
    bed_violates(&bed, "I11", "tombstone");
}

/* The same with the COMMIT row of a coordinator. */
static void find_unsynced_row(bool comes_up)
{
    const struct sim_dump_event commit = {.lsn = 1, .gtrid = bed.txn, .kind = VOW_RECORD_COMMIT, .is_chained = true};
    const struct sim_dump found = {
        .is_there = true, .is_readable = true, .is_journal = true, .journal = {.events = &commit, .events_len = 1}};
    const struct sim_dump lost = {.is_there = true, .is_readable = true, .is_journal = true};

    bed_to_votes(&bed);
    if (comes_up) {
        bed_restart(&bed, C0, &found);
    } else {
        bed_plain(&bed, SIM_SEEN_CRASHED, C0);
        bed.life[C0]++;
        bed_plain(&bed, SIM_SEEN_STARTED, C0);
        bed_disk(&bed, C0, &found);
    }
    bed_restart(&bed, C0, &lost);
}

/* Seeds 196172, 249447 and 282702. */
Test(check_disks, I11_F105_a_row_found_by_a_start_that_came_to_nothing)
{
    find_unsynced_row(false);
    bed_holds(&bed);
}

Test(check_disks, I11_F105_a_row_found_by_who_came_up)
{
    find_unsynced_row(true);
    bed_violates(&bed, "I11", "COMMIT row");
}

Test(check_disks, I11_a_prepared_branch_is_gone_at_the_second_start)
{
    const struct sim_dump_branch committed = {.gtrid = bed.txn, .state = SIM_BRANCH_COMMITTED};
    const struct sim_dump found = {
        .is_there = true, .is_readable = true, .store = {.branches = &committed, .branches_len = 1}};

    bed_to_votes(&bed);
    bed_plain(&bed, SIM_SEEN_CRASHED, P0);
    bed.life[P0]++;
    bed_plain(&bed, SIM_SEEN_STARTED, P0);
    bed_disk(&bed, P0, &found);
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I11", "prepared branch");
}

static void forget(void)
{
    struct sim_sight order = bed_sight(&bed, SIM_SEEN_OPERATED, K0);

    order.peer = SIM_NODE_NONE;
    bed_show(&bed, &order);
    bed_logged(&bed, VOW_RECORD_HAZARD);
    bed_logged(&bed, VOW_RECORD_FORGET);
}

/* The watermark has passed p1, which never answered, and so the tombstones of all others. */
Test(check_disks, F224_a_tombstone_goes_when_somebody_was_given_up)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    forget();
    bed_restart(&bed, P0, &empty_store);
    bed_holds(&bed);
}

/* Seed 849643: p1 has answered an earlier life of its coordinator; the one that gave it up knows nothing of that. */
Test(check_disks, F224_a_tombstone_goes_when_an_acknowledgement_died_with_its_coordinator)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_commit_at(&bed, P1);
    bed_restart(&bed, C0, NULL);
    forget();
    bed_restart(&bed, P0, &empty_store);
    bed_holds(&bed);
}

/* Seed 236556: its COMMIT was under way, and p1 was given up: there is nothing left to see of it. */
static void lose_in_commit(bool is_given_up)
{
    const struct vow_msg commit = bed_decision(&bed, VOW_COMMIT);

    bed_to_votes(&bed);
    bed_decide(&bed);
    if (is_given_up)
        forget();
    bed_send(&bed, C0, P0, &commit);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_COMMIT, 0);
    bed_restart(&bed, P0, &empty_store);
}

Test(check_disks, F224_a_branch_is_committed_in_a_crash_when_somebody_was_given_up)
{
    lose_in_commit(true);
    bed_holds(&bed);
}

Test(check_disks, I11_a_branch_is_gone_in_a_crash_and_nobody_was_given_up)
{
    lose_in_commit(false);
    bed_violates(&bed, "I11", "prepared branch");
}

Test(check_disks, I11_a_tombstone_goes_and_nobody_was_given_up)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_commit_at(&bed, P1);
    forget();
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I11", "tombstone");
}

/* With its incarnation it lost what tells a late PREPARE from a new one. */
Test(check_disks, I11_a_store_is_back_in_an_earlier_life)
{
    struct sim_dump earlier = empty_store;

    bed_whole(&bed);
    bed_fault(&bed, SIM_FAULT_WAL_GONE, P0);
    bed_restart(&bed, P0, &earlier);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_holds(&bed);
}

Test(check_disks, I11_a_store_is_harmed_and_in_its_own_life)
{
    struct sim_dump same = empty_store;

    bed_whole(&bed);
    bed_fault(&bed, SIM_FAULT_WAL_GONE, P0);
    same.store.incarnation = 1;
    bed_restart(&bed, P0, &same);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_violates(&bed, "I02", "prepared again");
}

static void find_journal(bool is_chained, uint64_t witness_lsn, enum sim_fault fault)
{
    const struct sim_dump_event events[] = {
        {.lsn = 1, .gtrid = bed.txn, .kind = VOW_RECORD_COMMIT, .is_chained = true},
        {.lsn = 2, .gtrid = bed.txn, .kind = VOW_RECORD_END, .is_chained = is_chained}};
    const struct sim_dump dump = {
        .is_there = true,
        .is_readable = true,
        .is_journal = true,
        .journal = {.events = events, .events_len = 2, .has_witness = true, .witness_lsn = witness_lsn}};

    bed_whole(&bed);
    if (fault != SIM_FAULT_NONE)
        bed_fault(&bed, fault, C0);
    bed_restart(&bed, C0, &dump);
}

Test(check_disks, I12_a_whole_log)
{
    find_journal(true, 2, SIM_FAULT_NONE);
    bed_holds(&bed);
}

Test(check_disks, I12_a_hash_that_does_not_verify)
{
    find_journal(false, 2, SIM_FAULT_NONE);
    bed_violates(&bed, "I12", "damaged by nobody");
}

Test(check_disks, I12_serving_behind_the_witness)
{
    find_journal(true, 3, SIM_FAULT_WAL_CUT);
    bed_violates(&bed, "I12", "serves with a log");
}

static struct sim_dump prepared_with(const struct sim_dump_lock *locks, uint32_t len)
{
    static struct sim_dump_branch branch;

    branch = (struct sim_dump_branch){.gtrid = bed.txn, .state = SIM_BRANCH_PREPARED};
    return (struct sim_dump){.is_there = true,
                             .is_readable = true,
                             .store = {.branches = &branch, .branches_len = 1, .locks = locks, .locks_len = len}};
}

Test(check_disks, I13_a_lock_of_nobody)
{
    const struct sim_dump_lock lock = {.gtrid = vow_gtrid_make(77, 1, 6, 0, 1), .table = SIM_BANK, .key = 1};
    struct sim_dump dump = {.is_there = true, .is_readable = true, .store = {.locks = &lock, .locks_len = 1}};

    bed_disk(&bed, P0, &dump);
    bed_violates(&bed, "I13", "neither prepared nor at work");
}

Test(check_disks, I13_a_metric_that_lies)
{
    bed_to_votes(&bed);
    bed_sample(&bed, P0, SIM_SAMPLE_IN_DOUBT, 1, 0);
    bed_holds(&bed);
    bed_sample(&bed, P0, SIM_SAMPLE_IN_DOUBT, 0, 0);
    bed_violates(&bed, "I13", "says that 0");
}

Test(check_disks, I14_locks_are_gone_after_a_restart)
{
    const struct sim_dump_lock lock = {.gtrid = bed.txn, .table = SIM_BANK, .key = 1, .hash = 7};
    struct sim_dump with = prepared_with(&lock, 1), without = prepared_with(NULL, 0);

    bed_to_votes(&bed);
    bed_restart(&bed, P0, &with);
    bed_holds(&bed);
    bed_restart(&bed, P0, &without);
    bed_violates(&bed, "I14", "other locks");
}

Test(check_disks, I14_a_row_in_doubt_is_written)
{
    struct sim_sight sight;

    bed_to_votes(&bed);
    sight = bed_sight(&bed, SIM_SEEN_WROTE_ALONE, P0);
    sight.change = (struct sim_change){.kind = SIM_ADD, .table = SIM_BANK, .key = 1, .value = 1};
    bed_show(&bed, &sight);
    bed_violates(&bed, "I14", "written while it is in doubt");
}

/* ---- what transactions see ---- */

static void one_branch(uint64_t seq, struct sim_change change)
{
    bed.txn = vow_gtrid_make(77, 1, seq, 0, 99);
    change.is_first = true;
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_ONE_PHASE, 0);
    bed_worked(&bed, P0, change);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_ONE_PHASE, VOW_STORE_DONE);
}

Test(check_disks, I15_a_list_grows_in_one_order)
{
    const int64_t list[] = {1};

    one_branch(10, (struct sim_change){.kind = SIM_APPEND, .table = SIM_LISTS, .key = 1, .value = 1});
    one_branch(11, (struct sim_change){
                       .kind = SIM_APPEND, .table = SIM_LISTS, .key = 1, .value = 2, .list = list, .list_len = 1});
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_disks, I15_a_dirty_or_lost_read)
{
    one_branch(10, (struct sim_change){.kind = SIM_APPEND, .table = SIM_LISTS, .key = 1, .value = 1});
    one_branch(11, (struct sim_change){.kind = SIM_APPEND, .table = SIM_LISTS, .key = 1, .value = 2});
    bed_violates(&bed, "I15", "not as the commits before it made it");
}

static void asks_to_append(struct vow_gtrid txn, int64_t value, const int64_t *list, uint32_t list_len)
{
    bed.txn = txn;
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_ONE_PHASE, 0);
    bed_worked(&bed, P0,
               (struct sim_change){.kind = SIM_APPEND,
                                   .table = SIM_LISTS,
                                   .key = 1,
                                   .value = value,
                                   .list = list,
                                   .list_len = list_len,
                                   .is_first = true});
}

/* Seed 722276: both were done when the process died, and so did the next one, while it started. */
Test(check_disks, I15_two_starts_find_what_one_crash_hid_the_order_of)
{
    static const int64_t list[] = {1};
    const struct vow_gtrid a = vow_gtrid_make(77, 1, 20, 0, 1), b = vow_gtrid_make(77, 1, 21, 0, 1);
    const struct sim_dump_branch memos[] = {{.gtrid = a, .state = SIM_BRANCH_MEMO},
                                            {.gtrid = b, .state = SIM_BRANCH_MEMO}};
    const struct sim_dump found = {
        .is_there = true, .is_readable = true, .store = {.branches = memos, .branches_len = 2}};

    asks_to_append(a, 1, NULL, 0);
    asks_to_append(b, 2, list, 1);
    bed_plain(&bed, SIM_SEEN_CRASHED, P0);
    bed.life[P0]++;
    bed_plain(&bed, SIM_SEEN_STARTED, P0);
    bed_disk(&bed, P0, &found);
    bed_restart(&bed, P0, &found);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

/* Two transactions: each reads on one side what the other one writes there. */
static void skew(enum sim_change_kind reading)
{
    struct vow_gtrid a = vow_gtrid_make(77, 1, 20, 0, 1), b = vow_gtrid_make(77, 1, 21, 0, 1);
    const struct sim_change read = {
        .kind = reading, .table = SIM_BANK, .key = 1, .value = 100, .before = 100, .is_first = true};

    for (int i = 0; i < 2; i++) {
        bed.txn = i == 0 ? a : b;
        bed_store(&bed, SIM_SEEN_STORE_ASKED, i == 0 ? P0 : P1, VOW_STORE_ONE_PHASE, 0);
        bed_worked(&bed, i == 0 ? P0 : P1, read);
        bed_store(&bed, SIM_SEEN_STORE_DONE, i == 0 ? P0 : P1, VOW_STORE_ONE_PHASE, VOW_STORE_DONE);
    }
    for (int i = 0; i < 2; i++) {
        bed.txn = i == 0 ? a : b;
        bed_store(&bed, SIM_SEEN_STORE_ASKED, i == 0 ? P1 : P0, VOW_STORE_ONE_PHASE, 0);
        bed_worked(&bed, i == 0 ? P1 : P0,
                   (struct sim_change){
                       .kind = SIM_ADD, .table = SIM_BANK, .key = 1, .value = 1, .before = 100, .is_first = true});
        bed_store(&bed, SIM_SEEN_STORE_DONE, i == 0 ? P1 : P0, VOW_STORE_ONE_PHASE, VOW_STORE_DONE);
    }
    bed_heal_and_end(&bed);
}

Test(check_disks, I15_write_skew_of_what_was_held)
{
    skew(SIM_HOLD);
    bed_violates(&bed, "I15", "a circle");
}

Test(check_disks, I15_write_skew_of_what_was_only_read_is_let)
{
    skew(SIM_READ);
    bed_holds(&bed);
}

/* ---- messages ---- */

Test(check_disks, I16_a_second_copy_prepares_again)
{
    struct vow_msg msg = bed_prepare_msg(&bed);
    uint64_t frame;

    bed_request(&bed);
    frame = bed_send(&bed, C0, P0, &msg);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_received(&bed, P0, C0, &msg, frame);
    bed_holds(&bed);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_violates(&bed, "I16", "second copy");
}

Test(check_disks, I17_abort_of_an_older_epoch)
{
    struct vow_msg old = bed_decision(&bed, VOW_ABORT);
    struct sim_sight sight;

    bed_to_votes(&bed);
    sight = bed_sight(&bed, SIM_SEEN_LINKED, P0);
    sight.peer = C0;
    sight.link.epoch = 2;
    bed_show(&bed, &sight);
    bed_received(&bed, P0, C0, &old, 1000);
    bed_holds(&bed);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_ABORT, 0);
    bed_violates(&bed, "I17", "knows epoch 2");
}

/* ---- clients and operators ---- */

Test(check_disks, I18_an_outcome_flips)
{
    bed_whole(&bed);
    bed_told(&bed, VOW_PENDING, VOW_CAUSE_NONE);
    bed_violates(&bed, "I18", "told pending, and committed before");
}

static void read_only_then(enum vow_cause cause, bool is_restarted)
{
    struct vow_msg prepare = bed_prepare_msg(&bed), told = bed_outcome(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);

    bed_request(&bed);
    bed_send(&bed, C0, P0, &prepare);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_READ_ONLY);
    bed_vote(&bed, P0, VOW_VOTE_READ_ONLY);
    bed_send(&bed, C0, K0, &told);
    bed_told(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);
    if (is_restarted)
        bed_restart(&bed, C0, NULL);
    bed_told(&bed, VOW_ABORTED, cause);
}

Test(check_disks, I18_the_lost_note_of_a_commit_that_wrote_nothing)
{
    read_only_then(VOW_CAUSE_PRESUMED, true);
    bed_holds(&bed);
}

Test(check_disks, I18_the_exception_needs_a_restart)
{
    read_only_then(VOW_CAUSE_PRESUMED, false);
    bed_violates(&bed, "I18", "told aborted");
}

Test(check_disks, I18_the_exception_needs_the_cause)
{
    read_only_then(VOW_CAUSE_VOTE_TIMEOUT, true);
    bed_violates(&bed, "I18", "told aborted");
}

/* p0 commits alone, and wrote nothing; the coordinator restarts, and it knows nothing of it. */
static void read_only_alone_then_aborted(void)
{
    struct vow_msg alone = bed_prepare_msg(&bed), told = bed_outcome(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);
    struct vow_msg done = {.kind = VOW_MSG_ONE_PHASE_DONE,
                           .one_phase_done = {.header = bed_header(&bed), .result = VOW_ONE_PHASE_COMMITTED}};

    bed.txn = vow_gtrid_make(77, 1, 5, VOW_GTRID_ONE_PHASE, 99);
    alone.prepare.header = done.one_phase_done.header = bed_header(&bed);
    told.outcome.gtrid = bed.txn;
    bed_request(&bed);
    alone.kind = VOW_MSG_COMMIT_ONE_PHASE;
    bed_send(&bed, C0, P0, &alone);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_ONE_PHASE, 0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_ONE_PHASE, VOW_STORE_READ_ONLY);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_ONE_PHASE, VOW_STORE_READ_ONLY);
    bed_send(&bed, P0, C0, &done);
    bed_send(&bed, C0, K0, &told);
    bed_told(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);
    bed_restart(&bed, C0, NULL);
}

Test(check_disks, I18_its_only_participant_knows_nothing_of_it)
{
    read_only_alone_then_aborted();
    bed_told(&bed, VOW_ABORTED, VOW_CAUSE_TOO_LATE);
    bed_holds(&bed);
}

/* p1 is only talked about: it has no part in it. */
Test(check_disks, F168_a_stranger_is_no_participant)
{
    struct sim_sight alarm;

    read_only_alone_then_aborted();
    alarm = bed_sight(&bed, SIM_SEEN_ALARM, C0);
    alarm.alarm.what = "a participant speaks for a branch that is not its own (F168)";
    alarm.alarm.who = "p1";
    bed_show(&bed, &alarm);
    bed_told(&bed, VOW_ABORTED, VOW_CAUSE_TOO_LATE);
    bed_holds(&bed);
}

Test(check_disks, I20_over_the_limit)
{
    bed_sample(&bed, C0, SIM_SAMPLE_STEPS, 10, 10);
    bed_holds(&bed);
    bed_sample(&bed, C0, SIM_SAMPLE_STEPS, 11, 10);
    bed_violates(&bed, "I20", "the limit is 10");
}
