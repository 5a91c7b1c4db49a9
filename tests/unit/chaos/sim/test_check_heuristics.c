/* Checker I19, and what the others make of a branch that was ended by hand: a good stream is not reported, and each bad
 * one is. */
#include "check_bed.h"
#include "proto/error.h"

static struct bed bed;

static void begin(void)
{
    bed_begin(&bed);
}

static void end(void)
{
    bed_end(&bed);
}

TestSuite(check_heuristics, .init = begin, .fini = end);

/* ---- the steps of a heuristic ---- */

static void order(enum vow_verdict verdict, bool is_heuristic)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_OPERATED, K0);

    sight.peer = P0;
    sight.operated.verdict = verdict;
    sight.operated.is_heuristic = is_heuristic;
    bed_show(&bed, &sight);
}

static void ask_store(uint8_t node, enum vow_store_op_kind op, enum vow_verdict verdict)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_STORE_ASKED, node);

    sight.store.op = op;
    sight.store.verdict = verdict;
    bed_show(&bed, &sight);
}

static void store(uint8_t node, enum vow_store_op_kind op, enum vow_verdict verdict)
{
    ask_store(node, op, verdict);
    bed_store(&bed, SIM_SEEN_STORE_DONE, node, op, VOW_STORE_DONE);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, node, op, VOW_STORE_DONE);
}

static void alarm_at(uint8_t node, const char *who)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_ALARM, node);

    sight.alarm.what = "by hand";
    sight.alarm.who = who;
    bed_show(&bed, &sight);
}

static void log_one(enum sim_sight_kind kind, enum vow_record_kind record_kind)
{
    struct vow_record record = {.kind = record_kind, .gtrid = bed.txn, .epoch = 1, .detail = VOW_ABORT};
    struct sim_sight sight = bed_sight(&bed, kind, C0);

    if (record_kind == VOW_RECORD_HEURISTIC)
        memcpy(record.who, "p0", 3);
    sight.log.record = &record;
    sight.log.lsn = kind == SIM_SEEN_LOG_DURABLE ? ++bed.lsn : bed.lsn;
    bed_show(&bed, &sight);
}

static void logged(enum vow_record_kind record)
{
    log_one(SIM_SEEN_LOG_ASKED, record);
    log_one(SIM_SEEN_LOG_DURABLE, record);
    log_one(SIM_SEEN_LOG_DONE, record);
}

static void acknowledge(enum vow_ack ack)
{
    struct vow_msg msg = bed_ack(&bed);

    msg.ack.ack = ack;
    bed_send(&bed, P0, C0, &msg);
}

static void tell(int error)
{
    struct vow_msg msg = bed_outcome(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);

    msg.outcome.error = error;
    bed_send(&bed, C0, K0, &msg);
}

/* p0 is rolled back by hand, it is decided to commit, and p0 is told so. */
static void contradict(bool with_alarm)
{
    struct vow_msg commit = bed_decision(&bed, VOW_COMMIT);

    bed_to_votes(&bed);
    order(VOW_ABORT, true);
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_decide(&bed);
    bed_send(&bed, C0, P0, &commit);
    store(P0, VOW_STORE_SETTLE, VOW_COMMIT);
    if (with_alarm)
        alarm_at(P0, "");
}

/* And the coordinator hears of it. */
static void report(void)
{
    acknowledge(VOW_ACK_HEURISTIC_MISMATCH);
    logged(VOW_RECORD_HEURISTIC);
    alarm_at(C0, "p0");
    bed_commit_at(&bed, P1);
    logged(VOW_RECORD_DAMAGE);
}

static void forget(void)
{
    struct vow_msg msg = {.kind = VOW_MSG_FORGET, .forget = {.header = {.gtrid = bed.txn, .epoch = 1}}};

    order(0, false);
    logged(VOW_RECORD_FORGET);
    bed_send(&bed, C0, P0, &msg);
    store(P0, VOW_STORE_FORGET, 0);
    bed_logged(&bed, VOW_RECORD_END);
}

