/*
 * The laws: for each a trace that breaks it once, fed line by line, is met at that very line and with the other line
 * that shows it; and what looks like it and is none is let be.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "chaos/judge/judge.h"

static struct judge *judge;
static uint32_t vowd, stock, payment, load, lines;

static void begin(void)
{
    judge = judge_new(true);
    vowd = judge_source(judge, "vowd.jsonl", "vowd", JUDGE_TRACE);
    stock = judge_source(judge, "stock.jsonl", "stock", JUDGE_TRACE);
    payment = judge_source(judge, "payment.jsonl", "payment", JUDGE_TRACE);
    load = judge_source(judge, "history.jsonl", "load", JUDGE_HISTORY);
    lines = 0;
}

static void end(void)
{
    judge_free(judge);
}

TestSuite(judge, .init = begin, .fini = end);

/* The line {"t_us":T,WHAT}, with ' for ". */
static void say(uint32_t source, uint64_t t_us, const char *what)
{
    char line[512], why[MEASURE_ERROR_SIZE];

    (void)snprintf(line, sizeof(line), "{'t_us':%llu,%s}", (unsigned long long)t_us, what);
    for (char *at = strchr(line, '\''); at != NULL; at = strchr(at, '\''))
        *at = '"';
    cr_assert_null(judge_violation(judge), "before %s", line);
    cr_assert(judge_take(judge, source, line, why), "%s", why);
    lines++;
}

static void told(const char *id, uint64_t end_us, const char *outcome)
{
    char line[512], why[MEASURE_ERROR_SIZE];

    (void)snprintf(line, sizeof(line),
                   "{\"op\":1,\"due_us\":1,\"start_us\":1,\"end_us\":%llu,\"id\":\"%s\",\"outcome\":\"%s\"}",
                   (unsigned long long)end_us, id, outcome);
    cr_assert_null(judge_violation(judge));
    cr_assert(judge_take(judge, load, line, why), "%s", why);
}

static void expect_well(void)
{
    judge_end(judge);
    const struct judge_violation *found = judge_violation(judge);
    cr_assert_null(found, "%s", found != NULL ? found->text : "");
}

/* The last line that was said breaks it; `before` is the other one, by its file and number, number 0 = it takes one. */
static void expect_broken(enum judge_law law, uint32_t source, uint32_t number, uint32_t before, uint32_t before_number)
{
    const struct judge_violation *found = judge_violation(judge);

    cr_assert_not_null(found, "%s", judge_law_word(law));
    cr_expect_eq(found->law, law, "%s, not %s: %s", judge_law_word(found->law), judge_law_word(law), found->text);
    cr_expect_eq(found->lines[1].source, source);
    cr_expect_eq(found->lines[1].number, number);
    cr_expect_eq(found->lines[0].number, before_number);
    if (before_number > 0)
        cr_expect_eq(found->lines[0].source, before);
    cr_expect_gt(judge_met(judge, law), 0);
}

#define LIFE "'what':'life','node':'n','pid':1,'role':'participant'"
#define YES "'what':'yes','id':'a'"
#define FOUND "'what':'found','id':'a'"
#define COMMIT "'what':'applied','id':'a','outcome':'commit'"
#define ABORT "'what':'applied','id':'a','outcome':'abort'"
#define BY_HAND ",'heuristic':1"
#define DECIDED "'what':'decided','id':'a','outcome':'commit'"
#define DECIDED_FOUND DECIDED ",'found':1"
#define DECIDED_ABORT "'what':'decided','id':'a','outcome':'abort'"
#define SAGA(state) "'what':'saga','id':'a','state':'" state "'"
#define STEP(number, kind, says) "'what':'step','id':'a','step':" number ",'kind':'" kind "','says':'" says "'"
#define LOCK(id) "'what':'lock','id':'" id "','key':'item/1'"
#define FREE(id) "'what':'free','id':'" id "','key':'item/1'"

/* --- A run as it is to be --- */

Test(judge, a_transaction_that_commits)
{
    say(stock, 1, LIFE);
    say(vowd, 1, "'what':'begin','id':'a'");
    say(stock, 2, LOCK("a"));
    say(stock, 3, YES);
    say(payment, 4, YES);
    told("a", 9, "committed");
    say(stock, 6, COMMIT);
    say(stock, 6, FREE("a"));
    say(payment, 7, COMMIT);
    say(vowd, 5, DECIDED);
    say(vowd, 8, "'what':'ended','id':'a'");
    expect_well();
    cr_expect_gt(judge_met(judge, JUDGE_OUTCOME), 0);
    cr_expect_gt(judge_met(judge, JUDGE_TOLD), 0);
    cr_expect_gt(judge_met(judge, JUDGE_FORCE), 0);
    cr_expect_gt(judge_met(judge, JUDGE_VOTE), 0);
    cr_expect_gt(judge_met(judge, JUDGE_LOCK), 0);
}