/* ---- it is told ---- */

Test(check_heuristics, I19_a_contradiction_that_is_reported_and_stands)
{
    contradict(true);
    report();
    tell(VOW_E_HEURISTIC_MIXED);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_heuristics, I19_a_contradiction_that_was_seen_to)
{
    contradict(true);
    report();
    forget();
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_heuristics, I19_no_alarm)
{
    contradict(false);
    report();
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "raised no alarm");
}

Test(check_heuristics, I19_mistake_22_the_coordinator_never_hears_of_it)
{
    contradict(true);
    bed_commit_at(&bed, P1);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "its coordinator is silent");
}

Test(check_heuristics, I19_the_coordinator_raises_no_alarm)
{
    contradict(true);
    acknowledge(VOW_ACK_HEURISTIC_MISMATCH);
    logged(VOW_RECORD_HEURISTIC);
    bed_commit_at(&bed, P1);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "its coordinator raised no alarm");
}

Test(check_heuristics, I19_a_client_is_not_told)
{
    contradict(true);
    report();
    tell(0);
    bed_violates(&bed, "I19", "not that it is damaged");
}

Test(check_heuristics, I19_a_client_is_told_what_a_crash_may_undo)
{
    contradict(true);
    tell(VOW_E_HEURISTIC_MIXED);
    bed_violates(&bed, "I19", "is not durable");
}

/* ---- nothing is invented ---- */

Test(check_heuristics, I19_ended_by_nobody)
{
    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    ask_store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_violates(&bed, "I19", "nobody asked for that");
}

Test(check_heuristics, I19_T_heur_has_run_out)
{
    bed.judge.book.nodes[P0].heuristic_ms = 100;
    bed.judge.book.nodes[P0].heuristic_verdict = VOW_ABORT;
    bed_to_votes(&bed);
    bed.at_us += 100000;
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_holds(&bed);
}

Test(check_heuristics, I19_T_heur_has_not_run_out)
{
    bed.judge.book.nodes[P0].heuristic_ms = 100;
    bed.judge.book.nodes[P0].heuristic_verdict = VOW_ABORT;
    bed_to_votes(&bed);
    bed.at_us += 50000;
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_violates(&bed, "I19", "nobody asked for that");
}

Test(check_heuristics, I19_noted_though_nobody_said_so)
{
    contradict(true);
    logged(VOW_RECORD_HEURISTIC);
    bed_violates(&bed, "I19", "has not said so");
}

Test(check_heuristics, I19_noted_against_a_decision_that_it_is_as)
{
    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    bed_decide(&bed);
    acknowledge(VOW_ACK_HEURISTIC_MISMATCH);
    logged(VOW_RECORD_HEURISTIC);
    bed_violates(&bed, "I19", "and was not");
}

Test(check_heuristics, I19_another_decision_is_noted)
{
    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    bed_decide(&bed);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    bed_violates(&bed, "I19", "not the transaction's");
}

Test(check_heuristics, I19_damage_without_any)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    logged(VOW_RECORD_DAMAGE);
    bed_violates(&bed, "I19", "nobody has said that there is any");
}

/* ---- nothing is lost ---- */

static const struct sim_dump empty_store = {.is_there = true, .is_readable = true};

Test(check_heuristics, I19_the_record_is_gone)
{
    contradict(true);
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I19", "p0 lost the record");
}

Test(check_heuristics, I19_the_record_is_there)
{
    const struct sim_dump_heuristic record = {.gtrid = bed.txn, .verdict = VOW_ABORT, .decided = VOW_COMMIT};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .store = {.heuristics = &record, .heuristics_len = 1}};

    contradict(true);
    bed_restart(&bed, P0, &dump);
    bed_holds(&bed);
}

Test(check_heuristics, I19_a_crash_hides_that_it_was_done)
{
    const struct sim_dump_heuristic record = {.gtrid = bed.txn, .verdict = VOW_ABORT};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .store = {.heuristics = &record, .heuristics_len = 1}};

    bed_to_votes(&bed);
    order(VOW_ABORT, true);
    ask_store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_restart(&bed, P0, &dump);
    bed_holds(&bed);
    cr_assert_eq(sim_txn_share(bed.judge.book.txns, P0)->heuristic_verdict, VOW_ABORT);
}

static void crash(uint8_t node)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_CRASHED, node);

    sight.crashed.how = SIM_CRASH_KILL;
    bed_show(&bed, &sight);
    bed.life[node]++;
}

/* p0 dies over it, and the next life finds the record in the page cache and dies as well. */
static void find_record_and_die(enum vow_verdict verdict)
{
    const struct sim_dump_heuristic record = {.gtrid = bed.txn, .verdict = verdict};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .store = {.heuristics = &record, .heuristics_len = 1}};

    bed_to_votes(&bed);
    order(verdict, true);
    ask_store(P0, verdict == VOW_COMMIT ? VOW_STORE_HEURISTIC_COMMIT : VOW_STORE_HEURISTIC_ABORT, 0);
    crash(P0);
    bed_plain(&bed, SIM_SEEN_STARTED, P0);
    bed_disk(&bed, P0, &dump);
}

/* Seed 119600: its sync had failed, and the power went before the next start had written it again (F105). */
Test(check_heuristics, I19_a_record_that_only_a_start_that_came_to_nothing_has_seen)
{
    const struct sim_dump_branch prepared = {.gtrid = bed.txn, .state = SIM_BRANCH_PREPARED};
    const struct sim_dump_lock lock = {.gtrid = bed.txn, .table = SIM_BANK, .key = 1, .hash = 7};
    const struct sim_dump dump = {.is_there = true,
                                  .is_readable = true,
                                  .store = {.branches = &prepared, .branches_len = 1, .locks = &lock, .locks_len = 1}};

    find_record_and_die(VOW_ABORT);
    bed_restart(&bed, P0, &dump);
    bed_holds(&bed);
    cr_assert_eq(sim_txn_share(bed.judge.book.txns, P0)->heuristic, 0);
}

/* Seed 20674: it was durable after all, and counts once. */
Test(check_heuristics, I19_a_record_that_the_next_start_finds_as_well)
{
    const struct sim_dump_heuristic record = {.gtrid = bed.txn, .verdict = VOW_COMMIT};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .store = {.heuristics = &record, .heuristics_len = 1}};
    book_moment first;

    find_record_and_die(VOW_COMMIT);
    first = sim_txn_share(bed.judge.book.txns, P0)->heuristic;
    bed_restart(&bed, P0, &dump);
    bed_holds(&bed);
    cr_assert_eq(sim_txn_share(bed.judge.book.txns, P0)->heuristic, first);
}

Test(check_heuristics, I19_a_record_goes_with_its_branch_after_a_start_that_came_to_nothing)
{
    find_record_and_die(VOW_ABORT);
    bed_restart(&bed, P0, &empty_store);
    bed_violates(&bed, "I11", "prepared branch");
}

Test(check_heuristics, I19_a_tombstone_of_what_was_aborted)
{
    const struct sim_dump_branch tombstone = {.gtrid = bed.txn, .state = SIM_BRANCH_COMMITTED};
    const struct sim_dump_heuristic record = {.gtrid = bed.txn, .verdict = VOW_COMMIT, .decided = VOW_ABORT};
    const struct sim_dump dump = {
        .is_there = true,
        .is_readable = true,
        .store = {.branches = &tombstone, .branches_len = 1, .heuristics = &record, .heuristics_len = 1}};

    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    bed_restart(&bed, P0, &dump);
    bed_violates(&bed, "I19", "keeps the tombstone");
}

/* COMMIT is still there, so that nothing but the row HEURISTIC is missed. */
Test(check_heuristics, I19_the_journal_lost_it)
{
    const struct sim_dump_event commit = {
        .lsn = 1, .gtrid = bed.txn, .kind = VOW_RECORD_COMMIT, .is_chained = true, .who = ""};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .is_journal = true, .journal = {.events = &commit, .events_len = 1}};

    contradict(true);
    report();
    bed_restart(&bed, C0, &dump);
    bed_violates(&bed, "I19", "c0 lost the record");
}