/* --- One outcome --- */

Test(judge, I01_a_branch_carries_out_what_was_not_decided)
{
    say(vowd, 5, DECIDED);
    say(stock, 6, ABORT);
    expect_broken(JUDGE_OUTCOME, stock, 1, vowd, 1);
}

/* Whichever file is read first. */
Test(judge, I01_two_branches_end_differently)
{
    say(stock, 6, ABORT);
    say(payment, 3, YES);
    say(payment, 5, COMMIT);
    expect_broken(JUDGE_OUTCOME, payment, 2, stock, 1);
}

Test(judge, I19_what_was_ended_by_hand_is_no_decision)
{
    say(stock, 3, YES);
    say(vowd, 5, DECIDED);
    say(stock, 4, ABORT BY_HAND);
    expect_well();
}

Test(judge, I06_a_client_was_told_committed_and_a_branch_aborts)
{
    told("a", 9, "committed");
    say(stock, 10, ABORT);
    expect_broken(JUDGE_TOLD, stock, 1, load, 1);
}

Test(judge, I06_a_client_was_told_aborted_and_it_was_decided_otherwise)
{
    say(vowd, 5, DECIDED_FOUND);
    told("a", 9, "aborted");
    expect_broken(JUDGE_TOLD, load, 1, vowd, 1);
}

Test(judge, I18_a_client_is_told_otherwise_than_before)
{
    told("a", 9, "committed");
    told("b", 9, "aborted");
    told("a", 10, "aborted");
    expect_broken(JUDGE_TOLD, load, 3, load, 1);
}

Test(judge, I06_a_client_was_told_completed_and_the_saga_was_undone)
{
    say(vowd, 5, SAGA("compensated"));
    told("a", 9, "completed");
    expect_broken(JUDGE_TOLD, load, 1, vowd, 1);
}

/* A choreography has the id of the transactions that it is made of, and nobody knows more than its client. */
Test(judge, what_was_undone_was_committed_before)
{
    say(stock, 4, COMMIT);
    told("a", 9, "compensated");
    told("b", 9, "unknown");
    say(stock, 10, "'what':'applied','id':'b','outcome':'commit'");
    expect_well();
}

/* --- Force before word --- */

Test(judge, I07_a_client_is_told_before_the_decision_is_durable)
{
    told("a", 4, "committed");
    say(vowd, 5, DECIDED);
    expect_broken(JUDGE_FORCE, vowd, 1, load, 1);
}

Test(judge, I07_a_branch_commits_before_the_decision_is_durable)
{
    say(vowd, 5, DECIDED);
    say(stock, 3, YES);
    say(stock, 4, COMMIT);
    expect_broken(JUDGE_FORCE, stock, 2, vowd, 1);
}

/* What the coordinator had no time to say its next life says, later than it was. */
Test(judge, a_decision_that_is_found_is_older_than_its_line)
{
    say(stock, 3, YES);
    say(stock, 4, COMMIT);
    told("a", 5, "committed");
    say(vowd, 9, DECIDED_FOUND);
    expect_well();
}

Test(judge, in_one_phase_the_participant_decides)
{
    say(stock, 4, COMMIT);
    say(vowd, 5, DECIDED);
    told("a", 6, "committed");
    expect_well();
}

Test(judge, I03_commit_is_decided_before_a_yes_is_durable)
{
    say(vowd, 5, DECIDED);
    say(stock, 6, YES);
    expect_broken(JUDGE_VOTE, stock, 1, vowd, 1);
}

/* --- What has ended --- */

Test(judge, I02_a_branch_that_has_ended_is_in_doubt_after_a_start)
{
    say(stock, 1, LIFE);
    say(stock, 3, YES);
    say(stock, 4, COMMIT);
    say(stock, 7, LIFE);
    say(stock, 8, FOUND);
    expect_broken(JUDGE_ENDED, stock, 5, stock, 3);
}

Test(judge, I02_a_branch_that_has_ended_is_prepared_again)
{
    say(stock, 4, ABORT);
    say(stock, 5, YES);
    expect_broken(JUDGE_ENDED, stock, 2, stock, 1);
}

Test(judge, what_is_found_in_each_life_has_not_ended)
{
    say(stock, 3, YES);
    say(stock, 7, LIFE);
    say(stock, 8, FOUND);
    say(stock, 9, LIFE);
    say(stock, 10, FOUND);
    say(stock, 11, COMMIT);
    expect_well();
}

/* An old copy of the data knows nothing of it. */
Test(judge, what_was_put_back_is_another_life_of_the_data)
{
    judge_replaced(judge, "stock", 6);
    say(stock, 1, LIFE);
    say(stock, 3, YES);
    say(stock, 4, COMMIT);
    say(stock, 7, LIFE);
    say(stock, 8, FOUND);
    say(stock, 9, COMMIT);
    expect_well();
}

/* --- Once --- */

Test(judge, I24_a_commit_is_carried_out_twice)
{
    say(stock, 4, COMMIT);
    say(stock, 5, COMMIT);
    expect_broken(JUDGE_ONCE, stock, 2, stock, 1);
}

Test(judge, I24_a_commit_by_hand_is_carried_out_again)
{
    say(stock, 4, COMMIT BY_HAND);
    say(stock, 5, COMMIT);
    expect_broken(JUDGE_ONCE, stock, 2, stock, 1);
}

Test(judge, I24_a_commit_is_carried_out_behind_an_abort_by_hand)
{
    say(stock, 4, ABORT BY_HAND);
    say(stock, 5, COMMIT);
    expect_broken(JUDGE_ONCE, stock, 2, stock, 1);
}

Test(judge, I24_a_step_is_done_twice)
{
    say(stock, 4, STEP("0", "action", "done"));
    say(stock, 5, STEP("1", "action", "done"));
    say(stock, 6, STEP("2", "action", "refused"));
    say(stock, 7, STEP("1", "compensation", "done"));
    say(stock, 8, STEP("0", "action", "done"));
    expect_broken(JUDGE_ONCE, stock, 5, stock, 1);
}

Test(judge, I24_an_event_is_done_twice)
{
    say(stock, 4, "'what':'handled','group':'g','event':'s/k/1'");
    say(stock, 5, "'what':'handled','group':'h','event':'s/k/1'");
    say(stock, 6, "'what':'again','of':'event'");
    say(stock, 7, "'what':'handled','group':'g','event':'s/k/1'");
    expect_broken(JUDGE_ONCE, stock, 4, stock, 1);
}

/* --- Sagas --- */

Test(judge, I22_an_action_is_done_behind_its_compensation)
{
    say(stock, 4, STEP("0", "compensation", "done"));
    say(payment, 5, STEP("0", "action", "done"));
    say(stock, 5, STEP("0", "action", "refused"));
    say(stock, 6, STEP("0", "action", "done"));
    expect_broken(JUDGE_BARRIER, stock, 3, stock, 1);
}

Test(judge, I21_a_saga_has_two_ends)
{
    say(vowd, 4, SAGA("completed"));
    say(vowd, 5, SAGA("compensated"));
    expect_broken(JUDGE_SAGA, vowd, 2, vowd, 1);
}

Test(judge, I21_something_is_undone_of_what_is_completed)
{
    say(stock, 3, STEP("0", "action", "done"));
    say(stock, 4, STEP("0", "compensation", "done"));
    say(vowd, 5, SAGA("completed"));
    expect_broken(JUDGE_SAGA, vowd, 1, stock, 2);
}

Test(judge, S4_something_is_done_behind_the_end)
{
    say(stock, 3, STEP("0", "action", "done"));
    say(stock, 4, STEP("0", "compensation", "done"));
    say(payment, 7, STEP("1", "action", "done"));
    say(vowd, 6, SAGA("compensated"));
    expect_broken(JUDGE_SAGA, vowd, 1, payment, 1);
}

Test(judge, an_operator_may_close_a_saga_as_it_is)
{
    say(vowd, 4, SAGA("running"));
    say(vowd, 5, SAGA("stuck"));
    say(vowd, 6, SAGA("closed"));
    say(stock, 7, STEP("0", "action", "done"));
    expect_well();
}

/* --- Rows --- */

Test(judge, I14_two_branches_have_one_row)
{
    say(stock, 3, LOCK("a"));
    say(payment, 3, LOCK("b"));
    say(stock, 4, LOCK("b"));
    expect_broken(JUDGE_ROW, stock, 2, stock, 1);
}