Test(check_heuristics, I19_forgotten_by_nobody)
{
    contradict(true);
    report();
    logged(VOW_RECORD_FORGET);
    bed_violates(&bed, "I19", "nobody asked for that");
}

Test(check_heuristics, I19_forgotten_by_a_setting)
{
    bed.judge.book.nodes[C0].forgets_damage = true;
    contradict(true);
    report();
    logged(VOW_RECORD_FORGET);
    bed_holds(&bed);
}

Test(check_heuristics, I19_a_participant_forgets_by_itself)
{
    contradict(true);
    report();
    ask_store(P0, VOW_STORE_FORGET, 0);
    bed_violates(&bed, "I19", "was not told to");
}

Test(check_heuristics, I19_what_was_forgotten_is_kept)
{
    contradict(true);
    report();
    order(0, false);
    logged(VOW_RECORD_FORGET);
    bed_logged(&bed, VOW_RECORD_END);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "it keeps it");
}

static void look_up(uint64_t cut_lsn)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_LOOKED_UP, C0);

    sight.looked_up.cut_lsn = cut_lsn;
    bed_show(&bed, &sight);
}

/* It was forgotten, FORGET was lost, and it is reported again and noted. */
static void note_again_after_cut_at(uint64_t cut_lsn)
{
    contradict(true);
    report();
    order(0, false);
    logged(VOW_RECORD_FORGET);
    bed_logged(&bed, VOW_RECORD_END);
    look_up(cut_lsn);
    logged(VOW_RECORD_HEURISTIC);
    bed_heal_and_end(&bed);
}

/* Seed 97431: by then the history no longer said that an operator had seen to it. */
Test(check_heuristics, I19_what_was_forgotten_and_cut_off_may_stand_again)
{
    note_again_after_cut_at(99);
    bed_holds(&bed);
}

Test(check_heuristics, I19_what_was_forgotten_and_is_on_record_stands_again)
{
    note_again_after_cut_at(1);
    bed_violates(&bed, "I19", "it keeps it");
}

Test(check_heuristics, I19_what_agreed_is_kept)
{
    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    bed_decide(&bed);
    acknowledge(VOW_ACK_HEURISTIC_OK);
    bed_commit_at(&bed, P1);
    bed_logged(&bed, VOW_RECORD_END);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "keeps its record");
}

/* ---- older than the history ---- */

static void ask_too_late(uint8_t node)
{
    const struct vow_msg_header header = {.gtrid = bed.txn, .epoch = 1};
    struct vow_msg inquiry = {.kind = VOW_MSG_INQUIRY, .inquiry = {.header = header}};
    struct vow_msg wait = {.kind = VOW_MSG_WAIT, .wait = {.header = header, .reason = VOW_WAIT_EXPIRED}};

    bed_send(&bed, node, C0, &inquiry);
    bed_send(&bed, C0, node, &wait);
}

/* p0 is ended by hand; it was aborted, which p0 never hears. */
static void expire(enum vow_verdict verdict)
{
    bed_to_votes(&bed);
    order(verdict, true);
    store(P0, verdict == VOW_COMMIT ? VOW_STORE_HEURISTIC_COMMIT : VOW_STORE_HEURISTIC_ABORT, 0);
    bed_abort_at(&bed, P1);
    ask_too_late(P0);
}

/* Somebody was committed against it: so it was aborted, and the coordinator knows. */
Test(check_heuristics, I16_F045_expired_and_its_damage_stands)
{
    const struct vow_msg_header header = {.gtrid = bed.txn, .epoch = 1};
    struct vow_msg report = {.kind = VOW_MSG_HEURISTIC_REPORT, .heuristic_report = {.header = header}};

    bed_to_votes(&bed);
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    bed_send(&bed, P0, C0, &report);
    logged(VOW_RECORD_DAMAGE);
    ask_too_late(P1);
    bed_violates(&bed, "I16", "its damage stands");
}