Test(judge, a_row_that_is_free_is_taken_by_the_next_one)
{
    say(stock, 1, LIFE);
    say(stock, 3, LOCK("a"));
    say(stock, 4, COMMIT);
    say(stock, 4, FREE("a"));
    say(stock, 4, LOCK("b"));
    say(stock, 5, LIFE);
    say(stock, 6, LOCK("a") ",'shared':1");
    say(stock, 6, LOCK("c"));
    expect_well();
}

Test(judge, I13_what_has_ended_holds_a_row_still)
{
    say(stock, 3, LOCK("a"));
    say(stock, 4, COMMIT);
    say(stock, 5, "'what':'cost','fsyncs':1,'msgs_in':0,'msgs_out':0,'bytes_in':0,'bytes_out':0,'cpu_us':1");
    say(stock, 5, "'what':'yes','id':'b'");
    expect_broken(JUDGE_LOCK, stock, 4, stock, 2);
}

Test(judge, I13_what_has_ended_last_holds_a_row_still)
{
    say(stock, 3, LOCK("a"));
    say(stock, 4, COMMIT);
    judge_end(judge);
    expect_broken(JUDGE_LOCK, stock, 2, stock, 2);
}

/* --- Sums, letters, doubt --- */

Test(judge, I15_a_sum_that_is_wrong)
{
    say(payment, 3, "'what':'audit','sum':100,'expected':100");
    say(payment, 4, "'what':'audit','sum':99,'expected':100");
    expect_broken(JUDGE_BANK, payment, 2, 0, 0);
}

Test(judge, sagas_may_show_half_of_what_they_do)
{
    judge_free(judge);
    judge = judge_new(false);
    payment = judge_source(judge, "payment.jsonl", "payment", JUDGE_TRACE);
    say(payment, 4, "'what':'audit','sum':99,'expected':100");
    expect_well();
}

#define WRITE(id, version) "'what':'write','id':'" id "','key':'item/1','version':" version ",'from':1,'kind':'action'"
#define READ(id, version) "'what':'read','id':'" id "','key':'item/1','version':" version ",'by':''"
#define BEGIN(id) "'what':'begin','id':'" id "'"

Test(judge, I15_what_was_acknowledged_is_not_there)
{
    say(stock, 5, WRITE("a", "7"));
    told("a", 10, "committed");
    say(vowd, 9, BEGIN("b"));
    say(stock, 12, READ("b", "6"));
    say(vowd, 11, BEGIN("c"));
    say(stock, 12, READ("c", "7"));
    say(payment, 12, READ("c", "2"));
    say(stock, 12, READ("d", "6"));
    say(vowd, 11, BEGIN("d"));
    expect_broken(JUDGE_SET, stock, 4, stock, 1);
}

/* A client writes its history in parts: what was read is there long before the answer. */
Test(judge, I15_the_answer_is_read_last)
{
    say(vowd, 11, BEGIN("b"));
    say(stock, 12, READ("b", "6"));
    say(stock, 5, WRITE("a", "7"));
    told("a", 10, "committed");
    expect_broken(JUDGE_SET, stock, 1, stock, 2);
}

#define LETTERS(number) "'what':'letters','letters':" number
#define SAYS(says) ",'group':'g','offset':7,'says':'" says "'"

Test(judge, I28_a_dead_letter_comes_from_nowhere)
{
    say(vowd, 1, LETTERS("0"));
    say(vowd, 2, LETTERS("1") SAYS("dead"));
    say(vowd, 3, LETTERS("2") SAYS("retried"));
    expect_broken(JUDGE_LETTER, vowd, 3, vowd, 2);
}

/* A death takes what was not told: the next life knows how many there are. */
Test(judge, dead_letters_are_accounted)
{
    say(vowd, 1, LETTERS("0"));
    say(vowd, 2, LETTERS("1") SAYS("dead"));
    say(vowd, 2, LETTERS("2") SAYS("dead"));
    say(vowd, 3, LETTERS("2") SAYS("retried"));
    say(vowd, 4, LETTERS("2") SAYS("dead"));
    say(vowd, 5, LETTERS("1") SAYS("done"));
    say(vowd, 6, LIFE);
    say(vowd, 7, LETTERS("3"));
    expect_well();
}

Test(judge, I05_in_doubt_while_all_is_well)
{
    say(stock, 1, LIFE);
    say(stock, 3, "'what':'yes','id':'b'");
    say(stock, 4, LIFE);
    say(stock, 5, YES);
    judge_calm(judge, 0, 1005, 1000);
    cr_assert_null(judge_violation(judge), "what is not found again has ended, and of the other one it is not time");
    judge_calm(judge, 500, 1100, 1000);
    cr_assert_null(judge_violation(judge), "not all was well before 500");
    judge_calm(judge, 0, 1006, 1000);
    expect_broken(JUDGE_DOUBT, stock, 4, 0, 0);
}

/* --- Lives with a file each --- */

static uint32_t another_file_of_stock(void)
{
    return judge_source(judge, "stock-2.jsonl", "stock", JUDGE_TRACE);
}

Test(judge, I24_a_commit_is_carried_out_in_two_lives_with_a_file_each)
{
    const uint32_t next = another_file_of_stock();

    say(next, 7, LIFE);
    say(next, 9, COMMIT);
    say(stock, 1, LIFE);
    say(stock, 4, COMMIT);
    expect_broken(JUDGE_ONCE, stock, 2, next, 2);
}

Test(judge, I02_a_branch_that_has_ended_is_found_in_the_next_life_s_file)
{
    const uint32_t next = another_file_of_stock();

    say(next, 7, LIFE);
    say(next, 8, FOUND);
    say(stock, 1, LIFE);
    say(stock, 3, YES);
    cr_assert_null(judge_violation(judge));
    say(stock, 4, COMMIT);
    expect_broken(JUDGE_ENDED, stock, 3, next, 2);
}

Test(judge, lives_with_a_file_each_go_on_with_a_branch)
{
    const uint32_t next = another_file_of_stock();

    say(stock, 1, LIFE);
    say(stock, 3, YES);
    say(stock, 4, "'what':'yes','id':'b'");
    say(next, 7, LIFE);
    say(next, 8, FOUND);
    say(next, 9, COMMIT);
    judge_calm(judge, 0, 9000, 1000);
    expect_well(); /* b, too, has ended: the next life has not found it */
}

/* Two processes of one node, each with a branch of the transaction. */
Test(judge, two_processes_of_one_node_are_two_places)
{
    const uint32_t other = another_file_of_stock();

    say(stock, 1, LIFE);
    say(other, 1, "'what':'life','node':'m','pid':2,'role':'participant'");
    say(stock, 4, COMMIT);
    say(other, 5, COMMIT);
    expect_well();
}

/* --- Lines --- */

Test(judge, a_line_that_a_death_has_cut_is_none)
{
    char why[MEASURE_ERROR_SIZE];

    say(stock, 1, LIFE);
    cr_assert(judge_take(judge, stock, "{\"t_us\":3,\"wh", why));
    say(stock, 4, LIFE);
    say(stock, 5, YES);
    expect_well();
    cr_assert(judge_take(judge, stock, "{\"t_us\":6,\"wh", why));
    cr_assert_not(judge_take(judge, stock, "{\"t_us\":7,\"what\":\"yes\",\"id\":\"z\"}", why));
    cr_expect(strstr(why, "stock.jsonl:5: no JSON") != NULL, "%s", why);
}

Test(judge, what_two_processes_write_into_one_file_is_not_judged)
{
    say(stock, 1, LIFE);
    say(stock, 2, "'what':'life','node':'m','pid':2,'role':'participant'");
    say(stock, 3, LOCK("a"));
    say(stock, 4, LOCK("b"));
    expect_well();
}

/* The oldest go: an hour of traces takes no more memory than a minute. */
Test(judge, I20_no_more_is_kept_than_there_is_room_for)
{
    char line[96];

    for (uint32_t i = 0; i < JUDGE_STORIES_MAX + 100; i++) {
        (void)snprintf(line, sizeof(line), "'what':'decided','id':'t%u','outcome':'commit'", i);
        say(vowd, i, line);
        (void)snprintf(line, sizeof(line), "'what':'handled','group':'g','event':'s/k/%u'", i);
        say(stock, i, line);
    }
    cr_expect_eq(judge_stories(judge), JUDGE_STORIES_MAX);
    say(payment, 9, "'what':'applied','id':'t5','outcome':'abort'");
    say(payment, 9, "'what':'applied','id':'t32860','outcome':'abort'");
    expect_broken(JUDGE_OUTCOME, payment, 2, vowd, 32861);
}

Test(judge, every_law_has_a_word_of_its_own)
{
    for (int i = JUDGE_NO_LAW + 1; i < JUDGE_LAWS; i++)
        for (int k = JUDGE_NO_LAW + 1; k < i; k++)
            cr_expect_str_neq(judge_law_word((enum judge_law)i), judge_law_word((enum judge_law)k));
}