Test(check_heuristics, I19_F045_older_than_the_history_and_against_the_decision)
{
    expire(VOW_COMMIT);
    alarm_at(P0, "");
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_heuristics, I19_F045_older_than_the_history_and_as_it_was_decided)
{
    expire(VOW_ABORT);
    alarm_at(P0, "");
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_heuristics, I19_F045_older_than_the_history_and_no_alarm)
{
    expire(VOW_COMMIT);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "raised no alarm");
}

Test(check_heuristics, I19_F045_older_than_the_history_and_it_heard_the_decision)
{
    const struct vow_msg abort = bed_decision(&bed, VOW_ABORT);

    expire(VOW_COMMIT);
    bed_send(&bed, C0, P0, &abort);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    alarm_at(P0, "");
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I19", "its coordinator is silent");
}

static void move_entry(uint8_t to)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_MOVED, C0);

    sight.moved.machine = SIM_MACHINE_COORD;
    sight.moved.to = to;
    bed_show(&bed, &sight);
}

/* p0 was committed against an abort, and nobody notes it. Other damage stands at the coordinator, or has no entry. */
static void overflow(uint64_t places, bool stands)
{
    const struct vow_gtrid mine = bed.txn;
    struct sim_sight given_up;
    struct vow_msg abort;

    bed.txn = vow_gtrid_make(vow_gtrid_coord(&mine), 1, 4, 0, 98);
    move_entry(1);
    given_up = bed_sight(&bed, SIM_SEEN_OPERATED, K0);
    given_up.peer = SIM_NODE_NONE;
    bed_show(&bed, &given_up);
    logged(VOW_RECORD_HAZARD);
    logged(VOW_RECORD_DAMAGE);
    if (!stands)
        move_entry(BOOK_NO_ENTRY);
    bed.txn = mine;
    expire(VOW_COMMIT);
    abort = bed_decision(&bed, VOW_ABORT);
    bed_send(&bed, C0, P0, &abort);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    alarm_at(P0, "");
    bed_sample(&bed, C0, SIM_SAMPLE_OPEN, 1, places);
    bed_heal_and_end(&bed);
}

Test(check_heuristics, I19_no_place_is_left_for_more_damage)
{
    overflow(1, true);
    bed_holds(&bed);
}

Test(check_heuristics, I19_a_place_is_left_for_more_damage)
{
    overflow(2, true);
    bed_violates(&bed, "I19", "its coordinator is silent");
}

Test(check_heuristics, I19_what_has_no_entry_takes_no_place)
{
    overflow(1, false);
    bed_violates(&bed, "I19", "its coordinator is silent");
}

/* p0 is ended by hand, and both ask too late. */
static void doubt_for_ever(bool with_alarm)
{
    bed_to_votes(&bed);
    order(VOW_ABORT, true);
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    alarm_at(P0, "");
    if (with_alarm)
        alarm_at(C0, "p0");
    ask_too_late(P0);
    ask_too_late(P1);
    bed_heal_and_end(&bed);
}

Test(check_heuristics, I05_F045_older_than_the_history_and_in_doubt)
{
    doubt_for_ever(true);
    bed_holds(&bed);
}

Test(check_heuristics, I05_F045_older_than_the_history_and_nobody_raised_an_alarm)
{
    doubt_for_ever(false);
    bed_violates(&bed, "I05", "p1 is still in doubt");
}

/* ---- the others excuse what an operator did, and no more ---- */

Test(check_heuristics, I01_the_rest_of_the_transaction_agrees)
{
    contradict(true);
    report();
    bed_abort_at(&bed, P1);
    bed_violates(&bed, "I01", "aborted at c0");
}

Test(check_heuristics, I02_ended_again)
{
    contradict(true);
    store(P0, VOW_STORE_COMMIT, 0);
    bed_violates(&bed, "I02", "ended again");
}

Test(check_heuristics, I02_ended_by_hand_after_the_decision)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    order(VOW_ABORT, true);
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_violates(&bed, "I02", "where it had ended");
}

Test(check_heuristics, I05_the_other_branch_is_not_excused)
{
    contradict(true);
    acknowledge(VOW_ACK_HEURISTIC_MISMATCH);
    logged(VOW_RECORD_HEURISTIC);
    alarm_at(C0, "p0");
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I05", "p1 is still in doubt");
}

Test(check_heuristics, I05_no_END_though_it_was_seen_to)
{
    contradict(true);
    report();
    order(0, false);
    logged(VOW_RECORD_FORGET);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I05", "without END");
}

Test(check_heuristics, I07_FORGET_before_it_is_forgotten)
{
    struct vow_msg msg = {.kind = VOW_MSG_FORGET, .forget = {.header = {.gtrid = bed.txn, .epoch = 1}}};

    contradict(true);
    report();
    bed_sent(&bed, C0, P0, &msg);
    bed_violates(&bed, "I07", "is not forgotten");
}

Test(check_heuristics, I08_YES_after_it_was_rolled_back)
{
    contradict(true);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    bed_violates(&bed, "I08", "votes YES");
}

Test(check_heuristics, I09_a_contradiction_is_no_acknowledgement)
{
    contradict(true);
    acknowledge(VOW_ACK_HEURISTIC_OK);
    bed_violates(&bed, "I09", "as it was decided");
}

/* Seeds 228192 and 265308: the coordinator's disk lost the COMMIT, and what it says now is what was done by hand. */
static void agree_with(bool is_lost)
{
    const struct sim_dump lost = {.is_there = true, .is_readable = true, .is_journal = true};
    const struct vow_msg abort = bed_decision(&bed, VOW_ABORT);

    bed_to_votes(&bed);
    order(VOW_ABORT, true);
    store(P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_decide(&bed);
    if (is_lost) {
        bed_fault(&bed, SIM_FAULT_WAL_CUT, C0);
        bed_restart(&bed, C0, &lost);
    }
    bed_send(&bed, C0, P0, &abort);
    store(P0, VOW_STORE_SETTLE, VOW_ABORT);
    acknowledge(VOW_ACK_HEURISTIC_OK);
}

Test(check_heuristics, I09_as_it_was_decided_by_who_lost_its_disk)
{
    agree_with(true);
    bed_holds(&bed);
}

Test(check_heuristics, I01_as_it_was_not_decided)
{
    agree_with(false);
    bed_violates(&bed, "I01", "");
}

/* A harmed disk brought the branch back, and it is ended once more, as it was decided. */
static void end_anew(bool is_back)
{
    const struct sim_dump_branch prepared = {.gtrid = bed.txn, .state = SIM_BRANCH_PREPARED};
    const struct sim_dump back = {
        .is_there = true, .is_readable = true, .store = {.branches = &prepared, .branches_len = 1}};

    contradict(true);
    if (is_back) {
        bed_fault(&bed, SIM_FAULT_WAL_CUT, P0);
        bed_restart(&bed, P0, &back);
    }
    order(VOW_COMMIT, true);
    store(P0, VOW_STORE_HEURISTIC_COMMIT, 0);
    store(P0, VOW_STORE_SETTLE, VOW_COMMIT);
    acknowledge(VOW_ACK_HEURISTIC_OK);
}

Test(check_heuristics, I09_a_branch_that_came_back_is_ended_anew)
{
    end_anew(true);
    bed_holds(&bed);
}

Test(check_heuristics, I09_a_branch_that_is_gone_is_not_ended_anew)
{
    end_anew(false);
    cr_assert_not_null(bed.judge.violation.invariant);
}

Test(check_heuristics, I11_END_before_it_is_forgotten)
{
    contradict(true);
    report();
    bed_logged(&bed, VOW_RECORD_END);
    bed_violates(&bed, "I11", "has not acknowledged");
}
